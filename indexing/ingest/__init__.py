"""Sources into a collection: read, cut, checked, encoded, resumable; and what it would take."""

from indexing.ingest.planning import plan
from indexing.ingest.running import ingest
from indexing.ingest.types import (
    FieldMapping,
    IngestOptions,
    IngestPlan,
    IngestReport,
    IngestTarget,
    Progress,
)

__all__ = [
    "FieldMapping",
    "IngestOptions",
    "IngestPlan",
    "IngestReport",
    "IngestTarget",
    "Progress",
    "ingest",
    "plan",
]
