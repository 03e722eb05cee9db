"""Which blocks a backup folder holds, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexing.backup.packs import ENTRY, SUFFIX, PackFile
from indexing.errors import DamagedError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from pathlib import Path
    from typing import Self

    from indexing.backup.packs import Digests

_OPEN_PACKS = 16

Places = npt.NDArray[np.int64]
"""int64 (n,): places in a catalogue; -1 for blocks that are not there."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Blocks of packs, in the order of their names' first eight bytes.

    Attributes:
        keys: uint64 (n,), ascending: those bytes.
        table: `ENTRY` (n,).
        packs: int32 (n,): which pack each is in.
        rows: int64 (n,): where in the pack's table.
    """

    keys: npt.NDArray[np.uint64]
    table: npt.NDArray[np.void]
    packs: npt.NDArray[np.int32]
    rows: Places

    @classmethod
    def of(cls, tables: list[npt.NDArray[np.void]]) -> Self:
        """The blocks of those packs."""
        table = np.concatenate([np.empty(0, dtype=ENTRY), *tables])
        lengths = [len(each) for each in tables]
        packs = np.repeat(np.arange(len(tables), dtype=np.int32), lengths)
        rows = np.concatenate([np.empty(0, np.int64), *map(np.arange, lengths)])
        keys = _keys(table["digest"])
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], table[order], packs[order], rows[order])


class Catalogue:
    """The blocks of a folder's packs, by name.

    Args:
        folder: of the packs.

    Attributes:
        paths: of the packs, sorted.
        problems: packs whose tables cannot be read and why; their blocks count as missing.
    """

    def __init__(self, folder: Path) -> None:
        self.paths: list[Path] = []
        self.problems: dict[Path, str] = {}
        tables: list[npt.NDArray[np.void]] = []
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                pack = PackFile(path)
            except DamagedError as error:
                self.problems[path] = str(error)
                continue
            pack.close()
            self.paths.append(path)
            tables.append(pack.table)
        self.lengths = [len(table) for table in tables]
        self._entries = Entries.of(tables)
        self._open: dict[int, PackFile] = {}

    def __len__(self) -> int:
        """How many blocks there are; one that stands in two packs counts twice."""
        return len(self._entries.keys)

    def find(self, digests: Digests) -> Places:
        """Where blocks of those names are."""
        entries = self._entries
        keys = _keys(digests)
        places = np.searchsorted(entries.keys, keys).astype(np.int64)
        inside = places < len(entries.keys)
        found = np.zeros(len(keys), dtype=bool)
        found[inside] = (entries.table["digest"][places[inside]] == digests[inside]).all(axis=1)
        for row in np.flatnonzero(inside & ~found):  # one that shares eight bytes with another
            place = int(places[row]) + 1
            while place < len(entries.keys) and entries.keys[place] == keys[row]:
                if (entries.table["digest"][place] == digests[row]).all():
                    places[row], found[row] = place, True
                    break
                place += 1
        places[~found] = -1
        return places

    def rows_in(self, pack: int, places: Places) -> Places:
        """int64, ascending: rows of a pack's table, by its number in `paths`, of such blocks."""
        return np.sort(self._entries.rows[places[self._entries.packs[places] == pack]])

    def places_of(self, rows: Mapping[Path, Container[int]]) -> set[int]:
        """Places of blocks by their packs and rows there."""
        found: set[int] = set()
        for path, wanted in rows.items():
            inside = np.flatnonzero(self._entries.packs == self.paths.index(path))
            found.update(p for p in inside.tolist() if int(self._entries.rows[p]) in wanted)
        return found

    def read(self, place: int) -> bytes:
        """The content of the block at that place.

        Raises:
            DamagedError: it is not what its name says, or its pack is gone.
        """
        pack = self._pack(int(self._entries.packs[place]))
        return pack.read(int(self._entries.rows[place]))

    def close(self) -> None:
        """Give back the files."""
        for pack in self._open.values():
            pack.close()
        self._open.clear()

    def _pack(self, number: int) -> PackFile:
        pack = self._open.pop(number, None)
        if pack is None:
            pack = PackFile(self.paths[number])
            while len(self._open) >= _OPEN_PACKS:
                self._open.pop(next(iter(self._open))).close()
        self._open[number] = pack  # the latest is the last to go
        return pack


class Known:
    """Names of blocks that need not be written: those of a catalogue, and those noted since.

    Args:
        catalogue: of the folder as it was.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._noted: set[bytes] = set()

    def unknown(self, digests: Digests) -> list[int]:
        """Positions of names that are not known yet, each name once; they are known from now on."""
        new: list[int] = []
        for row in np.flatnonzero(self._catalogue.find(digests) < 0).tolist():
            name = digests[row].tobytes()
            if name not in self._noted:
                self._noted.add(name)
                new.append(row)
        return new


def as_digests(names: Iterable[bytes]) -> Digests:
    """uint8 (n, 32) of names of 32 bytes."""
    return np.frombuffer(b"".join(names), dtype=np.uint8).reshape(-1, 32)


def _keys(digests: Digests) -> npt.NDArray[np.uint64]:
    first = np.ascontiguousarray(digests[:, :8])
    return first.view(">u8").reshape(-1).astype(np.uint64)
