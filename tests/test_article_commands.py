"""`python -m bot add`, `edit`, `remove` and `undo`: as in Telegram, for who prefers a terminal."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import typer

from bot import cli, limited_process
from bot.commands import preparation
from bot.settings import Settings
from embeddings.stores.sqlite import known_versions
from knowledge.article import Article, format_article
from knowledge.changes import Changes
from site_server import Site
from word_embedder import WordEmbedder

PROJECT = Path(cli.__file__).parent.parent
EMBEDDER = WordEmbedder("canal", "mill")
MILL = Article("mill", "The mill", "https://example.org/mill", "A mill.", None, "en", None)
PARAGRAPHS = (
    "The canal of Talas, which is 14 kilometres long, was opened on Monday by its builders.",
    "It was dug by hand for the first three kilometres, and by two excavators for the rest.",
    "Since then the water has come to every field of five villages by the end of May.",
)

Run = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of articles: one about a mill."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "mill.md").write_text(format_article(MILL), "utf-8")
    return folder


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with an article."""
    with Site() as site:
        text = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
        site.page(
            "/canal",
            "<html><head><title>The canal of Talas</title></head><body><article>"
            f"<h1>The canal of Talas</h1>{text}</article></body></html>",
        )
        yield site


@pytest.fixture
def run(
    folder: Path,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in an empty folder, without a real model: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ARTICLES_DIR", str(folder))
    monkeypatch.setenv("PRIVATE_HOSTS", site.host)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setattr(preparation, "load_embedder", lambda _: EMBEDDER)

    def run(*arguments: str) -> tuple[int | str | None, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        return ended.value.code, *capsys.readouterr()

    return run


def indexed(tmp_path: Path) -> list[str]:
    """What is in the answers."""
    return [version.slug for version in known_versions(tmp_path / "data" / "index.db")]


def test_add_a_link(run: Run, site: Site, tmp_path: Path, folder: Path) -> None:
    """It shows what it understood, saves it, and answers from it at once."""
    link = site.url("/canal")
    code, out, _ = run("add", link, "--date", "12 июня 2025", "--publisher", "Talas Times")
    assert code == 0
    assert "The canal of Talas\n" in out
    assert link in out
    assert "Talas Times · 12 June 2025 · English · 50 words" in out
    assert PARAGRAPHS[0] in out
    assert "Saved as 2025-06-12-the-canal-of-talas.md." in out
    assert "Added (2): 2025-06-12-the-canal-of-talas, mill" in out
    assert indexed(tmp_path) == ["2025-06-12-the-canal-of-talas", "mill"]
    saved = Changes(folder).read("2025-06-12-the-canal-of-talas")
    assert saved
    assert saved.body == "\n\n".join(PARAGRAPHS)
    assert (
        "It is there already, just so."
        in run("add", link, "--date", "2025-06-12", "--publisher", "Talas Times")[1]
    )


def test_add_a_file(run: Run, tmp_path: Path) -> None:
    """What a file doesn't say, the options do; a link is needed."""
    path = tmp_path / "canal.txt"
    path.write_text("\n\n".join(PARAGRAPHS), "utf-8")
    code, _, err = run("add", str(path), "--title", "Canal")
    assert code == 2
    assert "No url was found" in err
    code, out, _ = run("add", str(path), "--title", "Canal", "--url", "example.org/canal")
    assert code == 0
    assert "Saved as canal.md." in out


def test_it_asks_who_sits_at_a_terminal(
    run: Run, site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved is what is confirmed, or what --yes says."""
    monkeypatch.setattr("bot.commands.articles._is_asked", lambda: True)
    answers = iter([False, True])
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: next(answers))
    assert run("add", site.url("/canal"))[0] == 1
    assert Changes(folder).slugs() == ["mill"]
    assert run("add", site.url("/canal"))[0] == 0
    assert Changes(folder).slugs() == ["mill", "the-canal-of-talas"]
    # Nobody is asked any more: the answers are used up.
    assert run("add", site.url("/canal"), "--yes")[0] == 0


def test_known_articles_are_told(run: Run, site: Site, folder: Path) -> None:
    """A link that is known is replaced, and a text under another link is mentioned."""
    same_link = replace(MILL, slug="old", title="Old", url=site.url("/canal"), body="Old.")
    (folder / "old.md").write_text(format_article(same_link), "utf-8")
    _, out, _ = run("add", site.url("/canal"))
    assert "This link is known: Old (old).\nSaving puts the new text in its place." in out
    assert "Saved as old.md." in out
    (folder / "old.md").write_text(
        format_article(replace(same_link, url="https://a.org", body="\n\n".join(PARAGRAPHS))),
        "utf-8",
    )
    _, out, _ = run("add", site.url("/canal"))
    assert "This text is known under another link: Old (old)." in out
    _, out, _ = run("add", site.url("/canal"), "--url", "http://www.a.org/?utm_source=x")
    assert "This link is known: Old (old).\nSaving puts the new text in its place." in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "no-such-file"), "neither a link nor a file"),
        (("add", "{site}/nothing"), "does not exist on the site"),
        (("add", "{site}/canal", "--date", "soon"), "'soon' is not a date: write it such as"),
        (("edit", "dam", "--title", "X"), "There is no article dam"),
        (("edit", "../mill", "--title", "X"), "There is no article ../mill"),
        (("edit", "mill"), "Say what to change"),
        (("remove", "https://example.org/dam"), "There is no article"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[str, ...], said: str, run: Run, site: Site, folder: Path
) -> None:
    """In one sentence, with the way out; and nothing is changed."""
    ended = run(*(argument.replace("{site}", site.url("")) for argument in arguments))
    # A text as exit code is printed on stderr; a frame of the terminal breaks lines.
    assert said in " ".join(f"{ended[0]} {ended[2]}".replace("│", " ").split())
    assert ended[0] != 0
    assert Changes(folder).slugs() == ["mill"]


def test_edit_remove_undo(run: Run, tmp_path: Path, folder: Path) -> None:
    """Each is in the answers at once; undo goes back step by step."""
    code, out, _ = run("edit", "mill", "--title", "The old mill", "--date", "2025-06-12")
    assert (code, "Changed: The old mill (mill)." in out) == (0, True)
    edited = replace(MILL, title="The old mill", published=date(2025, 6, 12))
    assert Changes(folder).read("mill") == edited
    _, out, _ = run("remove", "http://www.example.org/mill/")
    assert "Removed: The old mill (mill)." in out
    assert indexed(tmp_path) == []
    _, out, _ = run("undo")
    assert "Undone: removing: The old mill (mill)." in out
    assert indexed(tmp_path) == ["mill"]
    run("undo")
    assert Changes(folder).read("mill") == MILL
    assert run("undo")[1] == "There is nothing to undo.\n"


def test_the_draft_for_the_bot(run: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--draft --json` prints what the bot reads, and nothing else."""
    monkeypatch.setattr(limited_process, "limit_this_process", lambda: None)
    code, out, _ = run("add", "--draft", "--json", "--", site.url("/canal"))
    assert code == 0
    assert json.loads(out)["draft"]["title"] == "The canal of Talas"
    code, out, _ = run("add", "--draft", "--json", "--", site.url("/nothing"))
    assert json.loads(out)["problem"] == "not-found"
