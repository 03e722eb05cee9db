"""Corpora of every kind of file, as one stream of texts."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from embeddings.fingerprint import hash_file
from embeddings.training.errors import DataError
from embeddings.training.tokenizer.corpus import Corpus, HeldOut, Reading
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["하나 둘", "three four", "다섯"]


def read(*corpora: Corpus) -> list[str]:
    return list(Reading(corpora, Listener()).texts())


def write(folder: Path) -> dict[str, Path]:
    """The same texts in every format."""
    made = {name: folder / f"a{name}" for name in (".txt", ".tsv.gz", ".jsonl.zst", ".parquet")}
    made[".txt"].write_text("\n\n".join(TEXTS) + "\n", encoding="utf-8")
    with gzip.open(made[".tsv.gz"], "wt", encoding="utf-8") as file:
        file.writelines(f"title\t{text}\n" for text in TEXTS)
    rows = "".join(json.dumps({"body": text}) + "\n" for text in TEXTS)
    made[".jsonl.zst"].write_bytes(zstandard.compress(rows.encode()))
    pq.write_table(pa.table({"body": [*TEXTS, " "], "n": [1, 2, 3, 4]}), made[".parquet"])
    return made


def test_every_format_gives_the_same_texts(tmp_path: Path) -> None:
    files = write(tmp_path)
    columns: dict[str, int | str | None] = {".tsv.gz": 2, ".jsonl.zst": "body", ".parquet": "body"}
    for name, path in files.items():
        assert read(Corpus(path=str(path), column=columns.get(name))) == TEXTS


def test_a_folder_is_read_in_order_and_most_counts_over_it(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("c\nd\n", encoding="utf-8")
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "a.parquet")
    assert read(Corpus(path=str(tmp_path))) == ["a", "b", "c", "d"]
    assert read(Corpus(path=str(tmp_path), most=3)) == ["a", "b", "c"]


def test_what_the_receipt_says_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path)[".parquet"]
    reading = Reading([Corpus(path=str(path), column="body", licence="CC0")], Listener())
    list(reading.texts())
    assert reading.describe() == [
        {
            "name": "a",
            "path": str(path),
            "sha256": hash_file(path),
            "bytes": path.stat().st_size,
            "rows": 3,
            "licence": "CC0",
        }
    ]


def test_progress_ends_with_all_bytes(tmp_path: Path) -> None:
    path = write(tmp_path)[".txt"]
    told: list[tuple[str, int, int]] = []
    listener = Listener(progress=lambda stage, done, total: told.append((stage, done, total)))
    list(Reading([Corpus(path=str(path))], listener).texts())
    assert told[-1] == ("read", path.stat().st_size, path.stat().st_size)


def test_a_missing_column_names_those_there(tmp_path: Path) -> None:
    path = write(tmp_path)[".parquet"]
    with pytest.raises(DataError, match=r"has no column text or title|title or text; there are bo"):
        read(Corpus(path=str(path)))


@pytest.mark.parametrize("content", ["", " \n\n"])
def test_an_empty_corpus_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="hold no text at all"):
        read(Corpus(path=str(path)))


def test_unknown_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.doc").write_text("a", encoding="utf-8")
    with pytest.raises(DataError, match=r"no kind known here.*\.parquet"):
        read(Corpus(path=str(tmp_path / "a.doc")))
    with pytest.raises(DataError, match="is not there"):
        read(Corpus(path=str(tmp_path / "b.parquet")))
    (tmp_path / "c.parquet").write_bytes(b"no table")
    with pytest.raises(DataError, match="no whole Parquet"):
        read(Corpus(path=str(tmp_path / "c.parquet")))


def test_copies_are_held_out_together() -> None:
    texts = [f"text {number}" for number in range(400)]
    held = HeldOut(0.1, 1_000, [])
    first = {text for text in texts if held.takes(text)}
    assert 20 <= len(first) <= 60
    assert {text for text in reversed(texts) if HeldOut(0.1, 1_000, []).takes(text)} == first
    few = HeldOut(0.1, 3, [])
    assert [text for text in texts if few.takes(text)] == few.kept
    assert len(few.kept) == 3
    assert not any(HeldOut(0.0, 10, []).takes(text) for text in texts)
