"""Encoders whose vectors OpenVINO computes, and their tokens by the Rust tokenizer alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embeddings.compiled.batches import pad, plan
from embeddings.compiled.streams import Streams
from embeddings.tokens import FastTokens
from embeddings.types import Encoding, as_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.compiled.artefact import Artefact
    from embeddings.types import Counts, EncoderCard, Modality, Role, Vectors


class CompiledEncoder:
    """An encoder computed by OpenVINO; tokens and receipts are those of `SentenceEncoder`.

    Vectors agree with the library's within the bounds of `parity.BOUNDS`. Scales are fixed, so
    that neighbours in a batch change a vector only by the rounding of bfloat16.

    Args:
        artefact: what compiling gave.
        card: its card, with the name it was asked for.
        threads: that compute, one batch each.
    """

    def __init__(self, artefact: Artefact, card: EncoderCard, threads: int) -> None:
        from tokenizers import Tokenizer

        self._card = card
        self._marks = artefact.marks
        self._tokens = FastTokens(
            Tokenizer.from_str(artefact.tokenizer), artefact.marks, card.max_tokens
        )
        self._streams = Streams(artefact.graph, artefact.precision, threads)

    @property
    def card(self) -> EncoderCard:
        """The identity of this encoder."""
        return self._card

    def describe(self, card: EncoderCard) -> None:
        """Take a card that tells more of the same encoder."""
        self._card = card

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

    @property
    def streams(self) -> int:
        """How many calls of `encode` are computed at the same time."""
        return self._streams.count

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        """Vectors of the texts behind the role's prompt, in order; see `Encoder.encode`."""
        prompt = self._card.prompts.get(role, "")
        counted = self._tokens.count([prompt + text for text in as_texts(inputs)])
        vectors: Vectors = np.empty((len(counted.tokens), self.dim), dtype=np.float32)
        batches = (
            (rows, pad([counted.ids[row] for row in rows], width, self._marks.padding))
            for rows, width in plan(
                np.minimum(counted.tokens, self.max_tokens), self._streams.count
            )
        )
        self._streams.compute(batches, vectors)
        return Encoding(vectors, counted.tokens, counted.tokens > self.max_tokens, counted.unknown)

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        """int32 (n,): tokens with prompt and special tokens, before any cut."""
        prompt = self._card.prompts.get(role, "")
        return self._tokens.count([prompt + text for text in as_texts(inputs)]).tokens

    def tokenizer_json(self) -> str:
        """The tokenizer as Hugging Face JSON, without truncation or padding."""
        return self._tokens.to_json()
