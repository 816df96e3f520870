"""Callback data: what a button carries, within Telegram's 64 bytes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram.constants import InlineKeyboardButtonLimit

from bot.answering import Outcome, Quote
from bot.callback_data import WholePassage, read_callback_data, whole_passage_data
from fixed_retriever import BRIDGE, BRIDGE_SENTENCES, passage_of
from knowledge.language import LANGUAGES
from knowledge.sentences import Span

QUOTE = Quote(passage_of(BRIDGE, BRIDGE_SENTENCES), BRIDGE.body[18:47], 18, 47, Span(18, 47))


def test_it_names_the_article_as_it_is() -> None:
    """A button means the article word for word: after any change it means nothing any more."""
    changed = replace(BRIDGE, body=BRIDGE.body.replace("90", "95"))
    same = replace(BRIDGE)
    here, there, again = (
        whole_passage_data(
            replace(QUOTE, passage=passage_of(article, BRIDGE_SENTENCES)), "en", Outcome.ANSWERED
        )
        for article in (BRIDGE, changed, same)
    )
    assert here == f"whole:en:answered:{BRIDGE.content_hash[:12]}:18:47"
    assert here == again
    assert here != there


@settings(derandomize=True, deadline=None)
@given(
    st.sampled_from(LANGUAGES),
    st.sampled_from([Outcome.ANSWERED, Outcome.UNSURE]),
    st.integers(0, 999_999_999),
    st.integers(0, 999_999_999),
)
def test_what_is_written_is_read(language: str, outcome: Outcome, start: int, end: int) -> None:
    """Whatever the card, the button's data fits and comes back as it was."""
    data = whole_passage_data(replace(QUOTE, highlight=Span(start, end)), language, outcome)
    assert len(data.encode()) <= InlineKeyboardButtonLimit.MAX_CALLBACK_DATA
    assert read_callback_data(data) == WholePassage(
        language, outcome, BRIDGE.content_hash[:12], Span(start, end)
    )


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "whole",
        "more:en:answered:0123456789ab:18:47",
        "whole:de:answered:0123456789ab:18:47",
        "whole:en:not-found:0123456789ab:18:47",
        "whole:en:answered:0123456789a%:18:47",
        "whole:en:answered:0123456789ab:-1:47",
        "whole:en:answered:0123456789ab:18:9999999999",
        "whole:en:answered:0123456789ab:18:४७",
        "whole:en:answered:0123456789ab:18:47\n",
    ],
)
def test_other_data_is_no_button_of_ours(data: str | None) -> None:
    """What another version or a stranger has sent is nothing, and no error."""
    assert read_callback_data(data) is None
