"""A corpus of any size: articles in four languages, each with facts of its own.

What is written is made up from templates, the same each time. No two articles are about the same
thing in the same place.
"""

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from knowledge.article import Article

SEED = 20_260_101

_TEMPLATES = Path(__file__).with_name("templates.json")
_FIRST_DAY = date(2015, 1, 1)
_PARAGRAPHS = 3
_LATIN, _CYRILLIC = 0, 1


def write_articles(folder: Path, count: int) -> None:
    """Fill a folder, which is created, with that many articles."""
    folder.mkdir(parents=True, exist_ok=True)
    for article in generate_articles(count):
        write_article(folder, article)


def write_article(folder: Path, article: Article) -> None:
    """Write an article to its file."""
    (folder / f"{article.slug}.md").write_text(_format(article), "utf-8")


def _format(article: Article) -> str:
    """Write an article as `knowledge.article.format_article` does, ten times as fast."""
    title = json.dumps(article.title, ensure_ascii=False)
    return (
        f"---\ntitle: {title}\nurl: {article.url}\npublisher: {article.publisher}\n"
        f"language: {article.language}\npublished: {article.published}\n---\n\n{article.body}\n"
    )


def generate_articles(count: int) -> Iterator[Article]:
    """Make up articles of some 250 words, the four languages in turn."""
    templates = json.loads(_TEMPLATES.read_text("utf-8"))
    languages = list(templates["languages"])
    for number in range(count):
        # Each by itself: the first hundred are the same, however many follow.
        chance = random.Random(f"{SEED} {number}")  # noqa: S311 - made-up articles are no secret
        yield _generate_article(number, languages[number % len(languages)], templates, chance)


def _generate_article(
    number: int, language: str, templates: dict[str, Any], chance: random.Random
) -> Article:
    script = _LATIN if language == "en" else _CYRILLIC
    own = templates["languages"][language]
    # Neighbours of one language differ in both; the pairs begin anew after 24 * 20 * 21 of them.
    in_language = number // len(templates["languages"])
    starts, ends = templates["place_starts"], templates["place_ends"]
    pair = in_language // len(own["things"])
    place = _place(starts, ends, pair % (len(starts) * len(ends)), script)
    thing = own["things"][in_language % len(own["things"])]

    def fill(template: str) -> str:
        first, last = (chance.choice(templates[name]) for name in ("first_names", "last_names"))
        return template.format(
            place=place,
            thing=thing,
            other=_place(starts, ends, chance.randrange(len(starts) * len(ends)), script),
            person=f"{first[script]} {last[script]}",
            count=chance.randrange(100, 5000),
            money=chance.randrange(1000, 90_000),
            small=chance.randrange(4, 30),
            share=chance.randrange(5, 96),
            year=chance.randrange(1995, 2026),
        )

    opening, *others = own["sentences"]
    sentences = [opening, *chance.sample(others, len(others) - chance.randrange(1, 5))]
    size = -(-len(sentences) // _PARAGRAPHS)
    paragraphs = [
        " ".join(map(fill, sentences[first : first + size]))
        for first in range(0, len(sentences), size)
    ]
    return Article(
        slug=f"article-{number:06}",
        title=_sentence_case(fill(own["title"])),
        url=f"https://example.org/news/{number}",
        body="\n\n".join(paragraphs),
        publisher="Generated News",
        language=language,
        published=_FIRST_DAY + timedelta(days=number % 4000),
    )


def _place(starts: list[list[str]], ends: list[list[str]], pair: int, script: int) -> str:
    return f"{starts[pair % len(starts)][script]}-{ends[pair // len(starts)][script]}"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
