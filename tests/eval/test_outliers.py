"""Measures of outlier scores against values worked out by hand, and whole evaluations."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.detection import average_precision, precision_at_n, roc_auc
from eval.errors import ChoiceError, DatasetError, MeasureError
from eval.outliers import run_outliers

if TYPE_CHECKING:
    from pathlib import Path

TRUTH = np.array([True, False, True, False, False])


def test_measures_by_hand() -> None:
    """Order: outlier, other, outlier, other, other."""
    scores = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    assert roc_auc(TRUTH, scores) == pytest.approx(5 / 6)
    assert average_precision(TRUTH, scores) == pytest.approx((1 + 2 / 3) / 2)
    assert precision_at_n(TRUTH, scores) == pytest.approx(1 / 2)


def test_ties_count_half_a_threshold_or_their_share() -> None:
    scores = np.array([0.5, 0.5, 0.9, 0.5, 0.1])
    assert roc_auc(TRUTH, scores) == pytest.approx((3 + 2 / 2 + 1) / 6)
    assert average_precision(TRUTH, scores) == pytest.approx((1 + 2 / 4) / 2)
    assert precision_at_n(TRUTH, scores) == pytest.approx((1 + 1 / 3) / 2)


SCORED = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40)


@settings(max_examples=60, deadline=None)
@given(SCORED)
def test_they_agree_with_another_implementation(rows: list[tuple[bool, int]]) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth, scores = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    if truth.all() or not truth.any():
        with pytest.raises(MeasureError, match="both kinds are needed"):
            roc_auc(truth, scores)
        return
    assert roc_auc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))
    assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))
    assert 0 <= precision_at_n(truth, scores) <= 1


def _vectors(file: Path, seed: int = 0) -> Path:
    random = np.random.default_rng(seed)
    x = np.concatenate([random.standard_normal((80, 4)), 6 + random.standard_normal((4, 4))])
    np.savez(file, X=x * (1, 1_000, 1, 0), y=np.arange(84) >= 80)
    return file


def test_vectors_of_a_folder_are_judged_set_by_set(tmp_path: Path) -> None:
    for place in range(2):
        _vectors(tmp_path / f"{place}_made.npz", place)
    report = run_outliers([str(tmp_path)], out=tmp_path / "out")
    assert [(one.name, one.rows, one.outliers) for one in report.sets] == [
        ("0_made", 84, 4),
        ("1_made", 84, 4),
    ]
    assert report.means == pytest.approx(
        {"ROC-AUC": 1, "average precision": 1, "precision at n": 1}
    )
    assert all(one.hits == 4 for one in report.sets)
    written = json.loads((tmp_path / "out" / "outliers.json").read_bytes())
    assert written == json.loads(json.dumps(report.to_json()))
    assert "mean of the sets" in (tmp_path / "out" / "outliers.md").read_text("utf-8")
    few = run_outliers([str(tmp_path / "0_made.npz")], most=60, contamination=0.1, seed=3)
    assert (few.sets[0].rows, few.sets[0].called) == (60, 6)


def _texts(file: Path) -> Path:
    usual = [f"refund of the delivery cost number {place}" for place in range(30)]
    odd = ["penguins swim below antarctic ice", "a sonata for violin and piano"]
    rows = [{"text": text, "odd": 0, "split": "train"} for text in usual]
    rows += [{"text": text + " please", "odd": 0, "split": "test"} for text in usual[:10]]
    rows += [
        {"text": text, "odd": 1, "split": split} for text in odd for split in ("train", "test")
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_texts_are_scored_by_what_was_learned_from_others(tmp_path: Path) -> None:
    file = _texts(tmp_path / "asked.jsonl")
    report = run_outliers(
        [str(file)], label="odd", fit={"split": "train"}, encoder="hash:64", method="knn"
    )
    (one,) = report.sets
    assert (one.rows, one.fitted, one.outliers, one.dim) == (12, 30, 2, 64)
    assert one.measures["ROC-AUC"] == 1
    assert report.encoder == "hash:64"
    alone = run_outliers([str(file)], label="odd", where={"split": "test"}, encoder="hash:64", k=5)
    assert (alone.sets[0].rows, alone.sets[0].fitted) == (12, 12)


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    file = _vectors(tmp_path / "made.npz")
    command = [sys.executable, "-m", "eval.outliers", str(file), "--method", "knn", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout)["measures"]["ROC-AUC"] == 1


def test_bad_input_is_refused_by_name(tmp_path: Path) -> None:
    file = _vectors(tmp_path / "made.npz")
    with pytest.raises(ChoiceError, match=r"contamination is 0.9; above 0 and below 0.5"):
        run_outliers([str(file)], contamination=0.9)
    with pytest.raises(ChoiceError, match="not both kinds"):
        run_outliers([str(file), str(_texts(tmp_path / "asked.jsonl"))])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"holds no .npz files"):
        run_outliers([str(tmp_path / "empty")])
    with pytest.raises(DatasetError, match="is not there"):
        run_outliers([str(tmp_path / "none.npz")])
    np.savez(tmp_path / "nan.npz", X=np.full((5, 2), np.nan), y=[0, 0, 0, 0, 1])
    with pytest.raises(DatasetError, match="NaN or infinity"):
        run_outliers([str(tmp_path / "nan.npz")])
    np.savez(tmp_path / "short.npz", X=np.zeros((5, 2)), y=[0, 1])
    with pytest.raises(DatasetError, match=r"X is \(5, 2\), y \(2,\)"):
        run_outliers([str(tmp_path / "short.npz")])
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DatasetError, match=r"is not an .npz file"):
        run_outliers([str(tmp_path / "text.npz")])
    with pytest.raises(DatasetError, match="of 44 rows to score 0 have odd = 'yes'"):
        run_outliers([str(tmp_path / "asked.jsonl")], label="odd", outlier="yes")
