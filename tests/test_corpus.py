"""A folder of articles, with what may be wrong in it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from knowledge.article import Article, parse_article
from knowledge.corpus import (
    FAULTS_KEPT,
    READER_VERSION,
    ArticleFolder,
    ArticleVersion,
    Corpus,
    Difference,
    Fault,
    Findings,
    load_corpus,
)
from knowledge.errors import ArticleError, CorpusError


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


def known_versions(corpus: Corpus) -> list[ArticleVersion]:
    return [
        ArticleVersion(each.slug, each.url, each.content_hash, corpus.digests[each.slug])
        for each in corpus.articles
    ]


def differences(folder: Path, known: Iterable[ArticleVersion]) -> list[Difference]:
    return list(ArticleFolder(folder).differences(known, Findings()))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The slugs of the articles that were understood, as they come."""
    parsed: list[str] = []

    def parse(slug: str, text: str) -> Article:
        parsed.append(slug)
        return parse_article(slug, text)

    monkeypatch.setattr("knowledge.corpus.parse_article", parse)
    return parsed


def test_only_what_differs_is_told(tmp_path: Path, parsed: list[str]) -> None:
    """What was added, changed, saved anew or removed; files that are known aren't understood."""
    for name in ("changed.md", "known.md", "removed.md", "resaved.md"):
        write(tmp_path, name)
    known = known_versions(load_corpus(tmp_path))
    parsed.clear()
    write(tmp_path, "added.md")
    write(tmp_path, "changed.md", body="Other text.")
    (tmp_path / "removed.md").unlink()
    write(tmp_path, "resaved.md", body="Some text.\n")
    findings = Findings()
    found = list(ArticleFolder(tmp_path).differences(known, findings))
    assert [each.slug for each in found] == ["added", "changed", "removed", "resaved"]
    assert parsed == ["added", "changed", "resaved"]
    assert (findings.articles, findings.known, findings.fault_count) == (4, 4, 0)
    added, changed, removed, resaved = found
    assert added.known is None
    assert changed.article is not None
    assert changed.article.body == "Other text."
    assert (removed.found, removed.article) == (None, None)
    assert resaved.known is not None
    assert resaved.found is not None
    assert resaved.found.content_hash == resaved.known.content_hash
    assert resaved.found.file_digest != resaved.known.file_digest


def test_a_known_file_under_another_name_is_another_article(tmp_path: Path) -> None:
    """Its slug is that of its name now."""
    file = write(tmp_path, "a.md")
    known = known_versions(load_corpus(tmp_path))
    file.rename(tmp_path / "b.md")
    found = differences(tmp_path, known)
    assert [(each.slug, each.found is None) for each in found] == [("a", True), ("b", False)]


def test_known_files_keep_to_the_rules(tmp_path: Path) -> None:
    """Of two with the same link the first is taken, known or not."""
    write(tmp_path, "b.md", url="https://example.org/same")
    known = known_versions(load_corpus(tmp_path))
    write(tmp_path, "a.md", url="https://example.org/same")
    findings = Findings()
    found = list(ArticleFolder(tmp_path).differences(known, findings))
    assert [(each.slug, each.found is None) for each in found] == [("a", False), ("b", True)]
    assert [fault.file for fault in findings.faults] == ["b.md"]


def test_known_articles_are_not_understood_again(tmp_path: Path, parsed: list[str]) -> None:
    """All articles of the folder come, those that are known as they are known."""
    write(tmp_path, "a.md")
    write(tmp_path, "c.md")
    before = load_corpus(tmp_path)
    known = list(zip(known_versions(before), before.articles, strict=True))
    parsed.clear()
    write(tmp_path, "b.md")
    write(tmp_path, "c.md", body="Other text.")
    found = list(ArticleFolder(tmp_path).articles(known, Findings()))
    assert [(each.slug, each.body) for each in found] == [
        ("a", "Some text."),
        ("b", "Some text."),
        ("c", "Other text."),
    ]
    assert found[0] is before.articles[0]
    assert parsed == ["b", "c"]


@pytest.mark.parametrize("change", ["write", "remove"])
def test_what_is_read_later_is_what_was_found(tmp_path: Path, change: str) -> None:
    """A file that was changed or removed since is not read: its link was not compared."""
    file = write(tmp_path, "a.md")
    folder = ArticleFolder(tmp_path)
    [found] = folder.differences((), Findings())
    assert found.found is not None
    assert folder.read("a", found.found.file_digest) == found.article
    if change == "write":
        write(tmp_path, "a.md", body="Other text.")
    else:
        file.unlink()
    with pytest.raises(ArticleError, match="the next reindex takes it"):
        folder.read("a", found.found.file_digest)


def test_the_first_faults_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    """However many files are faulty."""
    for number in range(FAULTS_KEPT + 2):
        (tmp_path / f"{number:03}.md").write_text("Just text")
    findings = Findings()
    assert list(ArticleFolder(tmp_path).differences((), findings)) == []
    assert findings.fault_count == FAULTS_KEPT + 2
    assert [fault.file for fault in findings.faults[:2]] == ["000.md", "001.md"]
    assert len(findings.faults) == FAULTS_KEPT


def test_a_file_that_is_read_in_another_way_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the way of reading changes, so do the digests of all files."""
    write(tmp_path, "a.md")
    before = load_corpus(tmp_path).digests
    monkeypatch.setattr("knowledge.corpus.READER_VERSION", READER_VERSION + 1)
    assert load_corpus(tmp_path).digests != before


def test_a_file_that_goes_away_meanwhile_is_no_fault(tmp_path: Path) -> None:
    """It was removed after the folder had been looked at: nobody need be told."""
    write(tmp_path, "a.md")
    file = write(tmp_path, "b.md")

    def known() -> Iterator[ArticleVersion]:
        file.unlink()
        yield from ()

    findings = Findings()
    found = list(ArticleFolder(tmp_path).differences(known(), findings))
    assert [each.slug for each in found] == ["a"]
    assert findings == Findings(articles=1)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there is no empty corpus: it would empty the index."""
    with pytest.raises(CorpusError, match=r"The folder of articles .*nowhere does not exist\."):
        load_corpus(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    """The path of one article is not a folder of articles."""
    with pytest.raises(CorpusError, match=r"a\.md is a file, not a folder\."):
        load_corpus(write(tmp_path, "a.md"))
