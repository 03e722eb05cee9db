"""Who is in which cluster, as a file for other programs."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from analysis.errors import InvalidAnalysisError
from indexing.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from analysis.clusters.result import Clusters

COLUMNS = ("id", "cluster", "label", "similarity")
KINDS = (".csv", ".jsonl", ".parquet")
_BLOCK = 10_000


def export_rows(clusters: Clusters) -> Iterator[tuple[str, int, str, float]]:
    """Document id, cluster id (-1 for outliers), label ("" for outliers), similarity; in order."""
    label = {cluster.id: cluster.label for cluster in clusters.clusters}
    for first in range(0, len(clusters.ids), _BLOCK):
        part = slice(first, first + _BLOCK)
        rows = zip(
            clusters.ids[part].tolist(),
            clusters.labels[part].tolist(),
            clusters.similarity[part].tolist(),
            strict=True,
        )
        for id, cluster, similarity in rows:
            yield id, cluster, label.get(cluster, ""), round(similarity, 6)


def export(clusters: Clusters, path: Path) -> int:
    """Write the rows into a file, whole or not at all; how many there are.

    Args:
        clusters: found before.
        path: ends in `.csv`, `.jsonl` or `.parquet`, which says what it becomes.

    Raises:
        InvalidAnalysisError: another ending.
        StorageFullError: the disk is full.
    """
    check_ending(path)
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            _write_parquet(clusters, temporary)
        else:
            _write_text(clusters, temporary, path.suffix)
    return len(clusters.ids)


def check_ending(path: Path) -> None:
    """Refuse a file that `export` could not write.

    Raises:
        InvalidAnalysisError: it ends in none of `KINDS`.
    """
    if path.suffix not in KINDS:
        message = f"{path}: clusters are written as {', '.join(KINDS)}; choose one of these endings"
        raise InvalidAnalysisError(message, "path")


def _write_text(clusters: Clusters, path: Path, kind: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        if kind == ".jsonl":
            for row in export_rows(clusters):
                fields = dict(zip(COLUMNS, row, strict=True))
                file.write(json.dumps(fields, ensure_ascii=False) + "\n")
            return
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(export_rows(clusters))


def _write_parquet(clusters: Clusters, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    columns: tuple[tuple[Any, ...], ...] = tuple(zip(*export_rows(clusters), strict=True))
    table = pa.table(dict(zip(COLUMNS, columns, strict=True)), schema=_schema())
    pyarrow.parquet.write_table(table, path)


def write_parquet_of_lines(lines: bytes, path: Path) -> None:
    """Write rows that were exported as JSON lines as `export` writes them into `.parquet`."""
    import pyarrow.json
    import pyarrow.parquet

    # Without it ids that look like dates became moments.
    options = pyarrow.json.ParseOptions(explicit_schema=_schema())
    table = pyarrow.json.read_json(io.BytesIO(lines), parse_options=options)
    pyarrow.parquet.write_table(table, path)


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = (pa.string(), pa.int64(), pa.string(), pa.float64())
    return pa.schema(list(zip(COLUMNS, kinds, strict=True)))
