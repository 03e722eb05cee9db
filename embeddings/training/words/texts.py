"""Texts of a corpus, one after another, from files larger than memory."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from embeddings.training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

KINDS = (".txt", ".tsv", ".jsonl")
PACKINGS = (".gz", ".zst")
_MOST_CHARACTERS = 1 << 20
"""Of one text: a file that is one line is read in pieces."""
_FIELDS = ("title", "text")


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of the corpus.

    Attributes:
        path: where it is.
        kind: `.txt`, `.tsv` or `.jsonl`.
        packing: `.gz`, `.zst`, or empty.
    """

    path: Path
    kind: str
    packing: str


def find_files(sources: Sequence[str | Path]) -> list[TextFile]:
    """The files of a corpus: each source itself, or every file of a known kind in a folder.

    Files in folders are sorted by path.

    Raises:
        DataError: no source, a missing one, one of an unknown kind, or a folder without any.
    """
    found: list[TextFile] = []
    if not sources:
        raise DataError("no source of text; name files or folders")
    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir():
            inside = [_file(each) for each in sorted(path.rglob("*")) if each.is_file()]
            known = [file for file in inside if file is not None]
            if not known:
                message = f"folder {path} holds no {', '.join(KINDS)} (also .gz and .zst)"
                raise DataError(message)
            found += known
            continue
        if not path.is_file():
            message = f"source {path} is not there"
            raise DataError(message)
        file = _file(path)
        if file is None:
            message = (
                f"source {path} is of no kind known here: {', '.join(KINDS)}, each also packed "
                f"as {' or '.join(PACKINGS)}"
            )
            raise DataError(message)
        found.append(file)
    return found


def read_texts(
    file: TextFile, column: int | str | None, read: Callable[[int], None]
) -> Iterator[str]:
    """The texts of a file, blank ones left out; bytes that are no UTF-8 become U+FFFD.

    Args:
        file: from `find_files`.
        column: which cell of a line; see `WordRecipe.column`.
        read: told now and then how many bytes of the file (packed as it is) have been read.

    Raises:
        DataError: a line without that column, a line that is no JSON object, a damaged file.
    """
    try:
        with file.path.open("rb") as raw, _unpacked(raw, file.packing) as stream:
            for number, line in enumerate(_lines(stream), 1):
                if number % 1024 == 0:
                    read(raw.tell())
                text = _text(file, line, column, number)
                if text and not text.isspace():
                    yield text
            read(raw.tell())
    except (OSError, EOFError) as error:
        message = f"{file.path} cannot be read: {error}"
        raise DataError(message) from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        message = f"{file.path} is no whole zstd file: {error}"
        raise DataError(message) from error


def _file(path: Path) -> TextFile | None:
    packing = path.suffix if path.suffix in PACKINGS else ""
    kind = Path(path.stem).suffix if packing else path.suffix
    return TextFile(path, kind, packing) if kind in KINDS else None


def _unpacked(raw: IO[bytes], packing: str) -> io.TextIOWrapper[Any]:
    stream: Any = raw
    if packing == ".gz":
        import gzip

        stream = gzip.GzipFile(fileobj=raw)
    elif packing == ".zst":
        import zstandard

        stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="\n")


def _lines(stream: io.TextIOWrapper[Any]) -> Iterator[str]:
    """Lines; one of more than a million characters in pieces that end at blanks."""
    rest = ""
    while piece := stream.readline(_MOST_CHARACTERS):
        piece = rest + piece
        rest = ""
        if len(piece) >= _MOST_CHARACTERS and not piece.endswith("\n"):
            end = piece.rfind(" ")
            if end > 0:
                piece, rest = piece[:end], piece[end + 1 :]
        yield piece
    if rest:
        yield rest


def _text(file: TextFile, line: str, column: int | str | None, number: int) -> str:
    if file.kind == ".txt":
        return line
    if file.kind == ".tsv":
        return _cell(file, line, column, number)
    if not line.strip():
        return ""
    try:
        row = json.loads(line)
    except ValueError as error:
        message = f"{file.path}, line {number:,} is not JSON: {error}"
        raise DataError(message) from error
    if not isinstance(row, dict):
        message = f"{file.path}, line {number:,} is {type(row).__name__}; an object is needed"
        raise DataError(message)
    keys = _FIELDS if column is None else (str(column),)
    cells = [row[key] for key in keys if isinstance(row.get(key), str)]
    if not cells:
        message = (
            f"{file.path}, line {number:,} has no text under {' or '.join(map(repr, keys))}; "
            f"there are {', '.join(row) or 'no keys'}. Set `column` to the key of the text"
        )
        raise DataError(message)
    return " \n ".join(cells)


def _cell(file: TextFile, line: str, column: int | str | None, number: int) -> str:
    if column is None:
        return line.replace("\t", " \n ")
    if not isinstance(column, int):
        message = f"column is {column!r}; of {file.path.name} it is a number, from 1"
        raise DataError(message)
    cells = line.rstrip("\n").split("\t")
    if column > len(cells):
        message = f"{file.path}, line {number:,} has {len(cells)} cells; cell {column} is asked for"
        raise DataError(message)
    return cells[column - 1]
