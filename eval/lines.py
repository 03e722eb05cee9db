"""Lines of plain, gzip and Zstandard text files, numbered for error messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eval.errors import DatasetError
from indexing.readers.packing import PACKINGS, PackingError, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKED = ("", *PACKINGS)
"""Endings a text file may carry, in the order they are looked for."""


def find_file(folder: Path, name: str) -> Path | None:
    """`name` in `folder`, plain or packed (`name.gz`, `name.zst`); None if there is none."""
    candidates = (folder / f"{name}{ending}" for ending in PACKED)
    return next((path for path in candidates if path.is_file()), None)


def read_lines(path: Path, *, keep_blank: bool = False) -> Iterator[tuple[int, str]]:
    """Numbers (from 1) and lines of a UTF-8 file, without line ends.

    Blank lines are skipped unless `keep_blank`. A byte order mark is dropped. Lines end at LF or
    CRLF alone, so that a text may hold the other separators of Unicode.

    Raises:
        DatasetError: the file is missing, not UTF-8 (the line is named) or badly packed.
    """
    try:
        packing = PACKINGS.get(path.suffix, "")
        with path.open("rb") as file, unpacked(file, packing) as lines:
            for number, raw in enumerate(lines, start=1):
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    message = f"{path}:{number}: not UTF-8 ({error.reason}); convert the file"
                    raise DatasetError(message) from error
                if keep_blank or line.strip():
                    yield number, line.rstrip("\r\n")
    except FileNotFoundError as error:
        message = f"{path}: there is no such file"
        raise DatasetError(message) from error
    except (OSError, PackingError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"{path}: cannot be read: {reason}"
        raise DatasetError(message) from error


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers (from 1) and JSON objects of a JSON Lines file.

    Raises:
        DatasetError: as `read_lines`, and a line that is not a JSON object or not valid Unicode.
    """
    for number, line in read_lines(path):
        try:
            value = json.loads(line)
        except ValueError as error:
            message = f"{path}:{number}: not JSON ({error})"
            raise DatasetError(message) from error
        if "\\u" in line and not _is_unicode(value):
            message = f"{path}:{number}: holds half a surrogate pair; it is not valid Unicode"
            raise DatasetError(message)
        if not isinstance(value, dict):
            message = f"{path}:{number}: a JSON {type(value).__name__}; an object is needed"
            raise DatasetError(message)
        yield number, value


def _is_unicode(value: object) -> bool:
    """False if a string in a JSON value cannot be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
