"""Stages of a model: whose receipts they are, and what power they took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from embeddings.training.lineage import KG_A_KWH, energy_of, stages_before

if TYPE_CHECKING:
    from pathlib import Path


def receipt(folder: Path, **facts: object) -> str:
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps(facts), encoding="utf-8")
    return str(folder)


def test_stages_follow_bodies_back_to_the_first(tmp_path: Path) -> None:
    first = receipt(tmp_path / "1", kind="tokenizer", seconds=90, data={"train": []}, notes=["x"])
    assert stages_before(first) == [{"kind": "tokenizer", "seconds": 90, "data": {"train": []}}]
    second = receipt(tmp_path / "2", kind="siamese", seed=7, extra={"stages": stages_before(first)})
    assert [stage["kind"] for stage in stages_before(second)] == ["tokenizer", "siamese"]
    assert stages_before(second)[1] == {"kind": "siamese", "seed": 7}


def test_a_receipt_without_stages_is_asked_for_its_body(tmp_path: Path) -> None:
    first = receipt(tmp_path / "1", kind="tokenizer", recipe={"extend": "minilm"})
    second = receipt(tmp_path / "2", kind="siamese", recipe={"body": first})
    kinds = [stage["kind"] for stage in stages_before(second)]
    assert kinds == ["tokenizer", "siamese"]


def test_names_and_folders_without_a_receipt_have_no_stages(tmp_path: Path) -> None:
    assert stages_before("minilm") == []
    assert stages_before(str(tmp_path)) == []


def test_energy_is_power_times_time() -> None:
    cpu = {"seconds": 3600, "hardware": {"threads": 2, "gpus": 0}}
    gpu = {"seconds": 1800, "hardware": {"threads": 10, "gpus": 1, "name": "NVIDIA H100 80GB"}}
    assert energy_of([cpu])["kwh"] == pytest.approx(0.02)
    both = energy_of([cpu, gpu])
    assert both["kwh"] == pytest.approx(0.02 + 0.5 * 0.8)
    assert both["kg_co2e"] == pytest.approx(both["kwh"] * KG_A_KWH)
    assert both["seconds"] == 5400
