"""Commands that answer questions: the Telegram bot, a chat in the terminal, one question."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bot.commands import preparation
from bot.commands.options import AsJson

if TYPE_CHECKING:
    from bot.answering import Answer
    from bot.settings import Settings

_WITHOUT_TELEGRAM = """\
There is no TELEGRAM_BOT_TOKEN, so questions are answered here in the terminal.
For a bot in Telegram: write /newbot to https://t.me/BotFather, put the token that it gives you
into the file .env as TELEGRAM_BOT_TOKEN=…, and start again.
"""
# What is typed in the chat to see the rest of the last answer's passage.
_MORE = "more"


def run() -> None:
    """Run the Telegram bot; without a token, chat in the terminal instead.

    The token comes from the environment or the file .env: TELEGRAM_BOT_TOKEN.
    """
    settings = preparation.start()
    if settings.telegram_bot_token is None:
        preparation.stderr_console().print(_WITHOUT_TELEGRAM, markup=False, soft_wrap=True)
        _chat(settings)
        return
    preparation.configure_log(settings, settings.log_level)

    import asyncio

    from bot.answering import Answering
    from bot.application import build_bot
    from bot.errors import SettingsError
    from bot.one_bot import only_bot
    from bot.serving import serve
    from bot.settings import MILVUS_LITE
    from bot.storage.opening import open_journal

    if settings.store_url.startswith(MILVUS_LITE):
        raise SettingsError(
            "STORE_URL names a file of Milvus Lite, which lets one process in at a time, and a "
            "bot reindexes in another one: set it to a Milvus server, or leave it empty."
        )

    with (
        only_bot(settings.data_dir, is_shared=settings.database_url is not None),
        contextlib.closing(
            open_journal(settings.data_dir, settings.journal_days, settings.database_url)
        ) as journal,
    ):
        answering = Answering(lambda: preparation.open_retriever(settings))
        bot = build_bot(settings, answering, journal)
        asyncio.run(serve(bot))


def chat() -> None:
    """Ask questions in the terminal, one a line; Ctrl-D ends it."""
    _chat(preparation.start())


def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    *,
    whole: Annotated[bool, typer.Option("--whole", help="Quote the whole passage.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer one question, with a quote that answers it and its link."""
    settings = preparation.start()
    from bot.answering import answer_questions, read_question

    retriever = preparation.open_retriever(settings)
    [answer] = answer_questions(retriever, [read_question(question)])
    if whole:
        answer = answer.whole()
    if as_json:
        _print_json(_answer_fields(answer))
    else:
        _print_answer(answer)


def _chat(settings: "Settings") -> None:
    from bot.answering import answer_questions, read_question

    retriever = preparation.open_retriever(settings)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if interactive:
        preparation.stderr_console().print(
            f'Ask a question. "{_MORE}" shows the whole passage of the last answer, Ctrl-D ends '
            "the chat."
        )
    last: Answer | None = None
    context: str | None = None
    for line in _typed_lines() if interactive else sys.stdin:
        if not line.strip():
            continue
        if last and last.quotes and line.strip().casefold() == _MORE:
            last = last.whole()
        else:
            [last] = answer_questions(retriever, [read_question(line, earlier=context)])
            context = last.context or context
        _print_answer(last)
        typer.echo()


def _typed_lines() -> Iterator[str]:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives input() its arrow keys; some builds lack it
    with contextlib.suppress(EOFError):
        while True:
            yield input("> ")


def _answer_fields(answer: "Answer") -> dict[str, Any]:
    from bot.answering import verify

    for quote in answer.quotes:
        verify(quote)
        verify(quote.whole())
    return {
        "question": answer.question.text,
        "language": answer.language,
        "outcome": answer.outcome,
        "answered": answer.answered,
        "passages": [
            {
                "article": quote.article.slug,
                "title": quote.article.title,
                "url": quote.article.url,
                "publisher": quote.article.publisher,
                "published": quote.article.published and quote.article.published.isoformat(),
                "language": quote.article.language,
                "quote": quote.text,
                "highlight": quote.highlighted,
                "start": quote.start,
                "end": quote.end,
                "passage": {
                    "text": quote.passage.text,
                    "start": quote.passage.start,
                    "end": quote.passage.end,
                },
                "score": quote.score,
                "confidence": quote.confidence,
            }
            for quote in answer.quotes
        ],
        "articles": [
            {"article": article.slug, "title": article.title, "url": article.url}
            for article in answer.articles
        ],
    }


def _print_answer(answer: "Answer") -> None:
    from bot.terminal_cards import terminal_card

    console = Console(highlight=False)
    framed = console.is_terminal
    console.print(terminal_card(answer, framed=framed), soft_wrap=not framed)


def _print_json(fields: dict[str, Any]) -> None:
    typer.echo(json.dumps(fields, ensure_ascii=False))
