"""What curves say in words, and what a first loss should be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from embeddings.training.curves import Curves, draw_curves, write_tensorboard
from embeddings.training.verdict import Expected, judge

if TYPE_CHECKING:
    from pathlib import Path


def curves(loss: list[float], measure: list[float] = [], dev: list[float] = []) -> Curves:  # noqa: B006
    points = [list(enumerate(values)) for values in (loss, dev, measure)]
    return Curves(points[0], points[1], [], {"score": points[2]} if measure else {})


FALLING = [1.0, 0.8, 0.6, 0.5, 0.4, 0.35, 0.3, 0.3, 0.3, 0.3]


@pytest.mark.parametrize(
    ("given", "fit", "words"),
    [
        (curves(FALLING), "good", "The loss fell from 1.0000 to 0.3000"),
        (curves(FALLING, [0.5, 0.7, 0.8, 0.79, 0.80]), "good", "score went from 0.5000 to 0.8000"),
        (curves(FALLING, [0.5, 0.6, 0.7, 0.8, 0.9]), "underfit", "best at the very end"),
        (curves(FALLING, [0.5, 0.8, 0.7, 0.6, 0.5]), "overfit", "best at step 1 (0.8000)"),
        (curves(FALLING, dev=[0.5, 0.4, 0.6]), "overfit", "rose from 0.4000 (step 1) to 0.6000"),
        (curves(FALLING, [0.5, 0.5, 0.5, 0.5]), "overfit", "does not carry over"),
        # Near the top a little is much: a twelfth of the errors went.
        (curves(FALLING, [0.92, 0.90, 0.926, 0.925]), "good", "went from 0.9200 to 0.9260"),
        (curves(FALLING, [0.92, 0.90, 0.922, 0.921]), "overfit", "does not carry over"),
        (curves([0.5] * 10, [0.5] * 4), "underfit", "hardly moved"),
        (curves([0.5, 0.6, 0.8, 1.0, 1.5, 2.0]), "broken", "rose from 0.5000 to 2.0000"),
        (curves([0.5, math.nan, 0.4]), "broken", "no number"),
        (curves([0.5]), "unknown", "Too few steps"),
        # Noise is not a rise, and gain on the dev split outweighs it.
        (curves([0.1, 0.3, 0.2, 0.1, 0.3, 0.25], [0.5, 0.56, 0.55, 0.56]), "good", "0.5600"),
    ],
)
def test_a_verdict_in_words(given: Curves, fit: str, words: str) -> None:
    verdict = judge(given, None, measure="score")
    assert verdict.fit == fit
    assert words in verdict.sentences[0]
    assert verdict.expected_loss is None


@pytest.mark.parametrize(
    ("first", "from_scratch", "odd"),
    [
        (3.4, True, False),
        (3.9, True, False),
        (9.0, True, True),
        (0.5, True, True),
        (0.5, False, False),
    ],
)
def test_the_first_loss_is_held_against_chance(first: float, from_scratch: bool, odd: bool) -> None:
    expected = Expected.of_choices(32, "one of 32 texts in the batch", from_scratch=from_scratch)
    verdict = judge(curves([first, 0.3, 0.2, 0.1]), expected, measure=None)
    assert verdict.expected_loss == pytest.approx(math.log(32))
    assert verdict.initial_is_odd is odd
    assert f"the first loss is {first:.3f}" in verdict.sentences[1]
    assert "ln 32, one of 32 texts in the batch" in verdict.sentences[1]
    knew = first == 0.5 and not from_scratch
    assert ("the weights knew something before" in verdict.sentences[1]) is knew


def test_curves_are_taken_from_a_log() -> None:
    log = [
        {"eval_loss": 0.5, "eval_dev_score": 0.1, "eval_runtime": 3.0, "step": 0, "epoch": 0},
        {"loss": 1.0, "learning_rate": 0.1, "grad_norm": 2.0, "step": 1, "epoch": 0.5},
        {"loss": 0.5, "learning_rate": 0.2, "step": 2, "epoch": 1.0},
        {"eval_loss": 0.4, "eval_dev_score": 0.2, "step": 2, "epoch": 1.0},
        {"train_loss": 0.7, "step": 2, "epoch": 1.0},
    ]
    found = Curves.of(log)
    assert found.loss == [(1, 1.0), (2, 0.5)]
    assert found.dev_loss == [(0, 0.5), (2, 0.4)]
    assert found.rate == [(1, 0.1), (2, 0.2)]
    assert found.measures == {"dev_score": [(0, 0.1), (2, 0.2)]}
    assert found.to_json()["measures"] == {"dev_score": [[0, 0.1], [2, 0.2]]}


def test_curves_are_drawn_and_kept_for_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    given = curves(FALLING, [0.5, 0.7])
    draw_curves(given, tmp_path / "a.png", measure="score", title="가")
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    write_tensorboard(given, tmp_path / "events")
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert [event.value for event in events.Scalars("dev/score")] == pytest.approx([0.5, 0.7])
    assert len(events.Scalars("loss/training")) == 10
