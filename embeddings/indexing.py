"""Brings the index up to date with the corpus: only new and changed articles are embedded."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder, Tokens
from embeddings.errors import IndexDamaged
from embeddings.late_interaction import centred, pack
from embeddings.lexical import read_names, read_words
from embeddings.memory import return_freed_memory
from embeddings.stores.contract import ArticleVersion, EmbeddedPassage, LanguageMean, language_mean
from embeddings.stores.sqlite import SqliteStore, discard_index
from knowledge.article import Article
from knowledge.corpus import Corpus, Fault
from knowledge.passages import Passage, split_article

logger = logging.getLogger(__name__)

_LANGUAGE_SAMPLES = Path(__file__).with_name("language_samples.json")
"""Sixteen everyday sentences, the same in each language: their means differ by language only."""

_PASSAGES_PER_STEP = 256
"""Articles are embedded together up to this many passages: full batches, bounded memory."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a reindex did.

    Attributes:
        added: Slugs of articles that were not in the index.
        changed: Slugs of articles whose content differs from what was in the index.
        removed: Slugs of articles that are in the corpus no more.
        unchanged: How many articles stayed as they were.
        articles: How many articles are now in the index.
        passages: How many passages are now in the index.
        faults: Files of the corpus that are not articles.
        seconds: How long it took.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    articles: int
    passages: int
    faults: tuple[Fault, ...]
    seconds: float


def reindex(
    corpus: Corpus,
    path: Path,
    embedder: Embedder,
    progress: Callable[[int, int], None] | None = None,
) -> IndexReport:
    """Make the index at `path` hold exactly the articles of the corpus, in one transaction.

    Args:
        corpus: What the index shall hold. A faulty file counts as an article that is not there.
        path: The index; created if missing, built anew if it is of another model or format.
        embedder: Embeds what is new.
        progress: Called with how many texts are embedded and how many there are.

    Raises:
        IndexBusy: Another process is writing to the index.
        IndexUnusable: The index cannot be written.
    """
    try:
        return _reindex(corpus, path, embedder, progress)
    except IndexDamaged as error:
        logger.warning("the index is replaced by a new one: %s", error)
        discard_index(path)
        return _reindex(corpus, path, embedder, progress)


def _reindex(
    corpus: Corpus,
    path: Path,
    embedder: Embedder,
    progress: Callable[[int, int], None] | None,
) -> IndexReport:
    started = time.perf_counter()
    with SqliteStore.writing(path, embedder) as store:
        if not store.has_language_means():
            store.set_language_means(_language_means(embedder))
        known = store.article_versions()
        slugs = {article.slug for article in corpus.articles}
        removed = tuple(sorted(known.keys() - slugs))
        for slug in removed:
            store.remove_article(slug)
        new = _new_articles(corpus, known, store)
        _embed_articles(new, corpus.digests, store, embedder, progress)
        articles, passages = store.article_count, store.passage_count
    report = IndexReport(
        added=tuple(article.slug for article in new if article.slug not in known),
        changed=tuple(article.slug for article in new if article.slug in known),
        removed=removed,
        unchanged=len(corpus.articles) - len(new),
        articles=articles,
        passages=passages,
        faults=corpus.faults,
        seconds=time.perf_counter() - started,
    )
    logger.info(
        "reindex: %s added, %s changed, %s removed, %s unchanged, %s faults, %.1f s",
        len(report.added),
        len(report.changed),
        len(removed),
        report.unchanged,
        len(report.faults),
        report.seconds,
    )
    return report


def _new_articles(
    corpus: Corpus, known: Mapping[str, ArticleVersion], store: SqliteStore
) -> list[Article]:
    """Return the articles that the store has not as they are; note new digests of the others."""
    new = []
    for article in corpus.articles:
        version = known.get(article.slug)
        digest = corpus.digests.get(article.slug)
        if version and digest and digest == version.file_digest:
            continue
        if version is None or version.content_hash != article.content_hash:
            new.append(article)
        elif version.file_digest != digest:
            # The file was written anew and says the same, or is read in another way than before.
            store.set_file_digest(article.slug, digest)
    return new


def _embed_articles(
    articles: Sequence[Article],
    digests: Mapping[str, str],
    store: SqliteStore,
    embedder: Embedder,
    progress: Callable[[int, int], None] | None,
) -> None:
    passages = [split_article(article) for article in articles]
    total = sum(1 + len(passage.sentences) for of_one in passages for passage in of_one)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    means = store.read_language_means()
    for step in _steps([len(of_one) for of_one in passages]):
        embedded = _embed_passages(
            [passage for of_one in passages[step] for passage in of_one], embedder, means, advance
        )
        for article in articles[step]:
            own = [item for item in embedded if item.passage.article is article]
            store.replace_article(article, own, digests.get(article.slug))
        del embedded, own
        # Texts of all lengths leave holes in it: without this, 10,000 articles end at 2.9 GB.
        return_freed_memory()


def _steps(sizes: Sequence[int]) -> list[slice]:
    """Group neighbours until a group reaches the step's size."""
    groups = [0]
    filled = 0
    for index, size in enumerate(sizes, start=1):
        filled += size
        if filled >= _PASSAGES_PER_STEP or index == len(sizes):
            groups.append(index)
            filled = 0
    return [slice(first, last) for first, last in pairwise(groups)]


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
