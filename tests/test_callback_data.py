"""Callback data: what a button carries, within Telegram's 64 bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram.constants import InlineKeyboardButtonLimit

from bot.answering import Outcome
from bot.callback_data import Press, View, callback_data, read_callback_data
from bot.places import Place
from knowledge.language import LANGUAGES

PLACE = Place("0123456789ab", 18, 1)

PLACES = st.builds(
    Place,
    st.text("0123456789abcdef", min_size=12, max_size=12),
    st.integers(0, 8_388_607),
    st.sampled_from([1, 2]),
)


@st.composite
def views(draw: st.DrawFn) -> View:
    """Any card."""
    places = draw(st.lists(PLACES, min_size=1, max_size=3))
    return View(
        language=draw(st.sampled_from(LANGUAGES)),
        places=tuple(places),
        outcome=draw(st.sampled_from([Outcome.ANSWERED, Outcome.UNSURE])),
        asked_in=draw(st.sampled_from([None, *LANGUAGES])),
        follow_up=draw(st.booleans()),
        page=draw(st.integers(0, len(places) - 1)),
        whole=draw(st.booleans()),
        question_id=draw(st.none() | st.integers(0, 10**13)),
    )


@settings(derandomize=True, deadline=None)
@given(st.sampled_from(Press), views())
def test_what_is_written_is_read(press: Press, view: View) -> None:
    """Whatever the card, the button's data fits and comes back as it was."""
    data = callback_data(press, view)
    assert data is not None
    assert len(data.encode()) <= InlineKeyboardButtonLimit.MAX_CALLBACK_DATA
    assert read_callback_data(data) == (press, view)


def test_a_button_means_the_same_in_years() -> None:
    """The form of the data is for good: buttons of this kind are below messages already."""
    view = View("kk", (PLACE,), Outcome.UNSURE, "ru", page=0, whole=True, question_id=71)
    assert callback_data(Press.SHOW, view) == "qskru0101z:ASNFZ4mrAAAk"


def test_what_does_not_fit_has_no_button() -> None:
    """A sentence behind eight million characters can't be named by a button."""
    far = Place("0123456789ab", 8_388_608, 1)
    assert callback_data(Press.SHOW, View("en", (PLACE, far))) is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "q",
        "whole:en:answered:0123456789ab:18:47",
        "qxeea000:ASNFZ4mrAAAk",
        "qsdea000:ASNFZ4mrAAAk",
        "qseex000:ASNFZ4mrAAAk",
        "qseea200:ASNFZ4mrAAAk",
        "qseea003:ASNFZ4mrAAAk",
        "qseea001:ASNFZ4mrAAAk",
        "qseea000:ASNFZ4mrAAA",
        "qseea000:ASNFZ4mrAAA%",
        "qseea000:" + "ASNFZ4mrAAAk" * 4,
        "qseea000०:ASNFZ4mrAAAk",
        "qseea000:ASNFZ4mrAAAk\n",
    ],
)
def test_other_data_is_no_button_of_ours(data: str | None) -> None:
    """What another version or a stranger has sent is nothing, and no error."""
    assert read_callback_data(data) is None


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.text("qsynerkau01239z:ASNFZ4-_", max_size=64))
def test_any_data_can_be_read(data: str) -> None:
    """No data is an error."""
    read_callback_data(data)
