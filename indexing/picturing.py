"""Vectors and thumbnails of documents' pictures: each is decoded once, by threads ahead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import InvalidImageError
from indexing.errors import UnreadableImagesError
from indexing.images import KeptPicture
from indexing.types import THUMBNAIL_SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.images.pictures import ImageReader, Prepared
    from embeddings.types import Vectors
    from indexing.types import Document, ImageReference

_AHEAD = 3
"""Batches whose pictures are decoded or under way."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture that was read: ready for the network where there is one, and small."""

    prepared: Prepared | None
    kept: KeptPicture


class Picturing:
    """Reads pictures for a collection.

    Where some of a batch cannot be read, the others' vectors are kept until the next call: whoever
    writes leaves the bad ones out and comes again.
    """

    def __init__(self) -> None:
        self._ready: dict[tuple[str, bool], tuple[Vectors | None, KeptPicture]] = {}

    def read(
        self, documents: Sequence[Document], encoder: ImageReader | None
    ) -> tuple[Vectors | None, list[KeptPicture]]:
        """Vectors (n, dim) and what to keep of the pictures of documents, which all have one.

        Args:
            documents: n of them, with pictures.
            encoder: computes vectors; None makes thumbnails alone.

        Raises:
            UnreadableImagesError: some cannot be read; all of them are named.
        """
        ready, self._ready = self._ready, {}
        images = {
            (document.image.digest, document.image.kept): document.image
            for document in documents
            if document.image is not None
        }
        missing = [
            key
            for key in images
            if key not in ready or (encoder is not None and ready[key][0] is None)
        ]
        faults: dict[tuple[str, bool], str] = {}
        for key, outcome in self._compute([images[key] for key in missing], encoder):
            if isinstance(outcome, InvalidImageError):
                faults[key] = str(outcome)
            else:
                ready[key] = outcome
        keys = [
            (document.image.digest, document.image.kept)
            for document in documents
            if document.image is not None
        ]
        if faults:
            self._ready = ready
            bad = zip(documents, keys, strict=True)
            raise UnreadableImagesError({d.id: faults[key] for d, key in bad if key in faults})
        kept = [ready[key][1] for key in keys]
        if encoder is None:
            return None, kept
        rows = [vector for vector in (ready[key][0] for key in keys) if vector is not None]
        return np.concatenate(rows), kept

    def _compute(
        self, images: Sequence[ImageReference], encoder: ImageReader | None
    ) -> list[tuple[tuple[str, bool], tuple[Vectors | None, KeptPicture] | InvalidImageError]]:
        """What became of each picture, by digest; vectors are computed batch by batch."""
        from embeddings.images.ahead import ahead
        from embeddings.images.encoder import usable

        made: list[
            tuple[tuple[str, bool], tuple[Vectors | None, KeptPicture] | InvalidImageError]
        ] = []
        waiting: list[tuple[tuple[str, bool], Prepared, KeptPicture]] = []
        batch = 32 if encoder is None else encoder.batch

        def compute() -> None:
            if encoder is None or not waiting:
                return
            encoding = encoder.encode([each[1] for each in waiting], role="document")
            made.extend(
                (key, (encoding.vectors[place : place + 1], kept))
                for place, (key, _, kept) in enumerate(waiting)
            )
            waiting.clear()

        outcomes = ahead(
            lambda image: _read(image, encoder), images, threads=usable(4), most=_AHEAD * batch
        )
        for image, outcome in zip(images, outcomes, strict=True):
            key = (image.digest, image.kept)
            if isinstance(outcome, InvalidImageError):
                made.append((key, outcome))
            elif outcome.prepared is None:
                made.append((key, (None, outcome.kept)))
            else:
                waiting.append((key, outcome.prepared, outcome.kept))
                if len(waiting) == batch:
                    compute()
        compute()
        return made


def _read(image: ImageReference, encoder: ImageReader | None) -> _Read | InvalidImageError:
    """The picture prepared and small; or why it cannot be read."""
    from embeddings.images.decoding import decode, make_thumbnail

    side = THUMBNAIL_SIDE if encoder is None else max(THUMBNAIL_SIDE, encoder.least_side)
    try:
        data = _bytes_of(image)
        decoded = decode(data, least_side=side // 2)
        thumbnail = make_thumbnail(decoded, THUMBNAIL_SIDE)
        prepared = None if encoder is None else encoder.prepare(decoded)
    except InvalidImageError as error:
        named = str(error).replace("the image", image.source or "the image", 1)
        return InvalidImageError(named)
    return _Read(prepared, KeptPicture(thumbnail, data if image.kept else None))


def _bytes_of(image: ImageReference) -> bytes:
    if image.data is not None:
        return image.data
    try:
        return Path(image.source).read_bytes()
    except OSError as error:
        message = f"the image cannot be read: {error.strerror or error}"
        raise InvalidImageError(message) from error
