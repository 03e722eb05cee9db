"""Each check catches the fault it is there for, and says nothing of a sound recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.training.errors import DataError
from tests.embeddings.training.checking.conftest import draw_pairs

if TYPE_CHECKING:
    from tests.embeddings.training.checking.conftest import Bench

PNG = b"\x89PNG\r\n"


def test_a_sound_recipe_passes_every_check(bench: Bench) -> None:
    report = bench.check()
    assert [each.sentence for each in report.findings if each.state != "passed"] == []
    assert {finding.check: finding.state for finding in report.findings} == {
        "lengths": "passed",
        "balance": "passed",
        "leaks": "passed",
        "contradictions": "passed",
        "first loss": "passed",
        "numbers": "passed",
        "gradients": "passed",
        "gradient size": "passed",
        "learning rate": "passed",
        "overfitting": "passed",
        "answers": "passed",
    }
    (rate,) = report.of("learning rate")
    assert 1e-3 < rate.details["suggested"] < 1
    assert len(rate.details["rates"]) == len(rate.details["losses"])
    assert (bench.folder / "learning_rate.png").read_bytes().startswith(PNG)
    (fitted,) = report.of("overfitting")
    assert fitted.value is not None
    assert fitted.value < 0.1
    assert fitted.details["lowest"] < 0.1 * fitted.details["first"]


def test_shuffled_labels_are_caught(bench: Bench) -> None:
    scores = np.random.default_rng(0).permutation([score for *_, score in bench.train])
    bench.train = [
        (first, second, int(score))
        for (first, second, _), score in zip(bench.train, scores, strict=True)
    ]
    (finding,) = bench.check(only=["answers"]).findings
    assert finding.state == "failed"
    assert finding.value is not None
    assert finding.value < 3.5
    learned = finding.details["learned_from"]
    assert learned[1] < learned[0], "they are learned by heart all the same"
    assert "The answers look shuffled" in finding.sentence
    assert "least 3.5" in finding.sentence


def test_a_learning_rate_of_ten_is_caught(bench: Bench) -> None:
    (finding,) = bench.check("optimiser.learning_rate=10", only=["learning-rate"]).findings
    assert finding.state == "failed"
    assert finding.sentence.startswith("at the learning rate 10 the loss goes from ")
    assert "take about" in finding.sentence
    assert finding.details["suggested"] < 1
    assert finding.value is not None
    assert finding.limit is not None
    assert not finding.value <= finding.limit


def test_leaked_test_rows_are_caught(bench: Bench) -> None:
    bench.test = [*bench.test[:70], *((b, a, score) for a, b, score in bench.train[:10])]
    dev, test, _ = bench.check(only=["leaks"]).findings
    assert (dev.state, dev.value) == ("passed", 0)
    assert test.state == "failed"
    assert test.value == pytest.approx(10 / 80)
    assert test.details["examples"][0] == {
        "row": f"{bench.folder / 'test.tsv'}, line 72",
        "learned": f"{bench.folder / 'train.tsv'}, line 2",
        "likeness": 1.0,
    }
    assert "test.tsv, line 72 and" in test.sentence


def test_weights_of_zero_are_caught(bench: Bench) -> None:
    report = bench.check("shape.initialisation=zeros", only=["gradients"], body="cnn")
    (finding,) = report.of("gradients")
    assert finding.state == "failed"
    assert finding.value == 1
    assert "will never learn" in finding.sentence
    assert report.failed


def test_a_loss_that_starts_worse_than_guessing_is_caught(bench: Bench) -> None:
    """Half of what a pair shares with others, and a scale that makes every guess a certainty."""
    changed = [
        "train.0.form=pairs",
        'train.0.columns={anchor="sentence1", positive="sentence2"}',
        "loss.name=ranking",
    ]
    (sound,) = bench.check(*changed, only=["first-loss"]).findings
    assert sound.limit == pytest.approx(np.log(16))
    (odd,) = bench.check(*changed, "loss.scale=2000", only=["first-loss"]).findings
    assert odd.state == "failed"
    assert odd.value is not None
    assert odd.value > 1.35 * np.log(16)
    assert "worse than guessing" in odd.sentence


def test_a_frozen_model_cannot_learn_by_heart(bench: Bench) -> None:
    """One number of width for a vector: cosines are 1 or -1, whatever is learned."""
    (finding,) = bench.check(only=["overfitting"], dense=1).findings
    assert finding.state == "failed"
    assert "eight examples" in finding.sentence


def test_few_examples_are_not_judged(bench: Bench) -> None:
    bench.train = draw_pairs(40, 5)
    (finding,) = bench.check(only=["answers"]).findings
    assert finding.state == "skipped"
    assert "40 different training examples are too few" in finding.sentence


def test_a_report_counts_what_failed(bench: Bench) -> None:
    report = bench.check(only=["leaks", "data"])
    told = report.to_json()
    assert told["passed"] is True
    assert [each["check"] for each in told["findings"]] == [
        *["lengths"] * 3,
        *["balance"] * 3,
        *["leaks"] * 2,
        "contradictions",
    ]
    failed = replace(report, findings=[replace(report.findings[0], state="failed")])
    assert failed.to_json()["passed"] is False


def test_missing_data_are_told_before_any_check(bench: Bench) -> None:
    with pytest.raises(DataError, match="is not there"):
        bench.check("train.0.path=absent.tsv")
