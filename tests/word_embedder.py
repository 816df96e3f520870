"""An embedder whose embeddings can be worked out by hand."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

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
        self.embedded: list[str] = []

    def embed_questions(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        rows = [self._embed(text) for text in texts]
        return np.array(rows, np.float32).reshape(-1, self.dimension)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> npt.NDArray[np.float32]:
        self.embedded += texts
        if advance:
            advance(len(texts))
        return self.embed_questions(texts)

    def _embed(self, text: str) -> npt.NDArray[np.float32]:
        embedding = np.zeros(self.dimension, np.float32)
        words = re.findall(r"\w+", text.casefold())
        for word in words:
            if word in self._axes:
                embedding[self._axes[word]] += 1
        embedding[self._axes[detect_language(text)]] += self._language_weight * len(words)
        return embedding / (np.linalg.norm(embedding) or 1)
