"""Whether the files of a tantivy index are whole: tantivy writes checksums and never compares."""

from __future__ import annotations

import json
import logging
import re
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from indexing.errors import LexicalIndexError

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_MAGIC = 1337
_TAIL = struct.Struct("<II")
_MOST_FOOTER = 4_096
_BLOCK = 1 << 20
_SEGMENT = re.compile(r"[0-9a-f]{32}\.[a-z0-9.]+")
_NEEDED = frozenset(("idx", "term", "store", "fast", "fieldnorm"))


def check_segments(folder: Path) -> None:
    """Compare the checksum of every file of the last commit.

    A file ends with its content's CRC-32 in a JSON object, that object's length and a magic
    number (two little-endian 32-bit integers).

    Raises:
        LexicalIndexError: a file is missing, cut or changed; the message names it.
    """
    for segment, deletions in _segments(folder).items():
        files = [path for path in sorted(folder.glob(f"{segment}.*")) if _is_of(path, deletions)]
        needed = _NEEDED if deletions is None else _NEEDED | {"del"}
        missing = needed.difference(file.suffix[1:] for file in files)
        if missing:
            message = f"{folder / segment}.{min(missing)} is missing; build the lexical index again"
            raise LexicalIndexError(message)
        for file in files:
            _check_file(file)


def remove_strays(folder: Path) -> None:
    """Remove what was written for a commit that a crash kept from happening.

    tantivy would write some of it again under the same name, and refuses to where that is taken.
    The caller owns the folder.

    Raises:
        LexicalIndexError: the last commit cannot be read.
    """
    kept = _segments(folder)
    for path in folder.iterdir():
        segment = path.name.partition(".")[0]
        if path.name.startswith(".tmp"):
            stray = True
        elif segment in kept:
            stray = not _is_of(path, kept[segment])
        else:
            stray = _SEGMENT.fullmatch(path.name) is not None
        if stray:
            logger.info("%s is of a commit that did not happen", path)
            with suppress(OSError):
                path.unlink()


def _is_of(path: Path, deletions: int | None) -> bool:
    """False for a segment's file with other deletions than the committed ones."""
    return path.suffix != ".del" or path.name.split(".")[1] == str(deletions)


def _segments(folder: Path) -> dict[str, int | None]:
    """The committed segments: file names without suffix, and the number of their deletions."""
    path = folder / "meta.json"
    try:
        segments = json.loads(path.read_bytes())["segments"]
        return {
            segment["segment_id"].replace("-", ""): (segment["deletes"] or {}).get("opstamp")
            for segment in segments
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is missing or damaged; build the lexical index again"
        raise LexicalIndexError(message) from error


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL.size))
            length, magic = _TAIL.unpack(file.read())
            if magic != _MAGIC or not 0 < length <= min(_MOST_FOOTER, size - _TAIL.size):
                message = f"no footer in {size} bytes"
                raise ValueError(message)
            body = size - _TAIL.size - length
            file.seek(body)
            expected = json.loads(file.read(length))["crc"]
            file.seek(0)
            crc = 0
            while body:
                block = file.read(min(body, _BLOCK))
                crc = zlib.crc32(block, crc)
                body -= len(block)
            if crc != expected:
                message = f"checksum {crc}, not {expected}"
                raise ValueError(message)
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        message = f"{path} is damaged ({error}); build the lexical index again"
        raise LexicalIndexError(message) from error
