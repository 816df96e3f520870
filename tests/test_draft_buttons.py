"""What drafts' buttons carry comes back as it was, and fits into a button."""

import pytest

from bot.drafts.buttons import (
    ArticlePress,
    AskOnArticle,
    AskOnDraft,
    ChangeButton,
    DraftButton,
    DraftPress,
    OnArticle,
    OnDraft,
    OpenChoice,
    OpenDrafts,
    Undo,
    article_key,
    find_slug,
    prompt_link,
    read_change_button,
    read_draft_button,
)
from bot.drafts.details import Detail

KEY = article_key("2025-06-12-the-canal-of-talas")


@pytest.mark.parametrize(
    "button",
    [
        *(OnDraft(press, "ky", "abcdef12") for press in DraftPress),
        *(AskOnDraft("ru", "abcdef12", detail) for detail in Detail),
        OpenDrafts("kk", 999_999),
    ],
)
def test_draft_buttons(button: DraftButton) -> None:
    """At most 64 bytes, all that is needed after a restart."""
    assert read_draft_button(button.data) == button
    assert len(button.data.encode()) <= 64
    assert read_change_button(button.data) is None


@pytest.mark.parametrize(
    "button",
    [
        *(OnArticle(press, "ky", KEY) for press in ArticlePress),
        *(AskOnArticle("ru", KEY, detail) for detail in Detail),
        OpenChoice("kk", ArticlePress.REMOVE, 999_999),
        Undo("en", "20250612-143015-123456"),
    ],
)
def test_change_buttons(button: ChangeButton) -> None:
    """At most 64 bytes, whatever the article's slug is."""
    assert read_change_button(button.data) == button
    assert len(button.data.encode()) <= 64
    assert read_draft_button(button.data) is None


def test_articles_are_found_by_their_keys() -> None:
    """Also those whose files people have named themselves."""
    slugs = ["мост", "a" * 200, "2025-06-12-the-canal-of-talas"]
    for slug in slugs:
        assert find_slug(article_key(slug), slugs) == slug
    assert find_slug("0" * 12, slugs) is None


def test_prompts_fit_into_a_link() -> None:
    """The payload of /start has at most 64 characters of A-Z a-z 0-9 _ -."""
    assert prompt_link("green_bot", AskOnDraft("en", "abcdef12", Detail.PUBLISHER)) == (
        "https://t.me/green_bot?start=dabcdef12-publisher"
    )
    assert prompt_link("green_bot", AskOnArticle("en", "0" * 12, Detail.DATE)) == (
        "https://t.me/green_bot?start=c000000000000-date"
    )
