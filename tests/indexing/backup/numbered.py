"""Documents by number, and what a collection holds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from indexing.types import Document

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.local import LocalCollection

WORDS = ["returns", "반품", "parcels", "소포", "free", "무료", "gift", "선물", "cards", "카드"]


def numbered(number: int, version: int = 0) -> Document:
    """Document `number`; another `version` has other words."""
    rng = random.Random(1000 * number + version)
    text = " ".join(rng.choices(WORDS, k=20))
    return Document(str(number), f"{text} {number}", "title", {"n": number, "version": version})


def contents(collection: LocalCollection) -> dict[str, tuple[Document, bytes]]:
    """Every document and its vector by id."""
    found = {}
    vectors = collection.storage.snapshot.vectors
    for stored in collection.scan(limit=10_000).documents:
        found[stored.document.id] = (stored.document, vectors[stored.row].tobytes())
    return found


def files(folder: Path) -> dict[str, bytes]:
    """Content by path, without locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
