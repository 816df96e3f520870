"""What every store of an index holds, and what a retriever asks of it.

There are two: an SQLite file, of which the passages are ranked in memory, and Milvus, which finds
those that are worth ranking.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embeddings
from embeddings.lexical import Words
from knowledge.article import Article
from knowledge.corpus import ArticleVersion
from knowledge.passages import Passage
from knowledge.sentences import Span

if TYPE_CHECKING:
    from embeddings.ranking import Ranked, Search


@dataclass(frozen=True, slots=True)
class EmbeddedPassage:
    """A passage with its embeddings, as the store keeps it.

    Attributes:
        passage: The passage; its article is the one that is being stored.
        embedding: Shape (d,), length 1.
        sentence_embeddings: Shape (s, d), one for each of ``passage.sentences``.
        words: What its words are compared by, see `embeddings.lexical`.
        names: Likewise across languages.
        tokens: Its tokens, packed by `embeddings.late_interaction`, sentence by sentence.
        sentence_tokens: How many of them each of ``passage.sentences`` has.
    """

    passage: Passage
    embedding: npt.NDArray[np.float32]
    sentence_embeddings: Embeddings
    words: Words
    names: Words
    tokens: bytes
    sentence_tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EmbeddedArticle:
    """An article as it is staged.

    Attributes:
        article: The article.
        passages: All of its passages, in the order of its text.
        file_digest: `knowledge.corpus.file_digest` of its file; None if it came from no file.
    """

    article: Article
    passages: tuple[EmbeddedPassage, ...]
    file_digest: str | None


@dataclass(frozen=True, slots=True)
class LanguageMean:
    """Where the texts of a language lie on average, whatever they are about. Shapes (d,).

    Attributes:
        question: Mean embedding of texts taken as questions.
        passage: Mean embedding of the same texts taken as passages.
        question_token: Mean embedding of their tokens, taken as questions.
        passage_token: Mean embedding of their tokens, taken as passages.
    """

    question: npt.NDArray[np.float32]
    passage: npt.NDArray[np.float32]
    question_token: npt.NDArray[np.float32]
    passage_token: npt.NDArray[np.float32]


def language_mean(means: Mapping[str, LanguageMean], language: str) -> LanguageMean:
    """Return the mean of a language, for an unknown one that of all known languages."""
    if language in means:
        return means[language]
    of_all = zip(*(astuple(mean) for mean in means.values()), strict=True)
    return LanguageMean(*(np.stack(each).mean(axis=0, dtype=np.float32) for each in of_all))


@dataclass(frozen=True, slots=True)
class Vectors:
    """Embeddings of one generation of the index, in the order of the passages' ids.

    Attributes:
        passage_ids: Shape (n,), what `Store.read_passages` takes.
        slugs: Shape (n,), of each passage's article.
        languages: Shape (n,), each passage's language.
        passages: Shape (n, d), as they are stored.
        sentences: Shape (s, d), likewise, passage by passage; every passage has at least one.
        sentence_tokens: Shape (s,), how many of its passage's tokens each sentence has.
        first_sentences: Shape (n,), row in ``sentences`` of each passage's first sentence.
        words: Each passage's words, see `embeddings.lexical`.
        names: Each passage's names, likewise.
        published: Each passage's date, as far as it is known.
        language_means: For the languages that the model has been asked about.
    """

    passage_ids: npt.NDArray[np.int64]
    slugs: npt.NDArray[np.str_]
    languages: npt.NDArray[np.str_]
    passages: npt.NDArray[np.float16]
    sentences: npt.NDArray[np.float16]
    sentence_tokens: npt.NDArray[np.int64]
    first_sentences: npt.NDArray[np.int64]
    words: tuple[Words, ...]
    names: tuple[Words, ...]
    published: tuple[date | None, ...]
    language_means: dict[str, LanguageMean]

    @property
    def sentence_counts(self) -> npt.NDArray[np.int64]:
        """Shape (n,), how many sentences each passage has."""
        return np.diff(self.first_sentences, append=len(self.sentences))


class Ranker(Protocol):
    """Ranks the passages of a store, within a snapshot of it."""

    def follow(self, generation: int) -> None:
        """Read what has changed, if the snapshot is of another generation than the last one."""

    def best(self, searches: Sequence["Search"], limit: int) -> list[list["Ranked"]]:
        """Return for each search the passages that answer best, the best first.

        Args:
            searches: What is looked for; the same is found whether alone or with others.
            limit: How many to return for each at most; there are never more than 16.
        """


class Store(Protocol):
    """An open index. For one thread at a time; other processes may read and write meanwhile."""

    def close(self) -> None:
        """Release what it has open."""

    def ranker(self) -> Ranker:
        """Return what ranks the passages."""

    def snapshot(self) -> AbstractContextManager[int]:
        """See one and the same generation until the context ends; gives its number.

        Raises:
            IndexUnusable: it can't be read, or a reindex with another model has replaced it.
        """

    def check(self) -> None:
        """Make sure that nothing was broken of what has been read so far.

        Raises:
            IndexDamaged: something was; questions that don't need it are answered all the same.
        """

    @property
    def article_count(self) -> int:
        """Articles in the index."""

    @property
    def passage_count(self) -> int:
        """Passages in the index."""

    @property
    def reindexed_at(self) -> datetime | None:
        """When the last reindex ended, in UTC, whether it changed anything or not."""

    def read_language_means(self) -> dict[str, LanguageMean]:
        """Read the means of the languages that the model has been asked about."""

    def read_passages(self, passage_ids: Sequence[int]) -> list[Passage]:
        """Read passages with their articles, in the order of the ids.

        Raises:
            IndexUnusable: An id is not in the index (any more).
        """

    def find_passage(self, content_hash: str, part: Span) -> Passage | None:
        """Read the passage that holds a part of an article; None if there is none (any more).

        Args:
            content_hash: The beginning of the article's content hash.
            part: What the passage holds, as a span of the article's body.
        """

    def read_articles(self, offset: int, limit: int) -> list[Article]:
        """Read a part of the list of all articles.

        They are newest first, by slug on the same day; at the end those without a date.

        Args:
            offset: How many to leave out at the beginning.
            limit: How many to read at most.
        """

    def count_before(self, slug: str) -> int:
        """Count the articles that come before one in the list of all; 0 if it isn't there."""

    def find_article(self, content_hash: str) -> Article | None:
        """Read the article with this content; None if there is none (any more).

        Args:
            content_hash: The beginning of the article's content hash.
        """

    def passage_ids(self, slug: str) -> list[int]:
        """Return the ids of an article's passages, in the order of its text."""

    def newest_articles(
        self, limit: int, year: int | None = None, month: int | None = None
    ) -> list[Article]:
        """Read the newest articles with a date, newest first.

        Args:
            limit: How many at most.
            year: The year that they must be of; None for any.
            month: The month that they must be of, 1 to 12; None for any.
        """


class Staging(Protocol):
    """What a reindex has embedded and stored beside the index, where nobody searches it yet.

    Several processes may stage articles at once. What is staged outlives a reindex that is
    killed, and the next one goes on from there, unless its model, splitter or format is another.
    """

    @property
    def key(self) -> str:
        """What tells it from all others, also from those that there will be: 1 to 64 letters."""

    def read_language_means(self) -> dict[str, LanguageMean]:
        """Read the means that the index has, or will have."""

    def stage(self, articles: Sequence[EmbeddedArticle]) -> None:
        """Store articles, each in place of what was staged under its slug, however often.

        They outlive a kill as soon as this returns.

        Raises:
            IndexUnusable: It can't be written, or the reindex has ended meanwhile.
        """


class Writing(Staging, Protocol):
    """A reindex, one at a time: what is staged becomes the index in one step."""

    @property
    def article_count(self) -> int:
        """Articles in the index, after `switch` those of the new one."""

    @property
    def passage_count(self) -> int:
        """Passages in the index, likewise."""

    def has_language_means(self) -> bool:
        """Tell whether the index has means; it has none while it is made for the first time."""

    def set_language_means(self, means: dict[str, LanguageMean]) -> None:
        """Keep the means for the index that will be, and for all who stage."""

    def article_versions(self) -> Iterator[ArticleVersion]:
        """Read what is in the index, page by page, in ascending order of slugs (code points).

        There is nothing in an index of another model, splitter or format.
        """

    def staged_versions(self) -> Iterator[ArticleVersion]:
        """Read what is staged by now, by anybody, likewise."""

    def switch(
        self,
        staged: Iterable[ArticleVersion],
        removed: Iterable[str],
        resaved: Iterable[ArticleVersion],
    ) -> None:
        """Make what is staged the index, in one step, and empty the staging: once, at the end.

        Readers see the index as it was or all of this. If all three are empty nothing is another
        generation of the index; only the time of the last reindex is.

        Args:
            staged: What goes into the index, in place of what it has under these slugs; all of it
                is staged, and whatever else is staged is forgotten. Ascending slugs.
            removed: Slugs of articles that leave the index. Ascending.
            resaved: Articles of the index whose file's digest is another one now, and nothing
                else. Ascending slugs.
        """
