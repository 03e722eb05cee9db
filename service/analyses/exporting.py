"""Who is in which cluster, line by line."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from analysis.clusters.export import COLUMNS, export_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.clusters.result import Clusters

MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_AT_ONCE = 500


def lines(clusters: Clusters, kind: str) -> Iterator[str]:
    """The file in pieces of some hundred lines.

    Args:
        clusters: whose documents are written.
        kind: one of `MEDIA_TYPES`.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    if kind == "csv":
        writer.writerow(COLUMNS)
    for number, row in enumerate(export_rows(clusters), start=1):
        if kind == "csv":
            writer.writerow(row)
        else:
            fields = dict(zip(COLUMNS, row, strict=True))
            buffer.write(json.dumps(fields, ensure_ascii=False) + "\n")
        if number % _AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
