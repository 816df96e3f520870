"""What our own work costs beside the model's forward passes, which nobody can do without.

Run as `python -m benchmarks.own_costs FOLDER RESULT`, with orders in the folder. The bare forward
passes are those of the same texts, sorted by length and in batches of 32, with the tokens already
counted out.
"""

import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.generated_articles import generate_articles
from benchmarks.orders import AT_ONCE, Orders, read, write
from benchmarks.systems import go_offline
from embeddings.embedder import PACKAGED, Embedded, Embedder, Embeddings, Tokens, load_embedder
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from knowledge.article import Article
from knowledge.corpus import Corpus
from knowledge.passages import split_article

_BATCH = 32
_REPEATS = 3
_JITTER = 0.3


@dataclass(frozen=True, slots=True)
class AtSize:
    """Questions to an index of some size; times in seconds.

    Attributes:
        passages: How many passages there are.
        question: A question, the median.
        forward: The bare forward pass of a question, the median.
        burst: 64 questions at once, the median.
        opening: Reading the index.
    """

    passages: int
    question: float
    forward: float
    burst: float
    opening: float


@dataclass(frozen=True, slots=True)
class OwnCosts:
    """What was measured; times in seconds.

    Attributes:
        number_type: What the model computes with.
        indexing: Indexing the orders' texts.
        forward: The bare forward passes of what is embedded for it.
        burst_forward: The bare forward pass of 64 questions.
        sizes: Questions to indexes of other sizes.
    """

    number_type: str
    indexing: float
    forward: float
    burst_forward: float
    sizes: tuple[AtSize, ...]


class Forward:
    """Runs nothing but the model's forward passes."""

    def __init__(self, model: Path, number_type: str) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(
            str(model), device="cpu", model_kwargs={"dtype": getattr(torch, number_type)}
        )

    def seconds(self, texts: Sequence[str]) -> float:
        """Return what the forward passes of these texts take, prompts included."""
        import torch

        longest_first = sorted(texts, key=len, reverse=True)
        batches: list[Any] = [
            self._tokenize(longest_first[first : first + _BATCH])
            for first in range(0, len(texts), _BATCH)
        ]
        begun = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                self._model.forward(batch)
        return time.perf_counter() - begun

    def _tokenize(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - as the library says
        return self._model.preprocess(list(texts))


class JitteredEmbedder:
    """Embeds texts as something close to a text that the real model has embedded, in no time.

    So an index of thousands of passages is made like a real one, in all but its meaning.
    """

    def __init__(self, embedder: Embedder, samples: Sequence[str]) -> None:
        self.identity = embedder.identity
        self.model = embedder.model
        self.dimension = embedder.dimension
        real = embedder.embed_passages(samples)
        self._embeddings = real.embeddings
        self._tokens = np.concatenate([each.embeddings for each in real.tokens])
        self._chance = np.random.default_rng(len(samples))

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        """See `Embedder`."""
        return self.embed_passages(texts)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        """See `Embedder`."""
        return Embedded(self.embed_sentences(texts, advance), tuple(map(self._tokens_of, texts)))

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """See `Embedder`."""
        if advance:
            advance(len(texts))
        rows = self._embeddings[self._chance.integers(len(self._embeddings), size=len(texts))]
        noise = self._chance.standard_normal(rows.shape, np.float32)
        rows = rows + _JITTER * noise / np.float32(np.sqrt(self.dimension))
        scaled: Embeddings = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return scaled

    def _tokens_of(self, text: str) -> Tokens:
        # As the real model has them: some three letters a token.
        ends = [match.end() for match in re.finditer(r"\w{1,4}", text)]
        rows = self._chance.integers(len(self._tokens), size=len(ends))
        return Tokens(self._tokens[rows], np.array(ends, np.int64))


def measure(orders: Orders, folder: Path, embedder: Embedder, sizes: Sequence[int]) -> OwnCosts:
    """Measure in a folder of its own."""
    number_type = embedder.identity.split()[0]
    forward = Forward(orders.model, number_type)
    articles = [
        Article(
            f"text-{n}",
            text.title,
            f"https://example.org/{n}",
            text.body,
            None,
            text.language,
            None,
        )
        for n, text in enumerate(orders.texts)
    ]
    embedded = ["passage: " + text for text in _embedded_texts(articles)]
    forward.seconds(embedded[:_BATCH])
    # In turns, so that a busy minute of the machine hits both.
    before = forward.seconds(embedded)
    begun = time.perf_counter()
    reindex(Corpus(tuple(articles), ()), folder / "own.db", embedder)
    indexing = time.perf_counter() - begun
    after = forward.seconds(embedded)
    questions = ["query: " + question for question in orders.asked[:AT_ONCE]]
    return OwnCosts(
        number_type=number_type,
        indexing=indexing,
        forward=(before + after) / 2,
        burst_forward=statistics.median(forward.seconds(questions) for _ in range(_REPEATS)),
        sizes=tuple(_at_size(size, orders, folder, embedder, forward) for size in sizes),
    )


def _embedded_texts(articles: Sequence[Article]) -> list[str]:
    """Return what is embedded of articles: each passage with its title, and each sentence."""
    passages = [passage for article in articles for passage in split_article(article)]
    return [
        *(f"{passage.article.title}\n{passage.text}" for passage in passages),
        *(
            passage.article.body[sentence.start : sentence.end]
            for passage in passages
            for sentence in passage.sentences
        ),
    ]


def _at_size(
    size: int, orders: Orders, folder: Path, embedder: Embedder, forward: Forward
) -> AtSize:
    path = folder / f"{size}.db"
    samples = [text.titled for text in orders.texts[:_BATCH]]
    reindex(Corpus(tuple(_articles_of(size)), ()), path, JitteredEmbedder(embedder, samples))
    retriever = Retriever(SqliteStore.open(path, embedder), embedder)
    begun = time.perf_counter()
    retriever.refresh()
    opening = time.perf_counter() - begun
    for question in orders.asked[:5]:
        retriever.search(question)
    questions, forwards, bursts = [], [], []
    for question in orders.asked:
        begun = time.perf_counter()
        retriever.search(question)
        questions.append(time.perf_counter() - begun)
        forwards.append(forward.seconds([f"query: {question}"]))
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        for first in range(0, AT_ONCE, _BATCH):
            retriever.search_batch(orders.asked[first : min(first + _BATCH, AT_ONCE)])
        bursts.append(time.perf_counter() - begun)
    return AtSize(
        passages=retriever.state().passages,
        question=statistics.median(questions),
        forward=statistics.median(forwards),
        burst=statistics.median(bursts),
        opening=opening,
    )


def _articles_of(passages: int) -> list[Article]:
    """Make up articles of about so many passages."""
    articles, count = [], 0
    for article in generate_articles(passages):
        if count >= passages:
            break
        articles.append(article)
        count += len(split_article(article))
    return articles


def main(folder: Path, result: Path, sizes: Sequence[int]) -> None:
    """Measure what the orders in a folder say."""
    go_offline()
    orders = read(Orders, folder / "orders.json")
    own = folder / "own_costs"
    own.mkdir(exist_ok=True)
    write(measure(orders, own, load_embedder(PACKAGED, orders.model.parent), sizes), result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(size) for size in sys.argv[3:]])
