"""A collection's own encoder: loaded when first needed, checked, and fed with documents."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import EmbeddingError
from embeddings.types import Encoding
from indexing.card import check_encoder
from indexing.errors import InvalidDocumentError
from indexing.images import check_documents_fit
from indexing.picturing import Picturing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from embeddings.types import Encoder
    from indexing.card import CollectionCard
    from indexing.images import KeptPicture
    from indexing.types import Document


_SHOWN = 80


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Documents ready to be written.

    Attributes:
        encoding: vectors and the truncation receipt; pictures have no tokens.
        pictures: what to keep of each document's picture; None where it has none.
    """

    encoding: Encoding
    pictures: list[KeptPicture | None]


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
        self._picturing = Picturing()

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

    def encode(self, documents: Sequence[Document]) -> Encoded:
        """Vectors (n, dim) of the documents, and their pictures; equal ones are encoded once.

        Raises:
            ModalityMismatchError: a picture for an encoder of texts, or the reverse.
            InvalidDocumentError: the encoder refuses them, or gives no numbers for one;
                `UnreadableImagesError` names every document whose picture cannot be read.
        """
        encoded = self._encode(documents)
        finite = np.isfinite(encoded.encoding.vectors).all(axis=1)
        if not finite.all():
            id_ = documents[int(np.argmin(finite))].id
            message = (
                f"document {id_[:_SHOWN]!r} cannot be encoded: encoder {self._card.encoder.name!r} "
                "gives NaN or infinity for it, as one that is damaged does"
            )
            raise InvalidDocumentError(message, id_)
        return encoded

    def _encode(self, documents: Sequence[Document]) -> Encoded:
        check_documents_fit(documents, self._card.encoder, self._card.name)
        pictured = [place for place, each in enumerate(documents) if each.image is not None]
        if not pictured:
            return Encoded(self._encode_texts(documents), [None] * len(documents))
        encoder: Any = self.encoder
        shown = [documents[place] for place in pictured]
        vectors, kept = self._picturing.read(shown, encoder)
        whole = _room(len(documents), self._card.encoder.dim)
        whole.vectors[pictured] = vectors
        pictures: list[KeptPicture | None] = [None] * len(documents)
        for place, picture in zip(pictured, kept, strict=True):
            pictures[place] = picture
        written = [place for place, each in enumerate(documents) if each.image is None]
        if written:
            texts = self._encode_texts([documents[place] for place in written])
            for name in ("vectors", "tokens", "truncated", "unknown"):
                getattr(whole, name)[written] = getattr(texts, name)
        return Encoded(whole, pictures)

    def picture(self, documents: Sequence[Document]) -> list[KeptPicture | None]:
        """What to keep of the documents' pictures, where their vectors are there already.

        Raises:
            UnreadableImagesError: names every document whose picture cannot be read.
        """
        shown = [document for document in documents if document.image is not None]
        kept = iter(self._picturing.read(shown, None)[1] if shown else [])
        return [None if document.image is None else next(kept) for document in documents]

    def _encode_texts(self, documents: Sequence[Document]) -> Encoding:
        if not documents:
            return _room(0, self._card.encoder.dim)
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


def _room(rows: int, dim: int) -> Encoding:
    """Room for so many encodings; nothing was counted yet."""
    counts = [np.zeros(rows, dtype=np.int32) for _ in range(2)]
    vectors = np.empty((rows, dim), dtype=np.float32)
    return Encoding(vectors, counts[0], np.zeros(rows, dtype=bool), counts[1])
