"""The benchmarks measure what they say, shown with few articles and a light embedder."""

import functools
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

import squad_files
from bot_api_server import BotApiServer, Request
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from knowledge.corpus import load_corpus
from word_embedder import WordEmbedder

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is not installed with the bot

from benchmarks import soak
from benchmarks.compare import QUICK, Compared, describe_machine
from benchmarks.flood import flood
from benchmarks.generated_articles import generate_articles, write_articles
from benchmarks.one_system import measure_index, measure_open
from benchmarks.orders import Asked, Indexed, Opened, Orders, Text, read, write
from benchmarks.own_costs import AtSize, JitteredEmbedder, OwnCosts
from benchmarks.plots import draw
from benchmarks.real_bot import BotFigures
from benchmarks.reindex import measure, print_table
from benchmarks.systems import Ours
from benchmarks.tables import print_tables
from benchmarks.targets import targets
from benchmarks.texts import generated_texts, known_texts
from benchmarks.vector_search import OWN_METHODS, Searched, make_vectors
from benchmarks.vector_search import measure as measure_vectors

LOAD = functools.partial(WordEmbedder, "solar", "painted", "gate")


def test_generated_articles_are_sound_and_differ(tmp_path: Path) -> None:
    """They are what is written to the files, the same each time, and all about something else."""
    articles = list(generate_articles(400))
    write_articles(tmp_path, 400)
    corpus = load_corpus(tmp_path)
    assert corpus.faults == ()
    assert list(corpus.articles) == articles == list(generate_articles(400))
    assert {article.language for article in articles} == {"en", "ru", "kk", "ky"}
    assert len({article.body for article in articles}) == 400
    assert list(generate_articles(4)) == articles[:4]
    assert all(100 < len(article.body.split()) < 320 for article in articles)


def test_one_change_embeds_one_article(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step embeds what it should, and its answer was seen; a kept index is used again."""
    measured = measure(20, tmp_path, LOAD)
    names = [step.name for step in measured.steps]
    assert names == [
        "full index",
        "nothing changed",
        *["one article changed"] * 3,
        "one article removed",
        "one article added",
        "two articles as before",
    ]
    full, nothing, *changed, removed, added, _ = measured.steps
    assert [step.changes for step in measured.steps] == [20, 0, 1, 1, 1, 1, 1, 2]
    assert nothing.texts == removed.texts == 0
    assert all(5 < step.texts < 40 for step in [*changed, added])
    assert full.texts > 20 * 10
    before = {path.name: path.read_text("utf-8") for path in (tmp_path / "articles").iterdir()}

    again = measure(20, tmp_path, LOAD)
    assert again.steps[0] == full
    assert again.steps[1].texts == 0
    assert before == {
        path.name: path.read_text("utf-8") for path in (tmp_path / "articles").iterdir()
    }
    json.dumps(asdict(again))
    print_table(again)
    assert "20 articles" in capsys.readouterr().out


TEXTS = (
    Text("Bridge", "The bridge is forty metres long.", "en"),
    Text("School", "The school has a solar roof.", "en"),
    Text("Gate", "The gate was painted in May.", "en"),
)


class FirstText:
    """A system whose first hit is always the first text."""

    packages: tuple[str, ...] = ("numpy",)
    prompts = "none"
    many = "one by one"

    def __init__(self) -> None:
        self.done: list[str] = []

    def index(self, texts: Sequence[Text]) -> None:
        self.done.append(f"index {len(texts)}")

    def open(self) -> None:
        self.done.append("open")

    def search(self, question: str, k: int) -> list[int]:
        self.done.append(question)
        return list(range(k))

    def search_many(self, questions: Sequence[str], k: int) -> list[list[int]]:
        self.done.append(f"{len(questions)} at once")
        return [list(range(k)) for _ in questions]


def orders(model: Path) -> Orders:
    """A hundred questions; of those that are known the first text answers three in four."""
    known = (
        Asked("How long is the bridge?", (0,), across=False),
        Asked("What is forty metres long?", (0, 2), across=False),
        Asked("Какой длины мост?", (0,), across=True),
        Asked("Когда покрасили ворота?", (2,), across=True),
    )
    return Orders(model, TEXTS[:2], tuple(f"question {n}" for n in range(100)), TEXTS, known)


def test_every_system_is_asked_the_same(tmp_path: Path) -> None:
    """R@1 is the share of first hits that answer; 64 questions come at once, several times."""
    system = FirstText()
    indexed = measure_index(system, orders(tmp_path))
    assert (indexed.right, indexed.right_same, indexed.right_across) == (0.75, 1.0, 0.5)
    assert list(indexed.versions) == ["numpy"]
    assert len(indexed.questions) == 100
    assert system.done[:3] == ["index 3", "4 at once", "index 2"]
    assert system.done[-5:] == ["64 at once"] * 5

    system.done.clear()
    opened = measure_open(system, orders(tmp_path), started=0.0)
    assert opened.first_answer > 1_000_000_000
    assert system.done[:2] == ["open", "question 0"]
    assert opened.peak >= opened.memory / 2 > 0


def test_our_system_finds_by_numbers(tmp_path: Path) -> None:
    """Ours answers with the numbers of the texts, also after others were indexed."""
    ours = Ours.__new__(Ours)
    ours._embedder = WordEmbedder("solar", "gate", "bridge")  # type: ignore[assignment]
    ours._path = tmp_path / "index.db"
    ours.index(TEXTS)
    assert ours.search("Who painted the gate?", 2)[0] == 2
    ours.index(TEXTS[1:])
    assert [hits[0] for hits in ours.search_many(["the gate?", "a solar roof?"], 1)] == [1, 0]


def test_questions_are_told_by_what_answers_them(tmp_path: Path) -> None:
    """Of the mixed set's twins all questions are asked, in one language and across."""
    for name, path in zip(
        ("xquad.en.json", "xquad.ru.json"), squad_files.write_twins(tmp_path), strict=True
    ):
        path.rename(tmp_path / name)
    known = known_texts(tmp_path)
    assert {question.across for question in known.questions} == {True, False}
    assert all(question.right for question in known.questions)


def test_without_the_mixed_set_our_own_questions_are_asked(tmp_path: Path) -> None:
    """What is measured then is said in words."""
    known = known_texts(tmp_path)
    assert known.name == "our own questions on our own articles"
    assert known == known_texts(None)
    assert all(max(question.right) < len(known.texts) for question in known.questions)
    assert len(generated_texts(50)) == 50


def test_an_index_of_any_size_is_made_in_no_time(tmp_path: Path) -> None:
    """Jittered copies of embeddings go the same way into an index as real ones."""
    embedder = WordEmbedder("solar", "gate", "bridge")
    jittered = JitteredEmbedder(embedder, [text.titled for text in TEXTS])
    system = Ours.__new__(Ours)
    system._embedder = jittered  # type: ignore[assignment]
    system._path = tmp_path / "index.db"
    system.index(generated_texts(30))
    retriever = Retriever(SqliteStore.open(system._path, embedder), embedder)
    assert len(retriever.search("Who painted the gate?")) == 3
    assert retriever.state().passages >= 30


@pytest.mark.parametrize("method", OWN_METHODS)
def test_vector_search_is_checked_by_its_recall(method: str, tmp_path: Path) -> None:
    """Exact ways find the nearest vectors; eight bits a number lose hardly any."""
    make_vectors(tmp_path, 2_000)
    searched = measure_vectors(method, tmp_path)
    assert searched.recall >= 0.95
    assert searched.question > 0


def compared() -> Compared:
    """Figures that meet every target but the last."""
    machine = replace(describe_machine(), bfloat16=("amx_bf16",))
    run = Compared("2026-01-01", machine, QUICK, "our own questions", known_questions=4)
    ours = Indexed({}, "", "", 1.0, 900.0, (0.01, 0.02), 0.1, 0.9, 0.95, None)
    run.indexed = {"ours": ours, "LangChain": replace(ours, seconds=3.1)}
    run.opened = dict.fromkeys(run.indexed, Opened(3.0, 600.0, 650.0))
    sizes = (AtSize(1200, 0.02, 0.01, 0.1, 0.1), AtSize(10_000, 0.012, 0.01, 0.1, 0.5))
    run.own = OwnCosts("bfloat16", 10.0, 9.5, 0.08, sizes)
    run.bot = BotFigures(6.0, 800.0, 840.0, (0.01, 0.01), (0.04, 0.04), 30.0, 120)
    run.vectors = {1000: {OWN_METHODS[0]: Searched(0.1, 0.001, 1.0, 0.99)}}
    run.left_out = {"txtai: index": "not installed"}
    run.targets = targets(run)
    return run


def test_each_target_is_met_or_missed() -> None:
    """A target is checked by the figure that it is about."""
    run = compared()
    assert [(target.value.split(" (")[0], target.met) for target in run.targets] == [
        ("95%", True),
        ("3.1 x", True),
        ("2.0 ms", True),
        ("640 a second", True),
        ("800 MB", True),
        ("6.0 s", True),
        ("4.0 x", False),
    ]
    run.machine = replace(run.machine, bfloat16=())
    run.indexed["LangChain"] = replace(run.indexed["LangChain"], seconds=1.0)
    assert targets(run)[1].met
    run.own = run.bot = None
    run.indexed.clear()
    assert targets(run) == []


def test_figures_become_tables_and_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """What was left out is said; the picture is drawn also where much is missing."""
    run = compared()
    print_tables(run, Console(width=120))
    printed = capsys.readouterr().out
    assert "Left out: txtai: index: not installed" in printed
    assert printed.count("missed") == 1
    json.dumps(asdict(run))
    for each in (run, replace(run, bot=None, own=None, vectors={})):
        assert Image.open(io.BytesIO(draw(each))).width > 1000


def sent(chat_id: int, message_id: int, text: str) -> Request:
    """A message of the bot, all of it a quote."""
    quote = {"type": "blockquote", "offset": 0, "length": len(text)}
    reply = {"message_id": message_id}
    params = {"chat_id": chat_id, "text": text, "entities": [quote], "reply_parameters": reply}
    return Request("sendMessage", params, 1.0)


async def test_the_soak_counts_what_was_lost_and_what_was_answered_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each question is followed by its message: one answer is right, a notice is none."""
    soaked = soak.Soaked(seed=1, minutes=1)
    async with BotApiServer() as api:
        ledger = soak.Ledger(api, soaked)
        ledger.bodies = {"The bridge is forty metres long."}
        person = api.user("Alice")
        chat = api.private_chat(person)
        questions = []
        for _ in range(4):
            message = await chat.send(person, "How long is the bridge?")
            question = soak.Question(soak.Phase.QUIET, 0.0, in_group=False)
            ledger.asked(message, question)
            questions.append((message, question))
        again = next(iter(soak._NOTICES["inbox-ask-again"]))
        for number, text in ((0, "forty metres"), (1, "forty metres"), (1, "x"), (2, again)):
            api.requests.append(sent(chat.id, questions[number][0]["message_id"], text))
        ledger.read()
        ledger.read()
    assert [each.settled for _, each in questions] == [True, True, True, False]
    assert soaked.doubled == [questions[1][1]]
    assert soaked.lost == [questions[3][1]]
    assert questions[2][1].told
    assert soaked.wrong_quotes == ["x"]
    assert soaked.quotes == 3
    assert not soaked.sound

    soaked.memory = [[], [800.0], [700.0, *[720.0] * 18, 710.0]]
    soaked.ends["killed"] += 1
    soak.print_tables(soaked, Console(width=130))
    printed = capsys.readouterr().out
    assert printed.count("LOST: Question") == printed.count("doubled: Question") == 1
    assert "most 800 MB; in the longest life (20 s) 710 MB at the begin, 715 MB at the" in printed
    write(soaked, tmp_path / "soak.json")
    assert read(soak.Soaked, tmp_path / "soak.json") == soaked


def test_a_flood_is_handled(capsys: pytest.CaptureFixture[str]) -> None:
    """Each update once, however many come before the first is handled."""
    flood(updates=60, chats=6)
    assert "60 of them exactly once" in " ".join(capsys.readouterr().out.split())
