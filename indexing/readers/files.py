"""Source files: what their names say, and their bytes unpacked."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from indexing.errors import SourceError
from indexing.readers.packing import BLOCK_BYTES, PACKINGS, Packing, PackingError, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Format = Literal["jsonl", "csv", "tsv", "parquet", "text", "markdown", "html", "image", "stdin"]

FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".gif"), "image"),
}
STDIN = "-"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read.

    Attributes:
        path: absolute, or `-` for standard input.
        name: path relative to the folder that was given, joined by `/`, in NFC; the file's own
            name if it was given itself.
        stem: `name` without the suffixes of format and packing.
        given: True if it was named as a source, False if it was found in a folder.
    """

    path: Path
    name: str
    stem: str
    format: Format
    packing: Packing = ""
    given: bool = True

    @property
    def shown(self) -> str:
        """What origins and messages call it."""
        return "stdin" if self.format == "stdin" else str(self.path)


def parse_suffixes(name: str) -> tuple[str, Format | None, Packing]:
    """Stem, format (None: unknown) and packing that a file name says, in any case of letters."""
    path = PurePosixPath(name)
    packing = PACKINGS.get(path.suffix.lower(), "")
    if packing:
        path = path.with_suffix("")
    format_ = FORMATS.get(path.suffix.lower())
    return (str(path.with_suffix("")) if format_ else name), format_, packing


class OpenFile:
    """A source file's bytes, unpacked, and how far the packed file has been read."""

    def __init__(self, stream: BinaryIO, packed: BinaryIO, size: int) -> None:
        self.stream = stream
        self.size = size
        self._packed = packed
        self._told: int | None = None

    @property
    def position(self) -> int:
        """Bytes of the file on disk that were read; 0 for a pipe."""
        if self._told is not None:
            return self._told
        return self._packed.tell() if self._packed.seekable() else 0

    def tell_position(self, position: int) -> None:
        """Let a reader that jumps about in the file say itself how far it has come."""
        self._told = position

    def peek(self) -> bytes:
        """The bytes that come next, up to 64 KiB; none at the end of the file."""
        return cast("io.BufferedReader", self.stream).peek(BLOCK_BYTES)


@contextmanager
def open_file(file: SourceFile) -> Iterator[OpenFile]:
    """The file's bytes; errors of the file system and of packing become one sentence.

    Raises:
        SourceError: missing, not readable, or damaged.
    """
    try:
        with _packed(file) as packed, unpacked(packed, file.packing) as stream:
            size = 0 if file.format == "stdin" else os.fstat(packed.fileno()).st_size
            yield OpenFile(stream, packed, size)
    except (OSError, PackingError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"{file.shown} cannot be read: {reason}"
        raise SourceError(message) from error


def _packed(file: SourceFile) -> BinaryIO:
    if file.format != "stdin":
        return file.path.open("rb")
    if sys.stdin is None:
        raise SourceError("standard input is closed; pipe something in, or name a file")
    try:
        # A handle of its own: a thread that still waits for input when the process ends must
        # not hold the interpreter's.
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    except OSError:  # no file behind it: somebody's stand-in
        return io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer))
