"""What an index must have in common with the embedder by which it is searched."""

from collections.abc import Mapping

from embeddings.embedder import Embedder
from embeddings.errors import IndexUnusable
from knowledge.passages import SPLITTER_VERSION


def identity_of(embedder: Embedder, format_version: int) -> dict[str, str]:
    """Return what must be the same, or an index is of no use.

    Args:
        embedder: What embeds its passages.
        format_version: Of what the store holds.
    """
    return {
        "format": str(format_version),
        "splitter": str(SPLITTER_VERSION),
        "model": embedder.identity,
        "dimension": str(embedder.dimension),
    }


def refuse_another(index: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Make sure that the embeddings of an index can be compared with an embedder's.

    Args:
        index: What the message calls it, such as "The index data/index.db".
        found: Its identity.
        expected: The embedder's.

    Raises:
        IndexUnusable: They can't.
    """
    different = [
        _difference(name, found.get(name, ""), expected[name])
        for name in expected
        if found.get(name) != expected[name]
    ]
    if different:
        raise IndexUnusable(
            f"{index} was built with another {' and '.join(different)} than the one in use, so "
            "its embeddings cannot be compared. Build it anew: python -m bot reindex"
        )


def _difference(name: str, found: str, expected: str) -> str:
    """What a person calls a part of the identity that differs."""
    number_type, _, model = found.partition(" ")
    now, _, model_now = expected.partition(" ")
    if name == "model" and model.startswith("sha256:") and model == model_now:
        return f"number type ({number_type}, now {now}; see EMBEDDING_DTYPE)"
    return name
