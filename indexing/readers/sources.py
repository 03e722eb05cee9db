"""Sources to files: single files, BEIR folders, folders of files, standard input."""

from __future__ import annotations

import re
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.documents import DOCUMENTS_FILE
from indexing.errors import SourceError
from indexing.readers.delimited import read_delimited
from indexing.readers.fields import FieldMapping
from indexing.readers.files import (
    FORMATS,
    STDIN,
    SourceFile,
    open_file,
    parse_suffixes,
)
from indexing.readers.html import read_html
from indexing.readers.jsonl import read_jsonl, read_stdin
from indexing.readers.lines import find_codec
from indexing.readers.markdown import read_markdown
from indexing.readers.packing import PACKINGS
from indexing.readers.parquet import read_parquet
from indexing.readers.pictures import is_table, read_picture
from indexing.readers.plain import read_plain
from indexing.readers.records import Origin, Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from indexing.readers.files import Format, OpenFile
    from indexing.readers.records import Item

_READERS: dict[Format, Callable[[SourceFile, OpenFile, FieldMapping, str], Iterator[Item]]] = {
    "jsonl": read_jsonl,
    "csv": read_delimited,
    "tsv": read_delimited,
    "parquet": read_parquet,
    "text": read_plain,
    "markdown": read_markdown,
    "html": read_html,
    "image": read_picture,
    "stdin": read_stdin,
}
_BEIR_CORPUS = ("corpus.jsonl", "corpus.jsonl.gz", "corpus.jsonl.zst")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.I)
_KNOWN = f"{', '.join(FORMATS)}, each also with {' or '.join(PACKINGS)}"


class SourceReader:
    """All records of some sources, in order.

    Args:
        sources: paths of files and folders, or `-`.
        mapping: which columns are what.
        encoding: of text files.
        passed_over: a file that is not read where it is found in a folder: the list of refused
            records, which grows while the folder is read.

    Raises:
        SourceError: no source, one that is missing or of unknown format, an unknown encoding.
    """

    def __init__(
        self,
        sources: Sequence[str],
        *,
        mapping: FieldMapping | None = None,
        encoding: str = "utf-8",
        passed_over: Path | None = None,
    ) -> None:
        find_codec(encoding)
        self.sources = tuple(absolute(source) for source in sources)
        self._mapping = mapping or FieldMapping()
        self._encoding = encoding
        self._passed_over = passed_over
        self._finished = 0
        self._open: OpenFile | None = None
        if not self.sources:
            raise SourceError("no source given; name a file, a folder or -")
        for source in self.sources:
            self._try(source)
        self._finished = 0

    def _try(self, source: str) -> None:
        """Refuse a source that is not what it says before any work is done."""
        refused = f"read are {_KNOWN}"
        for item in find_files(source, self._passed_over):
            if isinstance(item, SourceFile):
                first = item
                break
            refused = item.reason
        else:
            raise SourceError(f"{source} holds no file that is read: {refused}")
        if first.given and first.format != "stdin":
            with closing(self._read_file(first)) as records:
                next(records, None)

    @property
    def bytes_read(self) -> int:
        """Bytes of the sources read up to now, as they are on disk."""
        return self._finished + (0 if self._open is None else self._open.position)

    def count_bytes(self) -> int | None:
        """Bytes of all sources as they are on disk; None if one is standard input."""
        if STDIN in self.sources:
            return None
        files = (
            item
            for source in self.sources
            for item in find_files(source, self._passed_over)
            if isinstance(item, SourceFile)
        )
        return sum(file.path.stat().st_size for file in files if file.path.exists())

    def read(self) -> Iterator[Item]:
        """Records and refusals, in order.

        Raises:
            SourceError: a file that was named as a source cannot be read to its end; one that
                was found in a folder is refused instead, and the rest goes on.
        """
        for source in self.sources:
            for item in find_files(source, self._passed_over):
                if isinstance(item, Reject):
                    yield item
                    continue
                try:
                    yield from self._read_file(item)
                except SourceError as error:
                    if item.given:
                        raise
                    yield Reject(Origin(item.shown), str(error), item.name)

    def _read_file(self, file: SourceFile) -> Generator[Item]:
        with open_file(file) as opened:
            self._open = opened
            try:
                yield from _READERS[file.format](file, opened, self._mapping, self._encoding)
            finally:
                self._open = None
                self._finished += opened.size


def absolute(source: str) -> str:
    """The source as it can be found again from another working folder.

    Raises:
        SourceError: it is empty, or an address.
    """
    if not source:
        raise SourceError("a source is empty; name a file, a folder or -")
    if _ADDRESS.match(source):
        raise SourceError(f"{source} is an address; download it first, or pipe it in with -")
    return source if source == STDIN else str(Path(source).expanduser().absolute())


def find_files(source: str, passed_over: Path | None = None) -> Iterator[SourceFile | Reject]:
    """The files of a source and the refusals of what is not read.

    A folder that holds a BEIR corpus (`corpus.jsonl`, maybe packed) gives that file alone. Of
    another come its files by name, then its folders by name; hidden ones, folders of collections
    and the file `passed_over` are left out.

    Raises:
        SourceError: it is missing, or a file of unknown format.
    """
    if source == STDIN:
        yield SourceFile(Path(STDIN), "stdin", "stdin", "stdin")
        return
    path = Path(source)
    if path.is_dir():
        yield from _walk(path, passed_over and passed_over.resolve())
        return
    if not path.exists():
        raise SourceError(f"{source} is not there; name a file, a folder or -")
    found = _as_source_file(path, path.name, given=True)
    if isinstance(found, Reject):
        raise SourceError(f"{source}: {found.reason}")
    yield found


def _walk(root: Path, passed_over: Path | None) -> Iterator[SourceFile | Reject]:
    """The files below a folder; each folder is entered once, however many links lead to it."""
    waiting = [root]
    entered: set[tuple[int, int]] = set()
    while waiting:
        folder = waiting.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            entries = sorted(entry for entry in folder.iterdir() if entry.name[0] != ".")
        except OSError as error:
            yield Reject(Origin(str(folder)), f"the folder cannot be read: {error.strerror}")
            continue
        if any(entry.name == DOCUMENTS_FILE for entry in entries):
            continue
        corpus = [entry for name in _BEIR_CORPUS for entry in entries if entry.name == name]
        for entry in corpus[:1] or entries:
            if is_table(entry):
                continue
            if not entry.is_dir() and entry.resolve() != passed_over:
                yield _as_source_file(entry, entry.relative_to(root).as_posix(), given=False)
        if not corpus:
            waiting.extend(entry for entry in reversed(entries) if entry.is_dir())


def _as_source_file(path: Path, name: str, *, given: bool) -> SourceFile | Reject:
    name = unicodedata.normalize("NFC", name)
    origin = Origin(str(path))
    if not path.exists():
        return Reject(origin, "the link leads nowhere", name)
    if not path.is_file():
        return Reject(origin, "not a regular file; pipe it in with - as the source", name)
    stem, format_, packing = parse_suffixes(name)
    if format_ is None:
        return Reject(origin, f"unknown suffix, the file is skipped; read are {_KNOWN}", name)
    return SourceFile(path, name, stem, format_, packing, given)
