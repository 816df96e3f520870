"""A folder of articles.

A file that is not a sound article is reported, never dropped in silence. However many files there
are, `ArticleFolder` keeps one article in memory: the names of the files and the hashes of their
urls wait in a temporary file of SQLite's. `Corpus` is for who needs all articles at once.
"""

import hashlib
import heapq
import os
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Protocol, Self, TypeVar

from knowledge.article import Article, parse_article
from knowledge.errors import ArticleError, CorpusError

READER_VERSION = 1
"""Raised whenever the same file would be read as another article: all files are read anew then."""

FAULTS_KEPT = 100
"""How many faults are kept; the others are only counted."""

_SUFFIX = ".md"

_Known = TypeVar("_Known")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one file is not in the corpus."""

    file: str
    """Its name in the folder."""
    reason: str
    """One sentence in plain words, with the way out."""


@dataclass(frozen=True, slots=True)
class ArticleVersion:
    """What tells whether an article is still as it was."""

    slug: str
    url: str
    content_hash: str
    """`Article.content_hash`."""
    file_digest: str | None
    """`file_digest` of its file; None if it comes from none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An article that is not as it is known, or not known, or not there any more."""

    slug: str
    known: ArticleVersion | None
    found: ArticleVersion | None
    article: Article | None
    """As it was found."""


@dataclass(slots=True)
class Findings:
    """What was found so far in a corpus that is being read."""

    articles: int = 0
    """Sound articles."""
    known: int = 0
    """Articles of which something was known."""
    faults: list[Fault] = field(default_factory=list)
    """The first files that were left out, in the order of their names."""
    fault_count: int = 0
    """All files that were left out."""

    def add_fault(self, file: str, reason: str) -> None:
        """Note that a file is left out."""
        self.fault_count += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(Fault(file, reason))


class ArticleSource(Protocol):
    """Where a reindex finds the articles: `ArticleFolder` or `Corpus`."""

    def differences(
        self, known: Iterable[ArticleVersion], findings: Findings
    ) -> Iterator[Difference]:
        """Compare all articles with what is known of them, in the order of their slugs.

        Args:
            known: In the order of slugs, by code points, as all that is sorted here.
            findings: Where to note what was found.
        """

    def read(self, slug: str, digest: str | None) -> Article:
        """Read an article that `differences` has found.

        Raises:
            ArticleError: Its file is another one by now.
        """


@dataclass(frozen=True, slots=True)
class Corpus:
    """All articles of a small folder."""

    articles: tuple[Article, ...]
    """Sorted by slug; no two with the same slug or the same url."""
    faults: tuple[Fault, ...]
    """The first files left out, sorted by name."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """By slug, the digest of the file that an article comes from, if it comes from one."""

    def __post_init__(self) -> None:
        """Sort the articles."""
        in_order = tuple(sorted(self.articles, key=attrgetter("slug")))
        object.__setattr__(self, "articles", in_order)

    def differences(
        self, known: Iterable[ArticleVersion], findings: Findings
    ) -> Iterator[Difference]:
        """See `ArticleSource`."""
        for fault in self.faults:
            findings.add_fault(fault.file, fault.reason)
        slugs = (article.slug for article in self.articles)
        for slug, version in _side_by_side(slugs, known, attrgetter("slug")):
            article = self._find(slug)
            found = _version(article, self.digests.get(slug), version) if article else None
            findings.known += version is not None
            findings.articles += found is not None
            if found != version:
                yield Difference(slug, version, found, article)

    def read(self, slug: str, digest: str | None) -> Article:  # noqa: ARG002 - nothing changes here
        """See `ArticleSource`."""
        article = self._find(slug)
        if article is None:
            raise ArticleError("There is no such article.")
        return article

    def _find(self, slug: str) -> Article | None:
        place = bisect_left(self.articles, slug, key=attrgetter("slug"))
        found = self.articles[place : place + 1]
        return found[0] if found and found[0].slug == slug else None


class ArticleFolder:
    """Every *.md file that lies directly in a folder, hidden ones left out.

    One bad file does not keep the others from being read. Of two files with the same url the first
    by name is taken. An empty folder is an empty corpus. A file that goes away meanwhile is none.
    """

    def __init__(self, path: Path) -> None:
        """Take a folder.

        Raises:
            CorpusError: It is missing, is not a folder, or may not be read.
        """
        self.path = path
        if not path.exists():
            raise CorpusError(f"The folder of articles {path} does not exist.")
        if not path.is_dir():
            raise CorpusError(f"The folder of articles {path} is a file, not a folder.")
        with self._entries():
            pass

    def differences(
        self, known: Iterable[ArticleVersion], findings: Findings
    ) -> Iterator[Difference]:
        """See `ArticleSource`; a file whose digest is known need not be understood once more.

        Raises:
            CorpusError: The folder may not be read any more.
        """
        with _Notes() as notes:
            notes.add_slugs(self._slugs())
            for slug, version in _side_by_side(notes.slugs(), known, attrgetter("slug")):
                article, found = self._look(slug, version, notes, findings)
                if found != version:
                    yield Difference(slug, version, found, article)

    def articles(
        self, known: Iterable[tuple[ArticleVersion, Article]], findings: Findings
    ) -> Iterator[Article]:
        """Read all articles, in the order of their slugs.

        Args:
            known: Articles of which the files need not be understood once more, in the order of
                their slugs: 10,000 files then take a second instead of ten.
            findings: Where to note what was found.

        Raises:
            CorpusError: The folder may not be read any more.
        """
        with _Notes() as notes:
            notes.add_slugs(self._slugs())
            for slug, pair in _side_by_side(notes.slugs(), known, lambda pair: pair[0].slug):
                version, known_article = pair or (None, None)
                article, found = self._look(slug, version, notes, findings)
                if found and (article := article or known_article):
                    yield article

    def read(self, slug: str, digest: str | None) -> Article:
        """See `ArticleSource`."""
        path = self._file(slug)
        content = _read_file(path)
        if content is None or file_digest(content) != digest:
            raise ArticleError(
                "The file was changed while the articles were being read; the next reindex takes "
                "it as it is now."
            )
        return _parse(slug, content)

    def _look(
        self, slug: str, known: ArticleVersion | None, notes: "_Notes", findings: Findings
    ) -> tuple[Article | None, ArticleVersion | None]:
        """Return what is in a file, if it is in the corpus, and what tells it from others."""
        path = self._file(slug)
        article = None
        findings.known += known is not None
        try:
            content = _read_file(path)
            if content is None:
                return None, None
            digest = file_digest(content)
            if known and known.file_digest == digest:
                found = known
            else:
                article = _parse(slug, content)
                found = _version(article, digest, known)
        except ArticleError as error:
            findings.add_fault(_printable(path.name), str(error))
            return None, None
        first = notes.first_with(found.url, path.name)
        if first != path.name:
            reason = f"The file {first} has the same url; remove one of the two."
            findings.add_fault(path.name, reason)
            return None, None
        findings.articles += 1
        return article, found

    def _slugs(self) -> Iterator[str]:
        with self._entries() as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX) and not entry.name.startswith("."):
                    yield entry.name.removesuffix(_SUFFIX)

    def _entries(self) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        try:
            return os.scandir(self.path)
        except OSError as error:
            raise CorpusError(
                f"The folder of articles {self.path} cannot be read: {error.strerror}."
            ) from error

    def _file(self, slug: str) -> Path:
        return self.path / f"{slug}{_SUFFIX}"


class _Notes:
    """Sorts names and remembers urls on the disk, where there are too many for the memory."""

    def __init__(self) -> None:
        # Without a name it is a temporary file, which SQLite makes when 2 MB are not enough.
        self._connection = sqlite3.connect("")
        self._connection.execute("CREATE TABLE slugs (slug BLOB PRIMARY KEY) WITHOUT ROWID")
        self._connection.execute("CREATE TABLE urls (hash BLOB PRIMARY KEY, file) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add_slugs(self, slugs: Iterable[str]) -> None:
        rows = ((os.fsencode(slug),) for slug in slugs)
        self._connection.executemany("INSERT INTO slugs VALUES (?)", rows)

    def slugs(self) -> Iterator[str]:
        for (slug,) in self._connection.execute("SELECT slug FROM slugs ORDER BY slug"):
            yield os.fsdecode(slug)

    def first_with(self, url: str, file: str) -> str:
        """Return the first file that came with a url, which may be this one."""
        digest = hashlib.sha256(url.encode()).digest()
        self._connection.execute("INSERT OR IGNORE INTO urls VALUES (?, ?)", (digest, file))
        found = self._connection.execute("SELECT file FROM urls WHERE hash = ?", (digest,))
        return str(found.fetchone()[0])


def load_corpus(folder: Path) -> Corpus:
    """Read all articles of a small folder, see `ArticleFolder`.

    Raises:
        CorpusError: the folder is missing, is not a folder, or may not be read.
    """
    findings = Findings()
    found = list(ArticleFolder(folder).differences((), findings))
    return Corpus(
        tuple(each.article for each in found if each.article),
        tuple(findings.faults),
        {
            each.found.slug: each.found.file_digest
            for each in found
            if each.found and each.found.file_digest
        },
    )


def file_digest(content: bytes) -> str:
    """Tell whether a file is still the same, and would be read as the same article: SHA-256."""
    return hashlib.sha256(b"%d\n%b" % (READER_VERSION, content)).hexdigest()


def _side_by_side(
    slugs: Iterable[str], known: Iterable[_Known], slug_of: Callable[[_Known], str]
) -> Iterator[tuple[str, _Known | None]]:
    """Give each slug with what is known of it; both come in order, and are read on as needed."""
    files: Iterator[tuple[str, _Known | None]] = ((slug, None) for slug in slugs)
    both = heapq.merge(
        ((slug_of(each), each) for each in known), files, key=lambda pair: os.fsencode(pair[0])
    )
    for slug, pairs in groupby(both, key=itemgetter(0)):
        # Of equal ones the known one is first.
        yield slug, next(pairs)[1]


def _version(article: Article, digest: str | None, known: ArticleVersion | None) -> ArticleVersion:
    """Return what tells an article from others; it is not hashed if its file is the known one."""
    if known and digest and digest == known.file_digest:
        return known
    return ArticleVersion(article.slug, article.url, article.content_hash, digest)


def _read_file(path: Path) -> bytes | None:
    """Return a file's content, None if it was removed since the folder was looked at."""
    if _printable(path.name) != path.name:
        message = "The file's name holds broken letters; rename it."
        raise ArticleError(message)
    try:
        return path.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return None
        message = f"The file cannot be read ({error.strerror}); check what it is and its rights."
        raise ArticleError(message) from error


def _parse(slug: str, content: bytes) -> Article:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = "The file is not UTF-8 text; save it with the encoding UTF-8."
        raise ArticleError(message) from error
    return parse_article(slug, text)


def _printable(name: str) -> str:
    """Return a file name without bytes that are not UTF-8, which old ZIP files bring."""
    return os.fsencode(name).decode("utf-8", errors="replace")
