"""Encoders for repeated measuring: vectors kept on disk, cut to fewer numbers, another window."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.load import load_encoder
from embeddings.minilm import bundled_folder
from embeddings.packing import pack_encoder
from embeddings.sentence import SentenceEncoder
from embeddings.types import Encoding, as_texts
from indexing.files import replacing
from indexing.index.exact import unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.load import Runtime
    from embeddings.types import Counts, Encoder, EncoderCard, Modality, Role


class KeptEncoder:
    """An encoder that computes a batch of texts once, and afterwards reads it from a folder.

    Whoever asks in the same batches again, as everything of `eval` does, is answered from disk; a
    run that was stopped goes on at the batch where it was. Vectors are of length 1, for cosine,
    and come from float16 the first time as well, so that figures do not depend on who was first
    (their cosines move by some 1e-5).

    Args:
        encoder: what computes.
        folder: for all encoders; each has its own folder inside, by fingerprint and precision.
    """

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self._encoder = encoder
        # What int8 computed is not what float32 would have.
        dtype = "" if encoder.card.dtype == "float32" else f"-{encoder.card.dtype}"
        self._folder = folder / f"{encoder.card.fingerprint[:16]}{dtype}"

    @property
    def card(self) -> EncoderCard:
        """That of the encoder."""
        return self._encoder.card

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self._encoder.dim

    @property
    def max_tokens(self) -> int:
        """Tokens read of one input."""
        return self._encoder.max_tokens

    @property
    def modalities(self) -> frozenset[Modality]:
        """Those of the encoder."""
        return self._encoder.modalities

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        """See `Encoder.encode`; rows have length 1."""
        path = self._folder / f"{_key(as_texts(inputs), role)}.npz"
        if not path.is_file():
            made = self._encoder.encode(inputs, role=role)
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez(
                    file,
                    vectors=unit(made.vectors).astype(np.float16),
                    tokens=made.tokens,
                    truncated=made.truncated,
                    unknown=made.unknown,
                )
        with np.load(path) as kept:
            vectors = unit(kept["vectors"].astype(np.float32))
            return Encoding(vectors, kept["tokens"], kept["truncated"], kept["unknown"])

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        """Counted anew: it is quick."""
        return self._encoder.count_tokens(inputs, role=role)

    def tokenizer_json(self) -> str | None:
        """The encoder's tokenizer."""
        return self._encoder.tokenizer_json()


class CutEncoder:
    """The first numbers of another encoder's vectors, scaled to length 1 again.

    Kusupati and others, "Matryoshka Representation Learning", 2022, arXiv:2205.13147.

    Args:
        encoder: whose vectors are cut.
        dim: numbers that stay, 1 to those the encoder gives.
    """

    def __init__(self, encoder: Encoder, dim: int) -> None:
        if not 1 <= dim <= encoder.dim:
            message = f"a width of {dim} is not possible; {encoder.card.name} gives {encoder.dim}"
            raise ValueError(message)
        self._encoder = encoder
        self._dim = dim

    @property
    def card(self) -> EncoderCard:
        """That of the encoder with the new width; a fingerprint of its own."""
        card = self._encoder.card
        fingerprint = hashlib.sha256(f"{card.fingerprint}:{self._dim}".encode()).hexdigest()
        return replace(card, dim=self._dim, normalised=True, fingerprint=fingerprint)

    @property
    def dim(self) -> int:
        """Numbers that stay."""
        return self._dim

    @property
    def max_tokens(self) -> int:
        """Tokens read of one input."""
        return self._encoder.max_tokens

    @property
    def modalities(self) -> frozenset[Modality]:
        """Those of the encoder."""
        return self._encoder.modalities

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        """See `Encoder.encode`; rows have length 1."""
        made = self._encoder.encode(inputs, role=role)
        vectors = unit(np.ascontiguousarray(made.vectors[:, : self._dim]))
        return replace(made, vectors=vectors)

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        """As the encoder."""
        return self._encoder.count_tokens(inputs, role=role)

    def tokenizer_json(self) -> str | None:
        """The encoder's tokenizer."""
        return self._encoder.tokenizer_json()


@dataclass(slots=True)
class Progress:
    """Prints how far a long measurement is, with the rate since it last did and the time left.

    Attributes:
        label: in front of every line.
        every: seconds between lines.
    """

    label: str
    every: float = 20.0
    _last: tuple[str, int, float] = field(default=("", 0, 0.0), init=False)

    def __call__(self, what: str, done: int, total: int) -> None:
        """So many of so many are done; see `eval.target.Progress`."""
        now = time.perf_counter()
        stage, before, since = self._last
        if stage != what:
            self._last = what, done, now
            return
        if now - since < self.every or done == before:
            return
        rate = (done - before) / (now - since)
        left = (total - done) / rate
        print(
            f"  {self.label}: {what} {done:,} of {total:,}, {rate:,.1f}/s, "
            f"{int(left // 60)} min {int(left % 60)} s left",
            flush=True,
        )
        self._last = what, done, now


def open_encoder(
    name: str,
    cache: Path,
    *,
    window: int | None,
    device: str | None,
    runtime: Runtime = "torch",
) -> Encoder:
    """The encoder of that name, reading `window` tokens of a text (None: as many as it says).

    Args:
        name: `minilm`, `hash:256`, a model folder.
        cache: a copy of the folder with another window is kept there.
        window: at most the positions that the body has.
        device: where it computes.
        runtime: of an encoder that keeps its window; another window is read by torch.

    Raises:
        EmbeddingError: it cannot be loaded, or not with that window.
    """
    encoder = load_encoder(name, device=device, runtime=runtime)
    if window is None or window == encoder.max_tokens:
        return encoder
    folder = bundled_folder() if name == "minilm" else Path(name).expanduser()
    copy = cache / f"{encoder.card.fingerprint[:16]}-{window}"
    if not copy.is_dir():
        copy.parent.mkdir(parents=True, exist_ok=True)
        pack_encoder(folder, copy, half=False, max_tokens=window)
    return SentenceEncoder.from_folder(
        copy, name=encoder.card.name, device=device, languages=encoder.card.languages
    )


def _key(texts: Sequence[str], role: str) -> str:
    digest = hashlib.sha256(role.encode())
    for text in texts:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()[:32]
