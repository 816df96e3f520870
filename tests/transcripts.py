"""Writes docs/: conversations with the real bot in four languages, and a picture of its messages.

`make transcripts` plays the scripts against the real bot, with the real model and the articles
that it comes with, which polls the local Bot API server. All is written from what the server saw,
so after a change of texts, cards or answers it shows what people get now.
"""

import asyncio
import logging
import os
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import admin_day
import knowledge
from admin_day import Day, play_day
from bot.localization import say
from bot.serving import running
from bot.settings import load_settings
from bot.storage.journal import Journal
from bot_api_server import BotApiServer
from chat_picture import Screen, picture
from chat_record import Stage
from conversation import build
from embeddings.confidence import load_calibration
from embeddings.embedder import load_embedder
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from knowledge.corpus import load_corpus
from transcript_markdown import transcript
from transcript_scripts import SCRIPTS, Script

DOCS = Path(__file__).parent.parent / "docs"
_ARTICLES = Path(knowledge.__file__).parent / "articles"
_WRITTEN_BY = "<!-- Written by `make transcripts`; what is changed by hand is lost. -->"
_SITE = "https://news.example.org"

# Which part of which language's private chat the picture shows, in the order of the columns.
_SCREENS = (
    ("kk", "other language"),
    ("en", "doubtful"),
    ("ru", "not found"),
    ("ky", "articles"),
)


@dataclass(frozen=True, slots=True)
class Played:
    """One language's conversations."""

    private: Stage
    group: Stage


def main() -> None:
    """Play all scripts, and write what came of them into docs/."""
    # Otherwise the library warns at every RetryAfter that its seconds will become a timedelta.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    logging.basicConfig(level=logging.WARNING)
    models = load_settings().models_dir.absolute()
    embedder = load_embedder("packaged", models)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index.db"
        reindex(load_corpus(_ARTICLES), index, embedder)
        retriever = Retriever(SqliteStore.open(index, embedder), embedder, load_calibration())
        with closing(Journal.open(Path(folder), days=90)) as journal:
            played = asyncio.run(play(retriever, journal, SCRIPTS))
    days = {}
    for language in admin_day.SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            days[language] = asyncio.run(play_day(language, Path(folder), embedder, models))
    for path in [*write(played, DOCS), *write_days(days, DOCS)]:
        sys.stderr.write(f"{path}\n")


async def play(
    retriever: Retriever, journal: Journal, scripts: dict[str, Script]
) -> dict[str, Played]:
    """Play the scripts by language, with a bot that knows what the retriever knows.

    Raises:
        RuntimeError: The server refused a request of the bot's, or a press got no answer.
    """
    played = {}
    async with BotApiServer() as api, running(build(api, retriever, journal)):
        for language, script in scripts.items():
            private = await _private_chat(api, language, script)
            played[language] = Played(private, await _group(api, language, script))
        if api.refused or api.unanswered_presses:
            raise RuntimeError(f"{api.story()}; unanswered: {api.unanswered_presses}")
    return played


def write(played: dict[str, Played], folder: Path) -> list[Path]:
    """Write the transcripts and the picture; the files."""
    (folder / "transcripts").mkdir(parents=True, exist_ok=True)
    files = []
    for language, stages in played.items():
        script = SCRIPTS[language]
        path = folder / "transcripts" / f"{language}.md"
        path.write_text(
            f"{_WRITTEN_BY}\n\n# {script.title}\n\n"
            f"## {script.private_title}\n\n{transcript(stages.private.events, language)}\n"
            f"## {script.group_title}\n\n{transcript(stages.group.events, language)}",
            "utf-8",
        )
        files.append(path)
    picture([_screen(played[language], language, scene) for language, scene in _SCREENS]).save(
        folder / "cards.png", optimize=True
    )
    return [*files, folder / "cards.png"]


def write_days(days: dict[str, Day], folder: Path) -> list[Path]:
    """Write the transcripts of admins' days; the files."""
    files = []
    for language, day in days.items():
        path = folder / "transcripts" / f"admin.{language}.md"
        said = transcript(day.stage.events, language)
        # The site of the play had an address of this machine, and another one each time.
        said = said.replace(day.site, _SITE)
        title = admin_day.SCRIPTS[language].title
        path.write_text(f"{_WRITTEN_BY}\n\n# {title}\n\n{said}", "utf-8")
        files.append(path)
    return files


def _screen(played: Played, language: str, scene: str) -> Screen:
    stage = played.private
    kind = "bot" if language == "en" else "бот"
    return Screen(stage.api.bot.first_name, kind, stage.scenes[scene])


async def _private_chat(api: BotApiServer, language: str, script: Script) -> Stage:
    label = partial(say, language)
    person = api.user(script.people[0], language_code=language)
    stage = Stage(api, api.private_chat(person))
    ask = partial(stage.ask, person)
    await ask("/start")
    await ask(script.greeting)
    answer = await ask(script.question, scene="other language")
    await stage.press(person, answer, label("button-helpful"))
    await stage.hear_edit()
    answer = await ask(script.of_a_long_passage)
    await stage.press(person, answer, label("button-whole"))
    await stage.hear_edit()
    answer = await ask(script.organisation)
    await stage.press(person, answer, label("button-more"))
    await stage.hear_edit()
    await ask(script.follow_up, scene="follow-up")
    await ask(script.doubtful, scene="doubtful")
    await ask(script.unanswered, scene="not found")
    articles = await ask("/articles", scene="articles")
    await stage.press(person, articles, "1")
    page = await stage.hear_edit()
    await stage.press(person, page, label("button-ask-about"))
    prompt = await stage.hear()
    await ask(script.about_an_article, reply_to=prompt)
    await ask("/latest")
    choice = await ask("/language")
    await stage.press(person, choice, script.own_language)
    await stage.hear_edit()
    await ask("/privacy")
    await ask(script.thanks)
    return stage


async def _group(api: BotApiServer, language: str, script: Script) -> Stage:
    first, second, third = (api.user(name, language_code=language) for name in script.people)
    stage = Stage(api, api.supergroup(script.group, bot_is_member=False))
    mention = f"@{api.bot.username}"
    await stage.add_bot(first)
    answer = await stage.ask(second, f"/ask {script.group_question}")
    await stage.remark(third, script.group_chat)
    await stage.ask(third, script.group_reply, reply_to=answer)
    question = await stage.remark(second, script.asked_into_the_group)
    await stage.ask(first, mention, reply_to=question)
    mentioned = await stage.remark(third, f"{mention} {script.group_mention}")
    answer = await stage.hear()
    await stage.edit(mentioned, f"{mention} {script.edited_mention}")
    await stage.ask(second, script.group_thanks, reply_to=answer)
    return stage


if __name__ == "__main__":
    main()
