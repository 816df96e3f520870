"""An admin's day: an article comes by its link, is asked for, counted and taken back again.

It is played against the real bot in two languages, both to be tested and to be read in docs/.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import knowledge
from bot.localization import say
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_server import BotApiServer
from chat_record import PATIENCE, Stage
from conversation import Message, build
from embeddings.confidence import load_calibration
from embeddings.embedder import Embedder
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from knowledge.corpus import load_corpus
from site_server import Site

_ARTICLES = Path(knowledge.__file__).parent / "articles"
_PAGE = "/news/kara-suu-solar"


@dataclass(frozen=True, slots=True)
class AdminScript:
    """What one language's admin says, and what there is to add."""

    title: str
    admin: str
    publisher: str
    """Of the page at the link; also the name of the channel."""
    headline: str
    paragraphs: tuple[str, ...]
    question: str
    """Which the page answers, and nothing else does."""
    unanswered: str
    """What somebody else asks, in a chat that the admin doesn't see."""
    post: str
    """Of the channel; it is forwarded, and not wanted."""


SCRIPTS = {
    "en": AdminScript(
        title="An admin's day",
        admin="Anna",
        publisher="Green Valley News",
        headline="A solar power station has opened in Kara-Suu",
        paragraphs=(
            "A solar power station with 4,200 panels was opened in the village of Kara-Suu on "
            "Thursday. It took fourteen months to build.",
            "The Kara-Suu solar power station will supply 1,900 households with electricity, and "
            "the village school. According to the chief engineer, Nurlan Asanov, it will save "
            "2,600 tonnes of coal a year.",
            "The money came from a fund that supports clean energy in mountain villages. Next "
            "year the same fund wants to equip two more villages in the district.",
        ),
        question="How many households will the solar power station in Kara-Suu supply?",
        unanswered="Who will repair the road to Osh?",
        post="Our office is closed on Monday.\nWe wish all our readers a good holiday!",
    ),
    "ru": AdminScript(
        title="День администратора",
        admin="Ольга",
        publisher="Зелёная долина",
        headline="В Кара-Суу открылась солнечная электростанция",
        paragraphs=(
            "В селе Кара-Суу в четверг открылась солнечная электростанция из 4200 панелей. "
            "Строили её четырнадцать месяцев.",
            "Солнечная электростанция в Кара-Суу обеспечит электричеством 1900 домов и сельскую "
            "школу. По словам главного инженера Нурлана Асанова, она позволит экономить 2600 тонн "
            "угля в год.",
            "Деньги выделил фонд, который поддерживает чистую энергетику в горных сёлах. В "
            "следующем году фонд хочет оснастить ещё два села района.",
        ),
        question="Сколько домов обеспечит солнечная электростанция в Кара-Суу?",
        unanswered="Кто починит дорогу в Ош?",
        post="В понедельник редакция не работает.\nЖелаем всем читателям хороших выходных!",
    ),
}


@dataclass(frozen=True, slots=True)
class Day:
    """What came of it: the whole conversation, and the bot's messages that matter most."""

    stage: Stage
    site: str
    """The address of the site with the page, as links begin."""
    link: str
    """Of the page."""
    draft: Message
    saved: Message
    answer: Message
    stats: Message
    unanswered: Message
    undone: Message
    afterwards: Message
    """What the question is answered with when the article is gone."""


async def play_day(language: str, folder: Path, embedder: Embedder, models: Path) -> Day:
    """Play a language's day, which begins when the bot is ready.

    Args:
        language: "en" or "ru".
        folder: An empty one, for articles and data.
        embedder: The packaged model, which the bot's processes load from `models` as well.
        models: Where it is unpacked, from the root of the disk on.

    Raises:
        RuntimeError: The server refused a request of the bot's, or a press got no answer.
    """
    script = SCRIPTS[language]
    with Site() as site:
        link = site.page(_PAGE, _html(script, language))
        async with _admins_chat(folder, embedder, models, site, language) as stage:
            day = await _play(stage, site.url(""), link, language)
            if stage.api.refused or stage.api.unanswered_presses:
                raise RuntimeError(stage.api.story())
        return day


async def _play(stage: Stage, site: str, link: str, language: str) -> Day:
    script = SCRIPTS[language]
    label = partial(say, language)
    admin = stage.chat.owner
    ask = partial(stage.ask, admin)
    reader = stage.api.user("Bermet", language_code=language)
    elsewhere = stage.api.private_chat(reader)
    await elsewhere.answer_to(await elsewhere.send(reader, script.unanswered), PATIENCE)
    await ask(link)
    draft = await stage.hear_edit()
    await stage.press(admin, draft, label("button-save"))
    await stage.hear_edit()
    saved = await stage.hear_edit()
    answer = await ask(script.question)
    await stage.press(admin, answer, label("button-helpful"))
    await stage.hear_edit()
    stats = await ask("/stats")
    unanswered = await ask("/unanswered")
    await stage.forward_post(admin, script.publisher, script.post)
    await stage.hear()
    unwanted = await stage.hear_edit()
    await stage.press(admin, unwanted, label("button-discard"))
    await stage.hear_edit()
    await ask("/undo")
    undone = await stage.hear_edit()
    afterwards = await ask(script.question)
    return Day(stage, site, link, draft, saved, answer, stats, unanswered, undone, afterwards)


@asynccontextmanager
async def _admins_chat(
    folder: Path, embedder: Embedder, models: Path, site: Site, language: str
) -> AsyncIterator[Stage]:
    """The chat with the bot of its only admin; the bot knows the articles that it comes with."""
    articles = Path(shutil.copytree(_ARTICLES, folder / "articles"))
    data = folder / "data"
    data.mkdir()
    (data / "models").symlink_to(models)
    reindex(load_corpus(articles), data / "index.db", embedder)
    retriever = Retriever(
        SqliteStore.open(data / "index.db", embedder), embedder, load_calibration()
    )
    async with BotApiServer() as api:
        admin = api.user(SCRIPTS[language].admin, language_code=language)
        chat = api.private_chat(admin)
        with closing(Journal.open(data, days=90)) as journal:
            bot = build(
                api,
                retriever,
                journal,
                admin_ids=str(admin.id),
                articles_dir=articles,
                data_dir=data,
                private_hosts=site.host,
            )
            async with running(bot):
                yield Stage(api, chat)


def _html(script: AdminScript, language: str) -> str:
    """The article's page, with what surrounds articles on the web."""
    paragraphs = "\n".join(f"<p>{paragraph}</p>" for paragraph in script.paragraphs)
    return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<title>{script.headline} | {script.publisher}</title>
<meta property="og:title" content="{script.headline}">
<meta property="og:site_name" content="{script.publisher}">
<meta property="article:published_time" content="2026-05-14T09:00:00+06:00">
</head>
<body>
<nav><a href="/">{script.publisher}</a></nav>
<article>
<h1>{script.headline}</h1>
{paragraphs}
</article>
<footer>© {script.publisher}</footer>
</body>
</html>
"""
