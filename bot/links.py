"""Links: to the sentence in an article's web page, and into the bot itself."""

import re
from urllib.parse import quote as percent_encoded
from urllib.parse import urlencode

from telegram.helpers import create_deep_linked_url

from bot.places import REFERENCE, Place, pack_place, unpack_place
from knowledge.article import Article

# Of a longer sentence the link names the first and the last words. In characters.
_LONGEST_FRAGMENT = 80
_WORDS_AT_EACH_END = 5
# Browsers take more, but a chat's link should stay one that can be copied. In characters.
_LONGEST_URL = 2_000
_DIRECTIVE = ":~:"

_PASSAGE = "p"
_ARTICLE = "a"


def sentence_url(article: Article, sentence: str) -> str:
    """A link that opens the article's page at a sentence, which the browser highlights.

    It is a text fragment, https://wicg.github.io/scroll-to-text-fragment; browsers that don't
    know them, and pages whose words differ, open at the top.
    """
    url, _, fragment = article.url.partition("#")
    words = _fragment_words(sentence)
    if not words:
        return article.url
    directive = ",".join(map(_encoded, words))
    link = f"{url}#{fragment.partition(_DIRECTIVE)[0]}{_DIRECTIVE}text={directive}"
    return link if len(link) <= _LONGEST_URL else article.url


def _fragment_words(sentence: str) -> list[str]:
    """The whole sentence, or how it begins and ends; nothing if it is one endless word."""
    # Each part must lie within one paragraph of the page, a line is sure to.
    lines = sentence.split("\n")
    if len(lines) == 1 and len(sentence) <= _LONGEST_FRAGMENT:
        return [" ".join(sentence.split())]
    first, last = lines[0].split(), lines[-1].split()
    if len(lines) == 1 and len(first) < 2 * _WORDS_AT_EACH_END:
        # Both ends would overlap.
        first, last = first[: len(first) // 2], first[len(first) // 2 :]
    ends = [" ".join(first[:_WORDS_AT_EACH_END]), " ".join(last[-_WORDS_AT_EACH_END:])]
    return ends if all(0 < len(end) <= _LONGEST_FRAGMENT for end in ends) else []


def _encoded(words: str) -> str:
    # A dash and a comma have meanings of their own there; urllib leaves the dash as it is.
    return percent_encoded(words, safe="").replace("-", "%2D")


def passage_link(bot: str, place: Place) -> str | None:
    """A link that opens a passage in a private chat with the bot.

    Args:
        bot: The bot's name without the @.
        place: The passage; None comes back for one that no link can name.
    """
    packed = pack_place(place)
    return packed and create_deep_linked_url(bot, _PASSAGE + packed)


def article_link(bot: str, reference: str) -> str:
    """A link that opens an article's page in a private chat with the bot.

    Args:
        bot: The bot's name without the @.
        reference: See `places.article_reference`.
    """
    return create_deep_linked_url(bot, _ARTICLE + reference)


def read_payload(payload: str) -> Place | str | None:
    """What such a link's payload opens: a passage, an article by its reference; else None."""
    kind, rest = payload[:1], payload[1:]
    if kind == _PASSAGE:
        return unpack_place(rest)
    return rest if kind == _ARTICLE and re.fullmatch(REFERENCE, rest) else None


def share_url(link: str, title: str) -> str:
    """A link with which Telegram lets a person choose a chat to send another link to."""
    return f"https://t.me/share/url?{urlencode({'url': link, 'text': title})}"
