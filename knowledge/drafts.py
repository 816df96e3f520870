"""A draft: an article that waits for an admin's word.

It is written as an article is, except that title and url may be absent: a page need not name them.
"""

from dataclasses import dataclass
from datetime import date

from knowledge.article import (
    Article,
    FrontMatter,
    join_front_matter,
    parse_article,
    split_front_matter,
)
from knowledge.language import detect_language


@dataclass(frozen=True, slots=True)
class Draft:
    """What was understood of a page or a document."""

    title: str | None
    """One line, no surrounding whitespace."""
    url: str | None
    """http or https."""
    body: str
    """As `Article.body`; never empty."""
    publisher: str | None
    language: str
    """ISO 639 code of two or three small letters."""
    published: date | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of title and url it lacks; without them it can't become an article."""
        return tuple(name for name in ("title", "url") if getattr(self, name) is None)

    def to_article(self, slug: str) -> Article:
        """Make the article that is to be saved.

        Raises:
            ArticleError: something is missing or no good; the message is a sentence for people.
        """
        return parse_article(slug, format_draft(self))


def format_draft(draft: Draft) -> str:
    """Write a draft as Markdown with front matter, leaving out what is None."""
    front_matter = FrontMatter(
        title=draft.title,
        url=draft.url,
        publisher=draft.publisher,
        language=draft.language,
        published=draft.published,
    )
    return join_front_matter(front_matter, draft.body)


def parse_draft(text: str) -> Draft:
    """Read a draft from Markdown with front matter, the inverse of `format_draft`.

    What is tolerated is what `parse_article` tolerates.

    Raises:
        ArticleError: the text is no draft; the message is one sentence for its author.
    """
    front_matter, body = split_front_matter(text)
    return Draft(
        title=front_matter.title,
        url=front_matter.url,
        body=body,
        publisher=front_matter.publisher,
        language=front_matter.language or detect_language(body),
        published=front_matter.published,
    )
