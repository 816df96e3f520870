"""A folder of articles.

A file that is not a sound article is reported, never dropped in silence.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from knowledge.article import Article, parse_article
from knowledge.errors import ArticleError, CorpusError

READER_VERSION = 1
"""Raised whenever the same file would be read as another article: all files are read anew then."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one file is not in the corpus."""

    file: str
    """Its name in the folder."""
    reason: str
    """One sentence in plain words, with the way out."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """All articles of a folder."""

    articles: tuple[Article, ...]
    """Sorted by slug; no two with the same slug or the same url."""
    faults: tuple[Fault, ...]
    """The files left out, sorted by name."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """By slug, the digest of the file that an article comes from, if it comes from one."""


def file_digest(content: bytes) -> str:
    """Tell whether a file is still the same, and would be read as the same article: SHA-256."""
    return hashlib.sha256(b"%d\n%b" % (READER_VERSION, content)).hexdigest()


def load_corpus(folder: Path, known: Mapping[str, Article] = MappingProxyType({})) -> Corpus:
    """Read every *.md file that lies directly in a folder, hidden ones left out.

    One bad file does not keep the others from being read. Of two files with the same url the first
    by name is taken. An empty folder is an empty corpus. A file that goes away meanwhile is none.

    Args:
        folder: The folder.
        known: Articles by the digests of the files that they were read from, which need not be
            understood once more: 10,000 files then take a fraction of a second.

    Raises:
        CorpusError: the folder is missing, is not a folder, or may not be read.
    """
    articles: list[Article] = []
    faults: list[Fault] = []
    digests: dict[str, str] = {}
    file_of_url: dict[str, str] = {}
    for path in _article_files(folder):
        try:
            content = _read_file(path)
            if content is None:
                continue
            digest = file_digest(content)
            article = _to_article(path.stem, content, known.get(digest))
        except ArticleError as error:
            faults.append(Fault(_printable(path.name), str(error)))
            continue
        first = file_of_url.setdefault(article.url, path.name)
        if first == path.name:
            articles.append(article)
            digests[article.slug] = digest
        else:
            reason = f"The file {first} has the same url; remove one of the two."
            faults.append(Fault(path.name, reason))
    return Corpus(tuple(articles), tuple(faults), digests)


def _article_files(folder: Path) -> list[Path]:
    if not folder.exists():
        message = f"The folder of articles {folder} does not exist."
        raise CorpusError(message)
    if not folder.is_dir():
        message = f"The folder of articles {folder} is a file, not a folder."
        raise CorpusError(message)
    try:
        files = [
            path
            for path in folder.iterdir()
            if path.suffix == ".md" and not path.name.startswith(".")
        ]
    except OSError as error:
        message = f"The folder of articles {folder} cannot be read: {error.strerror}."
        raise CorpusError(message) from error
    return sorted(files, key=lambda path: path.stem)


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


def _to_article(slug: str, content: bytes, known: Article | None) -> Article:
    if known:
        return known if known.slug == slug else replace(known, slug=slug)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = "The file is not UTF-8 text; save it with the encoding UTF-8."
        raise ArticleError(message) from error
    return parse_article(slug, text)


def _printable(name: str) -> str:
    """Return a file name without bytes that are not UTF-8, which old ZIP files bring."""
    return os.fsencode(name).decode("utf-8", errors="replace")
