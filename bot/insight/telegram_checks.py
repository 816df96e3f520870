"""Checks of what Telegram knows of the bot; they only read, and don't disturb one that runs.

Whether another copy of the bot is running can't be told so: the only way to find out is to take
its updates from it. The log of `run` says when that happens.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.insight.findings import Finding, ok, problem, warning
from bot.settings import Settings

# In seconds.
_PATIENCE = 10
# What a request may take, and more; dates and time limits don't suffer from it.
_CLOCK_MAY_DIFFER = timedelta(seconds=30)

_WHERE_IT_IS = "Set TELEGRAM_BOT_TOKEN to the token that @BotFather shows under /mybots."


class _Refused(Exception):
    """Telegram has answered that it won't; the message is its reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Unreachable(Exception):
    """There was no answer of Telegram's; the message is why."""


class _BotApi:
    """Asks Telegram's server. Its errors never hold the token, which is a part of each address."""

    def __init__(self, client: httpx.Client, address: str) -> None:
        self._client = client
        self._address = address
        self.clock_is_ahead: timedelta | None = None
        """Of Telegram's, as its last answer has it; None if it didn't say."""

    def ask(self, method: str, **values: int) -> Any:  # noqa: ANN401 - as JSON has it
        try:
            answer = self._client.post(f"{self._address}/{method}", data=values)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Unreachable(type(error).__name__) from None
        self._compare_clocks(answer.headers.get("Date", ""))
        try:
            fields = answer.json()
            if fields["ok"]:
                return fields["result"]
            reason = str(fields["description"])
        except (ValueError, KeyError, TypeError):
            raise _Unreachable(
                f"what answered with {answer.status_code} is no Bot API server"
            ) from None
        raise _Refused(answer.status_code, reason)

    def _compare_clocks(self, date: str) -> None:
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            return
        self.clock_is_ahead = datetime.now(UTC) - theirs.astimezone(UTC)


def check_telegram(settings: Settings) -> Iterator[Finding]:
    """Check the token, and what belongs to it at Telegram."""
    token = settings.telegram_bot_token
    if token is None:
        yield warning(
            "token",
            "There is no TELEGRAM_BOT_TOKEN, so `run` answers in the terminal.",
            "For a bot in Telegram write /newbot to @BotFather, and put its token into .env.",
        )
        return
    address = f"{settings.bot_base_url}{token.get_secret_value()}"
    # A proxy from the environment can't reach a server on loopback.
    proxies = not settings.api_is_on_this_machine
    with httpx.Client(timeout=_PATIENCE, trust_env=proxies) as client:
        api = _BotApi(client, address)
        try:
            me = api.ask("getMe")
            yield ok("token", f"It is of @{me['username']}, {me['first_name']} (id {me['id']}).")
            yield _clock(api.clock_is_ahead)
            yield _privacy(me)
            yield _modes(me)
            yield _updates(api.ask("getWebhookInfo"), settings)
            yield from _admins(api, settings)
        except _Refused as refusal:
            if refusal.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
                yield problem("token", f"Telegram refuses the token ({refusal}).", _WHERE_IT_IS)
            else:
                yield problem("telegram", f"Telegram refuses a request: {refusal}.", "Try later.")
        except _Unreachable as failure:
            yield problem(
                "telegram",
                f"Telegram can't be reached at {settings.telegram_api_url} ({failure}).",
                "Check the network and HTTPS_PROXY, or set TELEGRAM_API_URL.",
            )


def _clock(ahead: timedelta | None) -> Finding:
    if ahead is None:
        return ok("clock", "Telegram doesn't say what time it is.")
    seconds = abs(ahead).total_seconds()
    if abs(ahead) <= _CLOCK_MAY_DIFFER:
        return ok("clock", "It agrees with Telegram's.")
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return warning(
        "clock",
        f"It is {seconds:,.0f} seconds {way} Telegram's.",
        "Set it, best by a time service such as systemd-timesyncd or chrony.",
    )


def _privacy(me: dict[str, Any]) -> Finding:
    if me.get("can_read_all_group_messages"):
        return ok("privacy", "Privacy mode is off: in groups the bot sees when it is mentioned.")
    return ok(
        "privacy",
        "Privacy mode is on: in groups the bot surely sees only /ask and replies to it.",
        "To let it see mentions, turn it off with @BotFather's /setprivacy and add the bot to the "
        "group again, or make it an admin there.",
    )


def _modes(me: dict[str, Any]) -> Finding:
    modes = (
        ("inline mode", me.get("supports_inline_queries")),
        ("guest mode", me.get("supports_guest_queries")),
    )
    found = ", ".join(f"{name} is {'on' if is_on else 'off'}" for name, is_on in modes)
    off = [name for name, is_on in modes if not is_on]
    advice = f"@BotFather turns on {' and '.join(off)}, by which the bot answers in other chats."
    return ok("modes", f"{found[0].upper()}{found[1:]}.", advice if off else "")


def _updates(webhook: dict[str, Any], settings: Settings) -> Finding:
    url, waiting = str(webhook.get("url", "")), int(webhook.get("pending_update_count", 0))
    wait = f"{waiting:,} updates wait at Telegram"
    # An address may hold a secret in its path.
    host = urlsplit(url).hostname
    if not settings.webhook_url:
        if url:
            return warning(
                "updates",
                f"A webhook at {host} is set, but no WEBHOOK_URL here; {wait}.",
                "`run` removes it. If another program serves it, give each its own bot.",
            )
        return ok("updates", f"The bot asks for them, and no webhook is set; {wait}.")
    if url != settings.webhook_url:
        at = f"at {host}, not at WEBHOOK_URL" if url else "not set yet"
        return warning("updates", f"The webhook is {at}; {wait}.", "`run` sets it.")
    if webhook.get("last_error_message") and waiting:
        return warning(
            "updates",
            f"Telegram can't post to the webhook: {webhook['last_error_message']}; {wait}.",
            "Check the reverse proxy, its certificate, and that the bot is running.",
        )
    return ok("updates", f"Telegram posts them to the webhook at {host}; {wait}.")


def _admins(api: _BotApi, settings: Settings) -> Iterator[Finding]:
    if not settings.admin_ids:
        yield warning(
            "admins",
            "There are none, so nobody can add articles or hears of troubles.",
            "Put your numeric Telegram user id into ADMIN_IDS; @userinfobot tells it.",
        )
        return
    strangers = []
    for person in sorted(settings.admin_ids):
        try:
            api.ask("getChat", chat_id=person)
        except _Refused:
            strangers.append(str(person))
    number = len(settings.admin_ids)
    found = f"{number} {'is' if number == 1 else 'are'} set"
    if strangers:
        yield warning(
            "admins",
            f"{found}; the bot can't write to {', '.join(strangers)}.",
            "They must send /start to the bot in a private chat; check the numbers.",
        )
    else:
        yield ok("admins", f"{found}, and the bot can write to each.")
