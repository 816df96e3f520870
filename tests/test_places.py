"""Places: where a quote stands, for as long as its article stays as it is."""

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answering import Quote
from bot.places import Place, opening_of, pack_place, place_of, quote_at, unpack_place
from embeddings.retriever import Retriever
from fixed_retriever import (
    BRIDGE,
    BRIDGE_SENTENCES,
    CANAL,
    CANAL_SENTENCES,
    FixedRetriever,
    passage_of,
)
from knowledge.sentences import Span

CANAL_PASSAGE = passage_of(CANAL, CANAL_SENTENCES)
CANAL_QUOTE = Quote(CANAL_PASSAGE, CANAL.body[:533], 0, 533, CANAL_SENTENCES[1])


@pytest.fixture
def retriever() -> Retriever:
    """Knows the bridge and the canal."""
    return FixedRetriever()


def test_a_place_leads_back_to_its_quote(retriever: Retriever) -> None:
    """A quote is found again by its place, with the same sentence in it."""
    place = place_of(CANAL_QUOTE)
    assert place == Place(CANAL.content_hash[:12], 228, 1)
    assert quote_at(retriever, place) == CANAL_QUOTE


def test_two_sentences_are_found_again(retriever: Retriever) -> None:
    """Where two sentences answer, both are."""
    passage = passage_of(BRIDGE, BRIDGE_SENTENCES)
    both = Quote(passage, BRIDGE.body, 0, 80, Span(18, 80))
    assert place_of(both).sentences == 2
    assert quote_at(retriever, place_of(both)) == both


def test_a_changed_article_has_other_places(retriever: Retriever) -> None:
    """After any change of the article, the place leads nowhere."""
    place = place_of(CANAL_QUOTE)
    changed = replace(CANAL, body=CANAL.body.replace("14 km", "15 km"))
    cast("FixedRetriever", retriever).passages["canal"] = passage_of(changed, CANAL_SENTENCES)
    assert quote_at(retriever, place) is None


def test_where_no_sentence_begins_is_no_place(retriever: Retriever) -> None:
    """An offset in the midst of a sentence leads nowhere."""
    assert quote_at(retriever, Place(CANAL.content_hash[:12], 229, 1)) is None


def test_the_opening_of_a_passage() -> None:
    """A passage can be shown from its beginning, without a question."""
    assert opening_of(CANAL_PASSAGE) == Quote(
        CANAL_PASSAGE, CANAL.body[:533], 0, 533, CANAL_SENTENCES[0]
    )


def test_packed() -> None:
    """Eight bytes of the hash and four of the offset; the last bit counts the sentences."""
    assert pack_place(Place("0123456789ab", 18, 1)) == "ASNFZ4mrAAAk"
    assert pack_place(Place("0123456789ab", 18, 2)) == "ASNFZ4mrAAAl"


@settings(derandomize=True, deadline=None)
@given(
    st.text("0123456789abcdef", min_size=12, max_size=12),
    st.integers(0, 8_388_607),
    st.sampled_from([1, 2]),
)
def test_what_is_packed_is_unpacked(article: str, start: int, sentences: int) -> None:
    """In twelve characters that buttons and links take."""
    packed = pack_place(Place(article, start, sentences))
    assert packed is not None
    assert len(packed) == 12
    assert unpack_place(packed) == Place(article, start, sentences)


@pytest.mark.parametrize(
    "packed", ["", "ASNFZ4mrAAA", "ASNFZ4mrAAAkA", "ASNFZ4mrAA %", "жжжжжжжжжжжж"]
)
def test_other_text_is_no_place(packed: str) -> None:
    """Anybody can send anything."""
    assert unpack_place(packed) is None
