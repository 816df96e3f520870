"""Brings the index up to date with the corpus: only new and changed articles are embedded.

First the articles are compared with what the index knows of them; what differs is noted on the
disk. Then each new or changed article is read again, embedded and staged; other processes may
help, and a reindex that is killed leaves what was staged for the next one. At the end the index is
switched, in one step. In memory are the articles of one step at a time, however many there are.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder, Tokens
from embeddings.errors import IndexDamaged, IndexUnusable, StagingDamaged
from embeddings.late_interaction import centred, pack
from embeddings.lexical import read_names, read_words
from embeddings.memory import return_freed_memory
from embeddings.plan import Plan, QueuedArticle
from embeddings.stores.contract import (
    EmbeddedArticle,
    EmbeddedPassage,
    LanguageMean,
    Staging,
    Writing,
    language_mean,
)
from embeddings.stores.opening import StoreAddress, join_staging, writing_to_store
from embeddings.stores.sqlite_file import discard_index
from knowledge.article import Article
from knowledge.corpus import ArticleSource, Fault, Findings
from knowledge.errors import ArticleError
from knowledge.passages import Passage, split_article

logger = logging.getLogger(__name__)

_LANGUAGE_SAMPLES = Path(__file__).with_name("language_samples.json")
"""Sixteen everyday sentences, the same in each language: their means differ by language only."""

_PASSAGES_AT_ONCE = 256
"""Passages are embedded together up to this many: full batches, bounded memory."""

_TEXTS_PER_STEP = 2048
"""Articles are staged together up to this many texts: what a kill costs, at most."""

_SHARED_FROM = 10_000
"""Texts from which on other processes may help, which have to load the model first."""

_DIFFERENT_FILES = 20
"""Files that may differ from those of the process that reindexes: some are just being changed."""


@dataclass(frozen=True, slots=True)
class Unnamed:
    """How many more there are than an `IndexReport` names."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    faults: int = 0


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a reindex did.

    Attributes:
        added: Slugs of articles that were not in the index; the first hundred, as below.
        changed: Slugs of articles whose content differs from what was in the index.
        removed: Slugs of articles that are in the corpus no more.
        unchanged: How many articles stayed as they were.
        articles: How many articles are now in the index.
        passages: How many passages are now in the index.
        faults: Files of the corpus that are not articles, or were changed meanwhile.
        seconds: How long it took.
        unnamed: How many more were added, changed, removed and faulty.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    articles: int
    passages: int
    faults: tuple[Fault, ...]
    seconds: float
    unnamed: Unnamed = Unnamed()


class ArticleQueue(Protocol):
    """The articles that a reindex has to embed."""

    def take(self, texts: int) -> list[QueuedArticle]:
        """Take articles to embed; none if all are done.

        As long as all that are left were taken by other processes, it waits: one that ends before
        they are done gives them back.

        Args:
            texts: About how many texts the articles shall have together; one is always taken.
        """

    def hold(self) -> None:
        """Keep what was taken: its work goes on."""

    def done(self, articles: Sequence[QueuedArticle]) -> None:
        """Note that articles are staged, or need not be."""

    def left(self) -> int:
        """Count the texts of all articles that are not done."""


class SharedQueue(ArticleQueue, Protocol):
    """One that several processes take from."""

    def fill(self, articles: Iterator[QueuedArticle]) -> None:
        """Put articles in the place of all that is in it."""


ShareQueue: TypeAlias = Callable[[str], SharedQueue | None]
"""Opens the queue of a staging, named by its key; None if it can't be had now."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many texts are embedded and how many there are."""


def reindex(
    source: ArticleSource,
    address: StoreAddress,
    embedder: Embedder,
    progress: Progress | None = None,
    share: ShareQueue | None = None,
) -> IndexReport:
    """Make an index hold exactly the articles of the corpus, in one step.

    Args:
        source: What the index shall hold. A faulty file counts as an article that is not there;
            one that is changed meanwhile stays in the index as it was.
        address: The index; created if missing, built anew if it is of another model or format.
        embedder: Embeds what is new.
        progress: Is told how far it is.
        share: Lets other processes help, where there is much to do.

    Raises:
        IndexBusy: Another process is writing to the index.
        IndexUnusable: The index cannot be written.
        CorpusError: The articles cannot be read.
    """
    try:
        return _reindex(source, address, embedder, progress, share)
    except IndexDamaged as error:
        if not isinstance(address, Path):
            raise
        logger.warning("the index is replaced by a new one: %s", error)
        discard_index(address)
    except StagingDamaged as error:
        logger.warning("what was lost is embedded again: %s", error)
    return _reindex(source, address, embedder, progress, share)


def help_to_reindex(
    source: ArticleSource,
    address: StoreAddress,
    embedder: Embedder,
    share: Callable[[str], ArticleQueue],
    progress: Progress | None = None,
) -> int:
    """Embed articles for a reindex that another process does, until none are left.

    Args:
        source: The same articles as the other process has.
        address: The index of that reindex.
        embedder: The same as the other process has.
        share: Opens the queue that it has filled, named by the staging's key.
        progress: Is told how far it is.

    Returns:
        How many articles were embedded here.

    Raises:
        IndexMissing: No reindex is under way.
        IndexUnusable: It is of another embedding model, splitter or format; or the articles are
            not the same.
    """
    with join_staging(address, embedder) as staging:
        different = 0

        def leave(_article: QueuedArticle, error: ArticleError) -> None:
            # The process that reindexes looks at it once more.
            nonlocal different
            different += 1
            if different > _DIFFERENT_FILES:
                raise IndexUnusable(
                    "The articles here are not those that are being reindexed. Set ARTICLES_DIR "
                    "to the same folder, or to a copy that is up to date."
                ) from error

        return _Work(source, staging, embedder, leave).do(share(staging.key), progress)


def _reindex(
    source: ArticleSource,
    address: StoreAddress,
    embedder: Embedder,
    progress: Progress | None,
    share: ShareQueue | None,
) -> IndexReport:
    started = time.perf_counter()
    findings = Findings()
    with writing_to_store(address, embedder) as writing, closing(Plan()) as plan:
        if not writing.has_language_means():
            writing.set_language_means(_language_means(embedder))
        before = writing.article_count
        for difference in source.differences(writing.article_versions(), findings):
            plan.add(difference)
        plan.note_staged(writing.staged_versions())

        def leave_out(article: QueuedArticle, error: ArticleError) -> None:
            plan.leave_out(article.slug)
            findings.add_fault(f"{article.slug}.md", str(error))

        work = _Work(source, writing, embedder, leave_out)
        if share and plan.texts() >= _SHARED_FROM and (queue := share(writing.key)):
            queue.fill(plan.to_embed())
            work.do(queue, progress)
            # What others have left undone, or done with other articles, is done here.
            plan.note_staged(writing.staged_versions())
        work.do(_LoneQueue(plan), progress)
        writing.switch(plan.embedded(), plan.removed(), plan.resaved())
        report = _report(plan, writing, findings, before, time.perf_counter() - started)
    logger.info(
        "reindex: %s added, %s changed, %s removed, %s unchanged, %s faults, %.1f s",
        len(report.added) + report.unnamed.added,
        len(report.changed) + report.unnamed.changed,
        len(report.removed) + report.unnamed.removed,
        report.unchanged,
        findings.fault_count,
        report.seconds,
    )
    return report


def _report(
    plan: Plan, writing: Writing, findings: Findings, before: int, seconds: float
) -> IndexReport:
    added, changed, removed = (plan.first(kind) for kind in ("added", "changed", "removed"))
    counts = plan.counts()
    return IndexReport(
        added=added,
        changed=changed,
        removed=removed,
        unchanged=before - counts["changed"] - counts["removed"],
        articles=writing.article_count,
        passages=writing.passage_count,
        faults=tuple(findings.faults),
        seconds=seconds,
        unnamed=Unnamed(
            added=counts["added"] - len(added),
            changed=counts["changed"] - len(changed),
            removed=counts["removed"] - len(removed),
            faults=findings.fault_count - len(findings.faults),
        ),
    )


class _LoneQueue:
    """The articles of a plan, of which no other process knows."""

    def __init__(self, plan: Plan) -> None:
        self._articles = plan.to_embed()
        self._left = plan.texts()

    def take(self, texts: int) -> list[QueuedArticle]:
        taken = []
        while texts > 0 and (article := next(self._articles, None)):
            taken.append(article)
            texts -= article.texts
        return taken

    def hold(self) -> None:
        pass

    def done(self, articles: Sequence[QueuedArticle]) -> None:
        self._left -= sum(article.texts for article in articles)

    def left(self) -> int:
        return self._left


class _Work:
    """Embeds and stages what it takes from a queue."""

    def __init__(
        self,
        source: ArticleSource,
        staging: Staging,
        embedder: Embedder,
        leave: Callable[[QueuedArticle, ArticleError], None],
    ) -> None:
        self._source = source
        self._staging = staging
        self._embedder = embedder
        self._leave = leave

    def do(self, queue: ArticleQueue, progress: Progress | None) -> int:
        """Go on until none are left; returns how many articles were embedded here."""
        count, means, total = 0, self._staging.read_language_means(), queue.left()
        while taken := queue.take(_TEXTS_PER_STEP):
            done = total - queue.left()

            def advance(texts: int) -> None:
                nonlocal done
                done += texts
                queue.hold()
                if progress:
                    progress(done, total)

            articles = self._read(taken)
            if articles:
                self._staging.stage(_embed_articles(articles, self._embedder, means, advance))
            count += len(articles)
            del articles
            queue.done(taken)
            # Texts of all lengths leave holes in it: without this, 10,000 articles end at 2.9 GB.
            return_freed_memory()
        return count

    def _read(self, taken: Sequence[QueuedArticle]) -> list[tuple[Article, str | None]]:
        articles = []
        for each in taken:
            try:
                articles.append((self._source.read(each.slug, each.digest), each.digest))
            except ArticleError as error:
                self._leave(each, error)
        return articles


def _embed_articles(
    articles: Sequence[tuple[Article, str | None]],
    embedder: Embedder,
    means: dict[str, LanguageMean],
    advance: Callable[[int], None],
) -> list[EmbeddedArticle]:
    passages = [split_article(article) for article, _ in articles]
    flat = [passage for of_one in passages for passage in of_one]
    embedded = (
        each
        for first in range(0, len(flat), _PASSAGES_AT_ONCE)
        for each in _embed_passages(
            flat[first : first + _PASSAGES_AT_ONCE], embedder, means, advance
        )
    )
    return [
        EmbeddedArticle(article, tuple(islice(embedded, len(of_one))), digest)
        for (article, digest), of_one in zip(articles, passages, strict=True)
    ]


def _embed_passages(
    passages: Sequence[Passage],
    embedder: Embedder,
    means: dict[str, LanguageMean],
    advance: Callable[[int], None],
) -> list[EmbeddedPassage]:
    """Embed passages with their article's title, and their sentences without.

    The title tells what a passage is about that names its subject only as "the organisation"; in
    front of each sentence it would drown the sentence.
    """
    titled = [f"{passage.article.title}\n{passage.text}" for passage in passages]
    sentences = [
        passage.article.body[sentence.start : sentence.end]
        for passage in passages
        for sentence in passage.sentences
    ]
    embedded = embedder.embed_passages(titled, advance)
    sentence_embeddings = embedder.embed_sentences(sentences, advance)
    ends = accumulate(len(passage.sentences) for passage in passages)
    return [
        EmbeddedPassage(
            passage,
            embedding,
            sentence_embeddings[end - len(passage.sentences) : end],
            read_words(text, passage.article.language),
            read_names(text),
            *_pack_tokens(passage, tokens, language_mean(means, passage.article.language)),
        )
        for passage, text, embedding, tokens, end in zip(
            passages, titled, embedded.embeddings, embedded.tokens, ends, strict=True
        )
    ]


def _pack_tokens(
    passage: Passage, tokens: Tokens, mean: LanguageMean
) -> tuple[bytes, tuple[int, ...]]:
    """Pack the tokens of a titled passage, and count those of each sentence; the title's go."""
    ends = tokens.ends + passage.start - len(passage.article.title) - len("\n")
    edges = np.searchsorted(ends, [s.end for s in passage.sentences], side="right")
    first = int(np.searchsorted(ends, passage.start, side="right"))
    packed = pack(centred(tokens.embeddings[first : edges[-1]], mean.passage_token))
    return packed, tuple(np.diff(edges, prepend=first).tolist())


def _language_means(embedder: Embedder) -> dict[str, LanguageMean]:
    samples: dict[str, list[str]] = json.loads(_LANGUAGE_SAMPLES.read_text("utf-8"))
    means = {}
    for language, texts in samples.items():
        questions, passages = embedder.embed_questions(texts), embedder.embed_passages(texts)
        means[language] = LanguageMean(
            question=_mean(questions.embeddings),
            passage=_mean(passages.embeddings),
            question_token=_mean(np.concatenate([each.embeddings for each in questions.tokens])),
            passage_token=_mean(np.concatenate([each.embeddings for each in passages.tokens])),
        )
    return means


def _mean(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the mean of the rows, zeros where there are none."""
    mean: npt.NDArray[np.float32] = rows.sum(axis=0, dtype=np.float32) / max(1, len(rows))
    return mean
