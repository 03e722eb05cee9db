"""Whether a data folder holds what it should, and answers as it should."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import ResultNotFoundError
from analysis.results import Results
from benchmarks.reliability.durability.state import (
    BEFORE,
    COLLECTION,
    DIM,
    ENCODER,
    OTHER_ENCODER,
    OWN_WORD,
    RESTORED,
    SHADOW,
    State,
    document,
    word_of,
)
from benchmarks.reliability.durability.steps import reembed
from benchmarks.reliability.durability.world import BACKUPS, DATA
from indexing.backup.checking import check
from indexing.backup.folder import BackupFolder
from indexing.backup.restoring import restore
from indexing.card import CARD_FILE
from indexing.data_folder import DataFolder
from indexing.errors import BackupNotFoundError
from indexing.exchange import JOURNAL
from indexing.filters import Filter
from indexing.index.exact import comparable
from indexing.types import Metric, SearchRequest
from service.access.keyring import read_keys
from service.jobs.store import JOBS_FILE, JobStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexing.local import LocalCollection
    from indexing.types import StoredDocument

_WORDS = 4
_QUERIES = 3


@dataclass
class Findings:
    """What was found.

    Attributes:
        wrong: what must not be, one sentence each.
        told: what the collection itself said on opening, and what `verify` repaired.
    """

    wrong: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def check_disk(disk: Path, states: Sequence[State], *, mixed: bool = False) -> Findings:
    """Open the folders as after a crash, and compare them with what is allowed.

    Args:
        disk: where the data folder and the backups are.
        states: any of them may be there.
        mixed: each document may be as in any of them.
    """
    found = Findings()
    path = disk / DATA
    with DataFolder.open(path, maintain=False) as data:
        names = frozenset(data.names())
        possible = [state for state in states if state.collections == names]
        if not possible:
            wanted = [sorted(state.collections) for state in states]
            found.wrong.append(f"collections are {sorted(names)}, not {wanted}")
        elif COLLECTION in names:
            collection = data.collection(COLLECTION)
            found.told += collection.problems
            state = compare_documents(collection, possible, found, mixed=mixed)
            _verify(collection, found)
            if state is not None:
                _ask(collection, state, found)
                _go_on(collection, found)
                _check_encoders(data, state, found)
        if RESTORED in names:
            brought = [replace(state, documents=state.backups[-1]) for state in possible]
            compare_documents(data.collection(RESTORED), brought, found)
    _check_beside(path, states, found)
    _check_backups(disk, states, found)
    _check_leavings(path, found)
    return found


def compare_documents(
    collection: LocalCollection, states: Sequence[State], found: Findings, *, mixed: bool = False
) -> State | None:
    """The state that the collection is in; None, and what differs, where it is in none."""
    there = {item.document.id: item for item in collection.scan(limit=10_000).documents}
    if mixed:
        state = _mixed(there, states)
    else:
        fitting = [state for state in states if not _differences(collection, there, state)]
        state = fitting[0] if fitting else None
    if state is None:
        closest = min((_differences(collection, there, each) for each in states), key=len)
        found.wrong.append(f"documents: {'; '.join(closest[:4])} ({len(closest)} in all)")
        return None
    if mixed:
        found.wrong += _differences(collection, there, state)
    return state


def _mixed(there: dict[str, StoredDocument], states: Sequence[State]) -> State | None:
    """The state of exactly the documents there, each as it is in one of the states."""
    picked = {}
    for id_, item in there.items():
        fitting = [
            state.documents[id_]
            for state in states
            if id_ in state.documents and state.documents[id_].document == item.document
        ]
        if not fitting:
            return None
        picked[id_] = fitting[0]
    needed = set.intersection(*(set(state.documents) for state in states))
    return State(picked, states[0].collections) if needed <= picked.keys() else None


def _differences(
    collection: LocalCollection, there: dict[str, StoredDocument], state: State
) -> list[str]:
    wanted = state.documents
    wrong = [f"{id_!r} is lost" for id_ in wanted.keys() - there.keys()]
    wrong += [f"{id_!r} is back or was never acknowledged" for id_ in there.keys() - wanted.keys()]
    vectors = collection.storage.snapshot.vectors
    for id_ in wanted.keys() & there.keys():
        item = there[id_]
        if item.document != wanted[id_].document:
            wrong.append(f"{id_!r} is {item.document}, not {wanted[id_].document}")
        elif not 0 <= item.row < len(vectors):
            wrong.append(f"{id_!r} has no vector (row {item.row} of {len(vectors)})")
        else:
            vector = comparable(wanted[id_].vector[None], Metric.COSINE)[0]
            if vector.shape != vectors[item.row].shape:
                wrong.append(f"{id_!r} has a vector of {len(vectors[item.row])} numbers")
            elif not np.allclose(vectors[item.row], vector, atol=1e-6):
                wrong.append(f"{id_!r} has the vector of another")
    return wrong


def _check_encoders(data: DataFolder, state: State, found: Findings) -> None:
    """What another encoder took the place of is there, and what it began can be finished."""
    names = data.names()
    if BEFORE in names:
        compare_documents(data.collection(BEFORE), [State(state.before)], found)
        _verify(data.collection(BEFORE), found)
    if SHADOW not in names:
        return
    begun = {item.document.id for item in data.collection(SHADOW).scan(limit=10_000).documents}
    if strangers := begun - state.documents.keys():
        found.wrong.append(f"{SHADOW} holds {sorted(strangers)}, which nobody wrote")
    reembed(data, OTHER_ENCODER if state.dim == DIM else ENCODER)
    after = state.reembedded()
    _verify(data.collection(COLLECTION), found)
    compare_documents(data.collection(COLLECTION), [after], found)
    compare_documents(data.collection(BEFORE), [state], found)
    _ask(data.collection(COLLECTION), after, found)


def _verify(collection: LocalCollection, found: Findings) -> None:
    """Clean, or repaired and said so."""
    report = collection.verify()
    if report.ok:
        return
    mended = collection.verify(repair=True)
    found.told += [f"verify: {problem}" for problem in report.problems]
    if not mended.ok:
        found.wrong.append(f"verify cannot repair: {mended.problems}")
    elif not mended.repaired:
        found.wrong.append(f"verify does not say what it repaired: {report.problems}")


def _ask(collection: LocalCollection, state: State, found: Findings) -> None:
    """Exact, indexed and lexical answers against those of the model."""
    wanted = state.documents
    if collection.count() != len(wanted):
        found.wrong.append(f"count is {collection.count()}, not {len(wanted)}")
    even = Filter.parse({"must": [{"key": "even", "match": {"value": True}}]})
    evens = sum(bool(each.document.metadata.get("even")) for each in wanted.values())
    if collection.count(even) != evens:
        found.wrong.append(f"{collection.count(even)} documents satisfy a filter, not {evens}")
    if not wanted:
        return
    ids = sorted(wanted)
    matrix = np.stack([wanted[id_].vector for id_ in ids])
    for id_ in ids[:: max(1, len(ids) // _QUERIES)]:
        scores = matrix @ wanted[id_].vector
        for exact in (True, False):
            request = SearchRequest(vector=wanted[id_].vector, limit=10, exact=exact)
            matches = collection.search(request).matches
            got = [match.score for match in matches]
            strangers = [m.document.id for m in matches if m.document.id not in wanted]
            if strangers:
                found.wrong.append(f"a search finds {strangers}, which are not there")
            if exact and not np.allclose(got, np.sort(scores)[::-1][:10], atol=1e-5):
                found.wrong.append(f"the exact search like {id_!r} gives other scores: {got}")
            if not exact and (len(got) < min(10, len(ids)) or got[0] < 1 - 1e-3):
                found.wrong.append(f"the search like {id_!r} does not find itself: {got}")
    for id_ in ids[:: max(1, len(ids) // _WORDS)]:
        word = wanted[id_].document.text.split()[0]
        if not word.startswith(OWN_WORD):
            continue
        _check_word(collection, word, [id_], found)


def _check_word(
    collection: LocalCollection, word: str, ids: Sequence[str], found: Findings
) -> None:
    request = SearchRequest(query=word, mode="lexical", limit=5)
    got = [match.document.id for match in collection.search(request).matches]
    if got != list(ids):
        found.wrong.append(f"the word {word!r} finds {got}, not {list(ids)}")


def _go_on(collection: LocalCollection, found: Findings) -> None:
    """A write and a deletion after all of it."""
    probe = document("d999", 1)
    before = collection.count()
    collection.add([probe])
    _check_word(collection, word_of("d999", 1), ["d999"], found)
    collection.delete(["d999"])
    _check_word(collection, word_of("d999", 1), [], found)
    if collection.count() != before:
        found.wrong.append("a document that was added and deleted changed the count")


def _check_beside(path: Path, states: Sequence[State], found: Findings) -> None:
    """Keys, jobs and what analyses found."""
    keys = frozenset(key.name for key in read_keys(path) if key.state(0) == "active")
    if keys not in {state.keys for state in states}:
        found.wrong.append(f"active keys are {sorted(keys)}")
    if (path / JOBS_FILE).exists():
        store = JobStore(path / JOBS_FILE)
        kept = {job.id: job.state for job in store.page(1000)}
        store.close()
        if kept not in [dict(state.jobs) for state in states]:
            found.wrong.append(f"jobs are {kept}, not {[dict(state.jobs) for state in states]}")
    elif all(state.jobs for state in states):
        found.wrong.append("the record of jobs is lost")
    if list(path.glob(f"{JOBS_FILE}.damaged")):
        found.wrong.append("the record of jobs was set aside as damaged")
    try:
        result = Results(path / COLLECTION).load("map")
        number: int | None = result.header["n"]
        if result.tables["rows"].num_rows != number:
            found.wrong.append("the table of a result is not the one of its header")
    except ResultNotFoundError:
        number = None
    if number not in {state.result for state in states}:
        found.wrong.append(f"the result is {number}, not {[state.result for state in states]}")


def _check_backups(disk: Path, states: Sequence[State], found: Findings) -> None:
    """As many as there should be, all of them whole, and the last one can be brought back."""
    try:
        folder = BackupFolder(disk / BACKUPS)
    except BackupNotFoundError:
        if all(state.backups for state in states):
            found.wrong.append("the backups are lost")
        return
    manifests, damaged = folder.manifests()
    counts = [manifest.documents for manifest in sorted(manifests, key=lambda each: each.id)]
    possible = [[len(documents) for documents in state.backups] for state in states]
    if len(possible[-1]) < len(possible[0]):  # pruning forgets one after the other, oldest first
        possible += [possible[0][place:] for place in range(1, len(possible[0]))]
    if damaged or counts not in possible:
        found.wrong.append(f"backups of {counts} documents, not {possible}; damaged: {damaged}")
    report = check(folder)
    if not report.ok:
        found.told += [f"backups: {problem}" for problem in report.problems]
        report = check(folder, repair=True)
        if not report.ok:
            found.wrong.append(f"backups are not whole: {report.broken} {report.problems}")
    if not manifests:
        return
    again = disk / "again"
    again.mkdir()
    restore(folder, folder.latest(), again, "again")
    with DataFolder.open(again, maintain=False) as data:
        brought = [State(state.backups[-1]) for state in states if state.backups]
        compare_documents(data.collection("again"), brought, found)
    shutil.rmtree(again)


def _check_leavings(path: Path, found: Findings) -> None:
    """Once opened and closed, nothing half-written is left, and no index that another replaced."""
    indexes = sorted(each.name for each in (path / COLLECTION).glob("index-*"))
    if len({name.partition(".")[0] for name in indexes}) > 1:
        found.wrong.append(f"indexes are left behind: {indexes}")
    if (path / JOURNAL).exists():
        found.wrong.append(f"{JOURNAL} is left behind")
    for each in path.rglob("*"):
        named, top = each.name, path / each.relative_to(path).parts[0]
        if top.is_dir() and not top.name.startswith(".") and not (top / CARD_FILE).exists():
            continue  # left of one that could not be made, by a disk that failed for good
        if named.endswith(".tmp") or named.startswith(("compacted", "retired", ".dropped", ".tmp")):
            if (each.parent == path and named.startswith(".keys")) or "analysis" in each.parts:
                continue  # go with the next change of keys, or the next result
            found.wrong.append(f"{each.relative_to(path)} is left behind")
