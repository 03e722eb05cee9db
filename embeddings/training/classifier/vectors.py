"""Vectors of an encoder that does not change: computed once, kept on disk piece by piece."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import InvalidInputError
from embeddings.types import Encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from embeddings.types import Encoder, Role

_PIECE = 1_024
"""Texts encoded and kept together; what a stopped run loses at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """What an encoder says of texts, from a folder where it was kept.

    Attributes:
        encoder: whose vectors.
        role: whose prompt goes before a text.
        folder: of the pieces, named by encoder, role and texts; made if missing.
    """

    encoder: Encoder
    role: Role
    folder: Path

    def of(self, texts: Sequence[str], tell: Callable[[int], None] | None = None) -> Encoding:
        """Vectors of the texts in their order, float32 (n, dim), with the truncation receipt.

        Args:
            texts: n of them.
            tell: told how many are done after each piece.
        """
        pieces = []
        for start in range(0, len(texts), _PIECE):
            pieces.append(self._piece(texts[start : start + _PIECE]))
            if tell is not None:
                tell(min(start + _PIECE, len(texts)))
        return join(pieces, self.encoder.dim)

    def _piece(self, texts: Sequence[str]) -> Encoding:
        path = self.folder / f"{self._key(texts)}.safetensors"
        if path.is_file():
            kept = read_encoding(path)
            if kept is not None:
                return kept
        made = self.encoder.encode(list(texts), role=self.role)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_encoding(made, path)
        return made

    def _key(self, texts: Sequence[str]) -> str:
        digest = hashlib.sha256(f"{self.encoder.card.fingerprint}\0{self.role}".encode())
        for text in texts:
            digest.update(b"\0" + text.encode())
        return digest.hexdigest()


def join(pieces: Sequence[Encoding], dim: int) -> Encoding:
    """Encodings one behind the other; of none, an empty one of that width."""
    if not pieces:
        none = np.zeros(0, dtype=np.int32)
        return Encoding(np.zeros((0, dim), np.float32), none, none.astype(np.bool_), none)
    return Encoding(
        np.concatenate([piece.vectors for piece in pieces]),
        np.concatenate([piece.tokens for piece in pieces]),
        np.concatenate([piece.truncated for piece in pieces]),
        np.concatenate([piece.unknown for piece in pieces]),
    )


def write_encoding(encoding: Encoding, path: Path) -> None:
    """Keep an encoding as safetensors, whole or not at all."""
    from safetensors.numpy import save_file

    part = path.with_suffix(".part")
    save_file(
        {
            "vectors": encoding.vectors,
            "tokens": encoding.tokens,
            "truncated": encoding.truncated,
            "unknown": encoding.unknown,
        },
        part,
    )
    part.replace(path)


def read_encoding(path: Path) -> Encoding | None:
    """The encoding kept in a file; None if the file is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return Encoding(**load_file(path))
    except (SafetensorError, TypeError):
        return None


def check_encodable(encoder: Encoder) -> None:
    """Refuse an encoder that does not read texts.

    Raises:
        InvalidInputError: it reads images alone.
    """
    if "text" not in encoder.modalities:
        message = f"encoder {encoder.card.name!r} reads no texts; a classifier of texts needs one"
        raise InvalidInputError(message)
