"""Plain text to learn from: .txt, .tsv, .jsonl (also .gz, .zst) and .parquet, read as a stream."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from embeddings.fingerprint import hash_file
from embeddings.training.errors import DataError
from embeddings.training.recipe import Count, FileName, Within
from embeddings.training.words.texts import KINDS, PACKINGS, TextFile, find_files, read_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from embeddings.training.trainer import Listener

_PARQUET = ".parquet"
_FIELDS = ("title", "text")
_TELL_EVERY = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Files of plain text, as a recipe names them.

    Attributes:
        path: a file, or a folder whose files are all read: .txt (a line is a text), .tsv, .jsonl,
            each also packed (.gz, .zst), and .parquet.
        column: of .tsv its number from 1, of .jsonl and .parquet its name; None takes all cells
            of a .tsv line, and `title` and `text` of the others.
        most: texts at most, from the top; None takes all.
        licence: of the texts, for the receipt; empty says that nobody told.
        name: for the receipt; None is the file's name.
    """

    path: Annotated[str, FileName()]
    column: Annotated[int, Within(least=1)] | str | None = None
    most: Count | None = None
    licence: str = ""
    name: str | None = None


@dataclass(slots=True)
class HeldOut:
    """Which texts are kept out of training: by their hash, so that copies stay together.

    Attributes:
        share: of the texts, 0 to 1.
        most: texts at most; those after them are trained on.
        kept: the texts so far.
    """

    share: float
    most: int
    kept: list[str]

    def takes(self, text: str) -> bool:
        """True if the text is held out; it is then among `kept`."""
        if len(self.kept) >= self.most or zlib.crc32(text.encode()) >= self.share * 2**32:
            return False
        self.kept.append(text)
        return True


class Reading:
    """The texts of corpora, one after another; nothing is kept in memory.

    Args:
        corpora: where they are.
        listener: told of bytes read, as stage `read`.

    Raises:
        DataError: a file is missing or of an unknown kind, or a folder holds none.
    """

    def __init__(self, corpora: Sequence[Corpus], listener: Listener) -> None:
        self._listener = listener
        self._files = [(corpus, file) for corpus in corpora for file in _files_of(corpus)]
        self._sizes = [file.path.stat().st_size for _, file in self._files]
        self._rows = [0] * len(self._files)
        self._hashes: list[str] = []

    def texts(self) -> Iterator[str]:
        """Every text that is not blank, from the start.

        Raises:
            DataError: a file is damaged, lacks the column, or all are empty.
        """
        left = {corpus: corpus.most for corpus, _ in self._files}
        total, before = sum(self._sizes), 0
        for number, (corpus, file) in enumerate(self._files):
            self._rows[number] = 0
            told = [0]

            def note(read: int, before: int = before, told: list[int] = told) -> None:
                if read - told[0] >= _TELL_EVERY:
                    told[0] = read
                    self._listener.progress("read", before + read, total)

            for text in _texts_of(file, corpus.column, note):
                most = left[corpus]
                if most is not None:
                    if most <= 0:
                        break
                    left[corpus] = most - 1
                self._rows[number] += 1
                yield text.strip()
            before += self._sizes[number]
        self._listener.progress("read", total, total)
        if not any(self._rows):
            names = ", ".join(str(file.path) for _, file in self._files)
            message = f"{names} hold no text at all; there is nothing to learn from"
            raise DataError(message)

    def describe(self) -> list[dict[str, Any]]:
        """What the receipt says of each file, with the texts read of it the last time."""
        if not self._hashes:
            self._hashes = [hash_file(file.path) for _, file in self._files]
        read = zip(self._files, self._sizes, self._rows, self._hashes, strict=True)
        return [
            {
                "name": corpus.name or file.path.name.partition(".")[0],
                "path": str(file.path),
                "sha256": hashed,
                "bytes": size,
                "rows": rows,
                "licence": corpus.licence or None,
            }
            for (corpus, file), size, rows, hashed in read
        ]


def _files_of(corpus: Corpus) -> list[TextFile]:
    path = Path(corpus.path).expanduser()
    if path.is_dir():
        tables = [TextFile(each, _PARQUET, "") for each in sorted(path.rglob(f"*{_PARQUET}"))]
        try:
            return sorted([*find_files([path]), *tables], key=lambda file: file.path)
        except DataError:
            if tables:
                return tables
            raise
    if path.suffix == _PARQUET and path.is_file():
        return [TextFile(path, _PARQUET, "")]
    try:
        return find_files([path])
    except DataError as error:
        if not path.is_file():
            raise
        message = (
            f"{path} is of no kind known here: {', '.join(KINDS)} (also packed as "
            f"{' or '.join(PACKINGS)}) and {_PARQUET}"
        )
        raise DataError(message) from error


def _texts_of(file: TextFile, column: int | str | None, note: Any) -> Iterator[str]:  # noqa: ANN401
    if file.kind == _PARQUET:
        yield from _read_parquet(file.path, column, note)
    else:
        yield from read_texts(file, column, note)


def _read_parquet(path: Path, column: int | str | None, note: Any) -> Iterator[str]:  # noqa: ANN401
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = path.stat().st_size
    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            wanted = [name for name in ([str(column)] if column else _FIELDS) if name in there]
            if not wanted:
                message = (
                    f"{path} has no column {column or ' or '.join(_FIELDS)}; there are "
                    f"{', '.join(there)}. Set `column` to the one with the text"
                )
                raise DataError(message)
            rows, done = max(file.metadata.num_rows, 1), 0
            for batch in file.iter_batches(batch_size=4096, columns=wanted):
                for row in batch.to_pylist():
                    text = " \n ".join(str(row[name]) for name in wanted if row[name])
                    if text and not text.isspace():
                        yield text
                done += batch.num_rows
                note(size * done // rows)
    except (pa.ArrowInvalid, OSError) as error:
        message = f"{path} is no whole Parquet file: {error}"
        raise DataError(message) from error
