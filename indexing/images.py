"""Pictures of documents: told from texts, kept small, and put into the database and out again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexing.errors import InvalidDocumentError, ModalityMismatchError
from indexing.types import MAX_IMAGE_BYTES, ImageReference

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from embeddings.types import EncoderCard
    from indexing.types import Document

_KEYS = ("digest", "format", "width", "height", "source", "kept")


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """What a collection keeps of a document's picture.

    Attributes:
        thumbnail: a JPEG, `THUMBNAIL_SIDE` pixels at the longer side at most.
        original: the whole file; None unless it was asked for.
    """

    thumbnail: bytes
    original: bytes | None = None


def describe_image(data: bytes, *, source: str = "", kept: bool = False) -> ImageReference:
    """The reference to a picture by the bytes of its file, which stay with it.

    Raises:
        InvalidImageError: it is no picture of a known format, or has too many pixels.
        InvalidDocumentError: the file is too large.
    """
    from embeddings.images.decoding import look

    if len(data) > MAX_IMAGE_BYTES:
        message = f"the picture has {len(data):,} bytes; at most {MAX_IMAGE_BYTES:,} are read"
        raise InvalidDocumentError(message)
    looks = look(data)
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return ImageReference(
        digest, looks.format, looks.width, looks.height, source, data=data, kept=kept
    )


def check_documents_fit(documents: Sequence[Document], encoder: EncoderCard, name: str) -> None:
    """Refuse pictures where texts are read, and the reverse.

    Raises:
        ModalityMismatchError: naming the document and what the encoder reads.
    """
    for document in documents:
        kind = "text" if document.image is None else "image"
        if kind not in encoder.modalities:
            what = "a text" if kind == "text" else "a picture"
            message = (
                f"document {document.id[:80]!r} is {what}; collection {name!r} holds vectors of "
                f"encoder {encoder.name!r}, which reads {read_by(encoder.modalities)}: put it into "
                "a collection whose encoder reads it"
            )
            raise ModalityMismatchError(message, "documents")


def check_question_fits(kind: str, encoder: EncoderCard, name: str) -> None:
    """Refuse to ask an encoder of texts with a picture, and the reverse.

    Args:
        kind: `text` or `image`.
        encoder: the collection's.
        name: of the collection.

    Raises:
        ModalityMismatchError: naming what the encoder reads, and the remedy.
    """
    if kind in encoder.modalities:
        return
    field = "query" if kind == "text" else "image"
    what = "a text" if kind == "text" else "a picture"
    remedy = (
        "ask with a picture (image), by a document_id, or in mode lexical, which looks at words"
        if kind == "text"
        else "ask with a text (query)"
    )
    message = (
        f"the question is {what}; collection {name!r} holds vectors of encoder {encoder.name!r}, "
        f"which reads {read_by(encoder.modalities)}: {remedy}"
    )
    raise ModalityMismatchError(message, field)


def read_by(modalities: Collection[str]) -> str:
    """`texts`, `images`, or both, for people."""
    names = {"text": "texts", "image": "images"}
    return " and ".join(names[each] for each in sorted(modalities, reverse=True))


def dump_image(image: ImageReference | None) -> str | None:
    """The reference as it is stored; its bytes are not."""
    if image is None:
        return None
    return json.dumps({key: getattr(image, key) for key in _KEYS}, ensure_ascii=False)


def load_image(text: str | None) -> ImageReference | None:
    """The reference that `dump_image` wrote."""
    if text is None:
        return None
    data: dict[str, Any] = json.loads(text)
    return ImageReference(**data)
