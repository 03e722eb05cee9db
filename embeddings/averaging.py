"""Encoders of one body averaged weight by weight: what the one learned, what the other kept.

Wortsman et al., "Robust fine-tuning of zero-shot models", 2021, arXiv:2109.01903, and "Model
soups", 2022, arXiv:2203.05482: weights that were fine-tuned from the same beginning can be
averaged, and the mean often keeps what the beginning knew with hardly a loss of what was learned.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from embeddings.contents import read_json
from embeddings.errors import EncoderRefusedError, InvalidInputError
from embeddings.folder import check_folder
from embeddings.sentence import SentenceEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.types import EncoderCard

_WEIGHTS = "model.safetensors"
_RECEIPT = "training.json"
_TABLE = "word_embeddings"


def average_encoders(
    folders: Sequence[Path],
    shares: Sequence[float],
    out: Path,
    *,
    keep_from: int | None = None,
) -> EncoderCard:
    """Copy the first encoder with the weighted mean of all weights; its card.

    Tokenizer, pooling, prompts and receipt are the first one's; the receipt's `extra` has a key
    `average` that tells of the others.

    Args:
        folders: two and more sentence-transformers folders with weights of equal names and shapes.
        shares: of each, above 0; they are scaled to sum up to 1.
        out: the new folder.
        keep_from: rows of the word table from this one on stay the first encoder's: pieces that
            the others have, but never learned.

    Raises:
        EncoderNotFoundError: no model in one of them.
        EncoderRefusedError: their weights do not belong to one body.
        InvalidInputError: one folder alone, another number of shares, or `out` is there.
    """
    import torch
    from safetensors.torch import load_file, save_file

    _check(folders, shares, out)
    total = sum(shares)
    made: dict[str, torch.Tensor] = {}
    for folder, share in zip(folders, shares, strict=True):
        weights = load_file(folder / _WEIGHTS)
        _check_same(folders[0], made, folder, weights)
        for name, tensor in weights.items():
            if not tensor.is_floating_point():
                made.setdefault(name, tensor)
                continue
            part = tensor.to(torch.float32) * (share / total)
            if keep_from is not None and _TABLE in name:
                part[keep_from:] = 0 if name in made else tensor[keep_from:]
            made[name] = made[name] + part if name in made else part
    part_folder = out.with_name(f"{out.name}.part")
    shutil.rmtree(part_folder, ignore_errors=True)
    left = shutil.ignore_patterns("tensorboard", "checkpoints", "SHA256SUMS")
    shutil.copytree(folders[0], part_folder, ignore=left)
    save_file(made, part_folder / _WEIGHTS, metadata={"format": "pt"})
    card = SentenceEncoder.from_folder(part_folder, name=out.name, device="cpu").card
    _tell(part_folder, folders, [share / total for share in shares], keep_from, card)
    part_folder.rename(out)
    return card


def _check(folders: Sequence[Path], shares: Sequence[float], out: Path) -> None:
    if len(folders) < 2 or len(shares) != len(folders):
        message = f"{len(folders)} folders and {len(shares)} shares; give two and more, one each"
        raise InvalidInputError(message)
    if not all(0 < share < float("inf") for share in shares):
        message = f"shares are {list(shares)}; each is above 0"
        raise InvalidInputError(message)
    if out.exists():
        message = f"{out} is there already; give another --out, or remove it"
        raise InvalidInputError(message)
    for folder in folders:
        check_folder(folder)
        if not (folder / _WEIGHTS).is_file():
            message = f"{folder} has no {_WEIGHTS}; Transformers alone are averaged"
            raise EncoderRefusedError(message)


def _check_same(first: Path, made: dict[str, Any], folder: Path, weights: dict[str, Any]) -> None:
    if not made:
        return
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    wanted = {name: tuple(tensor.shape) for name, tensor in made.items()}
    if shapes != wanted:
        odd = sorted(
            name for name in wanted.keys() | shapes.keys() if wanted.get(name) != shapes.get(name)
        )[0]
        message = (
            f"{folder} and {first} are not of one body: {odd} is {shapes.get(odd, 'absent')} in "
            f"the one and {wanted.get(odd, 'absent')} in the other"
        )
        raise EncoderRefusedError(message)


def _tell(
    folder: Path,
    folders: Sequence[Path],
    shares: Sequence[float],
    keep_from: int | None,
    card: EncoderCard,
) -> None:
    """The identity it has now, and what it is the mean of, in card and receipt."""
    parts = [
        {"folder": each.name, "share": round(share, 4)}
        for each, share in zip(folders, shares, strict=True)
    ]
    path = folder / "encoder_card.json"
    before = read_json(path) if path.is_file() else {}
    told = {**before, **card.to_json(), "name": before.get("name", card.name), "average": parts}
    path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    receipt = folder / _RECEIPT
    if receipt.is_file():
        data = read_json(receipt)
        average = {"average": parts, "average_keeps_rows_from": keep_from}
        data["extra"] = {**data.get("extra", {}), **average}
        receipt.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
