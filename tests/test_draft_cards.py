"""Drafts' cards fit into messages, whatever is in a draft, and into alerts what is said there."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.drafts.cards import DraftView, change_card, draft_card, failure
from bot.drafts.waiting import Origin, WaitingDraft
from bot.formatting import utf16_length
from bot.localization import say
from knowledge.article import Article
from knowledge.changes import Change, ChangeKind
from knowledge.drafts import Draft
from knowledge.language import LANGUAGES

NOW = datetime(2025, 6, 12, tzinfo=UTC)
# Each of these letters has two UTF-16 units.
LONG = "🌾" * 5_000
DRAFT = Draft(LONG, f"https://example.org/{'x' * 5_000}", LONG, LONG, "en", date(2025, 6, 12))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longest_card_fits(language: str) -> None:
    """A message of Telegram has at most 4,096 UTF-16 units."""
    known = Article("known", LONG, "https://example.org", "Text.", None, "en", None)
    waiting = WaitingDraft("abcdef12", DRAFT, Origin(source=LONG), NOW, LONG)
    card = draft_card(DraftView(waiting, 9_999, known, 9, 99), language)
    assert utf16_length(card.text) <= 4096
    units = card.text.encode("utf-16-le")
    for entity in card.entities:
        end = 2 * (entity.offset + entity.length)
        assert units[2 * entity.offset : end].decode("utf-16-le").strip()
    change = Change("20250612-143015-123456", ChangeKind.REPLACE, "slug", LONG, ())
    note = failure(language, "change-not-in-answers", LONG).text
    assert utf16_length(change_card(change, language, note).text) <= 4096


def test_markup_in_a_draft_stays_text() -> None:
    """What a page says can't look like a word of the bot's own."""
    draft = replace(
        DRAFT, title="<b>*Title*</b>", body="[Click](http://a.org)\n\n_More_", url=None
    )
    card = draft_card(DraftView(WaitingDraft("abcdef12", draft, Origin(), NOW), 1, None), "en")
    assert "<b>*Title*</b>" in card.text
    assert "[Click](http://a.org)\n_More_" in card.text
    assert [entity.type for entity in card.entities] == ["bold", "blockquote"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "key",
    [
        "draft-gone",
        "draft-no-title",
        "draft-no-url",
        "change-refused",
        "undo-changed-again",
        "undo-done-before",
    ],
)
def test_alerts_are_short(language: str, key: str) -> None:
    """Telegram shows 200 characters when a button is pressed."""
    assert utf16_length(say(language, key)) <= 200
