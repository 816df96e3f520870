"""The checksum of a model, kept beside its files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings.checksum import keep_checksum, kept_checksum


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of two files."""
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(bytes(100))
    keep_checksum(tmp_path, "sha256:1")
    return tmp_path


def test_what_was_kept_counts_as_long_as_nothing_was_touched(folder: Path) -> None:
    """A folder that was moved as a whole is the same model."""
    assert kept_checksum(folder) == "sha256:1"
    assert kept_checksum(folder.rename(folder.with_name("elsewhere"))) == "sha256:1"


def _lengthen(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(bytes(101))


def _rewrite(folder: Path) -> None:
    weights = folder / "model.safetensors"
    at = weights.stat().st_mtime
    weights.write_bytes(b"1" * 100)
    os.utime(weights, (at + 1, at + 1))


def _add(folder: Path) -> None:
    (folder / "config.json").write_text("{}")


def _remove(folder: Path) -> None:
    (folder / "1_Pooling" / "config.json").unlink()


def _forget(folder: Path) -> None:
    (folder / "checksum.json").unlink()


def _damage(folder: Path) -> None:
    (folder / "checksum.json").write_text("[1")


def _mistake(folder: Path) -> None:
    (folder / "checksum.json").write_text("[]")


@pytest.mark.parametrize("touch", [_lengthen, _rewrite, _add, _remove, _forget, _damage, _mistake])
def test_what_was_kept_does_not_count_once_anything_was_touched(
    touch: Callable[[Path], None], folder: Path
) -> None:
    """The model is then hashed anew: a wrong checksum would let embeddings of two models mix."""
    touch(folder)
    assert kept_checksum(folder) is None
