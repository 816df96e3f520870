"""Ranking, with embeddings, words and tokens worked out by hand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pytest

from embeddings import ranking
from embeddings.dates import DateWish
from embeddings.embedder import Tokens
from embeddings.late_interaction import pack
from embeddings.lexical import read_names, read_words
from embeddings.ranking import Asked, Ranked, Ranking, Search
from embeddings.statistics import Statistics
from embeddings.stores.contract import LanguageMean, Vectors

Embedding = npt.NDArray[np.float32]

DIMENSION = 6
NOWHERE = np.zeros(DIMENSION, np.float32)
X, Y, Z, *_ = np.eye(DIMENSION, dtype=np.float32)
NO_MEANS = {code: LanguageMean(NOWHERE, NOWHERE, NOWHERE, NOWHERE) for code in ("en", "ru")}


@dataclass(frozen=True, slots=True)
class Given:
    """A passage; without further words its embeddings are 0 and it has no tokens.

    Attributes:
        text: Where its words come from.
        language: Its language.
        embedding: Its embedding.
        sentences: The embedding of each of its sentences.
        tokens: The tokens of each of its sentences, one list a sentence; empty for none at all.
        published: Its article's date.
        slug: Its article's slug; by default its number among the passages.
    """

    text: str = ""
    language: str = "en"
    embedding: Embedding = field(default_factory=lambda: NOWHERE)
    sentences: Sequence[Embedding] = (NOWHERE,)
    tokens: Sequence[Sequence[Embedding]] = ()
    published: date | None = None
    slug: str | None = None


def rows(embeddings: Sequence[Embedding]) -> Embedding:
    return np.array(embeddings, np.float32).reshape(-1, DIMENSION)


def asked(
    text: str = "",
    embedding: Embedding = NOWHERE,
    tokens: Sequence[Embedding] = (),
    wish: DateWish | None = None,
) -> Asked:
    """A question in English."""
    ends = np.arange(len(tokens), dtype=np.int64)
    return Asked(text, "en", embedding, Tokens(rows(tokens), ends), wish or DateWish())


def vectors_of(passages: Sequence[Given], means: dict[str, LanguageMean] = NO_MEANS) -> Vectors:
    """Store passages; the id of each is its place."""
    counts = np.array([len(each.sentences) for each in passages], np.int64)
    tokens = [each.tokens or [()] * len(each.sentences) for each in passages]
    return Vectors(
        passage_ids=np.arange(len(passages)),
        slugs=np.array([each.slug or str(at) for at, each in enumerate(passages)], np.str_),
        languages=np.array([each.language for each in passages], np.str_),
        passages=rows([each.embedding for each in passages]).astype(np.float16),
        sentences=rows([sentence for each in passages for sentence in each.sentences]).astype(
            np.float16
        ),
        sentence_tokens=np.array([len(of_one) for each in tokens for of_one in each], np.int64),
        first_sentences=np.cumsum(counts) - counts,
        words=tuple(read_words(each.text, each.language) for each in passages),
        names=tuple(read_names(each.text) for each in passages),
        published=tuple(each.published for each in passages),
        language_means=means,
    )


def rank(
    question: Asked,
    *passages: Given,
    limit: int = 10,
    without: str | None = None,
    within: str | None = None,
    means: dict[str, LanguageMean] = NO_MEANS,
) -> list[Ranked]:
    """Rank passages; the id of each is its place."""
    tokens = [each.tokens or [()] * len(each.sentences) for each in passages]
    packed = [pack(rows([token for of_one in each for token in of_one])) for each in tokens]

    def read_tokens(passage_ids: Sequence[int]) -> list[bytes]:
        return [packed[passage_id] for passage_id in passage_ids]

    [found] = Ranking.of(vectors_of(passages, means)).best(
        [Search(question, without, within)], limit, read_tokens
    )
    return found


def ids(ranked: Sequence[Ranked]) -> list[int]:
    return [each.passage_id for each in ranked]


def scores(ranked: Sequence[Ranked]) -> list[float]:
    """The score of each passage, in the order in which the passages were given."""
    return [each.score for each in sorted(ranked, key=lambda each: each.passage_id)]


def idf(texts: int, texts_with_word: int) -> float:
    return math.log(1 + (texts - texts_with_word + 0.5) / (texts_with_word + 0.5))


def test_no_passages_are_no_hits() -> None:
    """An empty index has nothing, nor has one whose only article is passed over."""
    assert rank(asked("ice")) == []
    assert rank(asked("ice"), Given("ice"), without="0") == []


def test_the_best_are_first_and_no_more_than_asked_for() -> None:
    """Sorted by score; passages that nothing tells apart stay in the order of the index."""
    passages = [Given("a"), Given("b", sentences=[X]), Given("c"), Given("d")]
    question = asked(embedding=X)
    assert ids(rank(question, *passages)) == [1, 0, 2, 3]
    assert ids(rank(question, *passages, limit=2)) == [1, 0]
    assert ids(rank(question, *passages, limit=0)) == []
    assert ids(rank(question, *passages, without="1")) == [0, 2, 3]


def test_a_passage_counts_with_its_own_embedding_and_its_best_sentence() -> None:
    """Either brings it to the front, both more so."""
    found = rank(
        asked(embedding=X),
        Given("a"),
        Given("b", embedding=X),
        Given("c", sentences=[Y, X]),
        Given("d", embedding=X, sentences=[X]),
    )
    assert ids(found)[0] == 3
    assert ids(found)[-1] == 0


def test_shared_words_bring_a_passage_of_the_questions_language_forward() -> None:
    """With all of them it is ahead of what could not share them, without any it is behind."""
    english = [Given("sun"), Given("new ice"), Given("ice is old")]
    assert ids(rank(asked("old ice"), *english)) == [2, 1, 0]
    russian = Given("лёд", language="ru")
    assert ids(rank(asked("old ice"), english[0], russian, english[2])) == [2, 1, 0]


def test_words_never_change_a_passage_in_another_language() -> None:
    """It is neither punished for the words that it cannot share, nor helped by its own "ice"."""
    texts = ["ice", "лёд", "солнце"]
    passages = [Given(text, language="ru") for text in texts]
    with_words = rank(asked("ice sun"), *passages, Given("ice"), Given("wind"))
    without_words = rank(asked(""), *passages, Given("ice"), Given("wind"))
    assert scores(with_words)[:3] == scores(without_words)[:3] == [0, 0, 0]
    for each in with_words:
        if each.passage_id < 3:
            assert (each.evidence.words, each.evidence.own_language) == (0, 0)


def test_a_question_in_a_language_that_no_passage_has() -> None:
    """Without any passage in its language all are judged by what they mean."""
    question = asked("ice", embedding=X)
    passages = [Given("солнце", "ru"), Given("лёд", "ru", sentences=[X])]
    assert ids(rank(question, *passages)) == [1, 0]


def test_words_are_weighed_within_their_language() -> None:
    """How rare a word is, is told by the passages that are in the question's language."""
    russian = [Given(f"ice дом {number}", language="ru") for number in range(5)]
    found = rank(asked("ice sun"), Given("ice"), Given("wind"), *russian)
    evidence = next(each.evidence for each in found if each.passage_id == 0)
    assert evidence.words == pytest.approx(idf(2, 1) / (idf(2, 1) + idf(2, 0)))
    assert (evidence.own_language, evidence.names) == (1, 0)


def test_names_find_passages_in_another_script() -> None:
    """A name that is spelt alike brings a passage in another language forward."""
    found = rank(
        asked("Where is Kambarov?"),
        Given("дом Умарова", language="ru"),
        Given("дом Камбарова", language="ru"),
    )
    assert ids(found) == [1, 0]
    # "Where" and "Kambarov" are asked for; one of two passages has one of them.
    assert found[0].evidence.names == pytest.approx(idf(2, 1) / (idf(2, 1) + idf(2, 0)))
    assert found[1].evidence.names == 0


def test_names_are_for_other_languages_only() -> None:
    """In the question's own language a name is a word like any other."""
    [first, second] = rank(asked("Kambarov"), Given("Kambarov"), Given("Umarov"))
    assert (first.passage_id, first.evidence.names, first.evidence.words) == (0, 0, 1)
    assert (second.passage_id, second.evidence.names, second.evidence.words) == (1, 0, 0)


def test_tokens_bring_a_passage_forward() -> None:
    """Each of the question's tokens looks for its like; the mean of the cosines counts."""
    found = rank(
        asked(tokens=[X, Y]),
        Given("a", tokens=[[Z, Z, Z]]),
        Given("b", tokens=[[X, X, Z]]),
        Given("c", sentences=[NOWHERE, NOWHERE], tokens=[[X], [Z, Y]]),
    )
    assert ids(found) == [2, 1, 0]
    # Four bits keep 1.02 of 1.
    assert [each.evidence.tokens for each in found] == pytest.approx([1, 0.5, 0], abs=0.03)


def test_the_mean_of_the_questions_language_is_taken_off_its_tokens() -> None:
    """What all questions of a language share finds nothing; the rest is as long as before."""
    means = NO_MEANS | {"en": LanguageMean(NOWHERE, NOWHERE, X, NOWHERE)}
    passages = [Given("a", tokens=[[X]]), Given("b", tokens=[[Y]])]
    found = rank(asked(tokens=[X + Y]), *passages, means=means)
    assert ids(found) == [1, 0]
    assert [each.evidence.tokens for each in found] == pytest.approx([1, 0], abs=0.03)


def test_sentences_without_tokens_leave_the_others_theirs() -> None:
    """Wherever they are in the passage: the third sentence has the token that is asked for."""
    sentences = [NOWHERE] * 5
    [found] = rank(
        asked(tokens=[X]), Given("a", sentences=sentences, tokens=[[], [Y, Z], [Y, X], [], []])
    )
    assert found.evidence.tokens == pytest.approx(1, abs=0.03)
    assert found.highlight == (2, 2)


@pytest.mark.parametrize("question_tokens", [[], [X]])
@pytest.mark.parametrize("passage_tokens", [[[], []], [[X], []]])
def test_where_either_side_has_no_tokens_the_rest_decides(
    question_tokens: list[Embedding], passage_tokens: list[list[Embedding]]
) -> None:
    """A question of punctuation, a passage of emoji, a model without tokens: no error."""
    question = asked(embedding=X, tokens=question_tokens)
    bare = Given("a", sentences=[NOWHERE, NOWHERE], tokens=[[], []])
    found = rank(question, bare, Given("b", sentences=[NOWHERE, X], tokens=passage_tokens))
    assert ids(found) == [1, 0]
    assert found[1].evidence.tokens == 0
    expected = 1 if question_tokens and passage_tokens[0] else 0
    assert found[0].evidence.tokens == pytest.approx(expected, abs=0.03)


def test_tokens_are_read_for_the_best_passages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large index the tokens of a few candidates are looked at, and only those are hits."""
    monkeypatch.setattr(ranking, "_CANDIDATES", 2)
    found = rank(
        asked(embedding=X, tokens=[Y]),
        Given("a", tokens=[[Y]]),
        Given("b", sentences=[X]),
        Given("c", sentences=[X + Y], tokens=[[Y]]),
    )
    assert sorted(ids(found)) == [1, 2]


@pytest.mark.parametrize(
    ("sentences", "highlight"),
    [
        ([X], (0, 0)),
        ([Y, X, Y], (1, 1)),
        ([Y, X, X], (1, 2)),
        ([X, X, Y], (0, 1)),
        ([X * 0.999, X, Y], (0, 1)),
        ([X, Y, X], (0, 0)),
        ([Y, X, Y, X], (1, 1)),
    ],
)
def test_the_best_sentence_is_highlighted(
    sentences: list[Embedding], highlight: tuple[int, int]
) -> None:
    """Alone, or with its neighbour where that is all but as good; never with one further off."""
    [found] = rank(asked(embedding=X), Given("a", sentences=sentences))
    assert found.highlight == highlight


def test_tokens_tell_which_sentence_answers() -> None:
    """Of two sentences that are alike the one with the question's tokens is highlighted."""
    [found] = rank(
        asked(embedding=Z, tokens=[X, Y]),
        Given("a", sentences=[Z, Z, Z], tokens=[[Z], [Z], [X, Y]]),
    )
    assert found.highlight == (2, 2)


def test_evidence_is_taken_off_the_language() -> None:
    """A sentence that says no more than all of its language do is like no question."""
    means = NO_MEANS | {"en": LanguageMean(NOWHERE, X, NOWHERE, NOWHERE)}
    question = asked(embedding=X)
    [same] = rank(question, Given("a", embedding=X, sentences=[X + Y]), means=means)
    assert same.evidence.sentence_cosine == pytest.approx(0, abs=0.01)
    [closest] = rank(asked(embedding=Y), Given("a", sentences=[X, Y, X]), means=means)
    assert closest.evidence.sentence_cosine > 0.5


def test_the_questions_language_is_taken_off_its_evidence() -> None:
    """Being in one language as all questions are is less of an evidence than being alike."""
    means = NO_MEANS | {"en": LanguageMean(X, NOWHERE, NOWHERE, NOWHERE)}
    question = asked(embedding=(X + Y) / math.sqrt(2))
    alike, language = Given("a", sentences=[Y]), Given("b", sentences=[X])
    [off] = rank(question, alike, language, means=means, limit=1)
    [on] = rank(question, alike, language, limit=1)
    assert off.passage_id == on.passage_id == 0
    assert off.evidence.sentence_cosine > on.evidence.sentence_cosine


def test_a_language_without_a_mean_has_that_of_all() -> None:
    """Neither a passage nor a question in an unknown language is an error."""
    question = replace(asked("muz", embedding=X, tokens=[X]), language="uz")
    found = rank(question, Given("quyosh", "uz"), Given("muz", "uz", tokens=[[X]]))
    assert ids(found) == [1, 0]


TEN_WORDS = "glacier river forest solar wind school bridge canal village museum"


def test_near_identical_passages_appear_once() -> None:
    """Of twins the better one is kept, and the next passage takes the other's place."""
    passages = [
        Given(TEN_WORDS),
        Given(f"{TEN_WORDS} today", sentences=[X]),
        Given("glacier river forest solar wind and five words that are new"),
        Given("something else"),
    ]
    assert ids(rank(asked(embedding=X), *passages, limit=3)) == [1, 2, 3]


def test_translations_appear_twice() -> None:
    """The same words in two languages are two passages, though a name is in both."""
    passages = [
        Given("Kambarov planted trees"),
        Given("Камбаров посадил деревья", language="ru"),
    ]
    assert sorted(ids(rank(asked("Kambarov"), *passages))) == [0, 1]


def test_passages_without_words_are_no_twins() -> None:
    """Nothing in common is no likeness."""
    assert sorted(ids(rank(asked("ice"), Given("🌱"), Given("…")))) == [0, 1]


OLD, NEW = date(2024, 9, 1), date(2025, 6, 12)
UNDATED_OLD_NEW = (Given("a"), Given("b", published=OLD), Given("c", published=NEW))


@pytest.mark.parametrize(
    ("wish", "order"),
    [
        (DateWish(), [0, 1, 2]),
        (DateWish(latest=True), [2, 1, 0]),
        (DateWish(year=2024), [1, 2, 0]),
        (DateWish(year=2025), [2, 1, 0]),
        (DateWish(month=9), [1, 2, 0]),
        (DateWish(year=2025, month=6), [2, 1, 0]),
    ],
)
def test_dates_decide_where_they_are_asked_for(wish: DateWish, order: list[int]) -> None:
    """Articles from then come first, undated ones last; unasked a date changes nothing."""
    assert ids(rank(asked(wish=wish), *UNDATED_OLD_NEW)) == order


def test_unasked_a_date_changes_no_score() -> None:
    """Old, new and undated articles score alike."""
    assert scores(rank(asked(), *UNDATED_OLD_NEW)) == [scores(rank(asked(), Given("a")))[0]] * 3


def test_a_date_does_not_outweigh_the_topic() -> None:
    """An old article about what was asked stays ahead of a new one about something else."""
    passages = [Given("a", published=NEW), Given("b", published=OLD, sentences=[X])]
    question = asked(embedding=X, wish=DateWish(latest=True))
    assert ids(rank(question, *passages)) == [1, 0]


def test_the_latest_of_undated_articles() -> None:
    """Where no article has a date, none is newer than the others."""
    found = rank(asked(wish=DateWish(latest=True)), Given("a"), Given("b"))
    assert ids(found) == [0, 1]
    assert scores(found)[0] == scores(found)[1]


ARTICLE_AMONG_OTHERS = (
    Given("ice", sentences=[X], tokens=[[X]]),
    Given("the sun of Talas", embedding=Y, slug="own", published=OLD, tokens=[[Y]]),
    Given("old ice", sentences=[X + Y], slug="own", published=OLD, tokens=[[X]]),
    Given("лёд Таласа", "ru", sentences=[X], tokens=[[X]]),
    Given("no wind", slug="own", published=OLD, tokens=[[Z]]),
)


def test_one_article_alone_can_be_searched() -> None:
    """Its passages are ranked, the best first, and no others; of an unknown article none."""
    question = asked("old ice", embedding=X, tokens=[X])
    assert ids(rank(question, *ARTICLE_AMONG_OTHERS, within="own")) == [2, 1, 4]
    assert ids(rank(question, *ARTICLE_AMONG_OTHERS, within="own", limit=1)) == [2]
    assert ids(rank(question, *ARTICLE_AMONG_OTHERS, within="0")) == [0]
    assert rank(question, *ARTICLE_AMONG_OTHERS, within="other") == []
    assert rank(question, *ARTICLE_AMONG_OTHERS, within="own", without="own") == []


def test_what_speaks_for_a_passage_is_the_same_within_its_article() -> None:
    """So the confidence, which was fitted for all articles together, means the same."""
    means = {"en": LanguageMean(X, Y, Z, Z), "ru": LanguageMean(Y, X, X, Y)}
    question = asked("old ice of Talas", X, [X, Y], DateWish(latest=True))
    among_all = rank(question, *ARTICLE_AMONG_OTHERS, means=means)
    alone = rank(question, *ARTICLE_AMONG_OTHERS, means=means, within="own")
    assert len({each.evidence for each in alone}) == 3
    assert alone == [each for each in among_all if each.passage_id in {1, 2, 4}]


def test_an_article_is_searched_however_many_others_are_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Candidates are taken from the article, not looked for among the best of all."""
    monkeypatch.setattr(ranking, "_CANDIDATES", 2)
    others = [Given(f"ice {number}", sentences=[X]) for number in range(5)]
    own = [Given("sun", slug="own"), Given("ice", slug="own"), Given("wind", slug="own")]
    found = rank(asked("ice", embedding=X), *others, *own, within="own")
    assert ids(found) == [6, 5]


def test_a_twin_in_another_article_hides_nothing() -> None:
    """What two articles say alike is found in each of them."""
    passages = [Given(TEN_WORDS, sentences=[X]), Given(TEN_WORDS, slug="own")]
    question = asked(embedding=X)
    assert ids(rank(question, *passages)) == [0]
    assert ids(rank(question, *passages, within="own")) == [1]


def test_passages_are_judged_before_their_embeddings_are_read() -> None:
    """How close they are is given; means, words, names and dates count as they always do."""
    passages = [
        Given("ice", embedding=X, sentences=[Y, X], published=date(2025, 6, 1)),
        Given("sun", embedding=Y),
        Given("лёд Kambarov", "ru", embedding=X, sentences=[X + Y]),
    ]
    question = asked("ice of Kambarov", X, wish=DateWish(year=2025))
    means = {**NO_MEANS, "ru": LanguageMean(NOWHERE, np.float32(0.5) * X, NOWHERE, NOWHERE)}
    vectors = vectors_of(passages, means)
    unread = replace(vectors, passages=vectors.passages[:, :0], sentences=vectors.sentences[:, :0])
    known = Ranking.of(unread, Statistics.of(vectors))
    found = known.first_scores(Search(question), np.array([2, 0, 2], np.float32))
    expected = scores(rank(question, *passages, means=means))
    assert found == pytest.approx(expected, abs=0.001)
    assert expected[0] > expected[2] > expected[1]
