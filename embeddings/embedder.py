"""Text -> embedding: the `Embedder` protocol and its sentence-transformers adapter."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from embeddings.checksum import kept_checksum, model_checksum
from embeddings.errors import ModelUnavailable
from embeddings.memory import loading_what_stays
from embeddings.packaged_model import (
    USUAL_LETTERS_TOKENIZER,
    has_unusual_letters,
    unpack_packaged_model,
)

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

NumberType: TypeAlias = Literal["auto", "bfloat16", "float32"]
"""What a model computes with; "auto" is bfloat16 where the processor has it in hardware."""

_BATCH_SIZE = 32
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


def load_embedder(
    model: str, models_folder: Path, dtype: NumberType = "auto"
) -> "SentenceTransformerEmbedder":
    """Load an embedding model; takes some seconds.

    Args:
        model: ``"packaged"``, or the name or folder of a sentence-transformers model.
        models_folder: Where the packaged model is unpacked to.
        dtype: What it computes with. Part of the index's identity.

    Raises:
        ModelUnavailable: It cannot be had; the message says what to set.
    """
    with loading_what_stays():
        _import_sentence_transformers()
        if model != PACKAGED:
            return SentenceTransformerEmbedder(_load_model(model, dtype))
        folder = unpack_packaged_model(models_folder)
        usual_letters = folder / USUAL_LETTERS_TOKENIZER
        return SentenceTransformerEmbedder(
            _load_model(str(folder), dtype, usual_letters), kept_checksum(folder), folder
        )


def _import_sentence_transformers() -> None:
    """Import it without what it imports itself for a rare use, which takes a second and 90 MB.

    transformers and sentence-transformers want scikit-learn for the Manhattan distance, and scipy
    for the losses of models that see.
    """
    later = {name: _Later(name) for name in _RARELY_USED if name not in sys.modules}
    sys.modules.update(later)
    try:
        import sentence_transformers  # noqa: F401 - for its import only
        from transformers.utils import logging as transformers_logging
    finally:
        for name in later:
            sys.modules.pop(name)
    transformers_logging.disable_progress_bar()


_RARELY_USED = ("sklearn.metrics", "scipy.optimize", "scipy.sparse")


class _Later(ModuleType):
    """Stands in for a module while others are imported that call functions of it rarely."""

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if function.startswith("__"):
            raise AttributeError(function)

        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the function has them
            return getattr(import_module(self.__name__), function)(*arguments, **named)

        return call


def _load_model(
    name: str, dtype: NumberType, tokenizer: Path | None = None
) -> "SentenceTransformer":
    from huggingface_hub import HfApi
    from sentence_transformers import SentenceTransformer

    torch_dtype = _torch_dtype(dtype)

    def load(*, local_files_only: bool) -> SentenceTransformer:
        return SentenceTransformer(
            name,
            device="cpu",
            local_files_only=local_files_only,
            model_kwargs={"dtype": torch_dtype},
            processor_kwargs={"tokenizer_file": str(tokenizer)} if tokenizer else None,
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


def _torch_dtype(dtype: NumberType) -> "torch.dtype":
    """By itself choose bfloat16 only where the processor computes it in hardware.

    There it embeds three times as many passages a second as float32; elsewhere it is emulated and
    slower.
    """
    import torch

    if dtype == "float32":
        return torch.float32
    if has_bfloat16():
        return torch.bfloat16
    if dtype == "bfloat16":
        logger.warning(
            "This processor has no bfloat16 in hardware, so that the model is slower with "
            "EMBEDDING_DTYPE=bfloat16 than with float32; auto chooses the faster one."
        )
        return torch.bfloat16
    return torch.float32


def has_bfloat16() -> bool:
    """Whether this processor computes bfloat16 in hardware."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16", "sve_bf16"))


class SentenceTransformerEmbedder:
    """An `Embedder` that runs a sentence-transformers model with the model's own prompts.

    Not thread-safe (the tokenizer is not): one thread at a time.
    """

    def __init__(
        self,
        model: "SentenceTransformer",
        checksum: str | None = None,
        all_letters: Path | None = None,
    ) -> None:
        """Take the model.

        Args:
            model: Runs on the processor.
            checksum: Its `model_checksum`, if that is known.
            all_letters: The folder of the tokenizer to use from the first text on that
                `has_unusual_letters`, if that is another than the model's.
        """
        self._model = model.eval()
        self._all_letters = all_letters
        # sentence-transformers adds an empty "document" prompt, which would win over a model's
        # own "passage" prompt.
        prompts = [model.prompts.get(name) for name in _PASSAGE_PROMPT_NAMES]
        self._passage_prompt = next(filter(None, prompts), "")
        self._question_prompt = model.prompts.get("query") or ""
        dimension = model.get_embedding_dimension()
        if dimension is None:
            dimension = model.encode(["dimension"]).shape[1]
        self.dimension: int = dimension
        self.model = checksum or model_checksum(
            model.state_dict(), model.prompts, model.max_seq_length
        )
        # Where tokens are in the text, from the same run of the tokenizer; only fast ones tell.
        fast = getattr(model.tokenizer, "is_fast", False)
        self._telling_places = (
            {"processing_kwargs": {"text": {"return_offsets_mapping": True}}} if fast else {}
        )
        dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
        self.identity = f"{dtype} {self.model}"

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        """See `Embedder`."""
        return self._embed(texts, self._question_prompt, "query", None)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        """See `Embedder`."""
        return self._embed(texts, self._passage_prompt, "document", advance)

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """See `Embedder`."""
        embeddings = np.zeros((len(texts), self.dimension), np.float32)
        for rows, features in self._forward(texts, self._passage_prompt, "document", advance):
            embeddings[rows] = self._text_embeddings(features)
        return _of_length_1(embeddings)

    def _embed(
        self,
        texts: Sequence[str],
        prompt: str,
        task: str,
        advance: Callable[[int], None] | None,
    ) -> Embedded:
        embeddings = np.zeros((len(texts), self.dimension), np.float32)
        tokens: list[Tokens] = [self._no_tokens] * len(texts)
        for rows, features in self._forward(texts, prompt, task, advance):
            embeddings[rows] = self._text_embeddings(features)
            if "token_embeddings" in features and "offset_mapping" in features:
                for row, of_one, places in zip(
                    rows, features["token_embeddings"], features["offset_mapping"], strict=True
                ):
                    tokens[row] = _telling_tokens(texts[row], len(prompt), of_one, places)
        return Embedded(_of_length_1(embeddings), tuple(tokens))

    def _forward(
        self,
        texts: Sequence[str],
        prompt: str,
        task: str,
        advance: Callable[[int], None] | None,
    ) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Yield the rows of texts of like length, and what the model makes of them.

        What `SentenceTransformer.encode` does besides looks at all parameters of the model at each
        call, which takes a fifth of a question's time.
        """
        import torch

        self._know_letters(texts)
        longest_first = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        for first in range(0, len(texts), _BATCH_SIZE):
            rows = longest_first[first : first + _BATCH_SIZE]
            with torch.inference_mode():
                features = self._model.preprocess(
                    [texts[row] for row in rows], prompt=prompt, task=task, **self._telling_places
                )
                found = self._model(features, task=task)
            yield rows, found
            if advance:
                advance(len(rows))

    def _text_embeddings(self, features: dict[str, Any]) -> Embeddings:
        # A model may be set to give the first numbers of its embeddings only.
        whole: Embeddings = features["sentence_embedding"].float().numpy()
        return whole[:, : self.dimension]

    def _know_letters(self, texts: Sequence[str]) -> None:
        """Load the tokenizer of all letters once there is a text that needs it."""
        if self._all_letters and any(map(has_unusual_letters, texts)):
            from transformers import AutoTokenizer

            folder, self._all_letters = self._all_letters, None
            logger.info("a text has letters that are not Latin, Greek or Cyrillic")
            first: Any = self._model[0]
            first.processor = AutoTokenizer.from_pretrained(str(folder))

    @property
    def _no_tokens(self) -> Tokens:
        return Tokens(np.zeros((0, self.dimension), np.float32), np.zeros(0, np.int64))


def _telling_tokens(
    text: str, prompt: int, embeddings: "torch.Tensor", places: "torch.Tensor"
) -> Tokens:
    """Pick the tokens that say something, and tell where they are in the text.

    Args:
        text: What was embedded.
        prompt: How many characters the model's prompt in front of it has.
        embeddings: A row for each token, shape (t, d).
        places: Where each token begins and ends in prompt and text, shape (t, 2); those that the
            model adds and those that fill up the batch are nowhere.
    """
    starts, ends = np.clip(places.numpy().T - prompt, 0, len(text))
    letters_before = np.cumsum([0, *map(str.isalnum, text)])
    telling = np.flatnonzero(letters_before[starts] < letters_before[ends])
    return Tokens(embeddings[telling].float().numpy(), ends[telling])


def _of_length_1(embeddings: Embeddings) -> Embeddings:
    """Scale to length 1: in bfloat16 the model's own scaling is off by up to 0.3 %."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled: Embeddings = embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
