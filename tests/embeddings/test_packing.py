"""Packing an encoder: half the bytes, the same vectors, and what is refused."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from embeddings.checksums import SUMS, check_sums
from embeddings.errors import EncoderNotFoundError, EncoderRefusedError, InvalidInputError
from embeddings.load import load_encoder
from embeddings.packing import PROBES, pack_encoder

if TYPE_CHECKING:
    from pathlib import Path


def test_half_the_bytes_and_the_same_vectors(transformer_folder: Path, tmp_path: Path) -> None:
    packed = pack_encoder(transformer_folder, tmp_path / "small")
    weights = tmp_path / "small" / "model.safetensors"
    assert {each.dtype for each in load_file(weights).values()} == {torch.float16}
    assert weights.stat().st_mode & 0o777 == 0o644
    assert packed.bytes_after < 0.75 * packed.bytes_before
    before = load_encoder(transformer_folder, device="cpu").encode(PROBES, role="query").vectors
    encoder = load_encoder(tmp_path / "small", device="cpu")
    after = encoder.encode(PROBES, role="query").vectors
    assert encoder.card.dtype == "float32"
    assert encoder.card.fingerprint == packed.card.fingerprint
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    assert np.min((before * after).sum(axis=1) / lengths) == pytest.approx(packed.least_cosine)
    assert packed.least_cosine > 0.999
    assert not (tmp_path / "small.part").exists()


def test_the_sums_are_those_of_all_files(transformer_folder: Path, tmp_path: Path) -> None:
    """Sorted, and the same whenever and wherever it is packed, even from a folder with sums."""
    source = shutil.copytree(transformer_folder, tmp_path / "source")
    (source / SUMS).write_text("old\n")
    (source / "checkpoints").mkdir()
    (source / "checkpoints" / "optimizer.pt").write_bytes(b"of a run about to end")
    pack_encoder(source, tmp_path / "first" / "e")
    pack_encoder(source, tmp_path / "second" / "e")
    folder = tmp_path / "first" / "e"
    lines = (folder / SUMS).read_text().splitlines()
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    assert {"model.safetensors", "1_Pooling/config.json", "encoder_card.json"} <= set(files)
    assert not (folder / "checkpoints").exists()
    assert lines == [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in files
    ]
    assert (tmp_path / "second" / "e" / SUMS).read_text().splitlines() == lines
    check_sums(folder, remedy="pack it again")


def test_a_window_of_its_own(transformer_folder: Path, tmp_path: Path) -> None:
    before = load_encoder(transformer_folder, device="cpu").card
    pack_encoder(transformer_folder, tmp_path / "narrow", half=False, max_tokens=7)
    card = load_encoder(tmp_path / "narrow", device="cpu").card
    assert (card.max_tokens, card.dim) == (7, before.dim)
    assert card.fingerprint != before.fingerprint
    with pytest.raises(InvalidInputError, match=r"window of 100,000 tokens .* positions"):
        pack_encoder(transformer_folder, tmp_path / "wide", max_tokens=100_000)
    assert not (tmp_path / "wide").exists()


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (1e7, "_embeddings.* is too large for half precision"),
        (1e-6, "in half precision have a cosine of"),
    ],
)
def test_weights_that_do_not_fit_into_half_precision_are_refused(
    transformer_folder: Path, tmp_path: Path, factor: float, told: str
) -> None:
    big = tmp_path / "big"
    shutil.copytree(transformer_folder, big)
    tensors = load_file(big / "model.safetensors")
    for name in tensors:
        if "_embeddings" in name:
            tensors[name] = tensors[name] * factor
    save_file(tensors, big / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderRefusedError, match=told):
        pack_encoder(big, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big"]
    pack_encoder(big, tmp_path / "out", half=False)


def test_nothing_is_written_over(transformer_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InvalidInputError, match="is there already"):
        pack_encoder(transformer_folder, tmp_path / "there")
    with pytest.raises(EncoderNotFoundError, match="holds no model"):
        pack_encoder(tmp_path / "there", tmp_path / "out")


def test_the_model_card_says_who_it_is_now(transformer_folder: Path, tmp_path: Path) -> None:
    source = shutil.copytree(transformer_folder, tmp_path / "source")
    (source / "README.md").write_text(
        "# old\n\n- **Reads**: 9 tokens of a text\n- **Fingerprint**: `0123`\n\n"
        "## What it learned from\n\nbooks\n",
        encoding="utf-8",
    )
    (tmp_path / "about.md").write_text("## Limits\n\n한 가지\n", encoding="utf-8")
    packed = pack_encoder(source, tmp_path / "out", max_tokens=7, about=tmp_path / "about.md")
    assert (tmp_path / "out" / "README.md").read_text(encoding="utf-8") == (
        "# old\n\n- **Reads**: 7 tokens of a text\n"
        f"- **Fingerprint**: `{packed.card.fingerprint[:16]}`\n\n"
        "## Limits\n\n한 가지\n\n## What it learned from\n\nbooks\n"
    )
    with pytest.raises(InvalidInputError, match=r"nowhere.md is not there; --about names"):
        pack_encoder(source, tmp_path / "other", about=tmp_path / "nowhere.md")
