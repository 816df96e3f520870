"""From what was found on a page, or in a file, to the body of an article.

trafilatura leaves menus, comments and the like out; what stands among the paragraphs of the text
itself is left to this module: the title once more, "Read also: ...", buttons. Only whole
paragraphs and whole lines of lists are dropped, never words within one, and else the text stays to
the letter, except for what can't be seen: see `one_line`.
"""

import re
from collections.abc import Iterable, Iterator

BULLET = "• "
"""Begins each line of a list, as it does on the page."""

# A repeated sentence may be meant; a paragraph of this many characters is not.
_SHORTEST_REPEATED = 60
_LONGEST_NOTICE = 300
_TITLE_AMONG = 3

_SPACES = re.compile(r"\s+")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
_NOT_A_LETTER = re.compile(r"[\W_]+")

_READ_ALSO = (
    "read also|also read|read more|see also|related (?:articles|news|posts|stories)|"
    "читайте также|читать также|читайте ещё|читайте еще|смотрите также|материалы по теме|"
    "тағы оқыңыз|тағы оқи отырыңыз|сондай-ақ оқыңыз|оқи отырыңыз|"
    "дагы окуңуз|дагы окуңуздар|ошондой эле окуңуз|окуп көрүңүз"
)
_ANNOUNCED = re.compile(rf"(?:{_READ_ALSO})\s*(?::.*|[–—-]\s.*)?", re.IGNORECASE)
_ANNOUNCING = re.compile(rf"(?:{_READ_ALSO})\s*:?", re.IGNORECASE)
_NOTICE = re.compile(
    "(?:we use cookies|(?:this|our) (?:web)?site uses cookies|subscribe to our|follow us on|"
    "sign up for our newsletter|all rights reserved|©|"
    "(?:мы|наш сайт|этот сайт|сайт) использу(?:ем|ет) (?:файлы )?(?:cookie|куки)|"
    "подписывайтесь на наш|подпишитесь на наш|подписаться на наш|все права защищены|"
    "нашли ошибку|если вы нашли ошибку|заметили ошибку|"
    "сайт cookie файлдарын|біздің telegram|бізге жазылыңыз|барлық құқықтар? қорғалған|"
    "сайт cookie файлдарын|биздин telegram|бизге жазылыңыз|бардык укуктар корголгон)",
    re.IGNORECASE,
)
_BUTTONS = frozenset(
    """
    share|share this|share this article|share this post|share on facebook|tweet|print|
    print this page|copy link|leave a comment|comments|no comments|facebook|twitter|telegram|
    whatsapp|vk|вконтакте|одноклассники|
    поделиться|поделиться в соцсетях|поделиться новостью|поделиться ссылкой|поделитесь новостью|
    поделитесь с друзьями|распечатать|версия для печати|скопировать ссылку|комментарии|
    оставить комментарий|нет комментариев|
    бөлісу|бөлісіңіз|достарыңызбен бөлісіңіз|басып шығару|пікірлер|пікір қалдыру|
    бөлүшүү|бөлүшүңүз|досторуңуз менен бөлүшүңүз|басып чыгаруу|пикирлер|пикир калтыруу
    """.replace("\n", "")
    .replace("    ", "")
    .strip()
    .split("|")
)


def one_line(text: str) -> str:
    """Return text on one line: what a browser shows of it.

    Any whitespace, non-breaking too, becomes one space; marks that can't be seen, such as soft
    hyphens, go.
    """
    return _SPACES.sub(" ", text.translate(_INVISIBLE)).strip()


def clean_body(paragraphs: Iterable[str], title: str | None) -> str:
    """Return the body of an article: its paragraphs, separated by blank lines.

    Args:
        paragraphs: a list is one paragraph, each of its lines begins with a bullet.
        title: it is dropped where it stands among the first paragraphs.
    """
    kept: list[str] = []
    known: set[str] = set()
    for paragraph in _without_notices(paragraphs):
        same = letters(paragraph)
        if title is not None and len(kept) < _TITLE_AMONG and same == letters(title):
            continue
        if len(paragraph) >= _SHORTEST_REPEATED and same in known:
            continue
        known.add(same)
        kept.append(paragraph)
    return "\n\n".join(kept)


def _without_notices(paragraphs: Iterable[str]) -> Iterator[str]:
    """Yield the paragraphs that belong to the text, without the lines that don't."""
    announced = False
    for paragraph in paragraphs:
        lines = [line for line in paragraph.split("\n") if line.strip() and not _is_notice(line)]
        links = announced and all(line.startswith(BULLET) for line in lines)
        announced = _ANNOUNCING.fullmatch(paragraph.strip()) is not None
        if lines and not links:
            yield "\n".join(lines)


def _is_notice(line: str) -> bool:
    line = line.removeprefix(BULLET).strip()
    return len(line) <= _LONGEST_NOTICE and (
        _ANNOUNCED.fullmatch(line) is not None
        or _NOTICE.match(line) is not None
        or letters(line) in _BUTTONS
    )


def letters(text: str) -> str:
    """Return text for comparing: without case, punctuation and whitespace's differences."""
    return _NOT_A_LETTER.sub(" ", text).strip().casefold()
