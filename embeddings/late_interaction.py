"""Late interaction: each token of a question looks for its like among a passage's tokens.

ColBERT's sum of maximal similarities (Khattab and Zaharia 2020), over the tokens of an ordinary
embedding model, the mean of their language taken off. A passage's tokens are kept in four bits a
number, 192 bytes a token with the packaged model: on the tuning questions the right passage is
first as often as with all bits.
"""

import math

import numpy as np
import numpy.typing as npt

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


def unpack(packed: bytes, dimension: int) -> npt.NDArray[np.float32]:
    """Return the tokens that `pack` kept, shape (t, d)."""
    pairs = np.frombuffer(packed, np.uint8).reshape(-1, math.ceil(dimension / 2))
    numbers = np.empty((len(pairs), 2 * pairs.shape[1]), np.float32)
    numbers[:, ::2] = pairs >> 4
    numbers[:, 1::2] = pairs & 15
    numbers -= _LARGEST
    return numbers[:, :dimension] * np.float32(_RANGE / (_LARGEST * math.sqrt(dimension)))
