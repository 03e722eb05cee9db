"""Pictures: one file is one document, described by its folders and by a table beside it."""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from embeddings.errors import InvalidImageError
from indexing.errors import InvalidDocumentError, SourceError
from indexing.images import describe_image
from indexing.readers.delimited import typed
from indexing.readers.fields import TEXT_NAMES, TITLE_NAMES
from indexing.readers.records import Origin, Record, Reject
from indexing.types import MAX_IMAGE_BYTES, Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from indexing.readers.fields import FieldMapping
    from indexing.readers.files import OpenFile, SourceFile
    from indexing.readers.records import Item

TABLES = ("metadata.csv", "metadata.tsv")
"""Names of tables that describe the pictures beside and below them."""
_FILE_NAMES = ("file_name", "filename", "file", "path", "image")
_CAPTIONS = (*TEXT_NAMES, "caption", "설명")


def read_picture(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """The file as one document; its title is the file's name without suffix.

    A table `metadata.csv` in its folder or one above, with a column `file_name` (the path from the
    table's folder), gives title, text and metadata. The folder it was found in is the metadata
    `folder`. The pixels are decoded later, by the threads that feed the encoder.
    """
    del mapping, encoding
    origin = Origin(file.shown)
    content = opened.stream.read(MAX_IMAGE_BYTES + 1)
    try:
        image = describe_image(content, source=file.shown)
        described = _described(file)
    except (InvalidImageError, InvalidDocumentError, SourceError) as error:
        yield Reject(origin, str(error).replace("the image", "the file", 1), file.name)
        return
    # Read again when it is encoded: thousands of files may wait until then.
    image = replace(image, data=None)
    title = unicodedata.normalize("NFC", file.stem.rpartition("/")[2])
    folder = str(PurePosixPath(file.name).parent)
    metadata: dict[str, Any] = {} if folder == "." else {"folder": folder}
    text = ""
    for name, value in described.items():
        if name.casefold() in TITLE_NAMES and value:
            title = value
        elif name.casefold() in _CAPTIONS and value:
            text = value
        elif value:
            metadata[name] = typed(value)
    document = Document(file.name, text, title, metadata, image=image)
    yield Record(origin, document, whole_file=True)


def is_table(path: Path) -> bool:
    """True for a table that describes pictures, and is no source itself."""
    if path.name not in TABLES or not path.is_file():
        return False
    try:
        return _name_column(_header(path)) is not None
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def _described(file: SourceFile) -> dict[str, str]:
    """What the nearest table says of a picture, column by column; nothing without one.

    Raises:
        SourceError: the table cannot be read.
    """
    within = len(PurePosixPath(file.name).parts)
    for folder in list(file.path.parents)[:within]:
        for name in TABLES:
            if is_table(folder / name):
                rows = _rows(folder / name, (folder / name).stat().st_mtime_ns)
                return dict(rows.get(file.path.relative_to(folder).as_posix(), {}))
    return {}


_READ: dict[tuple[Path, int], Mapping[str, Mapping[str, str]]] = {}
"""The table read last; pictures of a folder come one after the other."""


def _rows(path: Path, written: int) -> Mapping[str, Mapping[str, str]]:
    """Rows by the file they speak of."""
    if (path, written) not in _READ:
        column = _name_column(_header(path)) or ""
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, dialect=_dialect(path))
                made = {
                    unicodedata.normalize("NFC", str(row[column])): {
                        str(name): str(value or "").strip()
                        for name, value in row.items()
                        if name not in {column, None}
                    }
                    for row in reader
                }
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        _READ.clear()
        _READ[path, written] = made
    return _READ[path, written]


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file, dialect=_dialect(path)), [])


def _name_column(names: list[str]) -> str | None:
    known: dict[str, Any] = {name.strip().casefold(): name for name in reversed(names)}
    return next((known[name] for name in _FILE_NAMES if name in known), None)


def _dialect(path: Path) -> str:
    return "excel-tab" if path.suffix == ".tsv" else "excel"
