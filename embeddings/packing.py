"""A trained encoder made ready to be passed on: half the bytes, a window of its own, checksums."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.checksums import SUMS, write_sums
from embeddings.contents import read_json
from embeddings.errors import EncoderRefusedError, InvalidInputError
from embeddings.folder import check_folder

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.types import EncoderCard

_LEARNED = "## What it learned from"
"""The heading of a model card that what its maker says stands before."""
LEAST_COSINE = 0.999
"""Of a packed encoder's vectors with the whole one's; further apart it is refused."""
PROBES = (
    "배송은 언제 도착하나요?",
    "When will my parcel arrive?",
    "이 책은 삼십 년 전에 서울에서 처음 나왔고, 지금은 열두 나라 말로 읽힌다.",
    "The book was first published in Seoul thirty years ago and is read in twelve languages now.",
    "환불",
    "refund",
    "파이썬에서 list를 정렬하는 방법",
    "ㅋㅋㅋ 진짜 재밌다!!",
    "naïve café, 3.14 %, C++ & e-mail: a@b.example",
    "정보통신망 이용촉진 및 정보보호 등에 관한 법률 시행령 일부개정령안",
)
"""Texts whose vectors are compared."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What packing did.

    Attributes:
        card: of the packed encoder.
        bytes_before: of the folder's weights.
        bytes_after: the same of the packed folder.
        least_cosine: of the probes' vectors in single precision and in half, with the new window.
    """

    card: EncoderCard
    bytes_before: int
    bytes_after: int
    least_cosine: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "card": self.card.to_json(),
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "least_cosine": self.least_cosine,
        }


def pack_encoder(
    folder: Path,
    out: Path,
    *,
    half: bool = True,
    max_tokens: int | None = None,
    about: Path | None = None,
) -> Packed:
    """Copy a sentence-transformers folder with its weights in half precision.

    Weights alone are made smaller; on a CPU they are computed with in single precision as before.
    Every file's checksum is left in `SHA256SUMS`, which `sha256sum -c` reads.

    Args:
        folder: what `train siamese` and others write.
        out: the new folder.
        half: float16 in place of float32.
        max_tokens: tokens read of a text from now on, at most the positions the body has; None
            leaves it.
        about: Markdown for the model card (limits, scores), put before what it learned from.

    Raises:
        EncoderNotFoundError: no model in `folder`.
        EncoderRefusedError: it cannot be loaded, or its vectors are others in half precision.
        InvalidInputError: `out` is there, `about` is not, or the window is larger than the
            body's.
    """
    from embeddings.sentence import SentenceEncoder

    if about is not None and not about.is_file():
        message = f"{about} is not there; --about names a Markdown file for the model card"
        raise InvalidInputError(message)

    if out.exists():
        message = f"{out} is there already; give another --out, or remove it"
        raise InvalidInputError(message)
    check_folder(folder)
    _check_window(folder, max_tokens)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    left = shutil.ignore_patterns("tensorboard", "checkpoints", "*.part", SUMS)
    shutil.copytree(folder, part, ignore=left)
    if max_tokens is not None:
        _set_window(part, max_tokens)
    before = SentenceEncoder.from_folder(part, device="cpu").encode(PROBES, role="query").vectors
    if half:
        try:
            for path in sorted(part.rglob("*.safetensors")):
                _halve(path)
        except EncoderRefusedError:
            shutil.rmtree(part, ignore_errors=True)
            raise
    packed = SentenceEncoder.from_folder(part, name=out.name, device="cpu")
    after = packed.encode(PROBES, role="query").vectors
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    least = float((np.einsum("nd,nd->n", before, after) / lengths).min())
    if not least >= LEAST_COSINE:
        message = (
            f"vectors of {folder} in half precision have a cosine of {least:.5f} with those in "
            f"single; {LEAST_COSINE} is the least. Pack it with half=False (--whole)"
        )
        shutil.rmtree(part, ignore_errors=True)
        raise EncoderRefusedError(message)
    _tell(part, packed.card)
    _tell_people(part, packed.card, "" if about is None else about.read_text(encoding="utf-8"))
    write_sums(part)
    part.rename(out)
    return Packed(packed.card, _weight_bytes(folder), _weight_bytes(out), least)


def _check_window(folder: Path, wanted: int | None) -> None:
    if wanted is None:
        return
    config = folder / "config.json"
    most = read_json(config).get("max_position_embeddings") if config.is_file() else None
    if wanted < 2 or (most is not None and wanted > most):
        limit = "2 is the least" if wanted < 2 else f"the body of {folder} has {most:,} positions"
        message = f"a window of {wanted:,} tokens is not possible; {limit}"
        raise InvalidInputError(message)


def _set_window(folder: Path, max_tokens: int) -> None:
    """The window where sentence-transformers and tokenizers look for it."""
    first = read_json(folder / "modules.json")[0] if (folder / "modules.json").is_file() else {}
    if str(first.get("type", "")).endswith(".StaticEmbedding"):
        _cut_texts(folder / str(first.get("path", "")) / "tokenizer.json", max_tokens)
        return
    for name, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        path = folder / name
        if path.is_file():
            content = {**read_json(path), key: max_tokens}
            path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _cut_texts(path: Path, max_tokens: int) -> None:
    """Have a tokenizer cut texts, where a model has no window of its own."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.save(str(path))


def _halve(path: Path) -> None:
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    made = {
        name: each.to(torch.float16) if each.dtype == torch.float32 else each
        for name, each in tensors.items()
    }
    for name, each in made.items():
        if each.dtype == torch.float16 and not bool(torch.isfinite(each).all()):
            message = (
                f"{name} is too large for half precision, whose numbers end at 65,504; pack it "
                "with half=False (--whole)"
            )
            raise EncoderRefusedError(message)
    save_file(made, path, metadata=metadata)
    # The library writes for its owner alone; what is passed on is for everybody.
    path.chmod(0o644)


def _tell(folder: Path, card: EncoderCard) -> None:
    """The folder's own card with the identity it has now."""
    path = folder / "encoder_card.json"
    before = read_json(path) if path.is_file() else {}
    content = {**before, **card.to_json()}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _tell_people(folder: Path, card: EncoderCard, about: str) -> None:
    """The model card with the identity and the window it has now, and what `about` says."""
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else f"# {card.name}\n\n"
    facts = {"Fingerprint": f"`{card.fingerprint[:16]}`"}
    if card.max_tokens < 1 << 24:
        facts["Reads"] = f"{card.max_tokens:,} tokens of a text"
    for name, value in facts.items():
        text = re.sub(rf"^- \*\*{name}\*\*: .*$", f"- **{name}**: {value}", text, flags=re.M)
    if about:
        head, mark, rest = text.partition(_LEARNED)
        text = f"{head}{about.strip()}\n\n{mark}{rest}" if mark else f"{text}\n{about.strip()}\n"
    path.write_text(text, encoding="utf-8")


def _weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
