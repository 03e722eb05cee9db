"""Holding the files of a collection against each other, and mending what can be mended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.files import checksum_file
from indexing.hashes import Hashes
from indexing.transaction import Append
from indexing.vectors import VECTORS_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.local import LocalCollection
    from indexing.types import Document, Ids, StoredDocument

_BLOCK = 4096
_BEFORE_ALL = -(1 << 62)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was checked and found.

    Attributes:
        ok: True if nothing is wrong (any more, after a repair).
        documents: documents checked.
        problems: what is wrong, one sentence each.
        repaired: what was wrong and is not any more.
    """

    ok: bool
    documents: int
    problems: tuple[str, ...]
    repaired: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        data = asdict(self)
        return data | {"problems": list(self.problems), "repaired": list(self.repaired)}


def verify(collection: LocalCollection, *, repair: bool) -> VerifyReport:
    """Check database, vectors, documents and index; with `repair`, mend what their text allows.

    Documents whose vectors are lost, changed on disk or not finite are encoded again. A
    damaged database cannot be mended from what is left.
    """
    repaired: list[str] = []
    problems = _database(collection)
    if problems:
        return VerifyReport(ok=False, documents=0, problems=tuple(problems), repaired=())
    wrong, rows = _vectors(collection)
    if wrong and repair:
        _encode_again(collection, rows)
        repaired = [f"{problem}: {len(rows)} documents encoded again" for problem in wrong]
        collection.storage.reload()
        wrong, _ = _vectors(collection)
    index = [*_index_files(collection), *_index(collection)]
    if index and repair:
        collection.storage.reseal()
        repaired += [f"{problem}: rebuilt" for problem in index]
        index = [*_index_files(collection), *_index(collection)]
    words = collection.storage.lexicon.verify()
    if words and repair:
        collection.storage.lexicon.rebuild()
        repaired += [f"{problem}: rebuilt" for problem in words]
        words = collection.storage.lexicon.verify()
    earlier, texts = _texts(collection)
    if earlier and repair:
        with collection.storage.documents.transaction(counted=False) as change:
            for document in earlier:
                change.rehash(document)
        repaired.append(f"{_hashed(earlier)}: hashed again")
        earlier, texts = _texts(collection)
    problems = [*wrong, *texts, *([_hashed(earlier)] if earlier else []), *index, *words]
    return VerifyReport(
        ok=not problems,
        documents=collection.count(),
        problems=tuple(problems),
        repaired=tuple(repaired),
    )


def _database(collection: LocalCollection) -> list[str]:
    return [f"documents.sqlite: {problem}" for problem in collection.storage.documents.check()]


def _vectors(collection: LocalCollection) -> tuple[list[str], Ids]:
    """What is wrong with the vectors, and the rows of the documents it touches."""
    store, file = collection.storage.documents, collection.storage.vectors
    there, stored = file.rows, store.rows()
    problems: list[str] = []
    touched = [stored[(stored < 0) | (stored >= there)]]
    if lost := len(touched[0]):
        problems.append(f"{VECTORS_FILE} was cut: {lost} documents have no vector")
    for append in store.appends():
        if append.first + append.rows > there:
            continue
        if file.checksum(append.first, append.rows) == append.crc32:
            continue
        last = append.first + append.rows - 1
        problems.append(f"{VECTORS_FILE}: rows {append.first} to {last} fail their checksum")
        inside = (stored >= append.first) & (stored <= last)
        touched.append(stored[inside])
    return problems, np.unique(np.concatenate(touched))


def _hashed(documents: Sequence[Document]) -> str:
    return f"{len(documents)} documents have the hash of an earlier version beside their text"


def _texts(collection: LocalCollection) -> tuple[list[Document], list[str]]:
    """Documents as they were stored, but for a hash that is of another program; and the others."""
    earlier: list[Document] = []
    problems: list[str] = []
    row = _BEFORE_ALL
    while found := collection.storage.documents.after(row, _BLOCK, None):
        row = found[-1].row
        stored = collection.storage.documents.hashes([item.document.id for item in found])
        for item in found:
            before, now = stored.get(item.document.id), Hashes.of(item.document)
            if before is None or before[1] == now:
                continue
            if before[1].content == now.content:  # which covers the text as well
                earlier.append(item.document)
                continue
            problems.append(
                f"document {item.document.id!r} is not what was stored: its hash differs"
            )
    return earlier, problems


def _index_files(collection: LocalCollection) -> list[str]:
    """What became of the index's files since they were read into memory."""
    if collection.storage.snapshot.sealed is None:
        return []
    cards = sorted(collection.folder.glob("index-*.json"))
    if not cards:
        return ["the files of the index are gone"]
    return [problem for card in cards for problem in _index_file(card)]


def _index_file(card: Path) -> list[str]:
    file = card.with_suffix(".faiss")
    try:
        crc32 = json.loads(card.read_bytes())["crc32"]
        if checksum_file(file) != crc32:
            return [f"{file.name} fails its checksum"]
    except FileNotFoundError as error:
        return [f"{Path(error.filename).name} is missing"]
    except (ValueError, KeyError, TypeError):
        return [f"{card.name} is not the card of an index"]
    return []


def _index(collection: LocalCollection) -> list[str]:
    """A sealed index must find its own vectors: a sample of rows must come back as its own hit."""
    snapshot = collection.storage.snapshot
    sealed = snapshot.sealed
    if sealed is None:
        return []
    live = np.flatnonzero(snapshot.live[: sealed.rows])
    if len(live) == 0:
        return []
    sample = live[np.linspace(0, len(live) - 1, min(64, len(live)), dtype=np.int64)]
    queries = np.ascontiguousarray(snapshot.vectors[sample])
    found = sealed.index.search(queries, 1, effort=sealed.card.point.effort)
    truth = snapshot.find(queries, 1, exact=True).hits
    agree = float(np.mean(found.scores[:, 0] >= truth.scores[:, 0] - 1e-4))
    if agree < 0.5:
        return [f"the {sealed.card.kind} index finds {agree:.0%} of its own rows"]
    return []


def _encode_again(collection: LocalCollection, rows: Ids) -> None:
    """New rows for the documents in `rows`; what is left of damaged ones is recorded as it is."""
    store, file = collection.storage.documents, collection.storage.vectors
    for start in range(0, len(rows), _BLOCK):
        found = store.by_rows(rows[start : start + _BLOCK].tolist())
        documents: list[StoredDocument] = list(found.values())
        collection.rewrite(documents)
    with store.transaction() as change:
        for append in store.appends():
            crc32 = file.checksum(append.first, append.rows)
            if crc32 != append.crc32:
                change.record(Append(append.first, append.rows, crc32))
