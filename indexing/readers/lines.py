"""Bytes to lines of text, each line judged on its own."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, NamedTuple

from indexing.errors import SourceError
from indexing.readers.records import MAX_LINE_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, TextIO

_ALIASES = {"utf-8": "utf-8-sig", "euc_kr": "cp949"}
"""UTF-8 may start with a mark; what calls itself EUC-KR mostly is its superset cp949."""
_LABELS = {"windows-949": "cp949"}
"""Names that web pages use and Python does not know."""
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_KINDS = {
    b"PK\x03\x04": "a ZIP archive, as .xlsx and .docx files are; save it as CSV or as text",
    b"\xd0\xcf\x11\xe0": "a file of an old Office program; save it as CSV or as text",
    b"%PDF-": "a PDF; save its text",
    b"PAR1": "Parquet; let its name end in .parquet",
    b"\x1f\x8b": "gzip data; unpack it, or let its name end in .gz",
    b"\x28\xb5\x2f\xfd": "Zstandard data; unpack it, or let its name end in .zst",
}
"""What a file is that starts like this, and what to do with it."""


class Line(NamedTuple):
    """One line with its ending.

    Attributes:
        number: from 1.
        fault: what is wrong with it, or None.
        complete: False if the line was too long and only its start is here.
    """

    number: int
    text: str
    fault: str | None
    complete: bool = True


def find_codec(encoding: str) -> str:
    """The name of the codec that reads this encoding.

    Raises:
        SourceError: no encoding of that name.
    """
    try:
        name = codecs.lookup(_LABELS.get(encoding.lower(), encoding)).name
        "".encode(name)
    except (LookupError, ValueError) as error:
        message = f"encoding {encoding!r} is unknown; try utf-8, cp949 or utf-16"
        raise SourceError(message) from error
    return _ALIASES.get(name, name)


def check_head(head: bytes, encoding: str, where: str) -> None:
    """Refuse a text file whose first bytes show that it is in another encoding, or no text.

    Raises:
        SourceError: as `check_kind`, or it is not UTF-8 and would be valid cp949.
    """
    check_kind(head, encoding, where)
    if find_codec(encoding) != "utf-8-sig":
        return
    fault = _fault_in(head, "utf-8")
    if fault is not None and _fault_in(head, "cp949") is None:
        message = (
            f"{where} is not UTF-8 (byte {fault:,}); files saved by Korean Windows programs "
            "mostly are cp949: try --encoding cp949"
        )
        raise SourceError(message)


def check_kind(head: bytes, encoding: str, where: str) -> None:
    """Refuse what starts like something else than text in this encoding.

    Raises:
        SourceError: an archive, a packed or an Office file; or UTF-16 where UTF-8 was said.
    """
    for start, kind in _OTHER_KINDS.items():
        if head.startswith(start):
            message = f"{where} is {kind}"
            raise SourceError(message)
    if find_codec(encoding) == "utf-8-sig" and head.startswith(_UTF16_MARKS):
        message = f"{where} is UTF-16, not UTF-8; try --encoding utf-16"
        raise SourceError(message)


def _fault_in(head: bytes, codec: str) -> int | None:
    """Position of the first byte that is wrong in this codec; a cut last character is not."""
    try:
        codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeDecodeError as error:
        return error.start
    return None


def as_text(stream: BinaryIO, encoding: str, *, newline: str) -> TextIO:
    """The stream's characters; invalid bytes come as lone surrogates (PEP 383)."""
    return io.TextIOWrapper(
        stream, encoding=find_codec(encoding), errors="surrogateescape", newline=newline
    )


def read_lines(text: TextIO, encoding: str) -> Iterator[Line]:
    """The lines, in order; of a line above `MAX_LINE_CHARACTERS` only the start.

    Raises:
        SourceError: an encoding like UTF-16 whose damage cannot be told line by line.
    """
    number, most = 0, MAX_LINE_CHARACTERS
    try:
        while line := text.readline(most + 1):
            number += 1
            if len(line) > most and not line.endswith(("\n", "\r")):
                fault = f"the line has more than {most:,} characters"
                yield Line(number, line[:1000], fault, complete=False)
                while line and not line.endswith(("\n", "\r")):
                    line = text.readline(most)
            else:
                yield Line(number, line, None if line.isascii() else _fault(line, encoding))
    except UnicodeDecodeError as error:
        message = f"the text is not {encoding} behind line {number} ({error.reason})"
        raise SourceError(message) from error


def _fault(line: str, encoding: str) -> str | None:
    try:
        line.encode()
    except UnicodeEncodeError as error:
        byte = ord(line[error.start]) & 0xFF
        fault = f"not valid {encoding} at character {error.start + 1} (byte 0x{byte:02X})"
    else:
        return None
    codec = find_codec(encoding)
    is_cp949 = codec == "utf-8-sig" and _fault_in(line.encode(errors="surrogateescape"), "cp949")
    return f"{fault}; it would be valid cp949: try --encoding cp949" if is_cp949 is None else fault
