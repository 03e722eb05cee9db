"""An encoder without weights: a text's vector is the sum of its tokens' pseudo-random vectors."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import EncoderNotFoundError
from embeddings.types import Encoding, as_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Counts, EncoderCard, Modality, Role, Vectors

_TOKEN = re.compile(r"\w+|[^\w\s]")
_VERSION = 1
_MAX_DIM = 4096


class HashEncoder:
    """Bag of tokens in a random projection; deterministic on every machine, for tests and demos.

    Texts that share words are near each other, nothing else is known of meaning. Tokens are
    lower-cased NFC words and single symbols; vectors have length 1.

    Args:
        dim: width of a vector, 1 to 4,096.
        max_tokens: tokens read of one text.
    """

    def __init__(self, dim: int = 64, *, max_tokens: int = 256) -> None:
        from embeddings.types import EncoderCard

        if not 1 <= dim <= _MAX_DIM:
            message = f"hash encoder of {dim} dimensions; 1 to {_MAX_DIM} are possible"
            raise EncoderNotFoundError(message)
        identity = f"hash v{_VERSION} dim={dim} max_tokens={max_tokens}"
        self._card = EncoderCard(
            name=f"hash:{dim}" if max_tokens == 256 else f"hash:{dim}:{max_tokens}",
            kind="hash",
            dim=dim,
            max_tokens=max_tokens,
            pooling="sum",
            normalised=True,
            dtype="float32",
            fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
        )

    @property
    def card(self) -> EncoderCard:
        """The identity of this encoder."""
        return self._card

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self._card.dim

    @property
    def max_tokens(self) -> int:
        """Tokens read of one text."""
        return self._card.max_tokens

    @property
    def modalities(self) -> frozenset[Modality]:
        """Text alone."""
        return frozenset({"text"})

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        """Vectors of length 1; the role changes nothing."""
        del role
        tokenised = [_tokens(text) for text in as_texts(inputs)]
        vectors = np.empty((len(tokenised), self.dim), dtype=np.float32)
        for row, tokens in enumerate(tokenised):
            kept = tokens[: self.max_tokens]
            total = np.sum([_token_vector(token, self.dim) for token in kept], axis=0)
            vectors[row] = total / max(float(np.linalg.norm(total)), 1e-12)
        counts = np.array([len(tokens) for tokens in tokenised], dtype=np.int32)
        return Encoding(vectors, counts, counts > self.max_tokens, np.zeros_like(counts))

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        """int32 (n,): words and symbols."""
        del role
        return np.array([len(_tokens(text)) for text in as_texts(inputs)], dtype=np.int32)

    def tokenizer_json(self) -> None:
        """None: the tokenizer is a regular expression."""
        return


def _tokens(text: str) -> list[str]:
    """Words and symbols; a text of neither (control characters) is its own token."""
    return _TOKEN.findall(unicodedata.normalize("NFC", text).casefold()) or [text]


@lru_cache(maxsize=65_536)
def _token_vector(token: str, dim: int) -> Vectors:
    digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
    return generator.standard_normal(dim, dtype=np.float32)
