"""The sentence-transformers adapter."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from embeddings import embedder as embedder_module
from embeddings.checksum import kept_checksum
from embeddings.embedder import SentenceTransformerEmbedder, load_embedder
from embeddings.errors import ModelUnavailable
from embeddings.packaged_model import FOLDER_NAME

if TYPE_CHECKING:
    # Whoever collects tests need not wait for it.
    from sentence_transformers import SentenceTransformer


def _load_model(models_folder: Path, dtype: str = "float32") -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    folder = str(models_folder / FOLDER_NAME)
    return SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": dtype})


@pytest.fixture(scope="module")
def model(models_folder: Path) -> "SentenceTransformer":
    """The packaged model as the library loads it; a test gives back what it changes of it."""
    return _load_model(models_folder)


def test_embeddings_have_length_one(packaged_embedder: SentenceTransformerEmbedder) -> None:
    """Whatever the model's number type, a dot product is a cosine."""
    texts = ["One.", "Два предложения. Второе.", ""]
    for embeddings in (
        packaged_embedder.embed_questions(texts).embeddings,
        packaged_embedder.embed_passages(texts).embeddings,
        packaged_embedder.embed_sentences(texts),
    ):
        assert embeddings.shape == (3, 384)
        assert embeddings.dtype == np.float32
        assert np.linalg.norm(embeddings, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)


def test_nothing_embeds_to_no_rows(packaged_embedder: SentenceTransformerEmbedder) -> None:
    """No texts give a matrix of shape (0, d), and no tokens."""
    for embedded in (packaged_embedder.embed_questions([]), packaged_embedder.embed_passages([])):
        assert embedded.embeddings.shape == (0, 384)
        assert embedded.tokens == ()
    assert packaged_embedder.embed_sentences([]).shape == (0, 384)


def test_texts_of_all_lengths_keep_their_order(
    packaged_embedder: SentenceTransformerEmbedder,
) -> None:
    """Texts are embedded longest first, and returned in the order given."""
    texts = ["Short.", "A much longer sentence about the glaciers of Central Asia.", "Middle one."]
    together = packaged_embedder.embed_passages(texts)
    sentences = packaged_embedder.embed_sentences(texts)
    for row, text in enumerate(texts):
        alone = packaged_embedder.embed_passages([text])
        assert alone.embeddings[0] @ together.embeddings[row] > 0.999
        assert alone.embeddings[0] @ sentences[row] > 0.999
        assert alone.tokens[0].ends.tolist() == together.tokens[row].ends.tolist()


def test_advance_counts_every_text(packaged_embedder: SentenceTransformerEmbedder) -> None:
    """The steps of a progress bar add up to the number of texts."""
    steps: list[int] = []
    packaged_embedder.embed_passages(["a"] * 70, steps.append)
    packaged_embedder.embed_sentences(["a"] * 70, steps.append)
    assert steps == [32, 32, 6, 32, 32, 6]


def test_the_models_prompts_are_used(
    model: "SentenceTransformer", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions get the query prompt, passages their own, though the library adds an empty one."""
    prompts = {"query": "query: ", "document": "", "passage": "passage: "}
    monkeypatch.setattr(model, "prompts", prompts)
    embedder = SentenceTransformerEmbedder(model)
    plain = model.encode(["query: glacier", "passage: glacier"])
    assert embedder.embed_questions(["glacier"]).embeddings[0] @ plain[0] > 0.9999
    assert embedder.embed_passages(["glacier"]).embeddings[0] @ plain[1] > 0.9999
    assert embedder.embed_sentences(["glacier"])[0] @ plain[1] > 0.9999


def test_identity_changes_with_a_single_weight(models_folder: Path) -> None:
    """A fine-tuned model under the same name is another model."""
    model = _load_model(models_folder)
    before = SentenceTransformerEmbedder(model)
    assert SentenceTransformerEmbedder(model).identity == before.identity
    next(model.parameters()).data[0, 0] += 1
    after = SentenceTransformerEmbedder(model)
    assert after.identity != before.identity
    assert after.model != before.model


def test_the_number_type_is_part_of_the_identity_and_not_of_the_model(
    models_folder: Path, model: "SentenceTransformer"
) -> None:
    """Embeddings of two number types are never mixed; a calibration serves for both."""
    exact = SentenceTransformerEmbedder(model)
    rounded = SentenceTransformerEmbedder(_load_model(models_folder, "bfloat16"))
    assert exact.model == rounded.model
    assert (exact.identity, rounded.identity) == (
        f"float32 {exact.model}",
        f"bfloat16 {exact.model}",
    )


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Ice is old.", ["Ice", " is", " old"]),
        ("— 🌱 Ice, 19 % …", ["Ice", " 19"]),
        ("", []),
        ("… — !", []),
    ],
)
def test_tokens_are_those_with_letters_or_digits(
    text: str, pieces: list[str], packaged_embedder: SentenceTransformerEmbedder
) -> None:
    """Neither punctuation, nor the prompt, nor what the model adds; each ends where it does."""
    ends = [text.index(piece) + len(piece) for piece in pieces]
    for embedded in (
        packaged_embedder.embed_questions([text]),
        packaged_embedder.embed_passages([text]),
    ):
        [tokens] = embedded.tokens
        assert tokens.ends.tolist() == ends
        assert tokens.embeddings.shape == (len(pieces), 384)
        assert tokens.embeddings.dtype == np.float32


def test_tokens_end_where_characters_do(packaged_embedder: SentenceTransformerEmbedder) -> None:
    """Ends are in characters, also behind emoji, ligatures and other letters of many bytes."""
    text = "🌱🌱 ﬁr №½ Мұздық"
    ends = packaged_embedder.embed_passages([text]).tokens[0].ends
    assert ends[-1] == len(text)
    assert ends[0] == 5
    assert (np.diff(ends) >= 0).all()


def test_a_token_is_embedded_in_the_light_of_its_text(
    packaged_embedder: SentenceTransformerEmbedder,
) -> None:
    """The same word in the same text is the same, in another text it is another."""
    river, money, again = packaged_embedder.embed_passages(
        ["Bank of a river", "Bank with money and a great deal more to say", "Bank of a river"]
    ).tokens
    assert river.embeddings[0] == pytest.approx(again.embeddings[0], abs=0.1)
    assert np.linalg.norm(river.embeddings[0] - money.embeddings[0]) > 0.5


def test_what_the_model_has_no_room_for_has_no_tokens(
    model: "SentenceTransformer", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a text that is too long the tokens end where the model stops reading."""
    monkeypatch.setattr(model, "max_seq_length", 12)
    [tokens] = SentenceTransformerEmbedder(model).embed_passages(["one " * 100]).tokens
    # "<s>passage: " is three tokens, "</s>" is one.
    assert tokens.ends.tolist() == [3, 7, 11, 15, 19, 23, 27, 31]
    assert len(tokens.embeddings) == 8


@pytest.mark.parametrize(("side", "rows"), [("right", [3, 4, 5]), ("left", [8, 9, 10])])
def test_padding_is_no_token(
    side: str, rows: list[int], model: "SentenceTransformer", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens are found on whichever side the model pads."""
    import torch

    monkeypatch.setattr(model.tokenizer, "padding_side", side)
    embedder = SentenceTransformerEmbedder(model)
    features = model.preprocess(
        ["Ice is old.", "Ice is very, very, very old."],
        prompt="passage: ",
        **embedder._telling_places,
    )
    # "<s>", "passage" and ":" come first, "." and "</s>" last.
    assert features["input_ids"].shape == (2, 13)
    tokens = embedder_module._telling_tokens(
        "Ice is old.",
        len("passage: "),
        torch.arange(13.0)[:, np.newaxis],
        features["offset_mapping"][0],
    )
    assert tokens.embeddings.tolist() == [[row] for row in rows]


def test_a_model_without_tokens_has_none() -> None:
    """A model that knows whole texts only, like one of static word vectors, works without."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    tokenizer = Tokenizer(WordLevel({"ice": 0, "sun": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    vectors = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    static = StaticEmbedding(tokenizer, embedding_weights=vectors)
    embedder = SentenceTransformerEmbedder(SentenceTransformer(modules=[static], device="cpu"))
    embedded = embedder.embed_passages(["ice", "sun sun"])
    assert embedded.embeddings.tolist() == [[1, 0], [0, 1]]
    assert [tokens.embeddings.shape for tokens in embedded.tokens] == [(0, 2), (0, 2)]
    assert [tokens.ends.shape for tokens in embedded.tokens] == [(0,), (0,)]


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


def test_the_packaged_models_checksum_is_not_computed_at_each_start(
    models_folder: Path,
    model: "SentenceTransformer",
    packaged_embedder: SentenceTransformerEmbedder,
) -> None:
    """What was kept at unpacking is what the model says of itself."""
    kept = kept_checksum(models_folder / FOLDER_NAME)
    assert kept == packaged_embedder.model
    assert kept == SentenceTransformerEmbedder(model).model


def test_weights_in_bfloat16_stay_in_their_file(models_folder: Path) -> None:
    """Of the packaged model only those weights are in memory that questions have needed."""
    first: Any = _load_model(models_folder, "bfloat16")[0]
    words = first.auto_model.embeddings.word_embeddings.weight
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    spans = [line[0].split("-") for line in maps if line[-1].endswith("/model.safetensors")]
    assert any(int(first, 16) <= words.data_ptr() < int(last, 16) for first, last in spans)


def test_scikit_learn_is_not_imported_with_the_model(models_folder: Path) -> None:
    """It takes a second and 60 MB; whoever wants it afterwards gets the real one."""
    code = (
        "import sys; from pathlib import Path; from embeddings.embedder import load_embedder; "
        f"load_embedder('packaged', Path({os.fspath(models_folder)!r})); "
        "assert not {'sklearn', 'sklearn.metrics', 'scipy.stats'} & sys.modules.keys(); "
        "from sentence_transformers.util import manhattan_sim; "
        "import torch, scipy.sparse; "
        "from sentence_transformers.util.similarity import pairwise_distances; "
        "print(pairwise_distances([[0, 0]], [[3, 4]], metric='manhattan')); "
        "import sklearn.metrics; print(sklearn.metrics.accuracy_score([1], [1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.split() == ["[[7.]]", "1.0"]


def test_loading_leaves_the_search_for_garbage_on(
    packaged_embedder: SentenceTransformerEmbedder,
) -> None:
    """It is off only while modules and the model are loaded, which stay."""
    assert packaged_embedder.dimension == 384
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


@pytest.mark.parametrize("in_hardware", [True, False])
def test_the_number_type_is_what_the_processor_has_or_what_is_set(
    in_hardware: bool,  # noqa: FBT001 - pytest hands it over
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the processor lacks is done all the same when it is set, with a warning."""
    import torch

    monkeypatch.setattr(embedder_module, "has_bfloat16", lambda: in_hardware)
    choose = embedder_module._torch_dtype
    assert choose("auto") is (torch.bfloat16 if in_hardware else torch.float32)
    assert choose("float32") is torch.float32
    assert caplog.text == ""
    assert choose("bfloat16") is torch.bfloat16
    assert ("EMBEDDING_DTYPE=bfloat16" in caplog.text) is not in_hardware
