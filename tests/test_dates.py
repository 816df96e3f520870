"""From when an article should be, and how well a date suits."""

from datetime import date

import numpy as np
import pytest
from babel import Locale

from embeddings.dates import DateWish, changes_time_only, date_preferences, read_date_wish

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    "question",
    [
        "latest news",
        "What's new at the center?",
        "What’s new at the center?",
        "What is the latest on the alliance?",
        "Any news about Green Alliance KG?",
        "recent events in Bishkek",
        "the latest green energy projects",
        "last meeting of the alliance",
        "What did they do recently?",
        "What was built last week?",
        "What changed over the past few months?",
        "последние новости Альянса",
        "Какие последние экологические новости Казахстана?",
        "Что нового у Альянса?",
        "Какие новые проекты у центра?",
        "Свежие статьи о воздухе",
        "Чем они занимались в последнее время?",
        "С кем недавно встречался директор?",
        "соңғы жаңалықтар",
        "Альянстың соңғы жаңалықтары қандай?",
        "Не жаңалық бар?",
        "Соңғы іс-шаралар қандай?",
        "Қазақстандағы жаңа жобалар",
        "Соңғы уақытта не өзгерді?",
        "акыркы жаңылыктар",
        "Жаңы кабарлар барбы?",
        "Эмне жаңылык?",
        "Бишкектеги акыркы экологиялык долбоорлор",
        "Акыркы убакта эмне өзгөрдү?",
    ],
)
def test_the_latest_are_wanted(question: str) -> None:
    """The newest are wanted by who asks for news, or for what is new of articles and doings."""
    assert read_date_wish(question, TODAY).latest


@pytest.mark.parametrize(
    "question",
    [
        "Submit it by Friday at the latest",
        "What is the director's last name?",
        "Who was the last emperor of China?",
        "What is the name of the latest epoch?",
        "When was the last plague outbreak?",
        "What do recent studies say of jellyfish?",
        "What happened in the last days of the war?",
        "What are projects in New Zealand for?",
        "Who owns Green News Network?",
        "How long did it last?",
        "Кто был последним императором Китая?",
        "За последние три минуты игры забили два гола?",
        "Сколько компаний включено по новому кодексу?",
        "Агентство новостей",
        "Соңғы император кім?",
        "Ғалым қандай жаңалық ашты?",
        "Жаңа экологиялық кодекс",
        "Акыркы император ким болгон?",
        "Жаңы мыйзам качан кабыл алынган?",
    ],
)
def test_last_and_new_have_other_meanings(question: str) -> None:
    """The final one, a name, a law that is new: none of them asks for recent articles."""
    assert not read_date_wish(question, TODAY).latest


@pytest.mark.parametrize(
    ("question", "year"),
    [
        ("What did the alliance do in 2025?", 2025),
        ("EXPO 2020 көргөзмөсү", 2020),
        ("ЭКСПО-2017 туралы", 2017),
        ("COP 2024 results", 2024),
        ("итоги 2025-го года", 2025),
        ("2025-жылы эмне болду?", 2025),
        ("2025 жылғы оқиғалар", 2025),
        ("1990 жылы", 1990),
        ("What happened in the 2000 year?", 2000),
        ("COP28 results", None),
        ("It is 2015 km long", None),
        ("Кто посадил 2000 саженцев?", None),
        ("Who planted 2,015 trees for $2015?", None),
        ("Tariffs of the 2010s", None),
        ("в 2010-х годах", None),
        ("Who ruled in 1917?", None),
        ("between 2004 and 2014", None),
        ("from 2000 to 2005", None),
        ("за 2010-2012 годы", None),
        ("What has changed since 2019?", None),
        ("к 2060 году", None),
        ("1998 жылға дейін", None),
        ("2019-жылдан бери", None),
    ],
)
def test_years(question: str, year: int | None) -> None:
    """One year is taken, also in a name; no count, decade, span or limit, none before 1990."""
    assert read_date_wish(question, TODAY).year == year


@pytest.mark.parametrize(
    ("question", "year", "month"),
    [
        ("What happened in June 2025?", 2025, 6),
        ("meetings in may", None, 5),
        ("12 May", None, 5),
        ("Sept 2025", 2025, 9),
        ("Что было в мае?", None, 5),
        ("12 мая 2025 г.", 2025, 5),
        ("июньские новости", None, 6),
        ("новости за март", None, 3),
        ("2025 жылғы маусымда не болды?", 2025, 6),
        ("маусым айының жаңалықтары", None, 6),
        ("наурыз айында", None, 3),
        ("шілденің соңында", None, 7),
        ("2025 жылдың қыркүйегінде", 2025, 9),
        ("2025-жылдын июнь айында эмне болду?", 2025, 6),
        ("12-июнундагы жолугушуу", None, 6),
        ("апрелде эмне болду?", None, 4),
        ("12.06.2025", 2025, 6),
        ("2025-06-12", 2025, 6),
        ("новости за 06/2025", 2025, 6),
        ("в июне или в июле 2025", 2025, None),
        ("in June 1941", None, None),
        ("192.168.2025.1", None, None),
    ],
)
def test_months(question: str, year: int | None, month: int | None) -> None:
    """A month is known in all its cases and in numbers; of two none is taken."""
    wish = read_date_wish(question, TODAY)
    assert (wish.year, wish.month) == (year, month)


@pytest.mark.parametrize("language", ["en", "ru", "kk", "ky"])
@pytest.mark.parametrize("form", ["format", "stand-alone"])
def test_every_month_that_unicode_knows(language: str, form: str) -> None:
    """Both forms of all months' names in CLDR are read."""
    for month, name in Locale(language).months[form]["wide"].items():
        assert read_date_wish(f"12 {name} 2025", TODAY) == DateWish(
            year=2025, month=month, names_topic=False
        )


@pytest.mark.parametrize(
    "question",
    [
        "May I ask what may happen?",
        "Why was the march held?",
        "1 гр май ыдырағанда қанша энергия бөлінеді?",
        "жазғы маусым",
        "Қазан қаласы қайда?",
        "Наурыз көжені қалай дайындайды?",
        "Наурызым қорығы қайда?",
        "Книга Мартина об Августине",
    ],
)
def test_months_have_other_meanings(question: str) -> None:
    """May, march, a feast, butter, season, Kazan and names that hold a month are no months."""
    assert read_date_wish(question, TODAY).month is None


@pytest.mark.parametrize(
    ("question", "year", "month"),
    [
        ("this year", 2026, None),
        ("What did they do last year?", 2025, None),
        ("in the last year of the war", None, None),
        ("last month", 2026, 2),
        ("в этом году", 2026, None),
        ("прошлогодние проекты", 2025, None),
        ("в этом месяце", 2026, 3),
        ("в прошлом месяце", 2026, 2),
        ("биыл", 2026, None),
        ("былтырғы жаңалықтар", 2025, None),
        ("өткен айда", 2026, 2),
        ("быйыл", 2026, None),
        ("былтыркы долбоорлор", 2025, None),
        ("ушул айда", 2026, 3),
        ("өткөн айда", 2026, 2),
    ],
)
def test_relative_dates(question: str, year: int, month: int | None) -> None:
    """This and last year and month count from today."""
    wish = read_date_wish(question, TODAY)
    assert (wish.year, wish.month) == (year, month)


def test_last_month_may_be_last_year() -> None:
    """In January, last month is December of the year before."""
    wish = read_date_wish("last month", date(2026, 1, 15))
    assert (wish.year, wish.month) == (2025, 12)


@pytest.mark.parametrize(
    ("question", "names_topic"),
    [
        ("Последние новости?", False),
        ("последние новости Альянса", True),
        ("Расскажите, что нового", False),
        ("What's the latest news, please?", False),
        ("latest news of the center", True),
        ("What happened in June 2025?", False),
        ("latest meetings", True),
        ("Не жаңалық бар?", False),
        ("Соңғы жаңалықтарды айтыңызшы", False),
        ("Бишкектің соңғы жаңалықтары", True),
        ("Акыркы жаңылыктар кандай?", False),
        ("Бишкектеги акыркы кабарлар", True),
        ("2025-жылдын 12-июнунда эмне болду?", False),
    ],
)
def test_whether_there_is_a_topic(question: str, names_topic: bool) -> None:  # noqa: FBT001
    """Dates, news and small words are no topic; everything else is."""
    assert read_date_wish(question, TODAY).names_topic == names_topic


NEWEST = date(2025, 12, 1)


@pytest.mark.parametrize(
    ("published", "wish", "preference"),
    [
        (date(2025, 6, 12), DateWish(), 0.0),
        (None, DateWish(latest=True, year=2025), 0.0),
        (date(2025, 1, 1), DateWish(year=2025), 1.0),
        (date(2024, 12, 31), DateWish(year=2025), 0.5),
        (date(2027, 1, 1), DateWish(year=2025), 0.25),
        (date(2025, 6, 30), DateWish(year=2025, month=6), 1.0),
        (date(2025, 8, 1), DateWish(year=2025, month=6), 0.25),
        (date(2024, 12, 1), DateWish(year=2025, month=1), 0.5),
        (date(2019, 6, 1), DateWish(month=6), 1.0),
        (date(2019, 12, 1), DateWish(month=1), 0.5),
        (date(2019, 1, 1), DateWish(month=11), 0.25),
        (date(2025, 12, 1), DateWish(latest=True), 1.0),
        (date(2025, 9, 2), DateWish(latest=True), 0.5),
        (date(2019, 6, 12), DateWish(latest=True, year=2019), 1.0),
    ],
)
def test_how_well_a_date_suits(published: date | None, wish: DateWish, preference: float) -> None:
    """It halves with each year or month from the named one; else every 90 days from the newest."""
    dates = np.array([published, NEWEST, None], "datetime64[D]")
    preferences = date_preferences(dates, wish)
    assert preferences[0] == preference
    assert preferences[2] == 0


@pytest.mark.parametrize("wish", [DateWish(latest=True), DateWish(year=2025), DateWish(month=6)])
def test_where_no_date_is_known_none_suits(wish: DateWish) -> None:
    """Whatever is wished for; also where there are no articles at all."""
    assert date_preferences(np.array([None, None], "datetime64[D]"), wish).tolist() == [0, 0]
    assert date_preferences(np.array([], "datetime64[D]"), wish).tolist() == []


GLACIER = "How far has the Kara-Tash glacier drawn back?"


@pytest.mark.parametrize(
    "question",
    [
        *("And in 2021?", "What about June?", "Then how about last year?"),
        *("А в 2021 году?", "А что в мае?", "Ну а в прошлом году?"),
        *("Ал 2021 жылы ше?", "Ал былтыр ше?", "Маусым айында ше?"),
        *("Ал эми 2021-жылы?", "А былтыр эмне?", "Жана июнь айында?"),
    ],
)
def test_a_time_alone_goes_on_about_the_topic_before_it(question: str) -> None:
    """Such a question asks for no list of articles, unless the one before it did."""
    assert changes_time_only(question, GLACIER)
    assert not changes_time_only(question, "What happened in 2019?")


@pytest.mark.parametrize(
    "question",
    [
        *("What happened in June 2025?", "What is the latest news?", "And the glacier in 2021?"),
        *("Что произошло в июне 2025 года?", "Что нового?", "А озеро в 2021 году?"),
        *("2025 жылы не болды?", "Соңғы жаңалықтар қандай?", "Ал 2021 жылы көл ше?"),
        *("2025-жылы эмне болду?", "Эмне жаңылык?", "Ал эми 2021-жылы көлчү?"),
    ],
)
def test_what_says_more_than_a_time_does_not(question: str) -> None:
    """It stands alone, or has a topic of its own."""
    assert not changes_time_only(question, GLACIER)
