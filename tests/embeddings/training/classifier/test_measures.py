"""Measures against numbers counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from embeddings.training.classifier.measures import (
    calibration_error,
    class_scores,
    confusion,
    cross_entropy,
    exact,
    macro_f1,
    micro_f1,
    ranking_quality,
)


def one_hot(*classes: int, count: int = 3) -> np.ndarray:
    """Rows of one True each; -1 has none."""
    made = np.zeros((len(classes), count), np.bool_)
    for row, place in enumerate(classes):
        if place >= 0:
            made[row, place] = True
    return made


TRUTH = one_hot(0, 0, 0, 1, 1, -1)
GIVEN = one_hot(0, 0, 1, 1, -1, 1)


def test_scores_of_each_class() -> None:
    first, second, third = class_scores(TRUTH, GIVEN, ("a", "b", "c"))
    assert (first.precision, first.recall, first.f1) == (1.0, 2 / 3, 0.8)
    assert (second.texts, second.given) == (2, 3)
    assert (second.precision, second.recall) == (1 / 3, 1 / 2)
    assert second.f1 == pytest.approx(0.4)
    assert (third.precision, third.recall, third.f1) == (0.0, 0.0, 0.0)
    assert first.to_json()["recall"] == 0.6667


def test_means_leave_out_classes_nobody_has_or_gave() -> None:
    assert macro_f1(TRUTH, GIVEN) == pytest.approx((0.8 + 0.4) / 2)
    assert micro_f1(TRUTH, GIVEN) == pytest.approx(2 * 3 / (5 + 5))
    assert exact(TRUTH, GIVEN) == 3 / 6
    nothing = np.zeros((0, 3), np.bool_)
    assert macro_f1(nothing, nothing) == 0.0
    assert exact(nothing, nothing) == 0.0


def test_cross_entropy_of_one_class_and_of_several() -> None:
    shares = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32)
    wanted = -(math.log(0.25) + math.log(0.8)) / 2
    assert cross_entropy(one_hot(1, 1), shares, is_multi=False) == pytest.approx(wanted)
    truth = np.array([[True, False]])
    found = cross_entropy(truth, np.array([[0.9, 0.4]], np.float32), is_multi=True)
    assert found == pytest.approx(-(math.log(0.9) + math.log(0.6)) / 2)
    never = cross_entropy(one_hot(0), np.array([[0.0, 1.0, 0.0]], np.float32), is_multi=False)
    assert math.isfinite(never)


def test_calibration_error_is_the_gap_of_each_bin() -> None:
    sure = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 4, np.float32)
    truth = one_hot(0, 0, 0, 1, 0, 1, 1, 1, count=2)
    # 0.9 said, 3 of 4 right; 0.6 said, 1 of 4 right.
    wanted = 0.5 * (0.9 - 0.75) + 0.5 * (0.6 - 0.25)
    assert calibration_error(truth, sure, is_multi=False) == pytest.approx(wanted)
    certain = np.array([[1.0, 0.0]] * 2, np.float32)
    assert calibration_error(one_hot(0, 0, count=2), certain, is_multi=False) == 0.0
    # Every decision counts for several labels: two of 0.9 and 0.1, half of each true.
    labels = np.array([[True, True], [False, False]])
    spread = np.array([[0.9, 0.1]] * 2, np.float32)
    assert calibration_error(labels, spread, is_multi=True) == pytest.approx(0.4)


def test_ranking_quality_counts_pairs() -> None:
    higher, lower = np.array([0.9, 0.5, 0.5]), np.array([0.5, 0.1])
    pairs = [1.0 if h > low else 0.5 if h == low else 0.0 for h in higher for low in lower]
    assert ranking_quality(higher, lower) == pytest.approx(sum(pairs) / 6)
    assert math.isnan(ranking_quality(higher, np.array([])))


def test_confusion_of_one_class_a_text() -> None:
    assert confusion(TRUTH, GIVEN).tolist() == [
        [2, 1, 0, 0],
        [0, 1, 0, 1],
        [0, 0, 0, 0],
        [0, 1, 0, 0],
    ]
    assert confusion(one_hot(-1), one_hot(-1)).tolist()[3] == [0, 0, 0, 1]


def test_confusion_of_several_labels() -> None:
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], np.bool_)
    given = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0]], np.bool_)
    assert confusion(truth, given).tolist() == [
        [2, 0, 0, 0],  # the first label was right twice
        [0, 0, 1, 0],  # the second was missed and the third given
        [0, 0, 0, 0],
        [0, 1, 0, 1],  # the second was given where nothing was missed; one text has none
    ]
