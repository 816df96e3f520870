"""Embeddings in eight bits: near enough to what they were, and exact from there on."""

import numpy as np
import numpy.typing as npt
import pytest

from embeddings import compact_matrix
from embeddings.compact_matrix import compact, highest_of_each, integer_products

Embedding = npt.NDArray[np.float32]


def embeddings(count: int, dimension: int = 384, seed: int = 1) -> Embedding:
    """Of length 1."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def integers(count: int, dimension: int) -> npt.NDArray[np.int8]:
    return np.random.default_rng(count).integers(-127, 128, (count, dimension), np.int8)


def test_the_largest_number_of_a_row_takes_all_bits() -> None:
    """Each row has a scale of its own: its largest number becomes 127, half of it 63.5 or so."""
    matrix = compact(np.array([[0.2, -0.1, 0], [0, 0.01, 0.02]], np.float32))
    assert matrix.numbers.tolist() == [[127, -64, 0], [0, 64, 127]]
    assert matrix.scales.tolist() == pytest.approx([0.2 / 127, 0.02 / 127], rel=2**-11)
    assert matrix.rows(slice(0, 1)).tolist() == [pytest.approx([0.2, -0.1, 0], abs=0.001)]


def test_what_is_nothing_stays_nothing() -> None:
    """Neither zeros nor no rows at all are an error."""
    matrix = compact(np.zeros((2, 3), np.float16))
    assert matrix.rows(slice(None)).tolist() == [[0, 0, 0]] * 2
    assert compact(np.zeros((0, 3), np.float32)).products(matrix).shape == (0, 2)


@pytest.mark.parametrize("count", [1, 40])
def test_products_hardly_change(count: int) -> None:
    """Those of embeddings are what they were within 0.003; the standard deviation is 0.0006."""
    rows, others = embeddings(500), embeddings(count, seed=2)
    difference = compact(rows).products(compact(others)) - rows @ others.T
    assert np.abs(difference).max() < 0.003
    assert difference.std() < 0.0006


def test_a_product_is_the_same_in_whatever_company() -> None:
    """A question that is asked with others finds what it finds alone."""
    rows, others = compact(embeddings(300)), embeddings(7, seed=2)
    together = rows.products(compact(others))
    for at, other in enumerate(others):
        assert np.array_equal(rows.products(compact(other[np.newaxis]))[:, 0], together[:, at])


@pytest.mark.parametrize("dimension", [1, 2, 15, 16, 63, 384])
@pytest.mark.parametrize("multiplies", [True, False], ids=["torch", "numpy"])
@pytest.mark.parametrize("count", [1, 5, 600])
def test_integers_are_multiplied_exactly(
    dimension: int, count: int, monkeypatch: pytest.MonkeyPatch, *, multiplies: bool
) -> None:
    """With every shape, and also where the processor has no products of integers."""
    if not multiplies:
        monkeypatch.setattr(compact_matrix, "_torch_multiplies_integers", lambda: False)
    for others in (integers(1, dimension), integers(33, dimension)):
        rows = integers(count, dimension)
        expected = rows.astype(np.int64) @ others.T.astype(np.int64)
        assert np.array_equal(integer_products(rows, others), expected)


def test_a_processor_that_multiplies_wrongly_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sums overflow 16 bits, as they do without VNNI, numpy multiplies instead."""

    def overflowing(
        rows: npt.NDArray[np.int8], others: npt.NDArray[np.int8]
    ) -> npt.NDArray[np.int32]:
        return np.minimum(rows.astype(np.int32) @ others.T.astype(np.int32), 32767)

    monkeypatch.setattr(compact_matrix, "_torch_products", overflowing)
    compact_matrix._torch_multiplies_integers.cache_clear()
    try:
        largest = np.full((3, 64), 127, np.int8)
        assert integer_products(largest, largest).tolist() == [[64 * 127 * 127] * 3] * 3
    finally:
        compact_matrix._torch_multiplies_integers.cache_clear()


def test_the_highest_of_each_group() -> None:
    """Groups of one row, of several, and negative values."""
    values = np.array([[1, -5], [3, -7], [2, -6], [0, 9]], np.float32)
    highest = highest_of_each(values, np.array([1, 2, 1]))
    assert highest.tolist() == [[1, -5], [3, -6], [0, 9]]


def test_totals_do_not_depend_on_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added and taken off again leaves the total exactly as it was."""
    monkeypatch.setattr(compact_matrix, "_ROWS_AT_ONCE", 100)
    matrix = compact(embeddings(1000).astype(np.float16))
    every = np.ones(1000, np.bool_)
    some = np.arange(1000) % 3 == 0
    assert np.array_equal(matrix.total(every) - matrix.total(some), matrix.total(~some))
    by_hand = matrix.rows(slice(None)).astype(np.float64)[some].sum(axis=0)
    assert matrix.total(some) == pytest.approx(by_hand)


def test_rows_are_kept_and_added() -> None:
    """Those that are kept first, in their order."""
    joined = compact(embeddings(3, 4)).joined(
        np.array([True, False, True]), compact(embeddings(2, 4, seed=2))
    )
    expected = compact(np.concatenate([embeddings(3, 4)[[0, 2]], embeddings(2, 4, seed=2)]))
    assert np.array_equal(joined.numbers, expected.numbers)
    assert np.array_equal(joined.scales, expected.scales)
