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
OTHER_DIM = 24
OTHER_ENCODER = f"hash:{OTHER_DIM}"
"""The one that a collection is encoded by anew."""
ANALYZER = "bigrams"
COLLECTION = "c"
OWN_WORD = "zq"
"""How words begin that stand in one document alone."""
RESTORED = "restored"
"""The collection that a backup is brought back as."""
SHADOW = f"{COLLECTION}.reembedded"
"""The collection that another encoder fills, until it takes the name."""
BEFORE = f"{COLLECTION}.before"
"""The one that had the name."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A document, and what its vector is.

    Attributes:
        document: as it was written.
        ready: seed of the vector, where that was brought ready-made.
        dim: numbers in the vector.
    """

    document: Document
    ready: int | None = None
    dim: int = DIM

    @property
    def vector(self) -> Vectors:
        """float32 (dim,), of length 1."""
        if self.ready is not None:
            return ready_vector(self.ready, self.dim)
        return _encoded(self.document.encoded_text, self.dim)


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
        dim: numbers in the collection's vectors.
        before: documents of the collection that had the name before another encoder's took it.
    """

    documents: Mapping[str, Kept] = field(default_factory=dict)
    collections: frozenset[str] = frozenset()
    jobs: Mapping[str, str] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    backups: tuple[Mapping[str, Kept], ...] = ()
    result: int | None = None
    dim: int = DIM
    before: Mapping[str, Kept] = field(default_factory=dict)

    def added(self, documents: Iterable[Document], ready: int | None = None) -> State:
        """With those documents in it, as `add` puts them there."""
        new = dict(self.documents)
        for number, document in enumerate(documents):
            before = new.get(document.id)
            kept = Kept(document, None if ready is None else ready + number, self.dim)
            if before is not None and ready is None and is_relabelling(before.document, document):
                kept = Kept(document, before.ready, self.dim)  # the vector stays
            new[document.id] = kept
        return replace(self, documents=new)

    def deleted(self, ids: Iterable[str]) -> State:
        """Without those documents."""
        gone = set(ids)
        kept = {id_: each for id_, each in self.documents.items() if id_ not in gone}
        return replace(self, documents=kept)

    def reembedded(self) -> State:
        """With another encoder's collection in the place of the one there was."""
        dim = OTHER_DIM if self.dim == DIM else DIM
        return replace(
            self,
            documents={id_: Kept(each.document, dim=dim) for id_, each in self.documents.items()},
            collections=self.collections - {SHADOW} | {BEFORE},
            result=None,
            dim=dim,
            before=self.documents,
        )


def is_relabelling(before: Document, after: Document) -> bool:
    """True if what is encoded stays the same."""
    return (before.title, before.text) == (after.title, after.text)


@cache
def ready_vector(seed: int, dim: int) -> Vectors:
    """float32 (dim,), of length 1, drawn from the seed."""
    drawn = np.random.default_rng(seed).normal(size=dim).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn), dtype=np.float32)


@cache
def _encoded(text: str, dim: int) -> Vectors:
    encoder = HashEncoder(dim)
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
