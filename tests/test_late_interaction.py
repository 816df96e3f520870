"""Tokens: centred, kept in four bits a number, and near enough to what they were."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from embeddings.late_interaction import centred, pack, products


def random_tokens(count: int, dimension: int) -> npt.NDArray[np.float32]:
    tokens = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    return centred(tokens, np.zeros(dimension, np.float32))


def test_centred_tokens_lose_the_mean_and_have_length_one() -> None:
    """(3, 5) less (0, 1) is (3, 4), and at length 1 (0.6, 0.8)."""
    tokens = centred(np.array([[3, 5], [0, 3]], np.float32), np.array([0, 1], np.float32))
    assert tokens.tolist() == pytest.approx(np.array([[0.6, 0.8], [0, 1]]))
    assert tokens.dtype == np.float32


def test_a_token_that_is_the_mean_becomes_zero() -> None:
    """What has no direction left is like nothing, and no division by zero."""
    mean = np.array([1, 2], np.float32)
    assert centred(mean[np.newaxis], mean).tolist() == [[0, 0]]


def unpacked(packed: bytes, dimension: int) -> npt.NDArray[np.float32]:
    """The tokens in `packed`: their products with the axes."""
    return products(packed, np.eye(dimension, dtype=np.float32))


def test_no_tokens_stay_none() -> None:
    """A text without tokens is packed into nothing, and has products with nothing."""
    none = centred(np.zeros((0, 3), np.float32), np.zeros(3, np.float32))
    assert pack(none) == b""
    assert products(b"", np.ones((2, 3), np.float32)).shape == (0, 2)
    assert products(bytes(2), np.ones((0, 3), np.float32)).shape == (1, 0)


def test_four_bits_a_number() -> None:
    """In 4 dimensions 15 steps reach from -1.25 to 1.25: a step is 2.5 / 14."""
    packed = pack(np.array([[0, 1.25, -1.25, 2.5 / 14]], np.float32))
    assert packed == bytes([7 << 4 | 14, 0 << 4 | 8])
    assert unpacked(packed, 4).tolist() == [pytest.approx([0, 1.25, -1.25, 2.5 / 14], abs=1e-3)]


def test_what_lies_beyond_is_cut() -> None:
    """Numbers that are further out than the four bits reach become the largest there is."""
    packed = pack(np.array([[9, -9, 1.3, -1.3]], np.float32))
    assert unpacked(packed, 4).tolist() == [pytest.approx([1.25, -1.25, 1.25, -1.25], abs=1e-3)]


@pytest.mark.parametrize("dimension", [1, 2, 7, 384, 385])
def test_packing_loses_at_most_half_a_step(dimension: int) -> None:
    """Odd dimensions too: a number comes back within half a step, cut where it is too large."""
    tokens = random_tokens(40, dimension)
    packed = pack(tokens)
    assert len(packed) == 40 * math.ceil(dimension / 2)
    reach = 2.5 / math.sqrt(dimension)
    loss = np.abs(unpacked(packed, dimension) - np.clip(tokens, -reach, reach))
    assert loss.shape == (40, dimension)
    assert loss.max() <= reach / 14 + 1e-3 * reach


def test_products_hardly_change() -> None:
    """A token's likeness with itself and with others is what it was, within 0.05."""
    tokens = random_tokens(40, 384)
    found = products(pack(tokens), tokens)
    assert np.abs(found - tokens @ tokens.T).max() < 0.05
