"""Pictures in the rows of tables: the bytes of a file, its path, or both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.errors import InvalidImageError
from indexing.errors import InvalidDocumentError
from indexing.images import describe_image
from indexing.types import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from indexing.types import ImageReference

IMAGE_NAMES = ("image", "picture", "photo", "이미지", "사진")
"""Columns that hold pictures, where the encoder reads some."""


def picture_of(value: object, column: str, folder: Path) -> ImageReference:
    """The picture in a cell; that of a path is read again when it is encoded.

    Args:
        value: the bytes of a file, a path from `folder`, or `{"bytes", "path"}` as data sets of
            Hugging Face have it.
        column: its name, for messages.
        folder: of the table.

    Raises:
        InvalidDocumentError: it is none of these, the file is missing or too large, or no picture.
    """
    source = ""
    if isinstance(value, dict):
        source = str(value.get("path") or "")
        value = value.get("bytes") or value.get("path")
    try:
        if isinstance(value, bytes):
            return describe_image(value, source=source)
        if isinstance(value, str) and value.strip():
            path = folder / Path(value.strip()).expanduser()
            with path.open("rb") as file:
                content = file.read(MAX_IMAGE_BYTES + 1)
            return replace(describe_image(content, source=str(path)), data=None)
    except InvalidDocumentError as error:
        raise InvalidDocumentError(f"{column!r}: {error}") from error
    except (InvalidImageError, OSError, ValueError, RuntimeError) as error:
        # A path that can be none is a ValueError, one of no user's home a RuntimeError.
        reason = error.strerror if isinstance(error, OSError) else str(error)
        named = value if isinstance(value, str) else "the bytes"
        raise InvalidDocumentError(f"{column!r}: {named} cannot be read: {reason}") from error
    message = f"{column!r} is {type(value).__name__}; a file's bytes or its path is needed"
    raise InvalidDocumentError(message)
