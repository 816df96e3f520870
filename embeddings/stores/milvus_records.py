"""What is read by its key: packed into text, in as many parts as it takes.

Milvus has neither bytes nor texts of any length, so bytes are kept in base64. The first part tells
how many there are.
"""

import base64
import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from embeddings.lexical import Frequencies, Words
from embeddings.statistics import LanguageStatistics, Statistics, Total
from embeddings.stores.contract import EmbeddedPassage, LanguageMean, Vectors
from embeddings.stores.milvus_engine import Engine, Row, is_any
from embeddings.stores.milvus_schema import LONGEST_TEXT
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

_Item = TypeVar("_Item")

Stored: TypeAlias = npt.NDArray[np.float16]
"""Embeddings as they are kept: a passage's and then those of its sentences, shape (1 + s, d)."""

UNDATED = -(2**40)
"""The day of an article without a date: before any day."""

_EPOCH = date(1970, 1, 1)

_AT_ONCE = 200
"""Records that are read at a time; 65 kB each at most."""


def number(*names: object) -> int:
    """Return a number for a name, from 0 to 2**63: the same for the same, no other's."""
    digest = sha256("/".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


def passage_id(version: int, place: int) -> int:
    """Return the id of the passage at a place in a version of an article."""
    return number("passage", version, place)


def day_of(published: date | None) -> int:
    """Return days since 1970."""
    return (published - _EPOCH).days if published else UNDATED


def in_groups(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield items, so many at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))


def write_record(key: str, version: int, data: bytes) -> Iterator[Row]:
    """Yield the rows of a record."""
    text = base64.b64encode(data).decode()
    room = LONGEST_TEXT - len("99999:")
    parts = [text[at : at + room] for at in range(0, len(text), room)] or [""]
    parts[0] = f"{len(parts)}:{parts[0]}"
    for part, content in enumerate(parts):
        yield {
            "id": number("record", key, part),
            "version": version,
            "text": content,
            "nothing": [0.0, 0.0],
        }


def read_records(engine: Engine, collection: str, keys: Sequence[str]) -> dict[str, bytes]:
    """Return the records that there are of some."""
    first = _read_texts(engine, collection, [(key, 0) for key in keys])
    heads = {key: text.partition(":") for (key, _), text in first.items()}
    more = [(key, part) for key, head in heads.items() for part in range(1, int(head[0]))]
    rest = _read_texts(engine, collection, more)
    return {
        key: base64.b64decode("".join([text, *(rest[key, part] for part in range(1, int(parts)))]))
        for key, (parts, _, text) in heads.items()
    }


def _read_texts(
    engine: Engine, collection: str, names: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    """Read parts of records, each named by the record's key and the number of the part."""
    by_id = {number("record", *name): name for name in names}
    return {
        by_id[row["id"]]: row["text"]
        for some in in_groups(list(by_id), _AT_ONCE)
        for row in engine.query(collection, is_any("id", some), ["id", "text"])
    }


@dataclass(frozen=True, slots=True)
class State:
    """What readers see.

    Attributes:
        generation: Rows of which generation.
        written: The engine's time at which all of it was written.
        articles: How many there are.
        passages: How many there are.
        newest: The newest day that an article is of; UNDATED if none has a date.
        reindexed_at: When the last reindex ended; None if none has.
        identity: See `milvus_schema.identity`.
    """

    generation: int
    written: int
    articles: int
    passages: int
    newest: int
    reindexed_at: datetime | None
    identity: Mapping[str, str]

    def packed(self) -> bytes:
        """Write it."""
        at = self.reindexed_at and self.reindexed_at.astimezone(UTC).isoformat()
        return json.dumps({**asdict(self), "reindexed_at": at}).encode()

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """Read what `packed` wrote."""
        values = json.loads(data)
        at = values.pop("reindexed_at")
        return cls(**values, reindexed_at=at and datetime.fromisoformat(at))


def pack_article(passages: Sequence[EmbeddedPassage], article: Article) -> bytes:
    """Pack an article with the offsets of its passages and their sentences."""
    published = article.published and article.published.isoformat()
    spans = [
        [each.passage.start, each.passage.end, [astuple(span) for span in each.passage.sentences]]
        for each in passages
    ]
    fields = {**asdict(article), "published": published, "passages": spans}
    return zlib.compress(json.dumps(fields, ensure_ascii=False).encode())


def unpack_article(data: bytes) -> tuple[Article, list[Passage]]:
    """Read an article and its passages."""
    fields = json.loads(zlib.decompress(data))
    spans = fields.pop("passages")
    published = fields.pop("published")
    article = Article(**fields, published=published and date.fromisoformat(published))
    return article, [
        Passage(article, start, end, tuple(Span(*span) for span in sentences))
        for start, end, sentences in spans
    ]


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """What is known of a passage without its embeddings.

    Attributes:
        id: What `Store.read_passages` takes.
        version: Of its article.
        place: Which of the article's passages it is, from 0.
        slug: Of its article, like the language and the date.
        sentence_tokens: See `EmbeddedPassage`, like the words and names.
    """

    id: int
    version: int
    place: int
    slug: str
    language: str
    published: date | None
    sentence_tokens: tuple[int, ...]
    words: Words
    names: Words

    @classmethod
    def of(cls, version: int, place: int, embedded: EmbeddedPassage) -> Self:
        """Take what is kept of a passage."""
        article = embedded.passage.article
        return cls(
            passage_id(version, place),
            version,
            place,
            article.slug,
            article.language,
            article.published,
            tuple(embedded.sentence_tokens),
            embedded.words,
            embedded.names,
        )

    def packed(self) -> bytes:
        """Write it: a line of JSON, and the arrays one after the other."""
        published = self.published and self.published.isoformat()
        head = [self.version, self.place, self.slug, self.language, published]
        line = json.dumps([*head, self.sentence_tokens, len(self.words)]).encode() + b"\n"
        return line + self.words.tobytes() + self.names.tobytes()

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """Read what `packed` wrote."""
        line, _, rest = data.partition(b"\n")
        version, place, slug, language, published, tokens, words = json.loads(line)
        lexical = np.frombuffer(rest, np.uint32)
        return cls(
            passage_id(version, place),
            version,
            place,
            slug,
            language,
            published and date.fromisoformat(published),
            tuple(tokens),
            lexical[:words],
            lexical[words:],
        )


def stored_embeddings(embedded: EmbeddedPassage) -> Stored:
    """Return a passage's embedding and those of its sentences as they are kept."""
    return np.vstack([embedded.embedding, embedded.sentence_embeddings]).astype(np.float16)


def unpack_embeddings(data: bytes, passage: StoredPassage) -> Stored:
    """Read the bytes of `stored_embeddings`."""
    return np.frombuffer(data, np.float16).reshape(1 + len(passage.sentence_tokens), -1)


def without_embeddings(passage: StoredPassage) -> Stored:
    """Return what stands for a passage's embeddings before they are read: of no dimension."""
    return np.empty((1 + len(passage.sentence_tokens), 0), np.float16)


def to_vectors(
    passages: Sequence[StoredPassage],
    embeddings: Sequence[Stored],
    means: Mapping[str, LanguageMean],
) -> Vectors:
    """Return passages as they are ranked; at least one."""
    counts = np.array([len(each.sentence_tokens) for each in passages], np.int64)
    return Vectors(
        passage_ids=np.array([each.id for each in passages]),
        slugs=np.array([each.slug for each in passages]),
        languages=np.array([each.language for each in passages]),
        passages=np.stack([each[0] for each in embeddings]),
        sentences=np.concatenate([each[1:] for each in embeddings]),
        sentence_tokens=np.array([n for each in passages for n in each.sentence_tokens], np.int64),
        first_sentences=np.cumsum(counts) - counts,
        words=tuple(each.words for each in passages),
        names=tuple(each.names for each in passages),
        published=tuple(each.published for each in passages),
        language_means=dict(means),
    )


def pack_statistics(statistics: Statistics) -> bytes:
    """Pack statistics; the sums of embeddings stay exact."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "names.words": statistics.names.words,
        "names.texts": statistics.names.texts,
        "names.count": np.array(statistics.names.count),
    }
    for code, own in statistics.languages.items():
        counts = [own.passages.count, own.sentences.count, own.words.count]
        arrays[f"{code}.counts"] = np.array(counts)
        arrays[f"{code}.sums"] = np.stack([own.passages.sum, own.sentences.sum])
        arrays[f"{code}.words"] = own.words.words
        arrays[f"{code}.texts"] = own.words.texts
    return _pack_arrays(arrays)


def unpack_statistics(data: bytes) -> Statistics:
    """Read what `pack_statistics` wrote."""
    arrays = _unpack_arrays(data)
    names = Frequencies(int(arrays["names.count"]), arrays["names.words"], arrays["names.texts"])
    languages = {}
    for name in arrays:
        code, _, kind = name.partition(".")
        if kind != "counts":
            continue
        of_passages, of_sentences, of_words = arrays[name].tolist()
        sums = arrays[f"{code}.sums"]
        languages[code] = LanguageStatistics(
            Total(of_passages, sums[0]),
            Total(of_sentences, sums[1]),
            Frequencies(of_words, arrays[f"{code}.words"], arrays[f"{code}.texts"]),
        )
    return Statistics(languages, names)


def pack_means(means: Mapping[str, LanguageMean]) -> bytes:
    """Pack language means."""
    return _pack_arrays({code: np.stack(astuple(mean)) for code, mean in means.items()})


def unpack_means(data: bytes) -> dict[str, LanguageMean]:
    """Read what `pack_means` wrote."""
    return {code: LanguageMean(*rows) for code, rows in _unpack_arrays(data).items()}


def sparse(words: Words) -> dict[int, float]:
    """Return words as a vector: an inner product with weights is the weight of those in common."""
    return dict.fromkeys(map(dimension_of, words.tolist()), 1.0)


def dimension_of(word: int) -> int:
    """Return where a word stands in a sparse vector."""
    # The engine counts to one less; a word more or less finds no other candidates.
    return min(word, 2**32 - 2)


def _pack_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    # numpy's own archives take ten times as long for as little as an article has.
    described = [(name, array.dtype.str, array.shape) for name, array in arrays.items()]
    content = b"".join(array.tobytes() for array in arrays.values())
    # Most of it are sums, which more work would make no smaller.
    return json.dumps(described).encode() + b"\n" + zlib.compress(content, 1)


def _unpack_arrays(data: bytes) -> dict[str, npt.NDArray[Any]]:
    described, _, packed = data.partition(b"\n")
    content = zlib.decompress(packed)
    arrays, at = {}, 0
    for name, dtype, shape in json.loads(described):
        arrays[name] = np.frombuffer(content, dtype, math.prod(shape), at).reshape(shape)
        at += arrays[name].nbytes
    return arrays
