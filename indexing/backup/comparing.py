"""Holding two collections that should be the same against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexing.documents import DocumentStore
    from indexing.storage import Storage
    from indexing.types import Document, Match, StoredDocument

_BLOCK = 4096
_NAMED = 3
_NEAR = 1e-5
_QUERY_WORDS = 12

Row = tuple[str, int, bytes]
"""Id, row and hash of everything of a document."""


def sample(storage: Storage, count: int, rng: np.random.Generator) -> list[StoredDocument]:
    """So many documents at random, or all there are, in the order of their rows."""
    rows = storage.documents.rows()
    rows = rows[rows >= 0]
    chosen = np.sort(rng.choice(rows, min(count, len(rows)), replace=False))
    return list(storage.documents.by_rows(chosen.tolist()).values())


def first_words(document: Document) -> str:
    """What is asked with a document: its first words; empty without text."""
    return " ".join(document.encoded_text.split()[:_QUERY_WORDS])


def compare_documents(ours: Storage, theirs: Storage, *, strict: bool) -> tuple[int, list[str]]:
    """How many documents both hold alike, and what should not be, one sentence each.

    Args:
        ours: the collection.
        theirs: its copy.
        strict: every document has to be in both, as it is.
    """
    counts = {"missing": 0, "more": 0, "other": 0, "moved": 0}
    named: dict[str, list[str]] = {kind: [] for kind in counts}
    alike: list[tuple[str, int, int]] = []
    compared = 0

    def note(kind: str, id_: str) -> None:
        counts[kind] += 1
        if len(named[kind]) < _NAMED:
            named[kind].append(repr(id_[:40]))

    def compare_vectors() -> None:
        rows = np.array([pair[1:] for pair in alike], dtype=np.int64).reshape(-1, 2)
        own, copied = ours.snapshot.vectors, theirs.snapshot.vectors
        there = (rows >= 0) & (rows < [len(own), len(copied)])
        inside = np.flatnonzero(there[:, 0] & there[:, 1])
        same = own[rows[inside, 0]] == copied[rows[inside, 1]]
        for place in inside[~np.all(same, axis=1)].tolist():
            note("moved", alike[place][0])
        alike.clear()

    for own, copied in side_by_side(ours, theirs):
        if own is None or copied is None:
            note("missing" if copied is None else "more", (own or copied or ("",))[0])
        elif own[2] != copied[2]:
            note("other", own[0])
        else:
            compared += 1
            alike.append((own[0], own[1], copied[1]))
            if len(alike) >= _BLOCK:
                compare_vectors()
    compare_vectors()
    words = {
        "missing": "documents are missing in the copy",
        "more": "documents of the copy are not in the collection",
        "other": "documents have other content in the copy",
        "moved": "documents have other vectors in the copy",
    }
    judged = counts if strict else ("moved",)
    problems = []
    for kind in judged:
        if counts[kind]:
            more = ", ..." if counts[kind] > _NAMED else ""
            problems.append(f"{counts[kind]:,} {words[kind]} ({', '.join(named[kind])}{more})")
    return compared, problems


def answers_agree(ours: Sequence[Match], theirs: Sequence[Match]) -> tuple[bool, float]:
    """Whether two answers are the same, and the largest difference between scores by rank.

    Matches whose scores are equal, but for rounding, may stand in another order; of those that
    equal the last, others may be there.
    """
    pairs = [(a.score, b.score) for a, b in zip(ours, theirs, strict=False)]
    difference = max((abs(a - b) for a, b in pairs), default=0.0)
    if len(ours) != len(theirs) or any(abs(a - b) > _near(a) for a, b in pairs):
        return False, difference
    last = ours[-1].score if ours else 0.0
    ids = {match.document.id for match in ours} ^ {match.document.id for match in theirs}
    scores = {match.document.id: match.score for match in (*ours, *theirs)}
    return all(abs(scores[id_] - last) <= _near(last) for id_ in ids), difference


def overlap(ours: Sequence[Match], theirs: Sequence[Match]) -> float:
    """Share of the longer answer's documents that both have; 1 for two empty ones."""
    most = max(len(ours), len(theirs))
    both = {match.document.id for match in ours} & {match.document.id for match in theirs}
    return len(both) / most if most else 1.0


def _near(score: float) -> float:
    return _NEAR * max(1.0, abs(score))


def side_by_side(ours: Storage, theirs: Storage) -> Iterator[tuple[Row | None, Row | None]]:
    """Documents of both by id, each with that of the other that has the same id."""
    left, right = _documents(ours.documents), _documents(theirs.documents)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0].encode() < b[0].encode()):
            yield a, None
            a = next(left, None)
        elif a is None or b[0].encode() < a[0].encode():
            yield None, b
            b = next(right, None)
        else:
            yield a, b
            a, b = next(left, None), next(right, None)


def _documents(store: DocumentStore) -> Iterator[Row]:
    """Those of one moment, by the UTF-8 bytes of their ids, from the file that was opened.

    Another may have its name by now, with other rows than the vectors that were opened with it.
    """
    after = ""
    with store.holding():
        while found := store.content_hashes(after, _BLOCK):
            yield from found
            after = found[-1][0]
