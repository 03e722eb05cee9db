"""What a reader gives: documents and refusals, each with the place it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from indexing.readers.vectors import ReadyVector
    from indexing.types import Document

MAX_LINE_CHARACTERS = 16_000_000
"""Characters of one line, or of one CSV row over several lines; a longer one is refused."""
MAX_FILE_BYTES = 32_000_000
"""Bytes of a file that is one document (.txt, .md, .html), unpacked; a larger one is refused."""
_EXCERPT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stands.

    Attributes:
        file: absolute path, or `stdin`.
        line: first line of the record, from 1 (Parquet: row, from 1); None: the whole file.
    """

    file: str
    line: int | None = None

    def __str__(self) -> str:
        file = self.file.encode(errors="replace").decode()
        return file if self.line is None else f"{file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Record:
    """A document as it was read, not yet checked or chunked.

    Attributes:
        whole_file: True if the file is the document, False if it is a row of one.
        vector: that came along; None: it is to be made.
    """

    origin: Origin
    document: Document
    whole_file: bool = False
    vector: ReadyVector | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A record or file that was passed over.

    Attributes:
        id: of the document, where it is known.
        excerpt: the first 200 characters of what stood there, valid Unicode.
    """

    origin: Origin
    reason: str
    id: str | None = None
    excerpt: str = field(default="", kw_only=True)


Item: TypeAlias = Record | Reject


def excerpt(text: str) -> str:
    """The first 200 characters; what is not Unicode becomes `?`."""
    cut = text[:_EXCERPT_CHARACTERS].rstrip("\r\n")
    return cut.encode(errors="replace").decode()
