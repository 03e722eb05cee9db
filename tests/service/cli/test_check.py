"""`meari check`: a table for people, JSON for programs, status 1 for a recipe at fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.embeddings.training.checking.conftest import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_sound_recipe_ends_with_status_0(meari: Meari, bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "found"
    ran = meari.done("check", "--config", bench.write(), "--only", "leaks", "--out", out)
    assert "leaks" in ran.out
    assert "passed" in ran.out
    assert "nothing stands against the run" in ran.err
    told = json.loads((out / "findings.json").read_bytes())
    assert (told["kind"], told["passed"]) == ("siamese", True)


def test_a_fault_ends_with_status_1(meari: Meari, bench: Bench, tmp_path: Path) -> None:
    config = bench.write()
    rate = ("--set", "optimiser.learning_rate=10", "--only", "learning-rate")
    ran = meari("check", "--config", config, *rate, "--out", tmp_path / "found", "--json")
    assert ran.status == 1
    (finding,) = ran.json["findings"]
    assert (finding["check"], finding["state"]) == ("learning rate", "failed")
    assert (tmp_path / "found" / "learning_rate.png").is_file()


def test_misuse_ends_with_status_2(meari: Meari, bench: Bench, tmp_path: Path) -> None:
    config = bench.write()
    unknown = meari("check", "--config", config, "--only", "leak", "--out", tmp_path / "x")
    assert unknown.status == 2
    assert "'leak' is no check; possible: data, leaks" in unknown.err
    misspelt = meari("check", "--config", config, "--set", "optimiser.rate=1")
    assert misspelt.status == 2
    assert "'optimiser.rate' is unknown" in misspelt.err
    kind = meari("check", "--config", config, "--kind", "words", "--out", tmp_path / "x")
    assert kind.status == 2
    assert "possible: siamese, classifier" in kind.err
