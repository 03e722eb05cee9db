from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest

from analysis.clusters.export import export, export_rows, write_parquet_of_lines
from analysis.clusters.finding import ClusterRequest, find_clusters
from analysis.corpus import read_corpus
from analysis.errors import InvalidAnalysisError

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.local import LocalCollection


def test_every_kind_of_file_holds_the_same_rows(filled: LocalCollection, tmp_path: Path) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(k=3))
    rows = list(export_rows(found))
    names = {cluster.id: cluster.label for cluster in found.clusters}
    assert [row[0] for row in rows] == found.ids.tolist()
    assert [row[1] for row in rows] == found.labels.tolist()
    assert all(row[2] == names[row[1]] for row in rows)
    for ending in ("csv", "jsonl", "parquet"):
        assert export(found, tmp_path / f"clusters.{ending}") == 18
    lines = (tmp_path / "clusters.jsonl").read_text(encoding="utf-8").splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == rows
    assert list(json.loads(lines[0])) == ["id", "cluster", "label", "similarity"]
    table = pyarrow.parquet.read_table(tmp_path / "clusters.parquet").to_pylist()
    assert [tuple(row.values()) for row in table] == rows
    with (tmp_path / "clusters.csv").open(encoding="utf-8", newline="") as file:
        header, *cells = csv.reader(file)
    assert header == ["id", "cluster", "label", "similarity"]
    assert cells == [[id, str(c), label, str(value)] for id, c, label, value in rows]


def test_lines_become_the_same_table_whatever_ids_look_like(tmp_path: Path) -> None:
    row = {"id": "2026-11-30", "cluster": 1, "label": "2026-01-01", "similarity": 1}
    file = tmp_path / "rows.parquet"
    write_parquet_of_lines(json.dumps(row).encode() + b"\n", file)
    table = pyarrow.parquet.read_table(file)
    assert table.to_pylist() == [row]
    assert [str(kind) for kind in table.schema.types] == ["string", "int64", "string", "double"]


def test_another_ending_is_refused_and_nothing_written(
    filled: LocalCollection, tmp_path: Path
) -> None:
    found = find_clusters(read_corpus(filled), ClusterRequest(k=3))
    with pytest.raises(InvalidAnalysisError, match=r"\.csv, \.jsonl, \.parquet"):
        export(found, tmp_path / "clusters.xlsx")
    assert list(tmp_path.glob("clusters*")) == []
