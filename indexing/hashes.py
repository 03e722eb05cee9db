"""What documents are compared by, to know whether they changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from indexing.validation import dump_json

if TYPE_CHECKING:
    from indexing.types import Document

State = Literal["new", "changed", "relabelled", "unchanged"]
"""Of a document against a collection: `relabelled` has the same title and text, other labels."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """What a document is compared by: `text` is title and text, `content` everything."""

    text: bytes
    content: bytes

    @classmethod
    def of(cls, document: Document) -> Hashes:
        """16-byte BLAKE2b digests of a document."""
        parent = document.parent
        place = "" if parent is None else f"{parent.id}\0{parent.chunk}\0{parent.start}"
        parts = [document.title, document.text, dump_json(document.metadata), place]
        read = f"{document.title}\0{document.text}"
        if (image := document.image) is not None:
            parts += [image.digest, image.source, "kept" * image.kept]
            # Words may be said anew of a picture: both are read again, for words are stored too.
            read = f"{read}\0{image.digest}"
        whole = "\0".join(f"{len(part)}\0{part}" for part in parts)
        return cls(_digest(read), _digest(whole))

    def state(self, before: Hashes | None) -> State:
        """What became of a document with these hashes, that had those `before` (None: none)."""
        if before is None:
            return "new"
        if self.text != before.text:
            return "changed"
        return "unchanged" if self.content == before.content else "relabelled"


def hash_of_text(title: str, text: str) -> bytes:
    """`Hashes.text` of a document without a picture."""
    return _digest(f"{title}\0{text}")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
