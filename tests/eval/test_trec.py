"""TREC judgements and runs: written, read back, and refused with file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eval.errors import DatasetError
from eval.trec import read_qrels, read_run, write_qrels, write_run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_comes_back_as_it_was_written(tmp_path: Path):
    rankings = {
        "q2": [("b", 0.30000001192092896), ("a", 0.25), ("c", 0.25)],
        "q1": [("x", -1.5)],
        "질문": [("문서", 1e-9)],
    }
    path = tmp_path / "a.run"
    write_run(path, rankings, tag="mine")

    assert read_run(path) == rankings
    assert path.read_text().splitlines()[0] == "q2 Q0 b 1 0.30000001192092896 mine"


def test_a_run_is_ordered_by_score_then_written_rank_then_id(tmp_path: Path):
    path = tmp_path / "a.run"
    path.write_text(
        "q Q0 z 2 1.0 t\nq Q0 y 1 1.0 t\nq Q0 b 0 0.5 t\nq Q0 a 0 0.5 t\nq Q0 w 9 3 t\n"
    )
    assert [document for document, _ in read_run(path)["q"]] == ["w", "y", "z", "a", "b"]


def test_qrels_come_back_as_they_were_written(tmp_path: Path):
    judgements = {"q1": {"b": 2, "a": 0}, "q0": {"c": -1}}
    write_qrels(tmp_path / "a.qrels", judgements)
    assert read_qrels(tmp_path / "a.qrels") == judgements
    assert (tmp_path / "a.qrels").read_text() == "q1 0 b 2\nq1 0 a 0\nq0 0 c -1\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q Q0 d 1 0.5\n", r"a\.run:1: 5 fields; 6 are needed"),
        ("q Q0 d 1 0.5 t\nq Q0 d 2 0.4 t\n", r"a\.run:2: document 'd' stands twice"),
        ("q Q0 d 1 nan t\n", r"a\.run:1: score 'nan' is not a finite number"),
        ("q Q0 d 1 high t\n", r"a\.run:1: score 'high' is not a finite number"),
        ("q Q0 d first 1 t\n", r"a\.run:1: grade 'first' is not a whole number"),
        ("\n", "holds no rankings"),
    ],
)
def test_a_bad_run_line_is_named(tmp_path: Path, content: str, message: str):
    (tmp_path / "a.run").write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_run(tmp_path / "a.run")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q d 1\n", r"a\.qrels:1: 3 fields; 4 are needed"),
        ("q 0 d 1\nq 0 d 0\n", r"a\.qrels:2: .* judged 0 here and 1 above"),
        ("q 0 d 1.5\n", r"a\.qrels:1: grade '1.5' is not a whole number"),
        ("q 0 d 2147483648\n", r"a\.qrels:1: grade 2147483648 is not between -2,147,483,647 and"),
        ("", "holds no judgements"),
    ],
)
def test_a_bad_qrels_line_is_named(tmp_path: Path, content: str, message: str):
    (tmp_path / "a.qrels").write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_qrels(tmp_path / "a.qrels")


@pytest.mark.parametrize("id_", ["two words", "", " padded"])
def test_ids_the_format_cannot_say_are_refused(tmp_path: Path, id_: str):
    with pytest.raises(DatasetError, match="TREC files cannot say it"):
        write_run(tmp_path / "a.run", {"q": [(id_, 1.0)]})
    with pytest.raises(DatasetError, match="TREC files cannot say it"):
        write_qrels(tmp_path / "a.qrels", {id_: {"d": 1}})
    assert list(tmp_path.iterdir()) == []
