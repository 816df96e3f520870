"""From when should the article be? What a question says of it, and how well a date suits.

A question's wish is told by words in four languages, not by a general parser of dates, which would
not know "the latest news" and takes "may" and "10" for dates wherever they stand.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

_LATEST_HALVES_IN_DAYS = 90
"""Age at which an article is half as welcome to those who ask for the latest.

Organisations write of their work some times a month: a week more says little about which
article is meant, a year more nearly everything.
"""

_FIRST_YEAR = 1990
"""Articles are no older: an earlier year is what the question is about."""

_EPOCH = 1970
"""The year that numpy counts from."""


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b", re.IGNORECASE)


_RUSSIAN = "(?:[ьяюе]|ем|[ау]|ом|(?:ь|й|ов)?ск[а-я]{2,3})?"
# Kazakh and Kyrgyz: plural, possessive, case, "that of". It lets through more than exists, which
# does no harm behind a stem that is written out.
_TURKIC = (
    "(?:[лдт][аеоө]р)?"
    "(?:с?[ыіиуү])?"
    "(?:[дтн][ыіиуү][ңн]?|н?[дт][аеоө]н?|н[аеоө]н|[ғгқкн][аеоө]|н)?"
    "(?:[ғгқк][ыіиуү])?"
)
_BOTH = rf"(?:{_RUSSIAN}|ь?{_TURKIC})"  # Kyrgyz has the Russian names of the months.

_YEAR_WORDS = rf"years?|год(?:а|у|ом|ов|ы)?|г|жыл{_TURKIC}|ж"
_MONTH_WORDS = rf"months?|месяц(?:а|е|у|ев)?|ай{_TURKIC}"

# What names a month wherever it stands; and what does so only in a date ("in March", "12 май"),
# being also a verb, a protest, a feast, butter, a season, a cauldron, or not even a word.
_MONTH_NAMES = (
    (rf"january|январ{_BOTH}|қаңтар{_TURKIC}", "jan|янв"),
    (rf"february|феврал{_BOTH}|ақпан{_TURKIC}", "feb|февр?"),
    (rf"март(?!ин){_BOTH}", rf"march|mar|наурыз{_TURKIC}"),
    (rf"april|апрел{_BOTH}|сәуір{_TURKIC}", "apr|апр"),
    (rf"мая|мае|майск[а-я]{{2,3}}|мамыр{_TURKIC}", rf"may|май{_TURKIC}"),
    (rf"june|июн{_BOTH}", rf"jun|маусым{_TURKIC}"),
    (rf"july|июл{_BOTH}|шілде{_TURKIC}", "jul"),
    (rf"august|август(?!ин){_BOTH}|тамыз{_TURKIC}", "aug|авг"),
    (rf"september|сентябр{_BOTH}|қыркүйе[кг]{_TURKIC}", "sept?|сент?"),
    (rf"october|октябр{_BOTH}", rf"oct|окт|қазан{_TURKIC}"),
    (rf"november|ноябр{_BOTH}|қараша{_TURKIC}", "nov|нояб?"),
    (rf"december|декабр{_BOTH}|желтоқсан{_TURKIC}", "dec|дек"),
)
_BEFORE_A_MONTH = rf"in|of|during|last|в|за|на|жыл{_TURKIC}|\d\d?(?:st|nd|rd|th)?"
_BEHIND_A_MONTH = rf"\d\d?|199\d|20\d\d|{_MONTH_WORDS}"
_MONTHS = tuple(
    _words(
        sure,
        rf"(?:{_BEFORE_A_MONTH})(?:\s+|-)(?:{unsure})",
        rf"(?:{unsure})(?=\.?\s+(?:{_BEHIND_A_MONTH})\b)",
    )
    for sure, unsure in _MONTH_NAMES
)

_COUNTED = (
    r"%|°|[kc]?m\b|kg|tons?\b|tonnes?|hectares?|[kmg]w|people|trees|dollars|usd|euros?|"
    r"км|м\b|кг|тонн|га\b|гектар|[кмг]вт|человек|люд|дерев|тенге|теңге|сом|долл|адам|киши|"
    r"ағаш|дарак"
)
_YEAR = re.compile(
    # Since then, until then: that isn't when the article was published.
    r"(?P<limit>\b(?:by|before|until|till|to|after|since|до|к|после|с)\s+)?"
    # No part of a number, a range or a decade, and no count; nobody counts 2019 of a thing, but
    # many count 2000.
    r"(?<![\w.,/$€№#])(?<!\d[-–])(?P<year>1\d{3}|20\d\d|2100)(?!\w|[.,]\d|[-–]\d|-[ех]\b)"
    rf"(?!\s*(?:{_COUNTED}))(?:(?<!00)|(?!\s+[^\W\d])|(?=\s+(?:{_YEAR_WORDS})\b))"
    r"(?P<limit_behind>\s*-?\s*жыл(?:ға|дан|га)\b)?",
    re.IGNORECASE,
)
_NUMERIC_DATE = re.compile(
    r"(?<![\d.,])(?:"
    r"(?P<year>199\d|20\d\d)[-./](?P<month>0[1-9]|1[0-2])(?:[-./]\d\d?)?"
    r"|(?:\d\d?[-./])?(?P<month_first>0?[1-9]|1[0-2])[-./](?P<year_last>199\d|20\d\d)"
    r")(?!\w|[-./]\d)"
)

_THIS_YEAR = _words(
    r"this year",
    r"(?:в )?(?:этом|текущем|нынешнем) году|(?:этого|текущего|нынешнего) года",
    rf"биыл(?:ғы)?|осы жыл{_TURKIC}",
    rf"быйыл(?:кы)?|ушул жыл{_TURKIC}",
)
_LAST_YEAR = _words(
    r"(?<!the )last year(?! of\b)",
    r"(?:в )?прошлом году|прошлого года|прошлогодн[а-я]{2,3}",
    rf"былтыр(?:ғы|кы)?|өткен жыл{_TURKIC}|өткөн жыл{_TURKIC}",
)
_THIS_MONTH = _words(
    r"this month",
    r"(?:в )?(?:этом|текущем) месяце|(?:этого|текущего) месяца",
    rf"(?:осы|ушул) ай{_TURKIC}",
)
_LAST_MONTH = _words(
    r"(?<!the )last month(?! of\b)",
    r"(?:в )?прошлом месяце|прошлого месяца",
    rf"(?:өткен|өткөн) ай{_TURKIC}",
)

# Words for articles themselves, and for what people want the newest of; the last emperor, epoch or
# outbreak is no wish for recent articles.
_NEWS = (
    r"news|updates?|articles?|publications?|posts?|announcements?|events?|developments?|"
    r"новост[а-я]{1,3}|стат(?:ья|ьи|ей|ью|ье|ьях)|публикаци[а-я]{1,2}|сообщени[а-я]{1,2}|"
    rf"событи[а-я]{{1,2}}|(?:жаңалы[қғ]|хабар|мақала|оқиға|жаңылы[кг]|кабар|макала|окуя){_TURKIC}"
)
_DOINGS = (
    r"meetings?|projects?|initiatives?|activities|reports?|"
    r"встреч(?:а|и|у|е|ах)?|проект(?:а|у|е|ы|ов|ах)?|инициатив(?:а|ы|у|е|ах)?|"
    r"мероприяти[а-я]{1,2}|отчет(?:а|ы|ов|е)?|"
    rf"(?:кездесу|жоба|бастама|іс-шара|жолугушуу|долбоор|демилге|иш-чара){_TURKIC}"
)
_LATEST = _words(
    # Up to two words may stand between: the latest green energy projects.
    r"(?:latest|newest|recent|последн[а-я]{2,3}|недавн[а-я]{2,3}|свеж[а-я]{2,3}|новейш[а-я]{2,3}|"
    rf"соңғы|акыркы|соңку)(?=(?:\s+[\w-]+){{0,2}}\s+(?:{_NEWS}|{_DOINGS})\b)",
    r"(?:last|new|нов(?:ые|ых|ая|ой|ую|ый|ого|ом)|жаңа|жаңы)"
    rf"(?=\s+(?:{_NEWS}|{_DOINGS})\b)",
    # News are new without saying so; with a capital it's the name of a broadcaster.
    r"(?-i:news)(?=\W*$|\s+(?:about|on|from|of|in|for|is|are|do|does)\b)",
    r"новост(?:ь|и|ях|ям)",
    rf"(?:жаңалықтар|жаңылыктар|кабарлар){_TURKIC}",
    r"(?:не|қандай) жаңалық(?!\s+аш)|(?:эмне|кандай) жаңылык",
    r"what(?:'s| is) new|(?<!at )the latest(?=\W*$|\s+(?:on|about|from|with)\b)",
    r"recently|lately|(?:this|(?:the )?(?:last|past)) week(?! of\b)",
    r"the (?:last|past)(?: few)? (?:days|weeks|months?)(?! of\b)",
    r"что (?:же )?(?:нового|новенького)|недавно|на (?:этой|прошлой) неделе",
    r"(?:за|в) последн(?:ее|ий|юю|ие)(?: \w+)? (?:время|дни|дней|недел[юи]|месяц(?:а|ев)?)",
    rf"жақында|соңғы (?:күн|апта|кез|уақыт){_TURKIC}|(?:осы|өткен) апта{_TURKIC}",
    rf"жакында|акыркы (?:күн|апта|жума|кез|убак(?:ыт)?|учур){_TURKIC}",
    rf"(?:ушул|өткөн) (?:апта|жума){_TURKIC}",
)

# What is left of a question that asks for nothing but news.
_NO_TOPIC = _words(
    _NEWS,
    _YEAR_WORDS,
    _MONTH_WORDS,
    r"\d\d?|a|about|all|an|and|any|are|at|can|could|did|do|does|few|for|from|give|happen|"
    r"happened|happening|has|have|hello|here|hi|i|in|is|know|last|latest|like|list|me|most|"
    r"new|newest|now|of|on|or|over|past|please|published|read|recent|s|show|tell|the|there|to|"
    r"today|us|want|was|we|were|what|when|which|who|with|would|you|been",
    r"а|был|была|были|было|в|вас|во|все|всех|вы|вышла|вышли|вышло|где|го|дай|дайте|до|есть|за|"
    r"здравствуйте|и|из|или|к|какая|какие|каких|какое|какой|ко|когда|кто|ли|мне|мы|на|нам|"
    r"недавн[а-я]{2,3}|о|об|опубликовано|от|по|пожалуйста|покажи|покажите|последн[а-я]{2,3}|"
    r"привет|про|произошло|происходит|расскажи|расскажите|с|самая|самое|самые|свеж[а-я]{2,3}|"
    r"сегодня|сейчас|случилось|там|тебя|тут|ты|у|что",
    r"айтшы|айтыңызшы|ба|бар|барлық|бе|бер|беріңізші|болды|болып|болған|бізге|бүгін|ең|жайлы|"
    r"жарияланды|жатыр|жаңа|және|кім|көрсет|көрсетші|көрсетіңізші|ма|маған|ме|мен|не|па|пе|"
    r"соңғы|сізде|сәлем|туралы|ішінде|қай|қандай|қашан",
    r"айтчы|айтып|акыркы|баардык|барбы|бериңиз|бериңизчи|берчи|бизге|болгон|болду|болуп|бүгүн|"
    r"жана|жарыяланды|жатат|жаңы|жөнүндө|ичинде|кайсы|кандай|качан|ким|көрсөт|көрсөтчү|"
    r"көрсөтүңүз|мага|менен|салам|сизде|тууралуу|эмне|эмнелер|эң",
)
# What goes on about the question before: "and in 2021?", "what about May?".
_GOING_ON = _words(
    _YEAR_WORDS,
    _MONTH_WORDS,
    r"about|and|but|for|how|in|of|on|or|so|the|then|what",
    r"а|в|во|за|и|или|как|на|насчет|ну|по|про|тогда|что",
    r"ал|және|не|туралы|ше|эмне|эми|жана|жөнүндө|чы|че",
)
_LETTERS = re.compile(r"[^\W\d_]")
_DATES = (_NUMERIC_DATE, *_MONTHS, _YEAR, _THIS_YEAR, _LAST_YEAR, _THIS_MONTH, _LAST_MONTH)


@dataclass(frozen=True, slots=True)
class DateWish:
    """From when the article should be.

    Attributes:
        latest: The newest are wanted.
        year: The one year that is named, 1990 to 2100.
        month: The one month that is named, 1 to 12; of any year if that is None.
        names_topic: The question says more than from when, or nothing of that.
    """

    latest: bool = False
    year: int | None = None
    month: int | None = None
    names_topic: bool = True

    @property
    def names_time(self) -> bool:
        """Whether it matters when an article was published."""
        return self.latest or self.year is not None or self.month is not None


def read_date_wish(question: str, today: date) -> DateWish:
    """Read from when the article should be; "this year" and "last month" count from `today`.

    A year in a name (Expo 2020) counts like any other: what is named after a year happens then or
    near to it, and `date_preferences` does not shut out the neighbours. Of several years or
    several months none is taken, nor are "since 2019" and "by 2030".
    """
    text = _plain(question)
    year, month = _named_month(text, today)
    wish = DateWish(latest=_LATEST.search(text) is not None, year=year, month=month)
    return replace(wish, names_topic=not wish.names_time or _names_topic(text))


def asks_for_latest(question: str) -> bool:
    """Tell whether the newest articles are wanted."""
    return _LATEST.search(_plain(question)) is not None


def changes_time_only(question: str, earlier: str) -> bool:
    """Tell whether a question changes nothing but the time of one that names a topic."""
    rest = _plain(question)
    for pattern in (*_DATES, _GOING_ON):
        rest = pattern.sub(" ", rest)
    return _LETTERS.search(rest) is None and _names_topic(_plain(earlier))


def _names_topic(text: str) -> bool:
    for pattern in (*_DATES, _LATEST, _NO_TOPIC):
        text = pattern.sub(" ", text)
    return _LETTERS.search(text) is not None


def _plain(question: str) -> str:
    """Unicode's compatible forms: one space, one й; people write ё or don't."""
    return unicodedata.normalize("NFKC", question).replace("ё", "е").replace("’", "'")


def _named_month(text: str, today: date) -> tuple[int | None, int | None]:
    """Return the year and the month that are named, None for what is not named or ambiguous."""
    if numeric := _NUMERIC_DATE.search(text):
        year = int(numeric["year"] or numeric["year_last"])
        return year, int(numeric["month"] or numeric["month_first"])
    years = set()
    for match in _YEAR.finditer(text):
        if match["limit"] or match["limit_behind"] or int(match["year"]) < _FIRST_YEAR:
            return None, None
        years.add(int(match["year"]))
    months = {number for number, names in enumerate(_MONTHS, 1) if names.search(text)}
    last_month = today.replace(day=1) - timedelta(days=1)
    for day, names in ((today, _THIS_MONTH), (last_month, _LAST_MONTH)):
        if names.search(text):
            years.add(day.year)
            months.add(day.month)
    if _THIS_YEAR.search(text):
        years.add(today.year)
    if _LAST_YEAR.search(text):
        years.add(today.year - 1)
    return _only(years), _only(months)


def _only(values: Collection[int]) -> int | None:
    return next(iter(values)) if len(values) == 1 else None


def date_preferences(
    published: npt.NDArray[np.datetime64], wish: DateWish
) -> npt.NDArray[np.float32]:
    """Tell how well the date of each article suits, from 0 to 1.

    The year or month that is named suits fully, and with each one in between half as well. Else,
    if the latest are wanted, the newest suits fully, and what is older half as well every
    `_LATEST_HALVES_IN_DAYS`: what is newest here is the latest there is. Without a date or a wish
    it is 0.

    Args:
        published: Shape (n,), of all articles; not a time where no date is known.
        wish: What the question says.
    """
    preferences = np.zeros(len(published), np.float32)
    known = ~np.isnat(published)
    if wish.names_time and known.any():
        preferences[known] = 0.5 ** _halvings(published[known], wish)
    return preferences


def _halvings(published: npt.NDArray[np.datetime64], wish: DateWish) -> npt.NDArray[np.float64]:
    """Tell how far each date is from what is wished for."""
    far: npt.NDArray[np.float64]
    if wish.month is not None:
        months = published.astype("datetime64[M]").astype(float) - (wish.month - 1)
        if wish.year is None:
            far = np.minimum(months % 12, -months % 12)
        else:
            far = np.abs(months - 12 * (wish.year - _EPOCH))
    elif wish.year is not None:
        far = np.abs(published.astype("datetime64[Y]").astype(float) - (wish.year - _EPOCH))
    else:
        far = (published.max() - published).astype(float) / _LATEST_HALVES_IN_DAYS
    return far
