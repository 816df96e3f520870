"""Word evidence: which words count as the same, and how much of a question a text has."""

import math
import unicodedata

import numpy as np
import pytest

from embeddings.lexical import (
    WordIndex,
    WordLists,
    Words,
    in_latin,
    joined_lists,
    read_names,
    read_words,
)


def share_of(question: Words, text: Words) -> float:
    """The share of the question's words that are in the text, all of one weight."""
    return float(np.isin(question, text).mean())


def index(*texts: str) -> WordIndex:
    return WordIndex(WordLists.of([read_words(text, "en") for text in texts]))


def coverage(question: str, *texts: str) -> list[float]:
    return [float(share) for share in index(*texts).coverage(read_words(question, "en"))]


def idf(texts: int, texts_with_word: int) -> float:
    return math.log(1 + (texts - texts_with_word + 0.5) / (texts_with_word + 0.5))


def test_words_are_distinct_numbers_in_ascending_order() -> None:
    """However often a word occurs, in whatever case, it is one number."""
    words = read_words("Melting ice, melting ICE; ice!", "en")
    assert words.dtype == np.uint32
    assert len(words) == 2
    assert words[0] < words[1]


@pytest.mark.parametrize("text", ["", "  \n", "— … !", "🌱"])
def test_text_without_words_has_none(text: str) -> None:
    """Nothing to compare by is no error."""
    for language in ("en", "ru", "kk", "ky"):
        assert len(read_words(text, language)) == 0
    assert len(read_names(text)) == 0


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("glaciers", "glacier", "en"),
        ("planted", "planting", "en"),
        ("ледников", "ледники", "ru"),
        ("солнечную", "солнечная", "ru"),
        ("Ёлки", "елки", "ru"),
        ("МҰЗДЫҚ", "мұздық", "kk"),
    ],
)
def test_endings_and_case_make_no_other_word(one: str, other: str, language: str) -> None:
    """English and Russian words are compared by their stems; ё is е, capitals are small."""
    assert read_words(one, language).tolist() == read_words(other, language).tolist()


@pytest.mark.parametrize(
    ("question", "text", "language"),
    [
        ("жоба", "жобаларының", "kk"),
        ("мұғалім", "мұғалімдеріміздің", "kk"),
        ("долбоор", "долбоорлорунун", "ky"),
        ("мөңгү", "мөңгүлөрдүн", "ky"),
    ],
)
def test_suffixes_cost_only_the_part_they_change(question: str, text: str, language: str) -> None:
    """A Kazakh or Kyrgyz word is found under its suffixes by all of its parts but the last."""
    words = read_words(question, language)
    # A word of n letters has n - 1 parts of four with a mark before and behind it.
    assert len(words) == len(question) - 1
    assert share_of(words, read_words(text, language)) == pytest.approx(1 - 1 / len(words))


def test_another_kazakh_word_shares_no_part() -> None:
    """Parts of four letters are long enough that unrelated words have none in common."""
    assert share_of(read_words("жоба", "kk"), read_words("мұздықтардың көлемі", "kk")) == 0


@pytest.mark.parametrize("word", ["а", "су", "жер"])
def test_a_short_kazakh_word_is_compared_whole(word: str) -> None:
    """A word shorter than a part is found as it is."""
    assert share_of(read_words(word, "kk"), read_words(f"бұл {word} деген", "kk")) == 1


@pytest.mark.parametrize("language", ["en", "ru", "kk", "ky"])
def test_however_a_letter_is_put_together_it_is_the_same(language: str) -> None:
    """The letters й and ё may be written with a mark of their own, as some keyboards do."""
    apart = unicodedata.normalize("NFD", "Ёлкин район")
    assert apart != "Ёлкин район"
    assert read_words(apart, language).tolist() == read_words("елкин район", language).tolist()
    assert read_names(apart).tolist() == read_names("елкин район").tolist()


@pytest.mark.parametrize(
    ("cyrillic", "latin"),
    [
        ("Камбаров", "Kambarov"),
        ("Сакен", "Saken"),
        ("Калкаманов", "Kalkamanov"),
        ("Умаров", "Umarov"),
        ("Ермек", "Yermek"),
        ("Ермек", "Ermek"),
        ("Елена", "Yelena"),
        ("Жанар", "Zhanar"),
        ("Жанар", "Janar"),
        ("Бауыржан", "Bauyrzhan"),
        ("Бауыржан", "Bauirzhan"),
        ("Ёлкин", "Yolkin"),
        ("Ёлкин", "Yelkin"),
        ("Елкин", "Elkin"),
        ("Фёдор", "Fyodor"),
        ("Токаев", "Tokayev"),
        ("Юлия", "Yuliya"),
        ("Яна", "Yana"),
        ("Айгүл", "Aigul"),
        ("Гүлнара", "Gülnara"),
        ("Өскемен", "Oskemen"),
        ("Қазақстан", "Qazaqstan"),
        ("Кыргызстан", "Kyrgyzstan"),
        ("Тянь-Шань", "Tian-Shan"),
        ("Хабибуллин", "Khabibulin"),
        ("Щербаков", "Shcherbakov"),
        ("Чингиз", "Chingiz"),
        ("Качев", "Katchev"),
        ("Цой", "Tsoy"),
        ("Джумабаев", "Dzhumabaev"),
        ("Жумабаев", "Jumabaev"),
        ("Оксана", "Oxana"),
        ("Вашингтон", "Washington"),
        ("Филипп", "Philip"),
        ("район", "raion"),
        ("район", "rayon"),
    ],
)
def test_names_are_spelt_alike_in_both_scripts(cyrillic: str, latin: str) -> None:
    """A name is the same word in Cyrillic and in the ways it is written in Latin letters."""
    assert in_latin(cyrillic) == in_latin(latin)


def test_latin_spelling() -> None:
    """What names are compared by, letter by letter."""
    assert in_latin("Бауыржан") == "bauirzhan"
    assert in_latin("Тянь") == "tan"
    assert in_latin("Ұңғыма") == "ungima"


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Когда родился Умаров?", "Umarov was born in Osh."),
        ("Who is Saken Kalkamanov?", "Сакена Калкаманова знают все."),
        ("Что построил Камбаров?", "Kambarov's house"),
        ("Қамбаровтың үйі қайда?", "A house of Kambarov"),
        ("Бауыржан мырза", "Mr Bauyrzhan"),
    ],
)
def test_a_name_is_found_in_another_script_whatever_its_ending(question: str, text: str) -> None:
    """Only the beginning of a name counts, which has no case endings in it."""
    assert share_of(read_names(question), read_names(text)) > 0


def test_different_names_are_told_apart() -> None:
    """Being written in other letters does not make words alike."""
    assert share_of(read_names("Камбаров Сакен"), read_names("Kalkamanov Zhanar Umarov")) == 0


def test_short_words_are_no_names_but_numbers_are() -> None:
    """Words of up to three letters are alike by chance; years and counts are not."""
    assert len(read_names("кит the Ош")) == 0
    assert read_names("в 2019 году, 5 кг").tolist() == read_names("2019 5 году").tolist()
    assert len(read_names("2019 5")) == 2


def test_long_numbers_are_compared_whole() -> None:
    """A number's beginning says nothing about it: 123456 is not 123457."""
    assert share_of(read_names("123456"), read_names("123457")) == 0


def test_coverage_is_the_share_of_the_questions_words_weighted_by_rarity() -> None:
    """The sum of idf of the words that are shared, by that of all the question's words."""
    # Of three texts one has "glacier", two have "ice" and none has "wind".
    total = idf(3, 1) + idf(3, 2) + idf(3, 0)
    expected = [(idf(3, 1) + idf(3, 2)) / total, idf(3, 2) / total, 0]
    found = coverage("glacier ice wind", "ice glacier ice", "old ice", "solar")
    assert found == pytest.approx(expected)
    # log(1 + 2.5/1.5) + log(1 + 1.5/2.5) of that and log(1 + 3.5/0.5), worked out by hand.
    assert found == pytest.approx([0.4110, 0.1331, 0], abs=1e-4)


def test_coverage_is_one_where_all_words_are_and_counts_each_once() -> None:
    """Neither a text's length nor repeated words change it: always between 0 and 1."""
    long = "ice " * 50 + "glacier and so many other words that nobody asked about"
    assert coverage("ice ice glacier", long, "ice") == pytest.approx(
        [1, idf(2, 2) / (idf(2, 2) + idf(2, 1))]
    )


def test_rare_words_weigh_more() -> None:
    """Of two texts with one of the question's words each, the one with the rarer one has more."""
    rare, common, *_ = coverage("glacier ice", "glacier", "ice", "ice", "ice")
    assert rare > common > 0


def test_a_question_without_words_covers_nothing() -> None:
    """No words, no share; also where no text has any."""
    assert coverage("", "ice", "glacier") == [0, 0]
    assert coverage("ice", "", "") == [0, 0]
    assert coverage("ice") == []


def test_words_beyond_the_largest_known_number_are_unknown() -> None:
    """A word that sorts behind all that is known is looked up nowhere else."""
    known = WordIndex(WordLists.of([np.array([5], np.uint32)]))
    assert known.coverage(np.array([9], np.uint32)).tolist() == [0]
    assert known.coverage(np.array([4, 5], np.uint32)).tolist() == pytest.approx(
        [idf(1, 1) / (idf(1, 1) + idf(1, 0))]
    )


def entries(index: WordIndex) -> list[object]:
    return [index._count, index._rows.tolist(), index._words.tolist(), index._starts.tolist()]


@pytest.mark.parametrize("kept", ["111", "101", "010", "000"])
@pytest.mark.parametrize("added", [[], ["ice"], ["", "new ice", "ice wind"]])
def test_an_updated_index_equals_one_that_is_made_anew(kept: str, added: list[str]) -> None:
    """Whatever was removed, and whatever came after the rest."""
    texts = ["ice glacier", "", "old ice and wind"]
    mask = np.array([each == "1" for each in kept])
    words = [read_words(text, "en") for text in added]
    updated = index(*texts).updated(mask, WordLists.of(words))
    rest = [text for text, each in zip(texts, mask, strict=True) if each]
    assert entries(updated) == entries(index(*rest, *added))
    question = read_words("ice wind", "en")
    anew = index(*rest, *added).coverage(question)
    assert updated.coverage(question).tolist() == anew.tolist()


def test_lists_of_words_are_kept_chosen_and_joined() -> None:
    """Text by text, also those without words."""
    texts = [np.array(words, np.uint32) for words in ([3, 5], [], [1], [2, 4, 6])]
    lists = joined_lists([WordLists.of(texts[:2]), WordLists.of([]), WordLists.of(texts[2:])])
    assert [lists[text].tolist() for text in range(len(lists))] == [[3, 5], [], [1], [2, 4, 6]]
    chosen = lists.chosen(np.array([False, True, True, True]))
    assert [chosen[text].tolist() for text in range(len(chosen))] == [[], [1], [2, 4, 6]]
    assert chosen.counts.tolist() == [0, 1, 3]
