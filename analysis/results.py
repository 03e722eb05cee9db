"""Results kept beside a collection, until the next of their kind takes their place."""

from __future__ import annotations

import json
import re
import shutil
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.errors import ResultNotFoundError
from indexing.files import replacing, reporting_full_disk, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

FOLDER = "analysis"
_HEADER = "result.json"
_KIND = re.compile(r"[a-z]+")
_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What an analysis found.

    Attributes:
        header: a JSON object: parameters, receipt, the card and version it was made from.
        tables: Arrow tables by name, mapped from disk: what there is one row of for each document,
            cluster or group. Documents are named by id.
    """

    header: Mapping[str, Any]
    tables: Mapping[str, pa.Table]


class Results:
    """The last result of each kind, in `analysis/` of a collection's folder.

    A result is written whole or not at all: its tables first, under new names, then the header
    that names them; whoever reads an older one goes on reading it.

    Args:
        folder: the collection's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def save(self, kind: str, result: Result) -> None:
        """Keep a result in place of the last one of its kind.

        Args:
            kind: `clusters`, `outliers`, ...: small letters.
            result: what was found.

        Raises:
            StorageFullError: the disk is full; the last result stands.
            StorageFailedError: the disk failed; the last result stands, or this one whole.
        """
        folder = self._of(kind)
        with reporting_full_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._write(kind, folder, result)

    def _write(self, kind: str, folder: Path, result: Result) -> None:
        """Tables, then the header, then what no header names any more goes."""
        import pyarrow as pa

        number = self._number(kind) + 1
        names = {}
        for name, table in result.tables.items():
            path = folder / f"{name}-{number}.arrow"
            with (
                replacing(path) as temporary,
                pa.OSFile(str(temporary), "wb") as file,
                pa.ipc.new_file(file, table.schema) as writer,
            ):
                writer.write_table(table)
            names[name] = {"file": path.name, "crc32": _crc32(path)}
        header = {
            "format": _VERSION,
            "number": number,
            "tables": names,
            "header": dict(result.header),
        }
        write_atomically(folder / _HEADER, json.dumps(header, ensure_ascii=False).encode())
        kept = {_HEADER, *(table["file"] for table in names.values())}
        for path in folder.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)

    def load(self, kind: str) -> Result:
        """The last result of that kind, its tables mapped and not read.

        Raises:
            ResultNotFoundError: there is none, or its files are damaged.
        """
        import pyarrow as pa

        folder = self._of(kind)
        content = self._read(kind)
        tables = {}
        for name, table in content["tables"].items():
            path = folder / table["file"]
            try:
                whole = _crc32(path) == table["crc32"]
                tables[name] = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
            except (OSError, pa.ArrowInvalid):
                whole = False
            if not whole:
                message = f"{path} is missing or damaged; ask for the {kind} again"
                raise ResultNotFoundError(message)
        return Result(content["header"], tables)

    def stamp(self, kind: str) -> tuple[int, int]:
        """What another result of that kind would have another of.

        Raises:
            ResultNotFoundError: there is none.
        """
        path = self._of(kind) / _HEADER
        try:
            found = path.stat()
        except FileNotFoundError:
            raise self._missing(kind) from None
        return found.st_mtime_ns, found.st_ino

    def drop(self, kind: str) -> None:
        """Forget the result of that kind, if there is one."""
        shutil.rmtree(self._of(kind), ignore_errors=True)

    def kinds(self) -> list[str]:
        """Kinds of which there is a result."""
        return sorted(path.parent.name for path in self._folder.glob(f"*/{_HEADER}"))

    def _of(self, kind: str) -> Path:
        if not _KIND.fullmatch(kind):
            message = f"kind {kind!r} of a result; small letters are needed"
            raise ValueError(message)
        return self._folder / kind

    def _missing(self, kind: str) -> ResultNotFoundError:
        message = f"no {kind} are kept in {self._folder.parent.name!r}; ask for them first"
        return ResultNotFoundError(message)

    def _number(self, kind: str) -> int:
        try:
            return int(self._read(kind)["number"])
        except ResultNotFoundError:
            return 0

    def _read(self, kind: str) -> dict[str, Any]:
        path = self._of(kind) / _HEADER
        try:
            content: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise self._missing(kind) from None
        except (OSError, ValueError) as error:
            message = f"{path} cannot be read ({error}); ask for the {kind} again"
            raise ResultNotFoundError(message) from error
        if content.get("format") != _VERSION:
            message = (
                f"{path} is of format {content.get('format')}, this reads {_VERSION}; "
                f"ask for the {kind} again"
            )
            raise ResultNotFoundError(message)
        return content


def _crc32(path: Path) -> int:
    crc32 = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            crc32 = zlib.crc32(block, crc32)
    return crc32
