"""Lines of plain, gzip and Zstandard text files, numbered for error messages."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from eval.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PACKED = ("", ".gz", ".zst")
"""Endings a text file may carry, in the order they are looked for."""
_BLOCK = 1 << 16


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
        with _open_lines(path) as lines:
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
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path}: cannot be read ({error}); is it cut off or not what its name says?"
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


@contextmanager
def _open_lines(path: Path) -> Iterator[Iterable[bytes]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as packed:
            yield packed
    else:
        with path.open("rb") as plain:
            yield _split_lines(_unpack(plain)) if path.suffix == ".zst" else plain


def _unpack(file: BinaryIO) -> Iterator[bytes]:
    """Blocks of the Zstandard frames in `file`; a last frame that is cut off is an error.

    The library's stream reader ends quietly there, as if the file were whole.
    """
    import zstandard

    frame, is_open = zstandard.ZstdDecompressor().decompressobj(), False
    try:
        while block := file.read(_BLOCK):
            while block:
                yield frame.decompress(block)
                is_open, block = not frame.eof, frame.unused_data
                if not is_open:
                    frame = zstandard.ZstdDecompressor().decompressobj()
    except zstandard.ZstdError as error:
        message = f"not Zstandard data: {error}"
        raise OSError(message) from error
    if is_open:
        message = "the last Zstandard frame is not complete"
        raise EOFError(message)


def _split_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    if rest:
        yield rest
