"""Passages of any number that nobody wrote, with embeddings that no model made.

A corpus of a million passages would take days to embed. What a store does with it depends on how
its embeddings and words are spread, so these are spread like real ones. The figures below were
read off 24,895 passages in four languages that the packaged model had embedded: their embeddings
lie around one direction, those of a language around another one beside it, and what is left over
has a spectrum that falls off; passages of a topic, then of an article, then the sentences of a
passage lie ever closer. Words are made up of syllables and come as often as Zipf's law has it.

Everything follows from `SEED` and a passage's number, in batches: nothing has to be kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedded, Embeddings, Tokens
from embeddings.lexical import Words, read_names, read_words
from embeddings.stores.contract import EmbeddedArticle, EmbeddedPassage, LanguageMean
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

SEED = 20_260_701
DIMENSION = 384
LANGUAGES = ("en", "ru", "kk", "ky")

PASSAGES_PER_ARTICLE = 2.5
"""Two and three in turn; so it was with the real ones."""

REAL_SENTENCES, REAL_TOKENS = 6, 133
"""Of a real passage, on average. A million of such would take 30 GB, so that ours have fewer."""

_BATCH = 1_000
_WORDS = 62
"""Of a passage: some 560 characters, as many as a real one has."""

_TITLE_WORDS = 5
_QUESTION_WORDS = 5
_FIRST_DAY = date(2015, 1, 1)
_DAYS = 4_000
_PASSAGES_PER_TOPIC = 500
_FEWEST_TOPICS = 20

_SPECTRUM = 192
"""Dimensions in which embeddings differ; the others have a hundredth of the variance."""

_DECAY = 45.0
"""Dimensions in which the variance falls to a third."""

_COMMON, _LANGUAGE, _OWN = 0.913, 0.2, 0.355
"""Of a passage's embedding: what all share, what its language does, what it has to itself."""

_SENTENCE_COMMON, _SENTENCE_OWN = 0.82, 0.54
_TOPIC_SHARE, _ARTICLE_SHARE = 0.4, 0.2
"""Of the variance that is a passage's own."""

_SENTENCE_LIKENESS = 0.35
"""Of what a sentence has to itself and what its passage has."""

_QUESTION_COMMON, _QUESTION_OWN = 0.86, 0.47
_QUESTION_LIKENESS = 0.75
"""Of what a question is about and what the sentence that answers it has to itself."""

_ACROSS = 4
"""Every so manieth question is in another language than its answer."""

_SYLLABLES = {
    "en": "ba ber can den el fo gar hol in jo ker lan mo ner os per ran sel ti ur van wes",
    "ru": "ба вер го дон же зал ин ко лен мо нар об пре рас сто ти ум фор хо цен ши эл",
    "kk": "ба гүл дәр жа зы ін қар лық мен нұр өз пы ра сұ тең үш ша ғы әл ың бек кө",
    "ky": "ба гөр дү жай зор ин кыр лык мен нур өз пай ра суу тоң үй ча ээ ыш бек кө ай",
}
_FRAMES = {
    "en": "What do we know about {} and the {}?",
    "ru": "Что известно про {} и почему {}?",
    "kk": "Бұл туралы не айтылған және қандай {} үшін {}?",
    "ky": "Бул жөнүндө эмне айтылган жана кандай {} үчүн {}?",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """How many passages, and of what size.

    Attributes:
        passages: How many.
        sentences: Of each passage.
        tokens: Of each passage.
    """

    passages: int
    sentences: int = 2
    tokens: int = 16

    @property
    def is_real(self) -> bool:
        """Whether its passages are as large as real ones."""
        return (self.sentences, self.tokens) == (REAL_SENTENCES, REAL_TOKENS)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that one of the passages answers.

    Attributes:
        text: What is asked.
        embedding: Shape (d,), of length 1.
        tokens: Its tokens.
        slug: The article that answers.
        start: Where in the article's body the passage begins that answers.
    """

    text: str
    embedding: npt.NDArray[np.float32]
    tokens: Tokens
    slug: str
    start: int


@dataclass(frozen=True, slots=True)
class _Directions:
    """What embeddings lie around; shapes (d,), (languages, d), (topics, d), (spectrum, d)."""

    common: Embeddings
    languages: Embeddings
    topics: Embeddings
    own: Embeddings


@dataclass(frozen=True, slots=True)
class _Batch:
    """The embeddings of passages that follow each other; what each has to itself beside them.

    Attributes:
        first: The number of the first passage.
        passages: Shape (n, d), of length 1.
        sentences: Shape (n, s, d), of length 1.
        own: What the sentences have to themselves, shape (n, s, d).
    """

    first: int
    passages: Embeddings
    sentences: Embeddings
    own: Embeddings


class _Vocabulary:
    """Made-up words of one language, the commonest first, with what the index keeps of them."""

    def __init__(self, language: str, count: int) -> None:
        chance = np.random.default_rng([SEED, LANGUAGES.index(language)])
        syllables = np.array(_SYLLABLES[language].split())
        made: dict[str, None] = {}
        while len(made) < count:
            chosen = syllables[chance.integers(len(syllables), size=(count, 4))]
            lengths = chance.integers(2, 5, size=count)
            for row, length in zip(chosen.tolist(), lengths.tolist(), strict=True):
                made["".join(row[:length])] = None
        self.texts = list(made)[:count]
        self._words = [read_words(text, language) for text in self.texts]
        self._names = [read_names(text) for text in self.texts]

    def text(self, numbers: npt.NDArray[np.intp]) -> str:
        return " ".join([self.texts[number] for number in numbers.tolist()])

    def words_and_names(self, numbers: npt.NDArray[np.intp]) -> tuple[Words, Words]:
        """Return what `embeddings.lexical` would read in a text of these words."""
        chosen = np.unique(numbers).tolist()
        return (
            np.unique(np.concatenate([self._words[number] for number in chosen])),
            np.unique(np.concatenate([self._names[number] for number in chosen])),
        )


class SyntheticPassages:
    """A corpus that is made up as it is read."""

    def __init__(self, scale: Scale) -> None:
        """Make up the words, which takes some seconds for a large corpus."""
        self.scale = scale
        # As Heaps' law has it: the larger the corpus, the more words.
        words = min(50_000, int(100 * scale.passages**0.5))
        self._vocabularies = {language: _Vocabulary(language, words) for language in LANGUAGES}
        shares = 1 / np.arange(1, words + 1)
        self._word_shares = np.cumsum(shares / shares.sum())
        self._directions = _directions(max(_FEWEST_TOPICS, scale.passages // _PASSAGES_PER_TOPIC))

    def matrices(self) -> Iterator[tuple[Embeddings, Embeddings, npt.NDArray[np.intp]]]:
        """Give the embeddings of passages and of their sentences, batch by batch.

        Shapes (n, d) and (n * sentences, d), rounded as stores keep them; and the passages'
        languages, shape (n,), as places in `LANGUAGES`.
        """
        for number in range(self._batches):
            batch = self._batch(number)
            sentences = batch.sentences.reshape(-1, DIMENSION)
            articles = _articles_of(np.arange(batch.first, batch.first + len(batch.passages)))
            languages = articles % len(LANGUAGES)
            yield _as_stored(batch.passages), _as_stored(sentences), languages

    def articles(self, first: int = 0, step: int = 1) -> Iterator[list[EmbeddedArticle]]:
        """Give the articles, some hundred at a time; only every so manieth of these batches."""
        for number in range(first, self._batches, step):
            yield self.articles_of(number)

    def articles_of(self, number: int) -> list[EmbeddedArticle]:
        """Return the articles of a batch."""
        batch = self._batch(number)
        count = len(batch.passages)
        chance = np.random.default_rng([SEED, number, 1])
        articles = _articles_of(np.arange(batch.first, batch.first + count))
        drawn = np.searchsorted(self._word_shares, chance.random((count, _WORDS), np.float32))
        words = np.minimum(drawn, len(self._word_shares) - 1)
        packed_size = self.scale.tokens * DIMENSION // 2
        packed = chance.bytes(count * packed_size)
        edges = np.flatnonzero(np.diff(articles, prepend=-1, append=-1)).tolist()
        return [
            self._article(
                int(articles[first]),
                batch,
                slice(first, last),
                words[first:last],
                [
                    packed[row * packed_size : (row + 1) * packed_size]
                    for row in range(first, last)
                ],
            )
            for first, last in pairwise(edges)
        ]

    def batch_of(self, slug: str) -> int:
        """Return the number of the batch that an article is in."""
        pair, second = divmod(int(slug.rpartition("-")[2]), 2)
        return int(pair * 5 + second * 2) // _BATCH

    def questions(self, count: int) -> list[Question]:
        """Return questions on passages from all over the corpus."""
        batches = np.unique(np.linspace(0, self._batches - 1, 20).astype(int)).tolist()
        each = -(-count // len(batches))
        found = [question for number in batches for question in self._questions_of(number, each)]
        return found[:count]

    def language_means(self) -> dict[str, LanguageMean]:
        """Return where the texts of a language lie on average; its tokens lie around nothing."""
        directions, nothing = self._directions, np.zeros(DIMENSION, np.float32)
        return {
            language: LanguageMean(
                question=_QUESTION_COMMON * directions.common + _LANGUAGE * own,
                passage=_COMMON * directions.common + _LANGUAGE * own,
                question_token=nothing,
                passage_token=nothing,
            )
            for language, own in zip(LANGUAGES, directions.languages, strict=True)
        }

    @property
    def _batches(self) -> int:
        return -(-self.scale.passages // _BATCH)

    def _batch(self, number: int) -> _Batch:
        first = number * _BATCH
        count = min(_BATCH, self.scale.passages - first)
        chance = np.random.default_rng([SEED, number, 0])
        directions, sentences = self._directions, self.scale.sentences

        def some(rows: int) -> Embeddings:
            drawn = chance.standard_normal((rows, _SPECTRUM), np.float32) @ directions.own
            return np.asarray(drawn, np.float32)

        articles = _articles_of(np.arange(first, first + count))
        languages = directions.languages[articles % len(LANGUAGES)]
        # Both by the article: its passages are of one topic.
        of_article = articles - articles[0]
        topics = chance.integers(len(directions.topics), size=int(of_article[-1]) + 1)[of_article]
        own = (
            _TOPIC_SHARE**0.5 * directions.topics[topics]
            + _ARTICLE_SHARE**0.5 * some(int(of_article[-1]) + 1)[of_article]
            + (1 - _TOPIC_SHARE - _ARTICLE_SHARE) ** 0.5 * some(count)
        )
        of_sentences = _SENTENCE_LIKENESS * own[:, None] + (
            1 - _SENTENCE_LIKENESS**2
        ) ** 0.5 * some(count * sentences).reshape(count, sentences, DIMENSION)
        around = _LANGUAGE * languages
        return _Batch(
            first,
            _unit(_COMMON * directions.common + around + _OWN * own),
            _unit(
                _SENTENCE_COMMON * directions.common
                + around[:, None]
                + _SENTENCE_OWN * of_sentences
            ),
            of_sentences,
        )

    def _article(
        self,
        number: int,
        batch: _Batch,
        rows: slice,
        words: npt.NDArray[np.intp],
        packed: Sequence[bytes],
    ) -> EmbeddedArticle:
        language = LANGUAGES[number % len(LANGUAGES)]
        vocabulary = self._vocabularies[language]
        ends = np.linspace(0, _WORDS, self.scale.sentences + 1).astype(int)[1:-1]
        sentences = [
            [f"{vocabulary.text(some)}." for some in np.split(each, ends)] for each in words
        ]
        article = Article(
            slug=f"article-{number:08}",
            title=vocabulary.text(words[0, :_TITLE_WORDS]),
            url=f"https://example.org/news/{number}",
            body="\n\n".join(map(" ".join, sentences)),
            publisher="Made-up News",
            language=language,
            published=_FIRST_DAY + timedelta(days=number % _DAYS),
        )
        passages, start = [], 0
        per_sentence = _shared_out(self.scale.tokens, self.scale.sentences)
        for row, texts in enumerate(sentences):
            spans = []
            for text in texts:
                spans.append(Span(start, start + len(text)))
                start += len(text) + 1
            start += 1
            passages.append(
                EmbeddedPassage(
                    Passage(article, spans[0].start, spans[-1].end, tuple(spans)),
                    batch.passages[rows.start + row],
                    batch.sentences[rows.start + row],
                    *vocabulary.words_and_names(words[row]),
                    packed[row],
                    per_sentence,
                )
            )
        return EmbeddedArticle(article, tuple(passages), f"{number:064x}")

    def _questions_of(self, number: int, count: int) -> Iterator[Question]:
        batch = self._batch(number)
        passages = [each for one in self.articles_of(number) for each in one.passages]
        chance = np.random.default_rng([SEED, number, 2])
        directions = self._directions
        for at, row in enumerate(chance.permutation(len(passages))[:count].tolist()):
            passage = passages[row].passage
            own = LANGUAGES.index(passage.article.language)
            asked_in = (own + 1) % len(LANGUAGES) if at % _ACROSS == 0 else own
            noise = chance.standard_normal(_SPECTRUM, np.float32) @ directions.own
            about = (
                _QUESTION_LIKENESS * batch.own[row, 0] + (1 - _QUESTION_LIKENESS**2) ** 0.5 * noise
            )
            language = LANGUAGES[asked_in]
            of_passage = passage.text.replace(".", "").split()
            others = self._vocabularies[language].texts
            known = of_passage if asked_in == own else others
            words = [known[n] for n in chance.integers(len(known), size=_QUESTION_WORDS).tolist()]
            yield Question(
                _FRAMES[language].format(" ".join(words[:2]), " ".join(words[2:])),
                _unit(
                    _QUESTION_COMMON * directions.common
                    + _LANGUAGE * directions.languages[asked_in]
                    + _QUESTION_OWN * about
                ),
                _tokens_like(passages[row].tokens, chance),
                passage.article.slug,
                passage.start,
            )


class SyntheticEmbedder:
    """Knows the made-up questions and nothing else; see `embeddings.embedder.Embedder`."""

    identity = f"float32 made-up {SEED}"
    model = f"made-up {SEED}"
    dimension = DIMENSION

    def __init__(self, questions: Sequence[Question] = ()) -> None:
        """Take the questions that will be asked."""
        self._known = {each.text: each for each in questions}

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        """See `Embedder`."""
        asked = [self._known[text] for text in texts]
        return Embedded(
            np.stack([each.embedding for each in asked]), tuple(each.tokens for each in asked)
        )

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        """See `Embedder`."""
        raise NotImplementedError

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """See `Embedder`."""
        raise NotImplementedError


def _directions(topics: int) -> _Directions:
    chance = np.random.default_rng(SEED)
    rotation, _ = np.linalg.qr(chance.standard_normal((DIMENSION, DIMENSION)))
    variances = np.exp(-np.arange(_SPECTRUM) / _DECAY)
    own = np.sqrt(variances / variances.sum())[:, None] * rotation[:_SPECTRUM]
    return _Directions(
        common=rotation[-1].astype(np.float32),
        languages=rotation[-1 - len(LANGUAGES) : -1].astype(np.float32),
        topics=(chance.standard_normal((topics, _SPECTRUM)) @ own).astype(np.float32),
        own=own.astype(np.float32),
    )


def _articles_of(passages: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the number of each passage's article: they have two and three passages in turn."""
    return passages // 5 * 2 + (passages % 5 >= 2)  # noqa: PLR2004 - see above


def _unit(rows: npt.NDArray[np.float32]) -> Embeddings:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / lengths, np.float32)


def _as_stored(embeddings: Embeddings) -> Embeddings:
    return embeddings.astype(np.float16).astype(np.float32)


def _shared_out(count: int, among: int) -> tuple[int, ...]:
    edges = np.linspace(0, count, among + 1).astype(int)
    return tuple(np.diff(edges).tolist())


def _tokens_like(packed: bytes, chance: np.random.Generator) -> Tokens:
    """Return what a question has in common with the tokens of a passage, as they were packed."""
    pairs = np.frombuffer(packed, np.uint8).reshape(-1, DIMENSION // 2)[:8]
    numbers = np.empty((len(pairs), DIMENSION), np.float32)
    numbers[:, ::2], numbers[:, 1::2] = pairs >> 4, pairs & 15
    numbers -= 7
    numbers += 3 * chance.standard_normal(numbers.shape, np.float32)
    return Tokens(_unit(numbers), np.arange(1, len(pairs) + 1, dtype=np.int64))
