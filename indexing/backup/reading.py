"""The files of a backup, block by block, each compared with its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.backup.catalogue import as_digests
from indexing.backup.manifest import LIST_BLOCKS
from indexing.errors import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.backup.catalogue import Catalogue, Places
    from indexing.backup.manifest import Manifest, StoredFile

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Located:
    """A file of a backup, and where its blocks are in a catalogue."""

    file: StoredFile
    places: Places

    def blocks(self, catalogue: Catalogue) -> Iterator[bytes]:
        """Its content.

        Raises:
            DamagedError: a block is not what its name says; the message names the file.
        """
        left = self.file.size
        for place in self.places.tolist():
            content = _read(catalogue, place, self.file.path)
            if len(content) != min(left, self.file.block):
                message = f"{self.file.path}: a block has {len(content):,} bytes"
                raise DamagedError(message)
            left -= len(content)
            yield content


def locate(manifest: Manifest, catalogue: Catalogue) -> tuple[list[Located], list[str]]:
    """Where the blocks of a backup's files are; and what is missing of them, a sentence a file."""
    found: list[Located] = []
    problems: list[str] = []
    for file in manifest.files:
        try:
            places, missing = _places(file, catalogue)
        except DamagedError as error:
            problems.append(str(error))
            continue
        if missing:
            shown = ", ".join(name[:16] for name in missing[:_NAMED])
            more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
            problems.append(f"{file.path}: {len(missing):,} blocks are missing ({shown}{more})")
        else:
            found.append(Located(file, places))
    return found, problems


def listed(manifest: Manifest, catalogue: Catalogue) -> Places:
    """Places of all blocks that a backup needs, its lists among them; without those missing."""
    parts = [np.empty(0, dtype=np.int64)]
    for file in manifest.files:
        lists = catalogue.find(as_digests(file.lists))
        parts.append(lists)
        for place in lists[lists >= 0].tolist():
            try:
                names = catalogue.read(place)
            except DamagedError:
                continue
            if len(names) % 32 == 0:
                parts.append(catalogue.find(as_digests([names])))
    places = np.concatenate(parts)
    return np.unique(places[places >= 0])


def _places(file: StoredFile, catalogue: Catalogue) -> tuple[Places, list[str]]:
    """Places of a file's blocks, and names of those that are missing.

    Raises:
        DamagedError: a list is damaged.
    """
    missing: list[str] = []
    parts = [np.empty(0, dtype=np.int64)]
    left = file.blocks
    for name, place in zip(file.lists, catalogue.find(as_digests(file.lists)), strict=True):
        if place < 0:
            missing.append(name.hex())
            continue
        names = _read(catalogue, int(place), file.path)
        if len(names) != 32 * min(left, LIST_BLOCKS):
            message = f"{file.path}: a list of its blocks has {len(names):,} bytes"
            raise DamagedError(message)
        left -= LIST_BLOCKS
        digests = as_digests([names])
        places = catalogue.find(digests)
        missing += [digests[row].tobytes().hex() for row in np.flatnonzero(places < 0)]
        parts.append(places)
    return np.concatenate(parts), missing


def _read(catalogue: Catalogue, place: int, path: str) -> bytes:
    try:
        return catalogue.read(place)
    except DamagedError as error:
        message = f"{path}: {error}"
        raise DamagedError(message) from error
