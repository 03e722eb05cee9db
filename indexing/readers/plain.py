"""Text files: one file is one document."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from indexing.errors import SourceError
from indexing.readers.lines import check_head, find_codec
from indexing.readers.records import MAX_FILE_BYTES, Origin, Record, Reject
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from indexing.readers.fields import FieldMapping
    from indexing.readers.files import OpenFile, SourceFile
    from indexing.readers.records import Item


def read_plain(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """The file as one document; its title is the file's name without suffix.

    Raises:
        SourceError: it is in another encoding.
    """
    del mapping
    content = read_whole(file, opened)
    if isinstance(content, Reject):
        yield content
        return
    yield make_file_record(file, decode(content, encoding, file.shown))


def read_whole(file: SourceFile, opened: OpenFile) -> bytes | Reject:
    """All bytes of the file, or the refusal of one above `MAX_FILE_BYTES`."""
    content = opened.stream.read(MAX_FILE_BYTES + 1)
    if len(content) <= MAX_FILE_BYTES:
        return content
    reason = (
        f"the file has more than {MAX_FILE_BYTES:,} bytes, too many for one document; split it, "
        "or make it JSONL"
    )
    return Reject(Origin(file.shown), reason, file.name)


def decode(content: bytes, encoding: str, where: str) -> str:
    """The text, without byte order mark, its line ends made newlines.

    Raises:
        SourceError: the bytes are in another encoding.
    """
    check_head(content, encoding, where)
    try:
        text = content.decode(find_codec(encoding))
    except UnicodeDecodeError as error:
        message = f"{where} is not {encoding} at byte {error.start:,}; name its --encoding"
        raise SourceError(message) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def make_file_record(
    file: SourceFile, text: str, title: str = "", metadata: Mapping[str, Any] | None = None
) -> Item:
    """The record of a file that is one document; without `title` its name is the title."""
    origin = Origin(file.shown)
    if not text.strip():
        return Reject(origin, "the file has no text", file.name)
    title = title or unicodedata.normalize("NFC", file.stem.rpartition("/")[2])
    return Record(origin, Document(file.name, text, title, metadata or {}), whole_file=True)
