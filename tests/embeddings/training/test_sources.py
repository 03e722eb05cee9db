"""Files of examples: every format gives the same rows, and what is wrong names its line."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from embeddings.training.columns import labels_of, numbers_of, texts_of
from embeddings.training.errors import DataError
from embeddings.training.sources import Source, describe_source, read_rows

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    {"first": "사과", "second": "apple", "score": "5", "split": "train"},
    {"first": '"열린', "second": "a, b", "score": "0", "split": "train"},
    {"first": "배", "second": "pear", "score": "2.5", "split": "dev"},
]
OURS = {"sentence1": "first", "sentence2": "second"}


def write(path: Path, rows: list[dict[str, str]] = ROWS) -> Path:
    """The rows in the format that the name asks for."""
    kind = path.name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    names = list(rows[0])
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    if kind == "jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    elif kind == "tsv":
        text = "".join("\t".join(cells) + "\n" for cells in [names, *(r.values() for r in rows)])
    else:
        quoted = [['"' + cell.replace('"', '""') + '"' for cell in row.values()] for row in rows]
        text = "".join(",".join(cells) + "\r\n" for cells in [names, *quoted])
    data = text.encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    if path.suffix == ".zst":
        data = zstandard.compress(data)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "name",
    ["a.jsonl", "a.csv", "a.tsv", "a.parquet", "a.jsonl.gz", "a.tsv.zst", "a.csv.gz"],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    source = Source(path=str(write(tmp_path / name)), columns=OURS, split="train")
    rows = read_rows(source, ["sentence1", "sentence2", "score"], ["note"])
    assert rows.columns == {
        "sentence1": ["사과", '"열린'],
        "sentence2": ["apple", "a, b"],
        "score": ["5", "0"],
    }
    assert numbers_of(rows, "score", 0, 5) == [1.0, 0.0]
    first = 1 if "jsonl" in name or "parquet" in name else 2
    assert rows.lines == [first, first + 1]
    assert rows.place(1).endswith(f"{name}, {'row' if 'parquet' in name else 'line'} {first + 1}")


def test_rows_are_chosen_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv")
    source = Source(path=str(path), where={"second": "pear"}, licence="CC0", name="fruit")
    rows = read_rows(source, ["first"])
    assert rows.columns == {"first": ["배"]}
    told = describe_source(source, len(rows))
    assert told["rows"] == 1
    assert told["licence"] == "CC0"
    assert told["name"] == "fruit"
    assert len(told["sha256"]) == 64
    assert len(read_rows(Source(path=str(path), most=2), ["first"])) == 2


def test_rows_with_some_values_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("text\tkind\na\tword\nb\tsentence\nc\tname\n", encoding="utf-8")
    rows = read_rows(Source(path=str(path), leave_out={"kind": ("word", "name")}), ["text"])
    assert rows.columns == {"text": ["b"]}
    assert rows.lines == [3]
    everything = {"kind": ("word", "name", "sentence")}
    with pytest.raises(DataError, match=r"kind not 'word' or 'name' or 'sentence'; there are kind"):
        read_rows(Source(path=str(path), leave_out=everything), ["text"])


def test_rows_are_drawn_from_all_over_and_always_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("text\n" + "".join(f"{n}\n" for n in range(1000)), encoding="utf-8")
    drawn = read_rows(Source(path=str(path), sample=50), ["text"])
    numbers = [int(text) for text in drawn.columns["text"]]
    assert numbers == sorted(set(numbers))
    assert drawn.lines == [number + 2 for number in numbers]
    assert len(numbers) == 50
    assert numbers[24] in range(300, 700)
    assert read_rows(Source(path=str(path), sample=50), ["text"]).columns == drawn.columns
    assert len(read_rows(Source(path=str(path), sample=5000), ["text"])) == 1000


def test_cells_of_a_file_without_header_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("t1\tone\nt2\ttwo\n", encoding="utf-8")
    source = Source(path=str(path), header=False, columns={"anchor": "1", "positive": "2"})
    rows = read_rows(source, ["anchor", "positive"])
    assert rows.columns == {"anchor": ["t1", "t2"], "positive": ["one", "two"]}
    assert rows.lines == [1, 2]
    path.write_text("t1\tone\nt2\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2 has 1 cells; its first line has 2"):
        read_rows(source, ["anchor", "positive"])


@pytest.mark.parametrize(
    ("name", "text", "given", "message"),
    [
        ("a.tsv", "a\tb\n1\t2\n", {}, "a.tsv, line 2 has no column 'text'; there are a, b"),
        ("a.tsv", "text\n", {}, "holds no rows"),
        ("a.tsv", "text\tx\none\n", {}, "a.tsv, line 2 has 1 cells; its header has 2"),
        ("a.jsonl", '{"text": "a"}\n{', {}, "a.jsonl, line 2 is not JSON"),
        ("a.jsonl", "[1]\n", {}, "a.jsonl, line 1 is list; an object is needed"),
        ("a.jsonl", '{"text": "a"}\n{"txt": "b"}\n', {}, "line 2 has no column 'text'"),
        ("a.xlsx", "", {}, "is of no format known here: .jsonl, .csv, .tsv, .parquet"),
        ("a.parquet", "no", {}, "is not Parquet"),
        ("a.jsonl.gz", "no", {}, "cannot be read"),
        (
            "a.tsv",
            "text\tsplit\na\ttest\n",
            {"split": "dev"},
            "no rows with split = 'dev'; there are split: test",
        ),
        ("a.tsv", "text\na\n", {"split": "dev"}, "has no column 'split'"),
        ("a.tsv", "text\na\n", {"columns": {"txt": "text"}}, "name 'txt'; what is read is text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, given: dict[str, object], message: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    source = Source(path=str(path), **given)  # type: ignore[arg-type]
    with pytest.raises(DataError) as caught:
        read_rows(source, ["text"])
    assert message in str(caught.value)


def test_a_file_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.tsv is not there"):
        read_rows(Source(path=str(tmp_path / "a.tsv")), ["text"])


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("6", "line 3: score is 6, outside 0 to 5"),
        ("x", "line 3: score is 'x'; a number"),
        ("nan", "a number is needed"),
    ],
)
def test_scores_lie_in_their_range(tmp_path: Path, score: str, message: str) -> None:
    rows = [{**ROWS[0]}, {**ROWS[1], "score": score}]
    made = read_rows(Source(path=str(write(tmp_path / "a.tsv", rows))), ["score"])
    with pytest.raises(DataError, match=message):
        numbers_of(made, "score", 0, 5)


def test_one_score_or_one_class_teaches_nothing(tmp_path: Path) -> None:
    made = read_rows(Source(path=str(write(tmp_path / "a.tsv", ROWS[:1] * 3))), ["score", "first"])
    with pytest.raises(DataError, match="score is 5 in all 3 rows"):
        numbers_of(made, "score", 0, 5)
    with pytest.raises(DataError, match="first is '사과' in all 3 rows; two classes"):
        labels_of(made, "first")


def test_texts_and_labels_are_there(tmp_path: Path) -> None:
    rows = [ROWS[0], {**ROWS[1], "first": " "}]
    made = read_rows(Source(path=str(write(tmp_path / "a.tsv", rows))), ["first", "split"])
    with pytest.raises(DataError, match="line 3: first is empty"):
        texts_of(made, "first")
    with pytest.raises(DataError, match="line 3: first is empty"):
        labels_of(made, "first")
    with pytest.raises(DataError, match="line 2: split is 'train'; possible: dev, test"):
        labels_of(made, "split", ["dev", "test"])
