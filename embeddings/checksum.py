"""Tells models apart by their weights, whatever their names.

To hash the weights of a model takes half a second at every start and reads all of them, which
otherwise stay on the disk until they are needed. So the checksum of a model that we have unpacked
is kept beside its files, and counts as long as none of them was touched.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_FILE = "checksum.json"


def model_checksum(
    weights: Mapping[str, "torch.Tensor"],
    prompts: Mapping[str, str | None],
    max_tokens: int | None,
) -> str:
    """Hash all that decides what a model makes of a text, but for its number type.

    Args:
        weights: As `torch.nn.Module.state_dict` of the sentence-transformers model names them.
        prompts: The model's prompts by their names.
        max_tokens: How many tokens of a text the model reads.
    """
    import torch

    checksum = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        checksum.update(name.encode())
        # In bfloat16 the weights are the same, whatever number type they were loaded in.
        plain = tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
        checksum.update(plain.contiguous().view(torch.uint8).numpy().data)
    checksum.update(repr(sorted(prompts.items())).encode())
    checksum.update(str(max_tokens).encode())
    return f"sha256:{checksum.hexdigest()}"


def keep_checksum(folder: Path, checksum: str) -> None:
    """Note the checksum of the model in a folder whose files are all written."""
    kept = {"checksum": checksum, "files": _stamps(folder)}
    (folder / _FILE).write_text(json.dumps(kept, indent=2) + "\n", "utf-8")


def kept_checksum(folder: Path) -> str | None:
    """Return the checksum that was kept; None if there is none or any file was touched since."""
    try:
        kept = json.loads((folder / _FILE).read_text("utf-8"))
        return str(kept["checksum"]) if kept["files"] == _stamps(folder) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stamps(folder: Path) -> dict[str, list[int]]:
    """Size in bytes and time of change of each file, in seconds: image layers keep no more."""
    return {
        path.relative_to(folder).as_posix(): [path.stat().st_size, int(path.stat().st_mtime)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _FILE
    }
