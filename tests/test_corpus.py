"""A folder of articles, with what may be wrong in it."""

import os
from pathlib import Path

import pytest

from knowledge.article import Article, parse_article
from knowledge.corpus import READER_VERSION, Corpus, Fault, file_digest, load_corpus
from knowledge.errors import CorpusError


def write(folder: Path, name: str, url: str = "", body: str = "Some text.") -> Path:
    file = folder / name
    url = url or f"https://example.org/{name}"
    file.write_text(f"---\ntitle: T\nurl: {url}\n---\n\n{body}\n", encoding="utf-8")
    return file


def slugs(corpus: Corpus) -> list[str]:
    return [article.slug for article in corpus.articles]


def test_articles_come_sorted_by_slug(tmp_path: Path) -> None:
    """The order is that of the slugs, whatever the file system's."""
    for name in ("b.md", "a-b.md", "a.md", "ә.md"):
        write(tmp_path, name)
    assert slugs(load_corpus(tmp_path)) == ["a", "a-b", "b", "ә"]


def test_an_empty_folder_is_an_empty_corpus(tmp_path: Path) -> None:
    """No articles yet is no error."""
    assert load_corpus(tmp_path) == Corpus((), ())


def test_other_files_are_not_articles(tmp_path: Path) -> None:
    """Hidden files, other kinds of files, and files in subfolders are left alone."""
    write(tmp_path, "a.md")
    write(tmp_path, ".b.md")
    write(tmp_path, "c.txt")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub", "d.md")
    corpus = load_corpus(tmp_path)
    assert slugs(corpus) == ["a"]
    assert corpus.faults == ()


def test_bad_files_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    """Each bad file becomes a fault with its name and its reason; no good file is lost to it."""
    write(tmp_path, "a.md")
    (tmp_path / "b.md").write_bytes("---\ntitle: Т\n---\nТекст".encode("cp1251"))
    (tmp_path / "c.md").write_text("Just text", encoding="utf-8")
    (tmp_path / "d.md").mkdir()
    (tmp_path / "e.md").symlink_to(tmp_path / "nowhere.md")
    write(tmp_path, "f.md")
    corpus = load_corpus(tmp_path)
    assert slugs(corpus) == ["a", "f"]
    assert [fault.file for fault in corpus.faults] == ["b.md", "c.md", "d.md", "e.md"]
    reasons = [fault.reason for fault in corpus.faults]
    assert reasons[0] == "The file is not UTF-8 text; save it with the encoding UTF-8."
    assert reasons[1].startswith("There is no front matter; begin the file with")
    assert reasons[2].startswith("The file cannot be read (Is a directory)")
    assert reasons[3].startswith("The file cannot be read (No such file or directory)")


def test_a_file_saved_by_windows_notepad_is_read(tmp_path: Path) -> None:
    """A byte order mark and Windows line endings are no fault."""
    text = "---\r\ntitle: Ауа\r\nurl: https://a.kz\r\n---\r\nБір.\r\n\r\nЕкі.\r\n"
    (tmp_path / "a.md").write_bytes(text.encode("utf-8-sig"))
    [article] = load_corpus(tmp_path).articles
    assert (article.title, article.body) == ("Ауа", "Бір.\n\nЕкі.")


def test_the_second_article_with_a_link_is_a_fault(tmp_path: Path) -> None:
    """One link is one article; the fault names the file that has it already."""
    write(tmp_path, "a.md", url="https://example.org/same")
    write(tmp_path, "b.md", url="https://example.org/same")
    write(tmp_path, "c.md", url="https://example.org/same")
    corpus = load_corpus(tmp_path)
    assert slugs(corpus) == ["a"]
    assert corpus.faults == (
        Fault("b.md", "The file a.md has the same url; remove one of the two."),
        Fault("c.md", "The file a.md has the same url; remove one of the two."),
    )


def test_a_file_name_of_broken_letters_is_a_fault(tmp_path: Path) -> None:
    """A name that is not UTF-8 could be neither stored nor shown, so the file is reported."""
    try:
        (tmp_path / os.fsdecode(b"\xf1\xf2.md")).write_text("x", encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes no such names")
    assert load_corpus(tmp_path).faults == (
        Fault("\ufffd\ufffd.md", "The file's name holds broken letters; rename it."),
    )


def test_known_files_are_not_read_as_articles_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same files give the same corpus, and only a changed one is parsed."""
    for name in ("a.md", "b.md"):
        write(tmp_path, name)
    before = load_corpus(tmp_path)
    known = {before.digests[article.slug]: article for article in before.articles}
    parsed: list[str] = []

    def parse(slug: str, text: str) -> Article:
        parsed.append(slug)
        return parse_article(slug, text)

    monkeypatch.setattr("knowledge.corpus.parse_article", parse)
    assert load_corpus(tmp_path, known) == before
    assert parsed == []
    write(tmp_path, "b.md", body="Other text.")
    after = load_corpus(tmp_path, known)
    assert parsed == ["b"]
    assert [article.body for article in after.articles] == ["Some text.", "Other text."]
    assert after.digests["a"] == before.digests["a"]
    assert after.digests["b"] != before.digests["b"]


def test_a_known_file_under_another_name_is_another_article(tmp_path: Path) -> None:
    """Its slug is that of its name now."""
    file = write(tmp_path, "a.md")
    [article] = load_corpus(tmp_path).articles
    file.rename(tmp_path / "b.md")
    known = {file_digest((tmp_path / "b.md").read_bytes()): article}
    assert slugs(load_corpus(tmp_path, known)) == ["b"]


def test_known_files_keep_to_the_rules(tmp_path: Path) -> None:
    """Of two with the same link the first is taken, known or not."""
    write(tmp_path, "b.md", url="https://example.org/same")
    before = load_corpus(tmp_path)
    known = {before.digests["b"]: before.articles[0]}
    write(tmp_path, "a.md", url="https://example.org/same")
    after = load_corpus(tmp_path, known)
    assert slugs(after) == ["a"]
    assert after.digests.keys() == {"a"}
    assert [fault.file for fault in after.faults] == ["b.md"]


def test_a_file_that_is_read_in_another_way_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the way of reading changes, so do the digests of all files."""
    write(tmp_path, "a.md")
    before = load_corpus(tmp_path).digests
    monkeypatch.setattr("knowledge.corpus.READER_VERSION", READER_VERSION + 1)
    assert load_corpus(tmp_path).digests != before


def test_a_file_that_goes_away_meanwhile_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was removed after the folder had been looked at: nobody need be told."""
    write(tmp_path, "a.md")
    files = [write(tmp_path, "b.md"), *tmp_path.glob("a.md")]
    files[0].unlink()
    monkeypatch.setattr("knowledge.corpus._article_files", lambda _: sorted(files))
    corpus = load_corpus(tmp_path)
    assert slugs(corpus) == ["a"]
    assert corpus.faults == ()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there is no empty corpus: it would empty the index."""
    with pytest.raises(CorpusError, match=r"The folder of articles .*nowhere does not exist\."):
        load_corpus(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    """The path of one article is not a folder of articles."""
    with pytest.raises(CorpusError, match=r"a\.md is a file, not a folder\."):
        load_corpus(write(tmp_path, "a.md"))
