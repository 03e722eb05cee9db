"""Averaging encoders: the mean of all weights, who they were, and what is refused."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from embeddings.averaging import average_encoders
from embeddings.errors import EncoderRefusedError, InvalidInputError
from embeddings.load import load_encoder

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = "model.safetensors"


@pytest.fixture
def other(transformer_folder: Path, tmp_path: Path) -> Path:
    """The same body with every weight doubled."""
    folder = tmp_path / "other"
    shutil.copytree(transformer_folder, folder)
    doubled = {name: each * 2 for name, each in load_file(folder / WEIGHTS).items()}
    save_file(doubled, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / "SHA256SUMS").write_text("old\n")
    (folder / "checkpoints" / "checkpoint-7").mkdir(parents=True)  # the run is about to end
    return folder


def test_weights_are_the_weighted_mean(
    transformer_folder: Path, other: Path, tmp_path: Path
) -> None:
    card = average_encoders([other, transformer_folder], [3, 1], tmp_path / "out")
    made, first = load_file(tmp_path / "out" / WEIGHTS), load_file(transformer_folder / WEIGHTS)
    assert made.keys() == first.keys()
    for name, tensor in first.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(made[name], 1.75 * tensor)
    assert load_encoder(tmp_path / "out", device="cpu").card.fingerprint == card.fingerprint
    told = json.loads((tmp_path / "out" / "encoder_card.json").read_text(encoding="utf-8"))
    assert told["fingerprint"] == card.fingerprint
    assert told["average"] == [
        {"folder": "other", "share": 0.75},
        {"folder": transformer_folder.name, "share": 0.25},
    ]
    assert not (tmp_path / "out" / "SHA256SUMS").exists()
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_rows_that_the_others_never_learned_stay(
    transformer_folder: Path, other: Path, tmp_path: Path
) -> None:
    average_encoders([other, transformer_folder], [1, 1], tmp_path / "out", keep_from=5)
    made, first = load_file(tmp_path / "out" / WEIGHTS), load_file(transformer_folder / WEIGHTS)
    name = next(name for name in first if "word_embeddings" in name)
    torch.testing.assert_close(made[name][:5], 1.5 * first[name][:5])
    torch.testing.assert_close(made[name][5:], 2 * first[name][5:])


def test_what_does_not_fit_is_refused(
    transformer_folder: Path, other: Path, tmp_path: Path
) -> None:
    pair = [transformer_folder, other]
    with pytest.raises(InvalidInputError, match="1 folders and 1 shares"):
        average_encoders(pair[:1], [1], tmp_path / "out")
    with pytest.raises(InvalidInputError, match=r"shares are \[1, 0\]; each is above 0"):
        average_encoders(pair, [1, 0], tmp_path / "out")
    with pytest.raises(InvalidInputError, match="is there already"):
        average_encoders(pair, [1, 1], other)
    weights = load_file(other / WEIGHTS)
    name = next(name for name in sorted(weights) if "word_embeddings" in name)
    weights[name] = weights[name][:-1].contiguous()
    save_file(weights, other / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(EncoderRefusedError, match=r"are not of one body: .*word_embeddings"):
        average_encoders(pair, [1, 1], tmp_path / "out")
    assert not (tmp_path / "out").exists()
