"""Letting vectors in that come along with documents, where they are what the encoder would make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.errors import EncoderMismatchError, InvalidDocumentError
from indexing.types import Metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from embeddings.types import EncoderCard
    from indexing.readers.records import Record


class VectorGate:
    """Judges vectors by what made them.

    Args:
        encoder: the collection's.
        metric: the collection's; None where it is not known.
    """

    def __init__(self, encoder: EncoderCard, metric: Metric | None) -> None:
        self._encoder = encoder
        self._metric = metric

    def admit(self, record: Record) -> npt.NDArray[np.float32] | None:
        """The vector of a record, float32 (dim,); None where it has none, or one of zeros.

        Raises:
            EncoderMismatchError: another encoder made it, or it was brought to length 1 and is to
                be compared otherwise.
            InvalidDocumentError: it has another width than the encoder's.
        """
        ready = record.vector
        if ready is None:
            return None
        card, origin = self._encoder, ready.origin
        remedy = "--encode-again leaves such vectors out and makes new ones"
        if origin.fingerprint != card.fingerprint:
            message = (
                f"{record.origin}: vectors of encoder {origin.name[:80]!r} (fingerprint "
                f"{origin.fingerprint[:80]}), and the collection's is {card.name!r} (fingerprint "
                f"{card.fingerprint}); index into a collection of the first, or {remedy}"
            )
            raise EncoderMismatchError(message)
        was_scaled = origin.metric == Metric.COSINE and not card.normalised
        if was_scaled and self._metric not in {None, Metric.COSINE}:
            message = (
                f"{record.origin}: its vectors were brought to length 1 for cosine, and the "
                f"collection compares by {self._metric}; {remedy}"
            )
            raise EncoderMismatchError(message)
        if ready.values.shape != (card.dim,):
            message = f"its vector has {len(ready.values)} numbers, the encoder makes {card.dim}"
            raise InvalidDocumentError(message, record.document.id)
        return ready.values if ready.values.any() else None
