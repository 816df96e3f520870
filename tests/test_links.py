"""Links: to a sentence in a web page, and into the bot."""

from dataclasses import replace

import pytest
from telegram.constants import MessageLimit

from bot.links import article_link, passage_link, read_payload, sentence_url, share_url
from bot.places import Place
from fixed_retriever import BRIDGE

PLACE = Place("0123456789ab", 18, 1)
LONG = (
    "Since the spring of last year nine villages along the upper Naryn have met to plan a bridge."
)


@pytest.mark.parametrize(
    ("sentence", "directive"),
    [
        ("The bridge is long.", "The%20bridge%20is%20long."),
        ("It cost 5,000 & more - twice.", "It%20cost%205%2C000%20%26%20more%20%2D%20twice."),
        ("Мост", "%D0%9C%D0%BE%D1%81%D1%82"),
        (LONG, "Since%20the%20spring%20of%20last,met%20to%20plan%20a%20bridge."),
        ("A bridge.\nIt is long.", "A%20bridge.,It%20is%20long."),
        (f"Once {'far' * 14} {'away' * 9}.", f"Once,{'far' * 14}%20{'away' * 9}."),
        ("One  two\u00a0three.", "One%20two%20three."),
    ],
)
def test_a_link_opens_the_page_at_the_sentence(sentence: str, directive: str) -> None:
    """A text fragment: the sentence, or how it begins and ends; commas and dashes encoded."""
    url = sentence_url(BRIDGE, sentence)
    assert url == f"https://example.org/bridge#:~:text={directive}"


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://example.org/a?b=1#part", "https://example.org/a?b=1#part:~:text=Hi."),
        ("https://example.org/a#:~:text=old", "https://example.org/a#:~:text=Hi."),
        ("https://example.org/a#", "https://example.org/a#:~:text=Hi."),
    ],
)
def test_a_fragment_of_the_articles_own_stays(url: str, link: str) -> None:
    """What the article's link points to is kept, but not another text fragment."""
    assert sentence_url(replace(BRIDGE, url=url), "Hi.") == link


@pytest.mark.parametrize("sentence", ["a" * 81, f"{'a' * 81} b c d", "ж" * 81 + " " + "ж" * 81])
def test_what_no_fragment_can_say_is_left_out(sentence: str) -> None:
    """An endless word has the plain link."""
    assert sentence_url(BRIDGE, sentence) == "https://example.org/bridge"


def test_a_link_that_would_be_too_long_stays_plain() -> None:
    """Over 2,000 characters no fragment is added."""
    url = "https://example.org/" + "a" * 1970
    assert sentence_url(replace(BRIDGE, url=url), "It is long.") == url


def test_links_into_the_bot() -> None:
    """A passage and an article have a link each, whose payload Telegram takes and we read."""
    link = passage_link("green_bot", PLACE)
    assert link == "https://t.me/green_bot?start=pASNFZ4mrAAAk"
    assert read_payload("pASNFZ4mrAAAk") == PLACE
    assert article_link("green_bot", "0123456789ab") == (
        "https://t.me/green_bot?start=a0123456789ab"
    )
    assert read_payload("a0123456789ab") == "0123456789ab"
    assert len("pASNFZ4mrAAAk") <= MessageLimit.DEEP_LINK_LENGTH


def test_a_place_that_no_link_can_name() -> None:
    """Behind eight million characters there is no link."""
    assert passage_link("green_bot", Place("0123456789ab", 8_388_608, 1)) is None


@pytest.mark.parametrize(
    "payload", ["", "p", "a", "pASNF", "a0123", "a0123456789aB", "inline", "ж"]
)
def test_other_payloads_open_nothing(payload: str) -> None:
    """Anybody can write /start with anything after it."""
    assert read_payload(payload) is None


def test_a_link_to_share() -> None:
    """Telegram's page for sharing takes the link and a text, encoded."""
    assert share_url("https://t.me/green_bot?start=p1", "A & B") == (
        "https://t.me/share/url?url=https%3A%2F%2Ft.me%2Fgreen_bot%3Fstart%3Dp1&text=A+%26+B"
    )
