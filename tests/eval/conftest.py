"""A small judged collection in BEIR form, and rankings with known values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = [
    {"_id": "d1", "title": "Whales", "text": "The blue whale sings in the deep ocean."},
    {"_id": "d2", "title": "", "text": "A guitar has six strings and a wooden body."},
    {"_id": "d3", "title": "Bread", "text": "Flour, water, salt and yeast make bread."},
    {"_id": "d4", "title": "Ocean currents", "text": "Warm water moves north in the ocean."},
    {"_id": "d5", "title": "Violin", "text": "The violin is played with a bow on four strings."},
]
QUERIES = [
    {"_id": "q1", "text": "song of the blue whale in the ocean"},
    {"_id": "q2", "text": "instrument with strings"},
    {"_id": "q3", "text": "how to make bread"},
    {"_id": "q4", "text": "nothing is relevant here"},
]
QRELS = [
    ("q1", "d1", 2),
    ("q1", "d4", 1),
    ("q1", "d3", 0),
    ("q2", "d2", 1),
    ("q2", "d5", 1),
    ("q3", "d3", 1),
    ("q3", "d9", 1),
    ("q4", "d1", 0),
    ("q5", "d1", 1),
]


@pytest.fixture
def beir_folder(tmp_path: Path) -> Path:
    """Five documents and four queries; q4 has no relevant document, q5 no text, d9 no document."""
    folder = tmp_path / "animals"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(_lines(CORPUS))
    (folder / "queries.jsonl").write_text(_lines(QUERIES))
    rows = "".join(f"{query}\t{document}\t{grade}\n" for query, document, grade in QRELS)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    (folder / "qrels" / "dev.tsv").write_text("q3\td3\t1\n")
    return folder


def _lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
