"""What the dev split sets, against truth that is known and against trying every value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.classifier import Rule
from embeddings.training.classifier.calibration import (
    best_threshold,
    calibrate,
    find_least,
    find_temperature,
    find_thresholds,
    scope_measures,
)
from embeddings.training.classifier.measures import calibration_error, micro_f1
from embeddings.training.classifier.recipe import ClassifierRecipe
from embeddings.training.recipe import from_mapping


def recipe(**more: object) -> ClassifierRecipe:
    return from_mapping(ClassifierRecipe, {"train": [{"path": "x.csv"}], **more})


def drawn(rows: int, heat: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and classes drawn from their softmax at a temperature."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=4, size=(rows, 5)).astype(np.float32)
    shares = Rule("single", temperature=heat).probabilities(logits).astype(np.float64)
    picks = (shares.cumsum(axis=1) > random.random((rows, 1))).argmax(axis=1)
    return logits, np.eye(5, dtype=np.bool_)[picks]


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_at_is_found(heat: float) -> None:
    logits, truth = drawn(6_000, heat)
    assert find_temperature(logits, truth, Rule("single")) == pytest.approx(heat, rel=0.06)


def test_answers_that_are_all_right_are_not_made_certain() -> None:
    logits = np.array([[1.0, 0, 0], [0, 1.2, 0], [0, 0, 0.8]] * 10, np.float32)
    truth = np.tile(np.eye(3, dtype=np.bool_), (10, 1))
    found = find_temperature(logits, truth, Rule("single"))
    best = Rule("single", temperature=found).probabilities(logits).max(axis=1)
    # One text in 32 counts as if nobody knew its class.
    assert best.mean() == pytest.approx(1 - 2 / 3 / 32, abs=0.02)
    several = find_temperature(logits - 0.5, truth, Rule("multi"))
    sure = Rule("multi", temperature=several).probabilities(logits - 0.5)
    assert 0.9 < sure[truth].mean() < 0.995


def test_calibration_mends_overconfidence_and_changes_no_answer() -> None:
    logits, truth = drawn(4_000, 3.0)
    made = calibrate(logits, truth, recipe())
    before, after = made.facts["dev_before"], made.facts["dev_after"]
    assert before["calibration_error"] > 0.15
    assert after["calibration_error"] < 0.03
    assert after["loss"] < before["loss"]
    assert made.rule.temperature == pytest.approx(3, rel=0.08)
    cold, warm = Rule("single").probabilities(logits), made.rule.probabilities(logits)
    assert np.array_equal(cold.argmax(axis=1), warm.argmax(axis=1))
    found = calibration_error(truth, warm, is_multi=False)
    assert found == pytest.approx(after["calibration_error"])


def test_without_a_dev_split_nothing_is_set_and_that_is_said() -> None:
    made = calibrate(None, None, recipe())
    assert made.rule == Rule("single")
    assert made.notes == ["without a dev split neither temperature nor thresholds could be set"]
    assert calibrate(None, None, recipe(calibrate=False)).notes == []


def f1_at(threshold: float, probabilities: np.ndarray, truth: np.ndarray) -> float:
    return micro_f1(truth, probabilities >= np.float32(threshold))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10).map(lambda tenths: tenths / 10), st.booleans()),
        min_size=1,
        max_size=20,
    )
)
def test_no_threshold_is_better_than_the_best(pairs: list[tuple[float, bool]]) -> None:
    probabilities = np.array([p for p, _ in pairs], np.float32)
    truth = np.array([t for _, t in pairs], np.bool_)
    found = best_threshold(probabilities, truth)
    assert 0 <= found <= 1
    if not truth.any():
        assert found == 0.5
        return
    tried = [f1_at(limit, probabilities, truth) for limit in np.linspace(0, 1, 41)]
    assert f1_at(found, probabilities, truth) >= max(tried) - 1e-9


def test_labels_with_few_texts_take_the_common_threshold() -> None:
    random = np.random.default_rng(1)
    truth = np.zeros((200, 2), np.bool_)
    truth[:100, 0] = True
    truth[:4, 1] = True
    probabilities = np.where(truth, 0.3, 0.1) + random.random((200, 2)) * 0.1
    probabilities[:, 1] += 0.4
    each = find_thresholds(probabilities.astype(np.float32), truth, each=True)
    one = find_thresholds(probabilities.astype(np.float32), truth, each=False)
    assert each[1] == one[0] == one[1]
    assert 0.2 < each[0] < 0.3


def test_thresholds_are_part_of_the_rule() -> None:
    logits = np.array([[2.0, -2.0], [-0.5, -3.0], [-1.0, -2.5], [-3.0, -3.0]], np.float32)
    truth = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.bool_)
    made = calibrate(logits, truth, recipe(task="multi", calibrate=False))
    assert made.rule.thresholds is not None
    assert np.array_equal(made.rule.decide(made.rule.probabilities(logits)), truth)
    half = calibrate(logits, truth, recipe(task="multi", thresholds="half"))
    assert half.rule.thresholds is None


@pytest.mark.parametrize("worth", [0.2, 0.5, 1.0])
def test_the_least_probability_weighs_both_faults(worth: float) -> None:
    random = np.random.default_rng(2)
    known, foreign = random.uniform(0.5, 1.0, 80), random.uniform(0.35, 0.7, 20)
    best = np.concatenate([known, foreign]).astype(np.float32)
    probabilities = np.stack([best, 1 - best], axis=1)
    truth = np.zeros((100, 2), np.bool_)
    truth[:80, 0] = True
    probabilities = np.maximum(probabilities, 0.01)
    least, how = find_least(probabilities, truth, worth=worth, keep=0.95)
    assert how == "20 dev texts of no class"

    def quality(limit: float) -> float:
        top = probabilities.max(axis=1)
        right = (probabilities.argmax(axis=1) == 0) & (top >= limit)
        return float(right[:80].mean() + worth * (top < limit)[80:].mean())

    assert quality(least) >= max(quality(limit) for limit in np.linspace(0, 1, 501)) - 1e-9


def test_without_foreign_texts_a_share_is_kept() -> None:
    best = np.linspace(0.5, 1, 101).astype(np.float32)
    probabilities = np.stack([best, 1 - best], axis=1)
    truth = np.stack([np.ones(101, np.bool_), np.zeros(101, np.bool_)], axis=1)
    least, how = find_least(probabilities, truth, worth=1.0, keep=0.9)
    assert least == pytest.approx(0.55, abs=1e-6)
    assert how == "90% of the dev texts are answered"


def test_measures_of_scope() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.55, 0.45]], np.float32)
    truth = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.bool_)
    rule = Rule("single", least=0.58)
    found = scope_measures(probabilities, truth, rule.decide(probabilities))
    assert found == {
        "in_scope_accuracy": 1.0,
        "out_of_scope_recall": 0.5,
        "out_of_scope_auroc": 0.75,
    }
    assert scope_measures(probabilities[:2], truth[:2], rule.decide(probabilities[:2])) == {}
