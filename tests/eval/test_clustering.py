"""Agreement of groups against values worked out by hand, and a whole evaluation."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from analysis.clusters.request import ClusterRequest
from embeddings.hashing import HashEncoder
from eval.agreement import MEASURES, ari, completeness, homogeneity, nmi, npmi, purity, v_measure
from eval.clustering import evaluate_clustering, run_clustering
from eval.errors import ChoiceError, DatasetError, EvalError
from eval.labelled import LabelledData, load_labelled

if TYPE_CHECKING:
    from pathlib import Path

TRUTH = np.array([0, 0, 0, 1, 1, 1])
FOUND = np.array([0, 0, 1, 1, 2, 2])


def test_agreement_by_hand():
    """Contingency 2 1 0 / 0 1 2; entropies in bits: H(T) = 1, H(F) = log2 3, H(T|F) = 1/3."""
    third = math.log2(3)
    given_truth = third - 2 / 3  # H(F|T) = H(T, F) - H(T) = H(F) + H(T|F) - 1
    assert homogeneity(TRUTH, FOUND) == pytest.approx(2 / 3)
    assert completeness(TRUTH, FOUND) == pytest.approx(1 - given_truth / third)
    h, c = 2 / 3, 1 - given_truth / third
    assert v_measure(TRUTH, FOUND) == pytest.approx(2 * h * c / (h + c))
    assert nmi(TRUTH, FOUND) == pytest.approx((2 / 3) / ((1 + third) / 2))
    assert purity(TRUTH, FOUND) == pytest.approx(5 / 6)
    # pairs together in both 2; in truth 6, in found 3, of 15; expected 6 * 3 / 15
    assert ari(TRUTH, FOUND) == pytest.approx((2 - 1.2) / (4.5 - 1.2))


@pytest.mark.parametrize("name", list(MEASURES))
def test_the_same_groups_under_other_numbers_agree_wholly(name: str):
    assert MEASURES[name](TRUTH, 1 - TRUTH) == pytest.approx(1)


GROUPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(GROUPS)
def test_measures_stay_in_their_bounds_and_v_measure_is_nmi(pairs: list[tuple[int, int]]):
    truth, found = (np.array(side) for side in zip(*pairs, strict=True))
    values = {name: measure(truth, found) for name, measure in MEASURES.items()}
    assert values["V-measure"] == pytest.approx(values["NMI"])
    assert -1 <= values.pop("ARI") <= 1 + 1e-9
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in values.values())


def test_coherence_by_hand():
    """Of four documents a and b share one, each stands in two; c never stands beside a."""
    holds = csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]], dtype=np.float32))
    assert npmi(holds, [0, 1]) == pytest.approx(0)  # log((1/4) / (1/2 · 1/2)) = 0
    assert npmi(holds, [0, 2]) == -1
    assert npmi(holds, [0, 1, 2]) == pytest.approx((0 - 1 + 0) / 3)
    assert npmi(holds, [0]) is None
    twins = csr_matrix(np.array([[1, 1], [0, 0]], dtype=np.float32))
    assert npmi(twins, [0, 1]) == pytest.approx(1)
    everywhere = csr_matrix(np.ones((2, 2), dtype=np.float32))
    assert npmi(everywhere, [0, 1]) == 1


ROWS = [
    {"text": f"{words} {number}", "label": label, "use": "yes"}
    for label, words in (
        ("mail", "메일 첨부파일 저장 메일함 보내다"),
        ("rain", "우산 날씨 비 태풍 예보"),
        ("card", "credit card payment declined shop"),
    )
    for number in range(8)
]


def _write(path: Path) -> Path:
    extra: list[dict[str, str | None]] = [
        {"text": " ", "label": "mail", "use": "yes"},
        {"text": "?", "label": None, "use": "yes"},
        {"text": "other", "label": "other", "use": "no"},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in [*ROWS, *extra]]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_labelled_rows_are_read_and_the_others_counted(tmp_path: Path):
    data = load_labelled(_write(tmp_path / "topics.jsonl"), where={"use": "yes"})
    assert data == LabelledData(
        name="topics",
        texts=tuple(row["text"] for row in ROWS),
        labels=tuple(row["label"] for row in ROWS),
        blank=1,
        unlabelled=1,
    )
    with pytest.raises(DatasetError, match="no column 'topic'; there are text, label, use"):
        load_labelled(tmp_path / "topics.jsonl", label="topic")
    with pytest.raises(DatasetError, match="1 labelled texts with use = 'no', 1 different labels"):
        load_labelled(tmp_path / "topics.jsonl", where={"use": "no"})


def test_an_evaluation_tells_agreement_and_names(tmp_path: Path):
    data = load_labelled(_write(tmp_path / "topics.jsonl"), where={"use": "yes"})
    report = evaluate_clustering(data, HashEncoder(64), ClusterRequest(k=3, seed=2), runs=2)
    for name in MEASURES:
        assert report.measures[name].low == pytest.approx(1), name
    assert report.measures["NPMI"].value > 0.5
    assert report.clusters == (3, 3)
    assert report.outliers == (0, 0)
    named = {mostly: label for label, size, mostly in report.labels if size == 8}
    assert set(named) == {"mail", "rain", "card"}
    assert "날씨" in named["rain"] or "우산" in named["rain"] or "태풍" in named["rain"]
    made = report.to_json()
    assert made["request"]["seed"] == 2
    assert made["dataset"] == {
        "name": "topics", "documents": 24, "groups": 3, "blank": 1, "unlabelled": 1
    }  # fmt: skip
    report.write(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "clustering.json").read_text(encoding="utf-8")) == made
    page = (tmp_path / "out" / "clustering.md").read_text(encoding="utf-8")
    assert "| ARI " in page
    assert "1 with a blank text, 1 without a label" in page


def test_impossible_choices_are_refused_before_work(tmp_path: Path):
    path = str(_write(tmp_path / "topics.jsonl"))
    for wrong, message in (
        ({"runs": 0}, "runs is 0; 1 to 100"),
        ({"k": 3, "choose_k": True}, "leave one of both out"),
        ({"method": "magic"}, "'magic' is unknown"),
        ({"k": 1}, "k is 1"),
    ):
        with pytest.raises(ChoiceError, match=message):
            run_clustering(path, **wrong)
    with pytest.raises(EvalError, match="topics cannot be grouped so: k is 50"):
        run_clustering(path, k=50, encoder="hash:16")


def test_it_runs_as_a_module(tmp_path: Path):
    path = _write(tmp_path / "topics.jsonl")
    command = [sys.executable, "-m", "eval.clustering", str(path), "--where", "use=yes"]
    options = ["--encoder", "hash:64", "--runs", "1", "--json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    made = json.loads(done.stdout)
    assert made["request"]["k"] == 3
    assert made["measures"]["ARI"]["value"] == pytest.approx(1)
