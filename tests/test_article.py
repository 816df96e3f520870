"""Articles as Markdown files with front matter."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.article import Article, format_article, parse_article
from knowledge.corpus import load_corpus
from knowledge.errors import ArticleError, KnowledgeError

FULL = """---
title: 'Landfill: a fire that never ends'
url: https://example.org/news/landfill
publisher: Green Alliance KG
language: en
published: 2025-06-12
---

The landfill near Bishkek burns.

  People  live next to it.
"""

ARTICLE = Article(
    slug="landfill",
    title="Landfill: a fire that never ends",
    url="https://example.org/news/landfill",
    body="The landfill near Bishkek burns.\n\n  People  live next to it.",
    publisher="Green Alliance KG",
    language="en",
    published=date(2025, 6, 12),
)


def front_matter(*lines: str, body: str = "Some text.") -> str:
    return "\n".join(["---", *lines, "---", "", body, ""])


def fault(text: str) -> str:
    with pytest.raises(ArticleError) as caught:
        parse_article("a", text)
    return str(caught.value)


def test_every_field_is_read() -> None:
    """An article is its front matter and its body to the letter, without the outer blank lines."""
    assert parse_article("landfill", FULL) == ARTICLE


def test_an_article_is_written_as_people_write_it() -> None:
    """The file has the fields in reading order, the date bare, and quotes only where needed."""
    assert format_article(ARTICLE) == FULL


def test_what_is_unknown_is_left_out_of_the_file() -> None:
    """No publisher and no date leave no empty lines in the front matter."""
    assert format_article(replace(ARTICLE, publisher=None, published=None)).splitlines()[:5] == [
        "---",
        "title: 'Landfill: a fire that never ends'",
        "url: https://example.org/news/landfill",
        "language: en",
        "---",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + FULL,
        FULL.replace("\n", "\r\n"),
        FULL.replace("\n", "\r"),
        "\n\n" + FULL,
        FULL + "\n \n\n",
        FULL.replace("---\n", "---  \n"),
        FULL.replace("published:", "tags: [waste, air]\npublished:"),
        FULL.replace("language: en", "language: EN"),
        FULL.replace("2025-06-12", "'2025-06-12'"),
    ],
    ids=[
        "byte order mark",
        "Windows line endings",
        "old Mac line endings",
        "blank lines first",
        "blank lines last",
        "blanks after the fences",
        "unknown key",
        "capital language code",
        "quoted date",
    ],
)
def test_harmless_differences_are_tolerated(text: str) -> None:
    """What editors and people add without meaning anything by it changes nothing."""
    assert parse_article("landfill", text) == ARTICLE


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ("The alliance unites 26 organisations from 22 countries.", "en"),
        ("Альянс объединяет 26 организаций из 22 стран.", "ru"),
        ("Альянс 22 елдің 26 ұйымын біріктіреді.", "kk"),
        ("Альянс 22 өлкөнүн 26 уюмун бириктирет.", "ky"),
    ],
)
def test_a_missing_language_is_detected(body: str, language: str) -> None:
    """An article that does not name its language gets the one that its body is in."""
    text = front_matter("title: EXPO", "url: https://example.org", body=body)
    assert parse_article("a", text).language == language


@pytest.mark.parametrize(
    "empty", ["publisher:", "publisher: ~", "publisher: null", "publisher: ''"]
)
def test_an_empty_optional_value_is_none(empty: str) -> None:
    """A field without a value is as good as a field left out."""
    text = front_matter("title: T", "url: https://example.org", empty, "published:")
    article = parse_article("a", text)
    assert (article.publisher, article.published) == (None, None)


@pytest.mark.parametrize("title", ["2030", "No", "2025-06-12", "1.5", "Null island"])
def test_a_title_is_what_was_typed(title: str) -> None:
    """YAML's numbers, dates and yes/no values are no traps: a title needs no quotes for them."""
    assert parse_article("a", front_matter(f"title: {title}", "url: https://a.kg")).title == title


def test_dashes_in_the_body_are_text() -> None:
    """Only the first two fences count; a line of dashes further down belongs to the body."""
    text = front_matter("title: T", "url: https://a.kg", body="One.\n\n---\n\nTwo.")
    assert parse_article("a", text).body == "One.\n\n---\n\nTwo."


GOOD_URL = "url: https://example.org"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "There is no front matter; begin the file with a line ---"),
        ("Just a text.", "There is no front matter; begin the file with a line ---"),
        ("---\ntitle: T\n\nText", "The front matter never ends; put a line ---"),
        (front_matter("title: A: b", GOOD_URL), "Line 2 of the front matter is not valid YAML"),
        (
            front_matter("title: T", GOOD_URL, 'x: "open'),
            "Line 4 of the front matter is not valid",
        ),
        (front_matter("title: T\x00", GOOD_URL), "not valid YAML, probably for an invisible"),
        (front_matter("title: " + "[" * 5000), "not valid YAML"),
        (front_matter("just words"), "must consist of lines such as 'title: The headline'"),
        (front_matter("- title"), "must consist of lines such as 'title: The headline'"),
        (front_matter(), "The title is missing; add a line 'title: '"),
        (front_matter(GOOD_URL), "The title is missing; add a line 'title: '"),
        (front_matter("title:", GOOD_URL), "The title is missing"),
        (front_matter("title: '  '", GOOD_URL), "The title is missing"),
        (front_matter("title: [a, b]", GOOD_URL), "The title must be plain text, not a list"),
        (front_matter('title: "a\\nb"', GOOD_URL), "The title must stand on one line"),
        (front_matter("title: T"), "The url is missing; add a line 'url: '"),
        (front_matter("title: T", "url: {a: b}"), "The url must be plain text, not a list"),
        (front_matter("title: T", "url: example.org/a"), "The url 'example.org/a' is not a web"),
        (front_matter("title: T", "url: ftp://a.kg"), "The url 'ftp://a.kg' is not a web link"),
        (front_matter("title: T", "url: https://"), "The url 'https://' is not a web link"),
        (front_matter("title: T", "url: 'http://['"), "The url 'http://[' is not a web link"),
        (front_matter("title: T", "url: https://a.kg/b c"), "is not a web link; write it whole"),
        (
            front_matter("title: T", GOOD_URL, "published: 2025-13-40"),
            "date '2025-13-40' is not a",
        ),
        (
            front_matter("title: T", GOOD_URL, "published: June 2025"),
            "write it such as 2025-06-12",
        ),
        (front_matter("title: T", GOOD_URL, "published: 12.06.2025"), "such as 2025-06-12"),
        (front_matter("title: T", GOOD_URL, "published: 20250612"), "such as 2025-06-12"),
        (front_matter("title: T", GOOD_URL, "published: 2025-06-12 10:00:00"), "2025-06-12 10:00"),
        (front_matter("title: T", GOOD_URL, "language: Russian"), "write en, ru, kk or ky"),
        (front_matter("title: T", GOOD_URL, "language: ru-RU"), "write en, ru, kk or ky"),
        (front_matter("title: T", GOOD_URL, body=" \n\n"), "There is no text below the front"),
    ],
)
def test_a_fault_is_named_with_the_way_out(text: str, says: str) -> None:
    """Each fault gives one plain sentence, about that fault."""
    message = fault(text)
    assert says in message
    assert message.endswith(".")
    assert "\n" not in message


def test_a_fault_is_one_of_our_own_errors() -> None:
    """Whoever catches the package's base error catches a faulty article."""
    assert issubclass(ArticleError, KnowledgeError)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ARTICLE, slug="fire"),
        replace(ARTICLE, title="Landfill"),
        replace(ARTICLE, url="https://example.org/news/fire"),
        replace(ARTICLE, body=ARTICLE.body + "!"),
        replace(ARTICLE, publisher=None),
        replace(ARTICLE, publisher=""),
        replace(ARTICLE, language="ru"),
        replace(ARTICLE, published=None),
        replace(ARTICLE, published=date(2025, 6, 13)),
    ],
)
def test_the_hash_covers_every_field(changed: Article) -> None:
    """No field can change without the hash changing, or the index would keep the old one."""
    assert changed.content_hash != ARTICLE.content_hash


def test_the_hash_is_the_same_tomorrow() -> None:
    """The hash of the same article never changes, or every reindex would start from nothing."""
    expected = "3dc7ff9b"  # sha256sum of the fields as a JSON list
    assert ARTICLE.content_hash[:8] == expected
    assert len(ARTICLE.content_hash) == 64


def test_the_hash_keeps_neighbouring_fields_apart() -> None:
    """A letter that moves from one field to the next makes another article."""
    left = replace(ARTICLE, slug="ab", title="c")
    right = replace(ARTICLE, slug="a", title="bc")
    assert left.content_hash != right.content_hash


# Surrogates cannot stand in a UTF-8 file; a line feed comes back, other line breaks in a body too,
# but for the carriage return, which is normalised.
LETTERS = st.characters(exclude_categories=["Cs"])
LINES = (
    st.text(LETTERS).filter(lambda line: len(line.splitlines()) == 1).map(str.strip).filter(bool)
)
BODIES = (
    st.text(st.one_of(st.sampled_from("\n -.a"), LETTERS))
    .filter(lambda body: "\r" not in body)
    .map("“{}”".format)
)


@settings(derandomize=True, deadline=None)
@given(
    st.builds(
        Article,
        slug=st.just("a"),
        title=LINES,
        url=st.sampled_from(["https://example.org/a?b=c#d", "http://пример.рф/статья"]),
        body=BODIES,
        publisher=st.none() | LINES,
        language=st.from_regex(r"[a-z]{2,3}", fullmatch=True),
        published=st.none() | st.dates(),
    )
)
def test_any_article_comes_back_from_its_file(article: Article) -> None:
    """Writing and reading an article loses nothing, whatever its letters."""
    assert parse_article("a", format_article(article)) == article


@pytest.mark.parametrize(
    "title",
    [
        "Air: who cleans it?",
        "'Quoted' and \"quoted\" # not a comment",
        "- not a list",
        "~",
        "null",
        "---",
        "{curly} [square]",
        "🌍 Планета — «дом»",
        "a\u00a0b  c",
        "x" * 500,
        "back\\slash",
    ],
)
def test_awkward_titles_come_back(title: str) -> None:
    """Titles that mean something to YAML are quoted when written."""
    article = replace(ARTICLE, title=title)
    assert parse_article("landfill", format_article(article)) == article


ARTICLES = Path(__file__).parent.parent / "knowledge" / "articles"
EXPO, ALLIANCE, FRANCE = (
    "expo-2020-dubai-carbon-footprint",
    "igtipc-low-carbon-alliance",
    "meetings-of-green-alliance-kg-in-france",
)


@pytest.fixture(scope="module")
def shipped() -> dict[str, Article]:
    return {article.slug: article for article in load_corpus(ARTICLES).articles}


def test_the_shipped_articles_are_sound() -> None:
    """The three articles that come with the bot are there, and none has a fault."""
    corpus = load_corpus(ARTICLES)
    assert [article.slug for article in corpus.articles] == [EXPO, ALLIANCE, FRANCE]
    assert corpus.faults == ()


@pytest.mark.parametrize(
    ("slug", "source"),
    [
        (
            EXPO,
            (
                "en",
                date(2021, 10, 25),
                "Africazine",
                "http://africazine.com/news/kazakhstan-pavilion-at-expo-2020-dubai-hosts-"
                "discussion-on-carbon-footprint-reduction/",
            ),
        ),
        (
            ALLIANCE,
            (
                "ru",
                date(2025, 6, 12),
                "International Green Technologies and Investment Projects Center (IGTIPC)",
                "https://igtipc.org/2025/06/12/9036",
            ),
        ),
        (
            FRANCE,
            (
                "en",
                None,
                "Green Alliance KG",
                "https://greenold.climatehub.kg/en/meetings-of-green-alliance-kg-in-france/",
            ),
        ),
    ],
)
def test_the_shipped_articles_name_their_source(
    shipped: dict[str, Article], slug: str, source: tuple[str, date | None, str, str]
) -> None:
    """Language, date, publisher and link are those of the page the article was taken from."""
    article = shipped[slug]
    assert (article.language, article.published, article.publisher, article.url) == source


@pytest.mark.parametrize(
    ("slug", "begins", "ends", "paragraphs"),
    [
        (
            EXPO,
            "Kazakhstan has called on all states in the world",
            "Translation by Assem Zhanmukhanova\n\nEditing by Galiya Khassenkhanova",
            5,
        ),
        (
            ALLIANCE,
            "Международный центр зеленых технологий и инвестиционных проектов (Центр) вошёл",
            "реализации инновационных проектов и климатических инициатив.",
            5,
        ),
        (
            FRANCE,
            "Executive Director of Green Alliance KG has held several meaningful meetings",
            "policy making on green agenda, and climate change adaptation measures.",
            7,
        ),
    ],
)
def test_the_shipped_articles_are_whole(
    shipped: dict[str, Article], slug: str, begins: str, ends: str, paragraphs: int
) -> None:
    """Nothing of the text is missing at either end, and paragraphs stayed paragraphs."""
    body = shipped[slug].body
    assert body.startswith(begins)
    assert body.endswith(ends)
    assert len(body.split("\n\n")) == paragraphs


@pytest.mark.parametrize(
    "leftover",
    [
        "Skip to main content",
        "Related Posts",
        "Stay Connected",
        "Recent Stories",
        "Monday, October 25, 2021",
    ],
)
def test_the_shipped_articles_have_no_web_page_around_them(
    shipped: dict[str, Article], leftover: str
) -> None:
    """Menus and lists of other stories are not text, so they can't become a quote."""
    assert not any(leftover in article.body for article in shipped.values())


def test_the_shipped_articles_do_not_repeat_their_title(shipped: dict[str, Article]) -> None:
    """The title stands in the front matter only, or it would be quoted for many questions."""
    assert not any(article.title in article.body for article in shipped.values())


@pytest.mark.parametrize(
    ("slug", "as_published"),
    [
        (FRANCE, "held \u00a0meeting with managing director of \u00a0I4CE –"),
        (FRANCE, "activities and acheivements of Green Alliance KG"),
        (FRANCE, "an productive exchange of thoughts"),
        (ALLIANCE, "в странах Центральной Азия, акселерации"),
        (EXPO, "10 years,” said Yermek Umarov"),
    ],
)
def test_the_shipped_articles_keep_their_letters(
    shipped: dict[str, Article], slug: str, as_published: str
) -> None:
    """Double spaces and slips of the pen stay: a quote is what was published."""
    assert as_published in shipped[slug].body
