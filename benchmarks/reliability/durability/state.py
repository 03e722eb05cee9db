"""What a data folder should hold: a model in memory, changed by the same rules as the disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from embeddings.hashing import HashEncoder
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from embeddings.types import Vectors

DIM = 16
ENCODER = f"hash:{DIM}"
ANALYZER = "bigrams"
COLLECTION = "c"
OWN_WORD = "zq"
"""How words begin that stand in one document alone."""
RESTORED = "restored"
"""The collection that a backup is brought back as."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A document, and the seed of its vector where that was brought ready-made."""

    document: Document
    ready: int | None = None

    @property
    def vector(self) -> Vectors:
        """float32 (dim,), of length 1."""
        text = self.document.encoded_text
        return _encoded(text) if self.ready is None else ready_vector(self.ready)


@dataclass(frozen=True, slots=True)
class State:
    """A data folder.

    Attributes:
        documents: of the collection, by id.
        collections: names.
        jobs: state by id.
        keys: names of active API keys.
        backups: the documents of each backup, by id.
        result: what the last analysis found; None: there was none.
    """

    documents: Mapping[str, Kept] = field(default_factory=dict)
    collections: frozenset[str] = frozenset()
    jobs: Mapping[str, str] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    backups: tuple[Mapping[str, Kept], ...] = ()
    result: int | None = None

    def added(self, documents: Iterable[Document], ready: int | None = None) -> State:
        """With those documents in it, as `add` puts them there."""
        new = dict(self.documents)
        for number, document in enumerate(documents):
            before = new.get(document.id)
            kept = Kept(document, None if ready is None else ready + number)
            if before is not None and ready is None and is_relabelling(before.document, document):
                kept = Kept(document, before.ready)  # the vector stays
            new[document.id] = kept
        return replace(self, documents=new)

    def deleted(self, ids: Iterable[str]) -> State:
        """Without those documents."""
        gone = set(ids)
        kept = {id_: each for id_, each in self.documents.items() if id_ not in gone}
        return replace(self, documents=kept)


def is_relabelling(before: Document, after: Document) -> bool:
    """True if what is encoded stays the same."""
    return (before.title, before.text) == (after.title, after.text)


@cache
def ready_vector(seed: int) -> Vectors:
    """float32 (dim,), of length 1, drawn from the seed."""
    drawn = np.random.default_rng(seed).normal(size=DIM).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn), dtype=np.float32)


@cache
def _encoded(text: str) -> Vectors:
    encoder = HashEncoder(DIM)
    return np.asarray(encoder.encode([text], role="document").vectors[0], dtype=np.float32)


def document(id_: str, version: int, label: int = 0) -> Document:
    """The document of that id in that version: `word_of` finds it and nothing else."""
    number = int(id_[1:])
    text = f"{word_of(id_, version)} stands among topic{number % 7} and {number % 3} of many"
    title = f"Title {number}" if number % 4 == 0 else ""
    return Document(id_, text, title, {"n": number, "even": number % 2 == 0, "label": label})


def word_of(id_: str, version: int) -> str:
    """A word that stands in one version of one document alone."""
    return f"{OWN_WORD}{id_}v{version}x"
