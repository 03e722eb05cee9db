"""Lengths, classes and scores against their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.training.checking.statistics import check_answers
from embeddings.training.subjects.table import Part, Table

if TYPE_CHECKING:
    from tests.embeddings.training.checking.conftest import Bench


def table(part: Part, **answers: Any) -> Table:  # noqa: ANN401 - labels or scores
    count = len(next(iter(answers.values())))
    return Table(
        part=part,
        name="data",
        texts={"text": [f"text {row}" for row in range(count)]},
        place=str,
        identity=("text",),
        **answers,
    )


def test_long_texts_are_told_with_the_window(bench: Bench) -> None:
    findings = bench.check(only=["data"], max_tokens=4).of("lengths")
    assert [finding.state for finding in findings] == ["warned"] * 3
    assert findings[0].value == 1
    assert "window of 4 tokens" in findings[0].sentence
    assert findings[0].details["columns"]["sentence1"]["median"] == 6
    assert "raise max_tokens" in findings[0].sentence


def test_one_class_that_is_nearly_all_is_a_warning() -> None:
    (finding,) = check_answers([table("train", labels=["spam"] * 95 + ["ham"] * 5)])
    assert (finding.state, finding.value) == ("warned", 0.95)
    assert finding.details["classes"] == {"spam": 95, "ham": 5}
    assert "macro-F1" in finding.sentence


def test_a_class_never_learned_fails() -> None:
    learned = table("train", labels=["a", "b"] * 10)
    measured = table("test", labels=["a", "c"])
    first, second = check_answers([learned, measured])
    assert first.state == "passed"
    assert second.state == "failed"
    assert second.details["unseen"] == ["c"]
    assert "'c'" in second.sentence


def test_labels_joined_by_bars_are_several() -> None:
    (finding,) = check_answers([table("train", labels=["a|b", "a", "b|c", "c"])])
    assert finding.details["classes"] == {"a": 2, "b": 2, "c": 2}


def test_scores_that_are_nearly_all_alike_are_a_warning() -> None:
    (finding,) = check_answers([table("train", scores=[0.51] * 95 + [0.0, 0.25, 0.75, 0.95, 1.0])])
    assert (finding.state, finding.value) == ("warned", 0.95)
    assert finding.details["histogram"] == [1, 0, 1, 0, 0, 95, 0, 1, 0, 2]
