"""The files of a collection from one compaction to the next, and what a search sees of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexing.row_ids import RowIds

if TYPE_CHECKING:
    from indexing.columns import MetadataColumns
    from indexing.documents import DocumentStore
    from indexing.lexicon import Lexicon
    from indexing.snapshot import Snapshot
    from indexing.vectors import VectorFile


@dataclass(slots=True, eq=False)
class Generation:
    """Everything that speaks of the same rows.

    A compaction gives documents other rows, so whoever reads more than one of these attributes
    must read them from one generation, held for as long as its rows are used. The files of an
    earlier generation go when nobody holds its documents any more.

    Attributes:
        number: 0 for a collection that was never compacted, one more with each compaction.
        documents: the documents by id and row.
        vectors: the file of vectors; closed once there is a newer generation.
        lexicon: lexical search over the documents.
        snapshot: what a search that starts now sees.
        columns: metadata in memory for filters, which say rows of the snapshot.
        row_ids: ids in memory by row.
    """

    number: int
    documents: DocumentStore
    vectors: VectorFile
    lexicon: Lexicon
    snapshot: Snapshot
    columns: MetadataColumns
    row_ids: RowIds = field(init=False)

    def __post_init__(self) -> None:
        """Ids are read when they are first asked for."""
        self.row_ids = RowIds(self.documents)
