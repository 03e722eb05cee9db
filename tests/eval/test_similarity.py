"""Judged pairs from every kind of file, and correlations against values known otherwise."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from scipy import stats

from embeddings.hashing import HashEncoder
from eval.errors import DatasetError, EvalError
from eval.pairs import Columns, SimilarityData, load_pairs
from eval.similarity import evaluate_similarity, pearson, run_similarity, spearman

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {"sentence1": "a red car", "sentence2": "a red car", "score": 5.0, "split": "test"},
    {"sentence1": 'he said "stop"', "sentence2": "he said, stop", "score": 4.0, "split": "test"},
    {"sentence1": "one two three", "sentence2": "one two four", "score": 3.0, "split": "test"},
    {"sentence1": "blue sky", "sentence2": "green sea", "score": 0.5, "split": "test"},
    {"sentence1": "사과를 먹는다", "sentence2": "바다가 푸르다", "score": 0.0, "split": "dev"},
]


def as_tsv(rows: list[dict[str, Any]]) -> str:
    return "".join(
        "\t".join(map(str, row)) + "\n" for row in [list(rows[0]), *map(dict.values, rows)]
    )


def as_csv(rows: list[dict[str, Any]]) -> str:
    def quoted(value: object) -> str:
        return '"' + str(value).replace('"', '""') + '"'

    return "".join(
        ",".join(map(quoted, row)) + "\n" for row in [list(rows[0]), *map(dict.values, rows)]
    )


def as_jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    "ending", ["tsv", "csv", "jsonl", "tsv.gz", "csv.zst", "jsonl.gz", "parquet"]
)
def test_every_kind_of_file_holds_the_same_pairs(tmp_path: Path, ending: str):
    path = tmp_path / f"sts.{ending}"
    kind, _, packing = ending.partition(".")
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    else:
        text = {"tsv": as_tsv, "csv": as_csv, "jsonl": as_jsonl}[kind](ROWS).encode()
        pack = {"": bytes, "gz": gzip.compress, "zst": zstandard.compress}[packing]
        path.write_bytes(pack(text))

    assert load_pairs(path) == SimilarityData(
        name="sts",
        split=None,
        first=tuple(row["sentence1"] for row in ROWS),
        second=tuple(row["sentence2"] for row in ROWS),
        scores=(5.0, 4.0, 3.0, 0.5, 0.0),
        blank=0,
        unscored=0,
    )
    assert load_pairs(path, split="test").scores == (5.0, 4.0, 3.0, 0.5)


def test_columns_may_be_called_otherwise_and_cells_may_hold_lines(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text('left,right,gold\n"one\n\nline",b,1\nc,d,2\n\ne,f,3\n')
    data = load_pairs(path, columns=Columns("left", "right", "gold"))
    assert data.first == ("one\n\nline", "c", "e")
    assert data.scores == (1.0, 2.0, 3.0)


def test_pairs_without_text_or_score_are_counted(tmp_path: Path):
    rows = [
        *ROWS,
        {**ROWS[0], "sentence2": " "},
        {**ROWS[0], "sentence1": None},
        {**ROWS[0], "score": None},
    ]
    (tmp_path / "a.jsonl").write_text(as_jsonl(rows))
    data = load_pairs(tmp_path / "a.jsonl")
    assert (len(data.scores), data.blank, data.unscored) == (5, 2, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "x", r"a\.txt: unknown kind; \.tsv, \.csv, \.jsonl"),
        ("a.tsv", "sentence1\tscore\na\t1\n", r"a\.tsv:2: no column 'sentence2'; there are sen"),
        ("a.tsv", "sentence1\tsentence2\tscore\na\tb\n", r"a\.tsv:2: 2 fields; the header has 3"),
        ("a.csv", "sentence1,sentence2,score\na,b,1,2\n", r"a\.csv:2: not as many fields"),
        ("a.csv", "sentence1,sentence2,score\na,b\n", r"a\.csv:2: not as many fields"),
        ("a.csv", 'sentence1,sentence2,score\na,"b,1\n', r"a\.csv:2: not CSV"),
        ("a.tsv", "sentence1\tsentence2\tscore\na\tb\tnan\n", r"a\.tsv:2: 'score' is 'nan'; a fin"),
        ("a.tsv", "sentence1\tsentence2\tscore\na\tb\tx\n", r"a\.tsv:2: 'score' is 'x'; a finite"),
        ("a.jsonl", '{"sentence1": 1, "sentence2": "b", "score": 1}\n', "'sentence1' is 1; a text"),
        (
            "a.tsv",
            "sentence1\tsentence2\tscore\na\tb\t1\nc\td\t2\n",
            "2 judged pairs; a correlation",
        ),
        ("a.parquet", "not parquet", r"a\.parquet: cannot be read as Parquet"),
    ],
)
def test_a_bad_file_is_named_with_its_place(tmp_path: Path, name: str, content: str, message: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        load_pairs(tmp_path / name)


def test_an_unknown_split_lists_those_present(tmp_path: Path):
    (tmp_path / "a.tsv").write_text(as_tsv(ROWS))
    with pytest.raises(DatasetError, match="no split 'train'; it has dev, test"):
        load_pairs(tmp_path / "a.tsv", split="train")


def test_correlations_are_those_of_scipy_with_ties():
    generator = np.random.default_rng(5)
    x = generator.normal(size=200)
    y = np.round(x + generator.normal(size=200), 0)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert np.isnan(spearman(np.ones(3), x[:3]))


def test_a_small_case_by_hand():
    """Ranks 1 2 3 4 against 2 1 3 4: 1 - 6 * 2 / (4 * 15)."""
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 3, 4])) == pytest.approx(0.8)
    assert pearson(np.array([1.0, 2, 3]), np.array([-1.0, -2, -3])) == pytest.approx(-1)


def pairs(first: list[str], second: list[str], scores: list[float]) -> SimilarityData:
    return SimilarityData("made", None, tuple(first), tuple(second), tuple(scores), 0, 0)


def test_cosines_that_follow_the_judgements_correlate_fully():
    """Four words against themselves with 4, 3, 2, 1 of them kept: cosine about sqrt(kept / 4)."""
    data = pairs(["a b c d"] * 4, ["a b c d", "a b c", "a b", "a"], [9.0, 5.0, 4.0, 1.0])
    report = evaluate_similarity(data, HashEncoder(4096))
    assert report.spearman.value == pytest.approx(1.0)
    assert 0.8 < report.pearson.value < 1.0
    assert report.pearson.low <= report.pearson.value <= report.pearson.high
    reversed_ = evaluate_similarity(
        pairs(["a b c d"] * 4, list(data.second), [1, 4, 5, 9]), HashEncoder(4096)
    )
    assert reversed_.spearman.value == pytest.approx(-1.0)


def test_what_was_read_is_counted_once_for_each_different_text():
    data = pairs(["a b c", "a b c", "x"], ["a b c", "y z", "a b c"], [3.0, 1.0, 0.0])
    texts = evaluate_similarity(data, HashEncoder(64, max_tokens=2)).texts
    assert (texts.texts, texts.tokens, texts.tokens_read, texts.truncated) == (3, 6, 5, 1)


def test_what_cannot_be_correlated_is_refused():
    with pytest.raises(DatasetError, match="all 3 scores are 2; nothing to correlate"):
        evaluate_similarity(pairs(["a", "b", "c"], ["d", "e", "f"], [2, 2, 2]), HashEncoder(16))
    texts = ["same", "the cat sat on the mat", "세 번째 글"]
    with pytest.raises(EvalError, match="gives every pair of made the same cosine"):
        evaluate_similarity(pairs(texts, texts, [1, 2, 3]), HashEncoder(64))
    with pytest.raises(EvalError, match="gives every pair of made the same cosine"):
        evaluate_similarity(pairs(["a"] * 3, ["b"] * 3, [1, 2, 3]), HashEncoder(16))


def test_the_report_is_written_and_told(tmp_path: Path):
    (tmp_path / "sts.tsv").write_text(as_tsv(ROWS))
    report = run_similarity(
        str(tmp_path / "sts.tsv"), encoder="hash:64", split="test", out=tmp_path / "out"
    )
    told = json.loads((tmp_path / "out" / "similarity.json").read_text())

    assert told == json.loads(json.dumps(report.to_json()))
    assert told["dataset"] == {
        "name": "sts", "split": "test", "pairs": 4, "blank": 0, "unscored": 0,
    }  # fmt: skip
    assert told["encoder"]["fingerprint"] == HashEncoder(64).card.fingerprint
    page = (tmp_path / "out" / "similarity.md").read_text()
    assert page.startswith("# Similarity: sts (test) by encoder hash:64\n")
    assert f"| Spearman    | {report.spearman.value:.4f} |" in page


def test_it_runs_as_a_module(tmp_path: Path):
    (tmp_path / "sts.tsv").write_text(as_tsv(ROWS).replace("score", "gold", 1))
    command = [sys.executable, "-m", "eval.similarity", str(tmp_path / "sts.tsv")]
    arguments = ["--encoder", "hash:64", "--score", "gold", "--json"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["dataset"]["pairs"] == 5
