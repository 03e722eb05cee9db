"""Rectified units that are zero for every text, and heads that begin as zeros."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from embeddings.training.checking.gradients import watch_units
from embeddings.training.checking.run import check_recipe
from embeddings.training.subjects.subject import open_subject, read_any
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.checking.findings import CheckReport

GOOD, BAD = ["love", "great", "fine", "happy", "kind"], ["hate", "poor", "broken", "sad", "dull"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A classifier from scratch over two kinds of words, with a hidden layer."""
    rows = []
    for number in range(160):
        words = (GOOD, BAD)[number % 2]
        text = f"{words[number // 2 % 5]} {words[number // 10 % 5]} thing number{number}"
        rows.append(json.dumps({"text": text, "label": ("good", "bad")[number % 2]}))
    (tmp_path / "texts.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = tmp_path / "classifier.toml"
    path.write_text(
        'encoder = "words"\nfull = true\n[shape]\ntokenizer = "words"\nwidth = 16\n'
        '[head]\nkind = "mlp"\nhidden = 16\n[[train]]\npath = "texts.jsonl"\n'
        "[optimiser]\nlearning_rate = 1e-3\n[run]\nbatch = 16\n",
        encoding="utf-8",
    )
    return path


def check(config: Path, *overrides: str, only: str | None = None) -> CheckReport:
    kind, recipe = read_any(config, overrides)
    assert kind == "classifier"
    subject = open_subject(kind, recipe, config.parent / "model", Listener())
    names = {} if only is None else {"only": (only,)}
    return check_recipe(kind, subject, config.parent, Listener(), **names)  # type: ignore[arg-type]


def test_units_that_are_never_above_zero_are_dead() -> None:
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0], [0, 1.0], [-1.0, -1.0], [0, 0]]))
        model[0].bias.zero_()
    units = watch_units(model)
    model(torch.tensor([[1.0, 0.0]]))
    model(torch.tensor([[0.0, 2.0]]))
    assert units.close() == {"1": 0.5}
    model(torch.tensor([[1.0, 1.0]]))
    assert units.close() == {"1": 0.5}


def test_dead_relus_by_zero_initialisation_are_caught(config: Path) -> None:
    report = check(config, "head.initialisation=zeros", only="gradients")
    (units,) = report.of("units")
    assert (units.state, units.value) == ("failed", 1)
    assert "100 % of the rectified units" in units.sentence
    assert "kaiming" in units.sentence
    (flow,) = report.of("gradients")
    assert flow.state == "failed"


def test_a_sound_classifier_passes_every_check(config: Path) -> None:
    report = check(config)
    assert [each.sentence for each in report.findings if each.state != "passed"] == []
    states = {finding.check: finding.state for finding in report.findings}
    (first,) = report.of("first loss")
    assert first.limit == pytest.approx(0.6931, abs=1e-4)
    assert "ln 2, one of 2 classes" in first.sentence
    assert set(states) >= {"units", "answers", "overfitting", "learning rate", "balance"}
