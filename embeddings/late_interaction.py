"""Late interaction: each token of a question looks for its like among a passage's tokens.

ColBERT's sum of maximal similarities (Khattab and Zaharia 2020), over the tokens of an ordinary
embedding model, the mean of their language taken off. A passage's tokens are kept in four bits a
number, 192 bytes a token with the packaged model: on the tuning questions the right passage is
first as often as with all bits.
"""

import math

import numpy as np
import numpy.typing as npt

from embeddings.compact_matrix import compact, integer_products
from embeddings.embedder import Embeddings

_LARGEST = 7
_RANGE = 2.5
"""Standard deviations that the four bits reach; what lies beyond is cut."""


def centred(tokens: npt.NDArray[np.float32], mean: npt.NDArray[np.float32]) -> Embeddings:
    """Take a language's mean off token embeddings, and scale them to length 1; shape (t, d)."""
    tokens = tokens - mean
    lengths = np.linalg.norm(tokens, axis=1, keepdims=True)
    scaled: Embeddings = tokens / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled


def pack(tokens: Embeddings) -> bytes:
    """Keep centred tokens in four bits a number, two to a byte, one token after the other."""
    steps = np.rint(tokens * (_LARGEST * math.sqrt(tokens.shape[1]) / _RANGE))
    numbers = (np.clip(steps, -_LARGEST, _LARGEST) + _LARGEST).astype(np.uint8)
    if numbers.shape[1] % 2:
        numbers = np.pad(numbers, ((0, 0), (0, 1)), constant_values=_LARGEST)
    pairs: npt.NDArray[np.uint8] = numbers[:, ::2] << 4 | numbers[:, 1::2]
    return pairs.tobytes()


def products(packed: bytes, tokens: Embeddings) -> npt.NDArray[np.float32]:
    """Return the inner product of each token that `pack` kept with each of others.

    Args:
        packed: What `pack` gave for tokens of shape (t, d).
        tokens: The others, shape (q, d).

    Returns:
        Shape (t, q).
    """
    dimension = tokens.shape[1]
    others = compact(np.pad(tokens, ((0, 0), (0, 1))) if dimension % 2 else tokens)
    pairs = np.frombuffer(packed, np.uint8).reshape(-1, math.ceil(dimension / 2))
    # The two numbers of a byte stay apart: to weave them together would take longer than the rest.
    found = integer_products((pairs >> 4).view(np.int8), others.numbers[:, ::2])
    found += integer_products((pairs & 15).view(np.int8), others.numbers[:, 1::2])
    found -= _LARGEST * others.numbers.sum(axis=1, dtype=np.int32)  # `pack` counts from 0.
    step = _RANGE / (_LARGEST * math.sqrt(dimension))
    scaled: npt.NDArray[np.float32] = np.multiply(found, step * others.scales, dtype=np.float32)
    return scaled
