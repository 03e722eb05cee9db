"""Letting old backups go, and giving back the disk that no other needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexing.backup.packs import PACK_BYTES, PackFile, PackWriter
from indexing.backup.reading import listed
from indexing.errors import DamagedError, InvalidRequestError

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.backup.folder import BackupFolder

_HALF = 0.5
"""A pack of which less is needed is written anew without the rest."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went.

    Attributes:
        removed: ids of backups, oldest first.
        kept: ids of those that stand.
        freed: bytes.
    """

    removed: tuple[str, ...]
    kept: tuple[str, ...]
    freed: int


def prune(folder: BackupFolder, keep: int, *, name: str | None = None) -> Pruned:
    """Keep the newest backups of each collection and remove what only others needed.

    Whatever stops it half-way, the backups that are to stay stay whole: what they need is on disk
    in its new place before it goes from the old.

    Args:
        folder: of the backups.
        keep: how many of each collection, 1 or more.
        name: of the one collection whose backups go; None: of every.

    Raises:
        InvalidRequestError: `keep` is below 1.
        DamagedError: a manifest cannot be read, so that nobody knows what it needs.
        StorageFullError: no room to rewrite packs; nothing that is needed is gone.
        FolderLockedError: somebody else uses the folder.
    """
    if keep < 1:
        message = f"keep is {keep}; at least 1 backup of each collection stays"
        raise InvalidRequestError(message, "keep")
    with folder.holding("write"):
        found, problems = folder.manifests()
        if problems:
            message = (
                f"{'; '.join(problems.values())}; nothing was removed, for what it needs is not "
                "known: remove that file if it is not wanted any more"
            )
            raise DamagedError(message)
        removed: list[str] = []
        for each in {manifest.name for manifest in found if name in {None, manifest.name}}:
            own = [manifest.id for manifest in found if manifest.name == each]
            removed += own[:-keep]
        before = _size(folder.packs)
        for id_ in sorted(removed):
            folder.forget(id_)
        tidy(folder)
        kept = tuple(manifest.id for manifest in found if manifest.id not in removed)
        return Pruned(tuple(sorted(removed)), kept, before - _size(folder.packs))


def tidy(folder: BackupFolder, *, damaged: dict[Path, set[int]] | None = None) -> None:
    """Remove packs of which no backup needs a block, and rewrite those of which few are needed.

    Args:
        folder: of the backups, held for writing; every manifest can be read.
        damaged: by pack, rows of its table whose blocks are damaged and are left behind.
    """
    damaged = damaged or {}
    catalogue = folder.catalogue()
    try:
        needed = np.zeros(len(catalogue), dtype=bool)
        for manifest in folder.manifests()[0]:
            needed[listed(manifest, catalogue)] = True
        places = np.flatnonzero(needed)
        moving = _Moving(folder.packs)
        for number, path in enumerate(catalogue.paths):
            rows = catalogue.rows_in(number, places)
            left_behind = damaged.get(path, set())
            if len(rows) == 0:
                moving.emptied.append(path)
            elif left_behind or len(rows) < _HALF * catalogue.lengths[number]:
                moving.move(path, [row for row in rows.tolist() if row not in left_behind])
        moving.finish()
    finally:
        catalogue.close()


class _Moving:
    """Writes blocks into new packs, and removes the old ones once all is on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pack: PackWriter | None = None
        self._made: list[Path] = []
        self.emptied: list[Path] = []

    def move(self, path: Path, rows: list[int]) -> None:
        """Have those blocks of a pack in a new one."""
        pack = PackFile(path)
        try:
            for row in rows:
                block = pack.frame(row)
                self._pack = self._pack or PackWriter(self._folder)
                self._pack.add(block)
                if self._pack.bytes >= PACK_BYTES:
                    self._close()
        except BaseException:
            if self._pack is not None:
                self._pack.abandon()
            raise
        finally:
            pack.close()
        self.emptied.append(path)

    def finish(self) -> None:
        """Have the new packs on disk, then remove the old."""
        self._close()
        for path in self.emptied:
            if path not in self._made:
                path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._pack is not None:
            pack, self._pack = self._pack, None
            self._made.append(pack.finish())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
