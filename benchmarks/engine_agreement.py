"""Whether questions get the same answers from Milvus as from the local store.

Run as `python -m benchmarks.engine_agreement URL MODELS FILES`: the store's URL, the folder that
the packaged model is unpacked to, and files of questions as `python -m bot evaluate` takes them;
those in SQuAD's format are also asked without the article that answers. Both stores get the same
embeddings. Collections that begin with "agreement" are made and left in Milvus.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.systems import go_offline
from embeddings.embedder import PACKAGED, Embedder, load_embedder
from embeddings.evaluation.question_files import read_question_sets
from embeddings.evaluation.question_sets import KnownQuestion, QuestionSet
from embeddings.indexing import reindex
from embeddings.retriever import Hit, Retriever
from embeddings.stores.contract import EmbeddedArticle, EmbeddedPassage, Store
from embeddings.stores.opening import MilvusAddress, open_store, writing_to_store
from embeddings.stores.sqlite import SqliteStore
from knowledge.corpus import Corpus, load_corpus

_ARTICLES = Path(__file__).parents[1] / "knowledge" / "articles"
_ARTICLES_AT_ONCE = 20
_QUESTIONS_AT_ONCE = 64
_RANKS = 10
_ROUNDED = 1e-5
"""Many questions together are rounded otherwise than one."""


def main() -> None:
    """Ask all questions twice, and print what differs."""
    url, models, *files = sys.argv[1:]
    go_offline()
    embedder = load_embedder(PACKAGED, Path(models))
    sets = read_question_sets(
        [Path(file) for file in files], lambda: load_corpus(_ARTICLES).articles
    )
    for number, each in enumerate(sets):
        _say(f"## {', '.join(each.files)}")
        _compare(each, embedder, MilvusAddress(url, prefix=f"agreement{number}"))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _compare(question_set: QuestionSet, embedder: Embedder, address: MilvusAddress) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        reindex(Corpus(question_set.articles, ()), path, embedder)
        local = SqliteStore.open(path, embedder)
        begun = time.perf_counter()
        _copy(local, address, embedder)
        _say(f"copied in {time.perf_counter() - begun:.1f} s")
        engine = open_store(address, embedder)
        asked = _asked(question_set)
        expected, found = (_ask(store, embedder, asked) for store in (local, engine))
        for store in (local, engine):
            store.close()
    same = [_first(one) == _first(other) for one, other in zip(expected, found, strict=True)]
    scores = [_have_same_scores(*both) for both in zip(expected, found, strict=True)]
    _say(f"{len(asked)} questions; first quote the same for {sum(same) / len(same):.4f}, the")
    _say(f"first {_RANKS} hits with the same scores for {sum(scores) / len(scores):.4f}")
    reasons = Counter[str]()
    for (question, _), one, other, agrees in zip(asked, expected, found, same, strict=True):
        if not agrees:
            reason = _reason(one, other)
            reasons[reason] += 1
            _say(f"- {question.id}: {_first(one)} and not {_first(other)}: {reason}")
    for reason, count in reasons.most_common():
        _say(f"{count} times: {reason}")


def _asked(question_set: QuestionSet) -> list[tuple[KnownQuestion, str | None]]:
    asked: list[tuple[KnownQuestion, str | None]] = [
        (question, None) for question in question_set.questions
    ]
    if question_set.kind.asks_without:
        asked += [(question, question.article) for question in question_set.questions]
    return asked


def _ask(
    store: Store, embedder: Embedder, asked: Sequence[tuple[KnownQuestion, str | None]]
) -> list[list[Hit]]:
    retriever = Retriever(store, embedder)
    retriever.refresh()
    begun, hits = time.perf_counter(), []
    for at in range(0, len(asked), _QUESTIONS_AT_ONCE):
        some = asked[at : at + _QUESTIONS_AT_ONCE]
        hits += retriever.search_batch(
            [question.text for question, _ in some],
            _RANKS,
            [without for _, without in some],
            after=[question.after for question, _ in some],
        )
    seconds = (time.perf_counter() - begun) / len(asked)
    _say(f"{type(store).__name__}: {1000 * seconds:.1f} ms a question")
    return hits


def _first(hits: Sequence[Hit]) -> tuple[str, int, int] | None:
    if not hits:
        return None
    return hits[0].passage.article.slug, hits[0].quote.start, hits[0].quote.end


def _have_same_scores(expected: Sequence[Hit], found: Sequence[Hit]) -> bool:
    return len(expected) == len(found) and all(
        one.passage == other.passage and abs(one.score - other.score) < _ROUNDED
        for one, other in zip(expected, found, strict=True)
    )


def _reason(expected: Sequence[Hit], found: Sequence[Hit]) -> str:
    places = {(hit.passage.article.slug, hit.passage.start): hit.score for hit in found}
    first = expected[0]
    score = places.get((first.passage.article.slug, first.passage.start))
    if score is None:
        return "the engine has not found it"
    if abs(score - first.score) > _ROUNDED:
        return "another score"
    if abs(score - found[0].score) < _ROUNDED:
        return "two with the same score"
    return "the engine has found a better one"


def _copy(local: SqliteStore, address: MilvusAddress, embedder: Embedder) -> None:
    with writing_to_store(address, embedder) as writing:
        with local.snapshot():
            writing.set_language_means(local.read_language_means())
            for articles in _embedded(local):
                writing.stage(articles)
        removed = {version.slug for version in writing.article_versions()}
        staged = list(writing.staged_versions())
        removed -= {version.slug for version in staged}
        writing.switch(staged, sorted(removed), ())


def _embedded(local: SqliteStore) -> Iterator[list[EmbeddedArticle]]:
    for offset in range(0, local.article_count, _ARTICLES_AT_ONCE):
        yield [
            EmbeddedArticle(article, tuple(_passages(local, article.slug)), None)
            for article in local.read_articles(offset, _ARTICLES_AT_ONCE)
        ]


def _passages(local: SqliteStore, slug: str) -> Iterator[EmbeddedPassage]:
    import numpy as np

    ids = local.passage_ids(slug)
    vectors = local.read_vectors(np.array(sorted(ids)))
    read = zip(local.read_passages(ids), local.read_tokens(ids), ids, strict=True)
    for passage, tokens, each in read:
        row = int(np.searchsorted(vectors.passage_ids, each))
        first = int(vectors.first_sentences[row])
        own = slice(first, first + int(vectors.sentence_counts[row]))
        yield EmbeddedPassage(
            passage,
            vectors.passages[row].astype(np.float32),
            vectors.sentences[own].astype(np.float32),
            vectors.words[row],
            vectors.names[row],
            tokens,
            tuple(vectors.sentence_tokens[own].tolist()),
        )


if __name__ == "__main__":
    main()
