"""Files on this Telegram: what is kept of them, how large they may be, what counts as a photo.

The limits are those of https://core.telegram.org/bots/api#sending-files and #getfile
"""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import Literal

from PIL import Image

from bot_api_rules import Json, RefusalError, Upload, bad_request

DOWNLOAD_BYTES = 20 * 1024**2
"""The largest file that a bot can fetch, of whatever people send."""
UPLOAD_BYTES = 50 * 1024**2
"""The largest file that a bot can send."""
PHOTO_BYTES = 10 * 1024**2
_PHOTO_SIDES = 10_000
"""The most pixels that the two sides of a photo may have together."""
_PHOTO_RATIO = 20

# Written out, as what Python knows of types differs between machines.
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_MIME_TYPES = {
    ".csv": "text/csv",
    ".docx": _WORD,
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".zip": "application/zip",
}

FileKind = Literal["document", "photo", "sticker", "thumbnail", "voice"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that somebody has sent."""

    kind: FileKind
    path: str
    """Below /file/bot<token>/. As on Telegram it says nothing of the name but its ending."""
    content: bytes
    fields: Json
    """The fields of its object in a message: PhotoSize, Document and so on."""


def stored_file(number: int, kind: FileKind, name: str, content: bytes, about: Json) -> StoredFile:
    """A file under a number of its own; `about` are the fields that only its kind has."""
    ending = re.fullmatch(r"\.\w{1,8}", PurePath(name).suffix)
    path = f"{kind}s/file_{number}{ending[0] if ending else ''}"
    fields = {"file_id": f"file-{number}", "file_unique_id": f"unique-{number}"}
    return StoredFile(kind, path, content, fields | {"file_size": len(content)} | about)


def about_document(name: str, mime_type: str | None = None) -> Json:
    """What a Document has of its own; the type goes by the name unless it is given."""
    usual = _MIME_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
    return {"file_name": name, "mime_type": mime_type or usual}


def check_upload(upload: Upload) -> None:
    """A file is neither empty nor larger than what bots may send.

    Raises:
        RefusalError: It is.
    """
    if not upload.content:
        raise bad_request("file must be non-empty")
    if len(upload.content) > UPLOAD_BYTES:
        raise too_large()


def too_large() -> RefusalError:
    """The refusal of a request that is larger than all that bots may send."""
    return RefusalError(413, "Request Entity Too Large")


def about_photo(content: bytes) -> Json:
    """Width and height of an image that Telegram takes as a photo.

    It would take other kinds of images, too; here it is PNG or JPEG, which every phone shows.

    Raises:
        RefusalError: It is no such image, it is broken, or it is too large.
    """
    if len(content) > PHOTO_BYTES:
        raise bad_request(
            f"file of size {len(content)} bytes is too big for a photo; "
            f"the maximum size is {PHOTO_BYTES} bytes"
        )
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as image:
            image.load()
            width, height = image.size
    except (OSError, SyntaxError, ValueError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if width + height > _PHOTO_SIDES or max(width, height) > _PHOTO_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return {"width": width, "height": height}
