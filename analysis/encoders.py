"""Vectors of two encoders cannot be compared, whatever their width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.errors import UnsuitableCorpusError

if TYPE_CHECKING:
    from analysis.corpus import Corpus


def check_same_encoder(one: Corpus, other: Corpus) -> None:
    """Nothing, if both corpora were encoded by the same encoder.

    Raises:
        UnsuitableCorpusError: they were not; the message names both fingerprints.
    """
    first, second = one.card.encoder, other.card.encoder
    if first.fingerprint != second.fingerprint:
        message = (
            f"collection {one.card.name!r} was encoded by {first.name} ({first.fingerprint}), "
            f"{other.card.name!r} by {second.name} ({second.fingerprint}): their vectors cannot "
            "be compared; reembed one of them"
        )
        raise UnsuitableCorpusError(message)
