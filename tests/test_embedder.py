"""The sentence-transformers adapter."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from embeddings.embedder import SentenceTransformerEmbedder, load_embedder
from embeddings.errors import ModelUnavailable
from embeddings.packaged_model import FOLDER_NAME


def _load_model(models_folder: Path) -> SentenceTransformer:
    folder = str(models_folder / FOLDER_NAME)
    return SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.float32})


def test_embeddings_have_length_one(packaged_embedder: SentenceTransformerEmbedder) -> None:
    """Whatever the model's number type, a dot product is a cosine."""
    embeddings = packaged_embedder.embed_passages(["One.", "Два предложения. Второе.", ""])
    assert embeddings.shape == (3, 384)
    assert embeddings.dtype == np.float32
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)


def test_nothing_embeds_to_no_rows(packaged_embedder: SentenceTransformerEmbedder) -> None:
    """No texts give a matrix of shape (0, d)."""
    assert packaged_embedder.embed_questions([]).shape == (0, 384)
    assert packaged_embedder.embed_passages([]).shape == (0, 384)


def test_texts_of_all_lengths_keep_their_order(
    packaged_embedder: SentenceTransformerEmbedder,
) -> None:
    """Texts are embedded longest first, and returned in the order given."""
    texts = ["Short.", "A much longer sentence about the glaciers of Central Asia.", "Middle one."]
    together = packaged_embedder.embed_passages(texts)
    for text, embedding in zip(texts, together, strict=True):
        assert packaged_embedder.embed_passages([text])[0] @ embedding > 0.999


def test_advance_counts_every_text(packaged_embedder: SentenceTransformerEmbedder) -> None:
    """The steps of a progress bar add up to the number of texts."""
    steps: list[int] = []
    packaged_embedder.embed_passages(["a"] * 300, steps.append)
    assert steps == [256, 44]


def test_the_models_prompts_are_used(models_folder: Path) -> None:
    """Questions get the query prompt, passages their own, though the library adds an empty one."""
    model = _load_model(models_folder)
    model.prompts = {"query": "query: ", "document": "", "passage": "passage: "}
    embedder = SentenceTransformerEmbedder(model)
    plain = model.encode(["query: glacier", "passage: glacier"])
    assert embedder.embed_questions(["glacier"])[0] @ plain[0] > 0.9999
    assert embedder.embed_passages(["glacier"])[0] @ plain[1] > 0.9999


def test_identity_changes_with_a_single_weight(models_folder: Path) -> None:
    """A fine-tuned model under the same name is another model."""
    model = _load_model(models_folder)
    before = SentenceTransformerEmbedder(model).identity
    assert SentenceTransformerEmbedder(model).identity == before
    next(model.parameters()).data[0, 0] += 1
    assert SentenceTransformerEmbedder(model).identity != before


@pytest.mark.parametrize("name", ["no-such-folder/no/model", "nobody/no-such-model"])
def test_a_model_that_cannot_be_had_is_one_clear_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong folder or an unreachable hub names the model and the setting, on one line."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelUnavailable) as raised:
        load_embedder(name, tmp_path)
    message = str(raised.value)
    assert repr(name) in message
    assert "EMBEDDING_MODEL" in message
    assert "\n" not in message


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    """An existing folder that holds no model is not looked for on the hub."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnavailable, match="EMBEDDING_MODEL"):
        load_embedder(os.fspath(tmp_path), tmp_path)
