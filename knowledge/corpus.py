"""A folder of articles.

A file that is not a sound article is reported, never dropped in silence.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from knowledge.article import Article, parse_article
from knowledge.errors import ArticleError, CorpusError


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


def load_corpus(folder: Path) -> Corpus:
    """Read every *.md file that lies directly in a folder, hidden ones left out.

    One bad file does not keep the others from being read. Of two files with the same url the first
    by name is taken. An empty folder is an empty corpus.

    Raises:
        CorpusError: the folder is missing, is not a folder, or may not be read.
    """
    articles: list[Article] = []
    faults: list[Fault] = []
    file_of_url: dict[str, str] = {}
    for path in _article_files(folder):
        try:
            article = _read_article(path)
        except ArticleError as error:
            faults.append(Fault(_printable(path.name), str(error)))
            continue
        first = file_of_url.setdefault(article.url, path.name)
        if first == path.name:
            articles.append(article)
        else:
            reason = f"The file {first} has the same url; remove one of the two."
            faults.append(Fault(path.name, reason))
    return Corpus(tuple(articles), tuple(faults))


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


def _read_article(path: Path) -> Article:
    if _printable(path.name) != path.name:
        message = "The file's name holds broken letters; rename it."
        raise ArticleError(message)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        message = f"The file cannot be read ({error.strerror}); check what it is and its rights."
        raise ArticleError(message) from error
    except UnicodeDecodeError as error:
        message = "The file is not UTF-8 text; save it with the encoding UTF-8."
        raise ArticleError(message) from error
    return parse_article(path.stem, text)


def _printable(name: str) -> str:
    """Return a file name without bytes that are not UTF-8, which old ZIP files bring."""
    return os.fsencode(name).decode("utf-8", errors="replace")
