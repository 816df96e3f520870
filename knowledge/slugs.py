"""Names for articles' files: short, in plain Latin letters, safe on every file system."""

import re
import unicodedata
from collections.abc import Collection
from datetime import date

LONGEST_SLUG = 80
"""Characters."""

# As people write these languages in links; not a standard, which would need signs beside letters.
_LATIN = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфыэ", "abvgdeziyklmnoprstufye", strict=True)),
        **dict(zip("әғқңөұүһі", "agqnouuhi", strict=True)),
        "ё": "yo",
        "ж": "zh",
        "х": "kh",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "shch",
        "ъ": "",
        "ь": "",
        "ю": "yu",
        "я": "ya",
    }
)
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_NAMELESS = "article"
# Windows takes them for devices, whatever the ending.
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d")


def make_slug(title: str, published: date | None, taken: Collection[str]) -> str:
    """Return a name that begins with the date, if there is one, then the title's words.

    Args:
        title: The article's title.
        published: Its date.
        taken: Names that it must not have, in small letters.
    """
    small = unicodedata.normalize("NFC", title).lower().translate(_LATIN)
    plain = _NOT_PLAIN.sub("-", _without_accents(small)).strip("-")
    if not plain or _DEVICES.fullmatch(plain):
        plain = f"{_NAMELESS}-{plain}".rstrip("-")
    whole = f"{published.isoformat()}-{plain}" if published else plain
    slug, number = _cut(whole, LONGEST_SLUG), 1
    while slug in taken:
        number += 1
        slug = f"{_cut(whole, LONGEST_SLUG - len(f'-{number}'))}-{number}"
    return slug


def _without_accents(text: str) -> str:
    # Marks must go before what isn't a letter becomes a dash: "é" is "e", not "e-".
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _cut(slug: str, length: int) -> str:
    """Return the words of a slug that fit."""
    if len(slug) <= length:
        return slug
    whole_words = slug[: length + 1].rpartition("-")[0]
    return whole_words or slug[:length]
