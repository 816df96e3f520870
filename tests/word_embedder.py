"""An embedder whose embeddings can be worked out by hand."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedded, Tokens
from knowledge.language import detect_language


class WordEmbedder:
    """One axis for each given word, and one for each language, as multilingual models have them.

    A text's coordinate on a word's axis is how often the word occurs in it, on its language's axis
    `language_weight` times its number of words; then it is scaled to length 1.
    """

    def __init__(self, *words: str, language_weight: float = 0.0, name: str = "words") -> None:
        self._axes = {word: axis for axis, word in enumerate((*words, "en", "ru", "kk", "ky"))}
        self._language_weight = language_weight
        self.dimension = len(self._axes)
        self.identity = f"{name} {' '.join(words)}"
        self.model = name
        self.embedded: list[str] = []

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        rows = [self._embed(text) for text in texts]
        embeddings = np.array(rows, np.float32).reshape(-1, self.dimension)
        return Embedded(embeddings, tuple(map(self._tokens, texts)))

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        self.embedded += texts
        if advance:
            advance(len(texts))
        return self.embed_questions(texts)

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> npt.NDArray[np.float32]:
        return self.embed_passages(texts, advance).embeddings

    def _tokens(self, text: str) -> Tokens:
        """Each word that is an axis is a token."""
        words = [
            word for word in re.finditer(r"\w+", text) if word.group().casefold() in self._axes
        ]
        rows = [self._embed(word.group()) for word in words]
        return Tokens(
            np.array(rows, np.float32).reshape(-1, self.dimension),
            np.array([word.end() for word in words], np.int64),
        )

    def _embed(self, text: str) -> npt.NDArray[np.float32]:
        embedding = np.zeros(self.dimension, np.float32)
        words = re.findall(r"\w+", text.casefold())
        for word in words:
            if word in self._axes:
                embedding[self._axes[word]] += 1
        embedding[self._axes[detect_language(text)]] += self._language_weight * len(words)
        return embedding / (np.linalg.norm(embedding) or 1)
