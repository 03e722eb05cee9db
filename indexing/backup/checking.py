"""Reading a folder of backups through: which are whole, which are not, and mending the folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from indexing.backup.making import untold
from indexing.backup.packs import PackFile
from indexing.backup.pruning import tidy
from indexing.backup.reading import locate
from indexing.errors import DamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.backup.catalogue import Catalogue
    from indexing.backup.folder import BackupFolder
    from indexing.backup.making import Told
    from indexing.backup.manifest import Manifest


@dataclass(frozen=True, slots=True)
class BackupsReport:
    """What was checked and found.

    Attributes:
        ok: True if every backup is whole.
        blocks: read and compared with their names.
        whole: ids of backups that can be restored.
        broken: by id, what is wrong with those that cannot, one sentence each.
        problems: what is wrong with packs, one sentence each.
        repaired: what was done about it, one sentence each.
    """

    ok: bool
    blocks: int
    whole: tuple[str, ...]
    broken: dict[str, list[str]]
    problems: tuple[str, ...]
    repaired: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("whole", "problems", "repaired")}
        return asdict(self) | lists


def check(folder: BackupFolder, *, repair: bool = False, told: Told = untold) -> BackupsReport:
    """Compare every block of the folder with its name, and see which backups are whole.

    A lost block cannot be made again from the others. `repair` takes damaged blocks out of the
    folder, so that the next backup of a collection that still has them writes them again: backups
    that miss nothing else are whole from then on.

    Raises:
        FolderLockedError: somebody changes the folder; with `repair`, or uses it.
        StorageFullError: no room to write packs anew.
    """
    with folder.holding("write" if repair else "read"):
        catalogue = folder.catalogue()
        try:
            damaged, problems = _read_all(catalogue, told)
            found, unreadable = folder.manifests()
            broken = {id_: [problem] for id_, problem in unreadable.items()}
            broken |= _broken(found, catalogue, damaged)
            blocks = len(catalogue)
            tables = list(catalogue.problems)
        finally:
            catalogue.close()
        repaired: list[str] = []
        if repair and (damaged or tables) and unreadable:
            problems.append(
                "nothing was taken out, for nobody knows what the backup of a manifest that cannot "
                f"be read needs ({', '.join(unreadable)}): remove that file if it is not wanted"
            )
        elif repair and (damaged or tables):
            for path in tables:
                path.unlink()
                repaired.append(f"{path.name}: removed, for its table cannot be read")
            if damaged:
                tidy(folder, damaged=damaged)
            for path, rows in damaged.items():
                repaired.append(f"{path.name}: written anew without {len(rows):,} damaged blocks")
    return BackupsReport(
        ok=not broken and (repair or not problems),
        blocks=blocks,
        whole=tuple(manifest.id for manifest in found if manifest.id not in broken),
        broken=broken,
        problems=tuple(problems),
        repaired=tuple(repaired),
    )


def _read_all(catalogue: Catalogue, told: Told) -> tuple[dict[Path, set[int]], list[str]]:
    """By pack the rows of blocks that are damaged; and what is wrong, one sentence each."""
    damaged: dict[Path, set[int]] = {}
    problems = list(catalogue.problems.values())
    done = 0
    for path in catalogue.paths:
        pack = PackFile(path)
        try:
            for row in range(len(pack.table)):
                try:
                    pack.read(row)
                except DamagedError as error:
                    damaged.setdefault(path, set()).add(row)
                    problems.append(str(error))
            done += len(pack.table)
            told("reading", done, len(catalogue))
        finally:
            pack.close()
    return damaged, problems


def _broken(
    found: list[Manifest], catalogue: Catalogue, damaged: dict[Path, set[int]]
) -> dict[str, list[str]]:
    """What is missing or damaged of each backup, a sentence a file; whole ones are left out."""
    bad = catalogue.places_of(damaged)
    broken: dict[str, list[str]] = {}
    for manifest in found:
        located, problems = locate(manifest, catalogue)
        for each in located:
            hurt = len(bad.intersection(each.places.tolist()))
            if hurt:
                problems.append(f"{each.file.path}: {hurt:,} blocks are damaged")
        if problems:
            broken[manifest.id] = problems
    return broken
