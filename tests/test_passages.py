"""Sentences and passages: where they begin and end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.article import Article
from knowledge.passages import LONGEST_PASSAGE, SHORT_PARAGRAPH, Passage, split_article
from knowledge.sentences import Span, split_sentences

ENGLISH = [
    ["The glacier melts.", "The river rises."],
    ["Mr. Kambarov met Mr. Benoît LEGUET in Paris.", "They talked."],
    ["Dr. A. B. Smith and Prof. J. K. Rowling spoke.", "Then they left."],
    ["The talks, e.g. on waste, ended at 3.30 p.m. in Paris.", "All agreed."],
    ["It warmed by 1.5 °C, i.e. more than before.", "CO2 is the cause."],
    ["Tesla Inc. said so.", "Nobody answered."],
    ["The U.S. President came.", "He spoke in the U.S. Senate."],
    ["The panels were made in the U.S.", "The rest came from China."],
    ["S.Zh. Japarov and K. Tokayev met.", "The water was shared."],
    ["He said “We care.", "We act.”", "Then he left."],
    ["“Who pays?” he asked.", "“We do!” she said."],
    ['"Go."', '"Why?"', "He went."],
    ["Wait...", "What?!", "Yes!", "So it goes…", "Next."],
    ["Read https://example.org/a.b?c=1.", "It is good."],
    ["See p. 7, Fig. 3 and No. 5 of vol. 2.", "It tells all."],
    ["It began on Jan. 5 and burns approx. 4 kg a day.", "Nobody knows why."],
    ["The plan (approved in May) works.", "It is cheap (really!).", "Good."],
    ["1. Plant trees.", "2. Save water."],
    ["Clean air 🌬️ for all!", "🌍 One planet. 😀"],
    ["The workers’ union agreed.", "It's done."],
    ["Is it over?", "No, it is not."],
]
RUSSIAN = [
    ["Ледник тает.", "Река прибывает."],
    ["И.о. Председателя Правления выступил.", "Его поддержали."],
    ["Выступил и.о. Министра экологии РК.", "Речь была краткой."],
    ["Встреча с г-ном Джанешем Кейном и г-жой Ивановой прошла.", "Все согласны."],
    ["Встреча с г-ном. Кейном прошла.", "Все согласны."],
    ["В альянс вошли Турция, Малазия и др.", "Он растёт."],
    ["Вошли Турция, Малазия и др. страны.", "Он растёт."],
    ["Это т.е. много, т.к. мало не бывает.", "Так считают все."],
    ["Собрали 5 млн. тенге и 300 тыс. долларов.", "Этого мало."],
    ["А. С. Пушкин и С.Ж. Жапаров.", "Дж. Байден тоже."],
    ["Офис: г. Алматы, ул. Абая, д. 5, кв. 7.", "Вход свободный."],
    ["В 2025 г. Казахстан принял закон.", "Он действует."],
    ["Завод имени и фонд созданы в 2025 г.", "Они работают."],
    ["Закон принят 5 июня 2025 г. 120 голосами.", "Он действует."],
    ["«Мы строим завод.", "Он будет чистым», — сказал министр.", "Его поддержали."],
    ["«Кто платит?» — спросил он.", "«Мы!» — ответили ему."],
    ["Проект «Зелёный мост».", "«Это важно», — отметил он."],
    ["Он ждал…", "Ответа нет…", "Почему?!", "Не знаю!.."],
    ["Построены на р. Чу и о. Крит.", "Они чистые."],
    ["Пришли врачи, учителя и т.д.", "Всем рады."],
    ["Рост на 3.30 процента, см. рис. 3 и табл. 1.", "Это мало."],
    ["Университет им. К. И. Сатпаева открыт.", "Приходите."],
    ["Сайт igtipc.org работает.", "Пишите."],
    ["Подпишут ли соглашение?", "Подпишут!"],
    ["1. Сажать деревья.", "2. Беречь воду."],
]
KAZAKH = [
    ["Мұздық еріп жатыр.", "Өзен тасыды."],
    ["Министр Е. Нысанбаев жобаны таныстырды.", "Оны бәрі қолдады."],
    ["Қ. Тоқаев пен Ә. Бөкейханов туралы айтылды.", "Бұл маңызды."],
    ["Н.Ә. Назарбаев пен Ж. Ж. Асанов келді.", "Кездесу өтті."],
    ["Заң 2024 ж. 5 мамырда қабылданды.", "Ол күшіне енді."],
    ["2024 ж. Алматыда форум өтті.", "Оған жүз адам келді."],
    ["Су, жел, күн т.б. көздер бар.", "Олар таза."],
    ["Форумға Түркия, Қытай т.б.", "Ол сәтті өтті."],
    ["Алматы қ. Абай даңғылы, 5-үй.", "Кіру тегін."],
    ["«Біз зауыт саламыз.", "Ол таза болады», — деді министр.", "Оны қолдады."],
    ["«Кім төлейді?» — деп сұрады ол.", "Жауап болмады."],
    ["Жоба 5 млн. теңге тұрады.", "7 компания қатысады."],
    ["Түркістан обл. әкімі келді.", "Ол сөз сөйледі."],
    ["Бұл XX ғ. басында болған.", "Одан бері жүз жыл өтті."],
    ["Ауа таза ма?", "Жоқ!", "Неге…", "Білмеймін..."],
    ["Проф. Ахметов пен акад. Сәтбаев айтты.", "Бәрі тыңдады."],
    ["Ол осында барады.", "5 адам келді.", "2025 жылы аяқталады."],
    ["Көміртегі ізі 3,5 пайызға азайды.", "Бұл аз."],
    ["Орт. Азия елдері келісті.", "Су бөлінді."],
]
KYRGYZ = [
    ["Мөңгү эрип жатат.", "Дарыя ташкындады."],
    ["Президент С. Жапаров сүйлөдү.", "Аны баары укту."],
    ["Ч. Айтматов менен К. Ө. Асанов келди.", "Жолугушуу өттү."],
    ["Ө. Садыков жана Ы. Шамшиев сүйлөдү.", "Баары макул болду."],
    ["Мыйзам 2024-ж. 5-майда кабыл алынды.", "Ал күчүнө кирди."],
    ["2024-ж. Бишкекте форум өттү.", "Ага жүз киши келди."],
    ["Суу, шамал, күн ж.б. булактар бар.", "Алар таза."],
    ["Форумга Түркия, Кытай ж.б.", "Ал ийгиликтүү өттү."],
    ["Дареги: Бишкек ш. Чүй пр. 5.", "Кирүү бекер."],
    ["Ысык-Көл обл. жаңы долбоор башталды.", "Ал эки жылга созулат."],
    ["«Биз завод курабыз.", "Ал таза болот», — деди министр.", "Аны колдошту."],
    ["«Ким төлөйт?» — деп сурады ал.", "Жооп болгон жок."],
    ["Долбоор 5 млн. сом турат.", "7 ишкана катышат."],
    ["Аба тазабы?", "Жок!", "Эмнеге…", "Билбейм..."],
    ["Көмүртек изи 3,5 пайызга азайды.", "Бул аз."],
    ["Бул XX к. башында болгон.", "Андан бери жүз жыл өттү."],
    ["Жогорку Кеңеш чечим кабыл алды.", "2025-жылы иш башталат."],
    ["Проф. Асанов айтты.", "Баары укту."],
    ["Таштанды полигону күйүп жатат!", "Түтүн шаарга жетти."],
]
CASES = [
    pytest.param(language, sentences, id=f"{language}: {sentences[0]}")
    for language, cases in (("en", ENGLISH), ("ru", RUSSIAN), ("kk", KAZAKH), ("ky", KYRGYZ))
    for sentences in cases
]


def sentences_of(text: str, language: str) -> list[str]:
    return [text[span.start : span.end] for span in split_sentences(text, language)]


@pytest.mark.parametrize(("language", "sentences"), CASES)
def test_sentences(language: str, sentences: list[str]) -> None:
    """Sentences end where a reader of the language ends them, not at an abbreviation."""
    assert sentences_of(" ".join(sentences), language) == sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n\n\t ", []),
        ("one", ["one"]),
        ("  One.   Two. ", ["One.", "Two."]),
        ("Он сказал.\u00a0Они ушли.", ["Он сказал.", "Они ушли."]),
        ("One.\n\nTwo", ["One.", "Two"]),
        ("One\n\ntwo", ["One", "two"]),
        ("Heading\nThe text goes on.", ["Heading", "The text goes on."]),
        ("# A heading of Markdown\nText.", ["# A heading of Markdown", "Text."]),
        ("We need:\n- air\n- water", ["We need:", "- air", "- water"]),
        ("We need:\n• air;\n• water.", ["We need:", "• air;", "• water."]),
        ("Steps:\n1. Plant.\n2. Water.", ["Steps:", "1. Plant.", "2. Water."]),
        ("Шаги:\nа) сажать;\nб) поливать.", ["Шаги:", "а) сажать;", "б) поливать."]),
        ("Mr.\nSmith came.", ["Mr.\nSmith came."]),
        ("Its O\n2 is low.", ["Its O\n2 is low."]),
        (
            "The landfill near the city of Bishkek has been burning for years, and the\n"
            "Green Alliance wants it closed. The people of the villages next to it\n"
            "agree.",
            [
                "The landfill near the city of Bishkek has been burning for years, and the\n"
                "Green Alliance wants it closed.",
                "The people of the villages next to it\nagree.",
            ],
        ),
        ("«One.» «Two.»", ["«One.»", "«Two.»"]),
        ("„One.“ „Two.“", ["„One.“", "„Two.“"]),
        ("« One. » « Two. »", ["« One. »", "« Two. »"]),
        ("He said «No». She left.", ["He said «No».", "She left."]),
        ("Wow 😀😀! Ok. 👍🏽", ["Wow 😀😀!", "Ok. 👍🏽"]),
        ("A !!! ??? B", ["A !!! ???", "B"]),
    ],
)
def test_shapes_of_text(text: str, sentences: list[str]) -> None:
    """Lines, lists, headings, quotation marks and emoji are cut without losing a character."""
    assert sentences_of(text, "en") == sentences


def test_an_unknown_language_is_split_too() -> None:
    """An article in another language has sentences, only without its own abbreviations."""
    assert sentences_of("Das Eis schmilzt. Der Fluss steigt.", "de") == [
        "Das Eis schmilzt.",
        "Der Fluss steigt.",
    ]


def article(body: str, language: str = "en") -> Article:
    return Article("a", "T", "https://example.org", body, None, language, None)


def passages_of(body: str) -> list[str]:
    return [passage.text for passage in split_article(article(body))]


SENTENCE = "Clean air is what the city of Bishkek needs most."  # 49 characters
LONG = " ".join([SENTENCE] * 10)  # 499 characters
CREDITS = "Translation by A. Umarov"


def test_a_paragraph_is_a_passage() -> None:
    """Paragraphs of a reasonable length stay what their author made them."""
    second = LONG.replace("air", "water")
    assert passages_of(f"{LONG}\n\n{second}") == [LONG, second]


def test_blank_lines_with_spaces_separate_paragraphs_too() -> None:
    """A line that looks blank is blank."""
    assert passages_of(f"{LONG}\n \t\n\n{LONG}") == [LONG, LONG]


def test_a_heading_goes_with_what_follows() -> None:
    """A short paragraph without a full stop belongs to the text under it."""
    assert passages_of(f"{LONG}\n\nThe fire\n\n{LONG}") == [LONG, f"The fire\n\n{LONG}"]


def test_a_short_paragraph_goes_with_what_precedes() -> None:
    """A short paragraph that ends like a sentence rounds off the one before it."""
    assert passages_of(f"{LONG}\n\nSo be it.\n\n{LONG}") == [f"{LONG}\n\nSo be it.", LONG]


def test_short_paragraphs_do_not_gather_without_end() -> None:
    """News of many short paragraphs becomes passages of a phone's screen, not of a page."""
    paragraph = "The city of Bishkek needs clean air. " * 5
    texts = passages_of("\n\n".join([paragraph.strip()] * 12))
    assert [len(text) for text in texts] == [556, 556, 556, 556]


def test_credits_at_the_end_go_with_the_last_paragraph() -> None:
    """What is short and last has nothing to follow it."""
    assert passages_of(f"{LONG}\n\n{CREDITS}\n\n{CREDITS}") == [
        f"{LONG}\n\n{CREDITS}\n\n{CREDITS}"
    ]


def test_short_paragraphs_gather() -> None:
    """A list of short paragraphs becomes passages of enough text, not one passage a line."""
    lines = ["- Clean air for the city, and water for the villages"] * 16
    assert [len(text) >= SHORT_PARAGRAPH for text in passages_of("\n\n".join(lines))] == [True] * 2


def test_a_short_article_is_one_passage() -> None:
    """An article of a few words is still found."""
    assert passages_of("Bishkek needs clean air.") == ["Bishkek needs clean air."]


def test_a_long_paragraph_is_split_into_like_parts() -> None:
    """Two halves say more than nine tenths and a rest; they end where sentences end."""
    assert passages_of(f"{LONG} {LONG} {LONG} {LONG}") == [f"{LONG} {LONG}", f"{LONG} {LONG}"]


def test_a_long_sentence_is_split_at_a_clause() -> None:
    """A sentence longer than a passage may be is cut at a comma near the middle."""
    clause = ("air " * 180).strip()
    assert passages_of(f"A {clause}, and {clause}.") == [f"A {clause},", f"and {clause}."]


def test_a_text_without_spaces_is_split_anywhere() -> None:
    """Even a text that is no text keeps within the bounds."""
    assert [len(part) for part in passages_of("a" * 3000)] == [1000, 1000, 1000]


def test_an_empty_body_has_no_passages() -> None:
    """Nothing to quote, nothing to index."""
    assert split_article(article("")) == []


def test_the_quoted_speech_of_the_alliance_is_two_sentences() -> None:
    """A speech between quotation marks, with marks inside it, is cut at its own full stop."""
    body = (
        "В своей речи и.о. Председателя Правления подчеркнул, что «участие Центра отражает роль "
        "«зелёных» инвестиций. Центр готов содействовать трансферу технологий»."
    )
    [passage] = split_article(article(body, "ru"))
    second = body.index("Центр готов")
    assert passage.sentences == (Span(0, second - 1), Span(second, len(body)))


def check(body: str, passages: list[Passage]) -> None:
    """Assert what must hold for every article."""
    position = 0
    for passage in passages:
        assert passage.text == body[passage.start : passage.end]
        assert passage.text == passage.text.strip() != ""
        assert len(passage.text) <= LONGEST_PASSAGE
        assert passage.start >= position
        assert not body[position : passage.start].strip()
        assert passage.sentences[0].start == passage.start
        assert passage.sentences[-1].end == passage.end
        for span in passage.sentences:
            assert span.start < span.end
            assert not body[position : span.start].strip()
            assert position <= span.start
            text = body[span.start : span.end]
            assert text == text.strip() != ""
            position = span.end
    assert not body[position:].strip()


PIECES = st.one_of(
    st.sampled_from(
        [
            *".!?…,;:-—\n«»“”„\"'’()[] \u00a0\t",
            "\n\n",
            ". ",
            "... ",
            "\n- ",
            "Mr. ",
            "г. ",
            "т.е. ",
            "ж.б. ",
            "Қ. ",
            "С. ",
            "2024-ж. ",
            "5 ",
            "1. ",
            "Бул ",
            "ауа ",
            "Air ",
            "😀",
            "👨‍👩‍👧",
            "e\u0301",
            "https://a.kg/b.c ",
            "слово " * 40,
            "Вода. " * 40,
            "x" * 500,
            " " * 300,
            "\n" * 50,
        ]
    ),
    st.text(max_size=5),
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(["en", "ru", "kk", "ky", "de"]))
def test_passages_hold_all_of_any_text(body: str, language: str) -> None:
    """Whatever the text, every character but whitespace is in one sentence of one passage."""
    check(body, split_article(article(body, language)))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(["en", "ru", "kk", "ky", "de"]))
def test_sentences_hold_all_of_any_text(text: str, language: str) -> None:
    """Sentences are in order and leave out nothing but whitespace."""
    position = 0
    for span in split_sentences(text, language):
        assert position <= span.start < span.end
        assert not text[position : span.start].strip()
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        position = span.end
    assert not text[position:].strip()


@pytest.mark.parametrize(
    "body",
    [
        "a" * 1_000_000,
        "ә" * 1_000_000,
        "“" * 200_000,
        "'" * 200_000,
        "(" * 1_000_000,
        "…" * 200_000,
        "и др. и " * 20_000,
        "\n" * 500_000 + "a",
        "Clean air. " * 20_000,
    ],
    ids=lambda body: f"{body[:8]!r} x {len(body)}",
)
def test_a_huge_text_is_split_like_any_other(body: str) -> None:
    """No text, however odd, keeps a reindex busy: work in its square would take this minutes."""
    check(body, split_article(article(body, "ru")))
