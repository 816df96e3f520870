"""Word evidence: how much of a question's words a passage has.

Within a language words are compared by their stems (Snowball for English and Russian) or, where
endings pile up and no stemmer is kept well, by their four-letter parts (Kazakh, Kyrgyz). Across
languages only what is spelt alike counts: names and international words, in Latin letters and cut
to their beginning, so that "Камбаров" finds "Kambarov".
"""

import math
import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import Stemmer

Words: TypeAlias = npt.NDArray[np.uint32]
"""The distinct words of a text, each as a number, in ascending order."""

_WORD = re.compile(r"\w+")
_STEMMERS = {"en": "english", "ru": "russian"}

_PART = 4
"""Letters. On the Kazakh tuning questions parts of 4 alone have the right passage first for 0.608,
of 3 for 0.603, of 5 for 0.571; the first 4 to 6 letters for 0.582 to 0.597, words for 0.514."""

_SHORTEST_NAME = 4
_NAME = 5
"""Letters. Shorter words are alike by chance, longer beginnings have endings in them."""

_LATIN = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфхыэюя", "abvgdeziiklmnoprstufhieua", strict=True)),
        **dict(zip("әғқңөұүһі", "agknouuhi", strict=True)),
        "ё": "e",
        "ж": "zh",
        "ц": "c",
        "ч": "ch",
        "ш": "sh",
        "щ": "sh",
        "ъ": "",
        "ь": "",
    }
)
_SPELT_ALIKE = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        ("s?tch", "ch"),
        ("sh?ch", "sh"),
        ("dzh|dj|j", "zh"),
        ("kh", "h"),
        ("ph", "f"),
        ("th", "t"),
        ("ck|q", "k"),
        ("ts", "c"),
        ("x", "ks"),
        ("w", "v"),
        ("y|ee", "i"),
        ("io", "e"),  # Fyodor, Федор
        ("oo|ou", "u"),
        ("i+(?=[aeu])", ""),  # Yelena, Елена; Tokayev, Токаев
        (r"(.)\1", r"\1"),
    )
)


def read_words(text: str, language: str) -> Words:
    """Return what a text's words are compared by within its language; see the module."""
    return _numbers(part for word in _words(text) for part in _parts(word, language))


def read_names(text: str) -> Words:
    """Return what a text's words are compared by across languages; see the module."""
    return _numbers(
        word if word.isdigit() else in_latin(word)[:_NAME]
        for word in _words(text)
        if len(word) >= _SHORTEST_NAME or word.isdigit()
    )


@lru_cache(maxsize=50_000)
def in_latin(word: str) -> str:
    """Return a word in plain Latin letters, the same for most spellings of a name."""
    word = word.lower().translate(_LATIN)
    word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    for pattern, plain in _SPELT_ALIKE:
        word = pattern.sub(plain, word)
    return word


@dataclass(frozen=True, slots=True)
class WordLists:
    """The words of many texts, one text behind the other.

    An array for each text would take more memory than the words themselves.

    Attributes:
        words: Shape (w,).
        ends: Shape (n,), where in them each text's words end.
    """

    words: Words
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[Words]) -> Self:
        """Take the words of each text, from `read_words` or from `read_names`."""
        return cls(_joined(texts), np.cumsum([len(text) for text in texts], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, text: int) -> Words:
        return self.words[self.ends[text - 1] if text else 0 : self.ends[text]]

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Shape (n,), how many words each text has."""
        return np.diff(self.ends, prepend=0)

    def chosen(self, texts: npt.NDArray[np.bool_]) -> "WordLists":
        """Return those of some texts."""
        counts = self.counts
        return WordLists(self.words[np.repeat(texts, counts)], np.cumsum(counts[texts]))


def joined_lists(parts: Sequence[WordLists]) -> WordLists:
    """Put the texts of each part behind those of the part before."""
    counts = np.concatenate([part.counts for part in parts])
    return WordLists(np.concatenate([part.words for part in parts]), np.cumsum(counts))


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many texts each word is.

    Attributes:
        count: How many texts there are.
        words: All of their words.
        texts: Shape (words,), how many texts have each of them; at least 1.
    """

    count: int
    words: Words
    texts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[Words]) -> Self:
        """Count the words of texts, each from `read_words` or from `read_names`."""
        words, counts = np.unique(_joined(texts), return_counts=True)
        return cls(len(texts), words, counts.astype(np.int64))

    def find(self, words: Words) -> npt.NDArray[np.int64]:
        """Return how many texts have each of some words, shape (words,)."""
        if not len(self.words):
            return np.zeros(len(words), np.int64)
        at = np.minimum(np.searchsorted(self.words, words), len(self.words) - 1)
        return np.where(self.words[at] == words, self.texts[at], 0)

    def __add__(self, other: "Frequencies") -> "Frequencies":
        return _sum_of(self, other, 1)

    def __sub__(self, other: "Frequencies") -> "Frequencies":
        return _sum_of(self, other, -1)


def _sum_of(one: Frequencies, other: Frequencies, sign: int) -> Frequencies:
    words, places = np.unique(np.concatenate([one.words, other.words]), return_inverse=True)
    texts = np.zeros(len(words), np.int64)
    np.add.at(texts, places, np.concatenate([one.texts, sign * other.texts]))
    left = texts > 0
    return Frequencies(one.count + sign * other.count, words[left], texts[left])


def idf(frequencies: Frequencies, words: Words) -> list[float]:
    """Return how much each of some words weighs: the rarer, the more.

    It is the inverse document frequency of BM25 (Robertson and Zaragoza 2009, section 3.3),
    log(1 + (n - df + 0.5) / (df + 0.5)).
    """
    count = frequencies.count
    return [
        math.log(1 + (count - texts + 0.5) / (texts + 0.5))
        for texts in frequencies.find(words).tolist()
    ]


class WordIndex:
    """Tells how much of a question's words each text has."""

    def __init__(self, texts: WordLists, frequencies: Frequencies | None = None) -> None:
        """Take what is searched.

        Args:
            texts: Each text's words.
            frequencies: Those of all texts, if these are but some of them.
        """
        self._set(len(texts), *_by_word(texts), frequencies)

    def _set(
        self,
        count: int,
        words: Words,
        rows: npt.NDArray[np.int32],
        frequencies: Frequencies | None = None,
    ) -> None:
        """Take how many texts there are, and each of their words, sorted, with its text's row."""
        self._count = count
        self._rows = rows
        # The first one begins a run, too: no number equals its own complement.
        self._starts = np.flatnonzero(np.diff(words, prepend=~words[:1]))
        self._ends = np.append(self._starts[1:], len(words))
        self._words = words[self._starts]
        own = Frequencies(count, self._words, self._ends - self._starts)
        self._frequencies = frequencies or own

    def updated(self, kept: npt.NDArray[np.bool_], added: WordLists) -> "WordIndex":
        """Return the index of the texts that are kept, shape (n,), and of others after them.

        It equals one that is made of all these texts, and takes a fraction of the time: nothing
        is sorted but what is added.
        """
        words = np.repeat(self._words, self._ends - self._starts)
        still = kept[self._rows]
        words = words[still]
        rows = (np.cumsum(kept, dtype=np.int32) - 1)[self._rows[still]]
        count = int(kept.sum())
        added_words, added_rows = _by_word(added)
        places = np.searchsorted(words, added_words, side="right")
        index = WordIndex(WordLists.of(()))
        index._set(
            count + len(added),
            np.insert(words, places, added_words),
            np.insert(rows, places, added_rows + count),
        )
        return index

    def coverage(self, question: Words) -> npt.NDArray[np.float32]:
        """Return for each text the share of the question's words that it has, shape (n,).

        Rare words weigh more, see `idf`. Unlike BM25 it is between 0 and 1 whatever the question,
        and so says something to the confidence, too.
        """
        rows = []
        for word, at in zip(question, np.searchsorted(self._words, question), strict=True):
            known = at < len(self._words) and self._words[at] == word
            rows.append(self._rows[self._starts[at] : self._ends[at]] if known else self._rows[:0])
        weights = idf(self._frequencies, question)
        total = sum(weights)
        if not total:
            return np.zeros(self._count, np.float32)
        covered = np.bincount(
            np.concatenate(rows),
            np.repeat(weights, [len(each) for each in rows]),
            minlength=self._count,
        )
        return (covered / total).astype(np.float32)


def _by_word(texts: WordLists) -> tuple[Words, npt.NDArray[np.int32]]:
    """Return every word of every text, in ascending order, and the row of its text."""
    # Word and row as one number: to sort these takes a tenth of the time and half of the memory
    # of finding the order of the words.
    both = texts.words.astype(np.uint64)
    both <<= 32
    both |= np.repeat(np.arange(len(texts), dtype=np.uint32), texts.counts)
    both.sort()
    rows = both.astype(np.uint32).view(np.int32)
    both >>= 32
    return both.astype(np.uint32), rows


def _joined(texts: Sequence[Words]) -> Words:
    return np.concatenate([*texts, np.zeros(0, np.uint32)])


def _words(text: str) -> list[str]:
    # Some keyboards write й as и with a mark, which would end the word.
    plain = unicodedata.normalize("NFKC", text).lower().replace("ё", "е")
    return _WORD.findall(plain)


@lru_cache(maxsize=50_000)
def _parts(word: str, language: str) -> tuple[str, ...]:
    if language in _STEMMERS:
        return (_stemmer(language).stemWord(word),)
    framed = f"_{word}_"
    return tuple(framed[at : at + _PART] for at in range(max(1, len(framed) - _PART + 1)))


@cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(_STEMMERS[language])


def _numbers(words: Iterable[str]) -> Words:
    return np.array(sorted({zlib.crc32(word.encode()) for word in words}), np.uint32)
