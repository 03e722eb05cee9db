"""A collection's own encoder: loaded when first needed, checked, and fed with documents."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import EmbeddingError
from embeddings.types import Encoding
from indexing.card import check_encoder
from indexing.errors import InvalidDocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from embeddings.types import Encoder
    from indexing.card import CollectionCard
    from indexing.types import Document


class DocumentEncoder:
    """Vectors of documents by the encoder that a collection's card names.

    Args:
        card: the collection's.
        load: from a name to an encoder.
        encoder: to use instead of loading one.
    """

    def __init__(
        self, card: CollectionCard, load: Callable[[str], Encoder], encoder: Encoder | None
    ) -> None:
        self._card = card
        self._load = load
        self._encoder = encoder
        self._loading = threading.Lock()

    @property
    def encoder(self) -> Encoder:
        """The encoder.

        Raises:
            EncoderMismatchError: what its name gives today is another encoder.
            EmbeddingError: it cannot be loaded.
        """
        with self._loading:
            if self._encoder is None:
                encoder = self._load(self._card.encoder.name)
                check_encoder(self._card, encoder.card)
                self._encoder = encoder
            return self._encoder

    def encode(self, documents: Sequence[Document]) -> Encoding:
        """Vectors (n, dim) of the documents; equal texts are encoded once.

        Raises:
            InvalidDocumentError: the encoder refuses them.
        """
        if not documents:
            none = np.zeros(0, dtype=np.int32)
            vectors = np.empty((0, self._card.encoder.dim), dtype=np.float32)
            return Encoding(vectors, none, none.astype(bool), none)
        texts = [document.encoded_text for document in documents]
        place = {text: position for position, text in enumerate(dict.fromkeys(texts))}
        try:
            encoding = self.encoder.encode(list(place), role="document")
        except EmbeddingError as error:
            raise InvalidDocumentError(f"documents cannot be encoded: {error}") from error
        if len(place) == len(texts):
            return encoding
        order = np.array([place[text] for text in texts])
        return Encoding(
            encoding.vectors[order],
            encoding.tokens[order],
            encoding.truncated[order],
            encoding.unknown[order],
        )
