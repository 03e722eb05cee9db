"""What a collection holds at one moment."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.maintenance import Maintenance
    from indexing.storage import Storage


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """Counts, index and problems.

    Attributes:
        documents: documents, chunks counted one by one.
        parents: whole texts that chunks were cut from.
        rows: vectors on disk, tombstones included.
        tombstones: vectors of deleted or replaced documents.
        truncated: documents the encoder did not read to the end.
        tokens: tokens of all documents, before any cut.
        unknown: of the tokens read, those the encoder does not know.
        index: kind of the index; `flat` compares every vector.
        indexed_rows: vectors in a sealed index; the rest are compared one by one.
        recall: measured recall@10 of the index, 1.0 where everything is compared.
        effort: how hard the index looks; None for `flat`.
        bytes: size of the folder.
        problems: what was found wrong on opening and by maintenance, one sentence each.
        maintenance: what is being done about the files: `idle`, `extending`, `rebuilding`,
            `compacting`, `analysing` or `calibrating`.
        progress: how much of that is done, 0 to 1; 0 while idle.
    """

    documents: int
    parents: int
    rows: int
    tombstones: int
    truncated: int
    tokens: int
    unknown: int
    index: str
    indexed_rows: int
    recall: float
    effort: int | None
    bytes: int
    problems: tuple[str, ...]
    maintenance: str = "idle"
    progress: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"problems": list(self.problems)}


def take_status(storage: Storage, maintenance: Maintenance) -> CollectionStatus:
    """The status of the collection in `storage`, and of its maintenance, at this moment."""
    snapshot, totals = storage.snapshot, storage.totals()
    sealed = snapshot.sealed
    return CollectionStatus(
        documents=totals.documents,
        parents=totals.parents,
        rows=len(snapshot.live),
        tombstones=len(snapshot.live) - snapshot.documents,
        truncated=totals.truncated,
        tokens=totals.tokens,
        unknown=totals.unknown,
        index="flat" if sealed is None else sealed.card.kind,
        indexed_rows=0 if sealed is None else sealed.rows,
        recall=1.0 if sealed is None else sealed.card.recall,
        effort=None if sealed is None else sealed.card.point.effort.reach,
        bytes=_folder_bytes(storage.folder),
        problems=(*storage.problems, *maintenance.problems),
        maintenance=maintenance.phase,
        progress=maintenance.progress,
    )


def _folder_bytes(folder: Path) -> int:
    """Bytes of the files in the folder; files that vanish meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size  # noqa: PTH116, PTH118
            except FileNotFoundError:
                continue
    return total
