"""What is done to a data folder, step by step, and what it should hold after each.

To put another operation under test, write a method of `Drawing` that returns a `Step`, and name it
in `scenarios.py`: kills, faults, full disks and power cuts then fall on it as on all others.
"""

from __future__ import annotations

import json
import random
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analysis.results import Result, Results
from benchmarks.reliability.durability.state import (
    ANALYZER,
    BEFORE,
    COLLECTION,
    DIM,
    ENCODER,
    OTHER_ENCODER,
    RESTORED,
    SHADOW,
    State,
    document,
    ready_vector,
    word_of,
)
from benchmarks.reliability.durability.world import Step, World
from indexing.backup.folder import BackupFolder
from indexing.backup.making import back_up, untold
from indexing.backup.pruning import prune
from indexing.backup.restoring import restore
from indexing.compaction import compact
from indexing.filters import Filter
from indexing.ingest import IngestOptions, ingest
from indexing.planner import IndexWish
from indexing.reembedding import catch_up, follow, prepare
from indexing.types import SearchRequest
from service.access.keyring import KeyWish, create_key, revoke_key
from service.jobs.store import JOBS_FILE, JobStore
from service.jobs.types import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection
    from indexing.types import Document

_NOW = "2026-01-01T00:00:00Z"
_READY = 10_000
"""Where seeds of ready-made vectors begin."""


class Drawing:
    """Draws steps by a seed, each for the folder that those before left.

    Args:
        seed: of everything drawn.
        state: what the folder holds at first.
        version: above that of all documents in it.
    """

    def __init__(self, seed: int, state: State | None = None, version: int = 0) -> None:
        self.random = random.Random(seed)
        self.state = State() if state is None else state
        self.version = version

    def _after(
        self,
        name: str,
        run: Callable[[World], object],
        state: State,
        *,
        mixed: bool = False,
        either: bool = False,
    ) -> Step:
        self.state = state
        return Step(name, lambda world, _: _drop(run(world)), (state,), mixed, either)

    def _pick(self, count: int) -> list[str]:
        there = sorted(self.state.documents)
        return self.random.sample(there, min(count, len(there)))

    def _fresh(self, count: int) -> list[str]:
        free = [f"d{n}" for n in range(200) if f"d{n}" not in self.state.documents]
        return free[:count]

    def batch(self, new: int, changed: int, relabelled: int) -> list[Document]:
        """Documents of which so many are new, changed and labelled anew."""
        self.version += 1
        picked = self._pick(changed + relabelled)
        made = [document(id_, self.version) for id_ in (*self._fresh(new), *picked[:changed])]
        for id_ in picked[changed:]:
            before = self.state.documents[id_].document
            made.append(replace(before, metadata={**before.metadata, "label": self.version}))
        return made

    # -- collections -----------------------------------------------------------------------

    def create(self, name: str = COLLECTION) -> Step:
        """A new, empty collection."""
        state = replace(self.state, collections=self.state.collections | {name})
        return self._after(
            "create",
            lambda world: world.data.create(name, encoder=ENCODER, analyzer=ANALYZER),
            state,
            either=True,
        )

    def drop(self, name: str) -> Step:
        """A collection goes with all its documents."""
        state = replace(self.state, collections=self.state.collections - {name})
        return self._after("drop", lambda world: world.data.drop(name), state, either=True)

    def close(self) -> Step:
        """The folder is closed; the next step opens it."""
        return self._after("close", lambda world: world.close(), self.state)

    def open(self) -> Step:
        """The folder and the collection are opened."""
        return self._after("open", lambda world: world.collection, self.state)

    # -- documents -------------------------------------------------------------------------

    def add(self, new: int = 4, changed: int = 3, relabelled: int = 2) -> Step:
        """An upsert."""
        made = self.batch(new, changed, relabelled)
        return self._after(
            "upsert", lambda world: world.collection.add(made), self.state.added(made)
        )

    def add_ready(self, count: int = 6) -> Step:
        """An upsert with vectors made elsewhere: its words are found later."""
        made = self.batch(count // 2, count - count // 2, 0)
        seed = _READY + 1000 * self.version
        dim = self.state.dim
        vectors = np.stack([ready_vector(seed + number, dim) for number in range(len(made))])
        return self._after(
            "upsert of ready vectors",
            lambda world: world.collection.add(made, vectors=vectors),
            self.state.added(made, ready=seed),
        )

    def delete(self, count: int = 4) -> Step:
        """Documents go by id."""
        gone = self._pick(count)
        return self._after(
            "delete", lambda world: world.collection.delete(gone), self.state.deleted(gone)
        )

    def delete_by_filter(self) -> Step:
        """Documents go by filter: those whose number lies in a range."""
        low = self.random.randrange(30)
        parsed = Filter.parse({"must": [{"key": "n", "range": {"gte": low, "lt": low + 4}}]})
        gone = [id_ for id_ in self.state.documents if low <= int(id_[1:]) < low + 4]
        return self._after(
            "delete by filter",
            lambda world: world.collection.delete(filter=parsed),
            self.state.deleted(gone),
        )

    def ingest(self, *, resume: bool = False, count: int = 9) -> Step:
        """Documents come from a file of lines; one line is refused."""
        made = self.batch(count, 3, 0)
        lines = [
            json.dumps(
                {
                    "id": each.id,
                    "text": each.text,
                    **({"title": each.title} if each.title else {}),
                    **each.metadata,
                }
            )
            for each in made
        ]
        lines.insert(2, "{no json")
        name = f"lines-{self.version}.jsonl"

        def run(world: World) -> None:
            (world.sources / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
            made = world.collection
            ingest([str(world.sources / name)], made, made.encoder, IngestOptions(), resume=resume)

        return self._after("ingest", run, self.state.added(made), mixed=True)

    # -- what is derived -------------------------------------------------------------------

    def find_words(self) -> Step:
        """A search for words, which commits the lexical index, and one that calibrates."""
        word = word_of("d0", 0)

        def run(world: World) -> None:
            for mode in ("lexical", "hybrid"):
                world.collection.search(SearchRequest(query=word, mode=mode))

        return self._after("lexical and hybrid search", run, self.state)

    def catch_up(self) -> Step:
        """Words of documents that were written without them are found."""
        return self._after(
            "lexicon catch-up",
            lambda world: world.collection.storage.lexicon.catch_up(),
            self.state,
        )

    def optimize(self) -> Step:
        """Compaction where there are tombstones, index and calibration."""
        return self._after("optimize", lambda world: world.collection.optimize(), self.state)

    def reseal(self, kind: str) -> Step:
        """An index of that kind is wished for and built."""

        def run(world: World) -> None:
            storage = world.collection.storage
            storage.sealer.demand(IndexWish(kind=kind), storage.snapshot)
            storage.reseal()

        return self._after(f"build {kind}", run, self.state)

    def extend(self) -> Step:
        """The tail goes into a copy of the index."""
        return self._after(
            "extend the index", lambda world: world.collection.storage.extend(), self.state
        )

    def verify(self) -> Step:
        """Files are held against each other and mended."""
        return self._after(
            "verify --repair", lambda world: world.collection.verify(repair=True), self.state
        )

    def compact_while_writing(self) -> Step:
        """A compaction, with an upsert, a deletion and a relabelling at its steps."""
        inner: dict[str, Callable[[LocalCollection], object]] = {}
        states: list[State] = []
        for name in ("copy", "index", "words", "follow"):
            made = self.batch(1, 2, 1)
            gone = self._pick(1)
            made = [each for each in made if each.id not in gone]
            inner[f"{name} add"] = _adding(made)
            self.state = self.state.added(made)
            states.append(self.state)
            inner[f"{name} delete"] = _deleting(gone)
            self.state = self.state.deleted(gone)
            states.append(self.state)

        def run(world: World, acknowledge: Callable[[], None]) -> None:
            collection, left = world.collection, dict(inner)

            def step(name: str, _: float) -> None:
                for what in ("add", "delete"):
                    do = left.pop(f"{name} {what}", None)
                    if do is not None:
                        do(collection)
                        acknowledge()

            compact(collection.storage, step)

        return Step("compaction beside writes", run, (*states, self.state))

    def reembed(self) -> Step:
        """Another encoder's collection is filled beside it, and takes its name."""
        encoder = OTHER_ENCODER if self.state.dim == DIM else ENCODER
        beside = replace(self.state, collections=self.state.collections | {SHADOW})
        self.state = self.state.reembedded()

        def run(world: World, acknowledge: Callable[[], None]) -> None:
            reembed(world.data, encoder, acknowledge)

        return Step("reembed", run, (beside, self.state), either=True)

    # -- beside collections ----------------------------------------------------------------

    def jobs(self) -> Step:
        """A job is asked for, runs and is done."""
        id_ = f"job{self.version}"
        self.version += 1
        states = [
            replace(self.state, jobs={**self.state.jobs, id_: word})
            for word in ("queued", "running", "done")
        ]
        self.state = states[-1]

        def run(world: World, acknowledge: Callable[[], None]) -> None:
            job = Job(id_, "map", COLLECTION, {}, _NOW)
            with closing(JobStore(world.path / JOBS_FILE)) as store:
                store.add(job)
                acknowledge()
                store.update(replace(job, state="running"))
                acknowledge()
                store.update(replace(job, state="done"))

        return Step("jobs", run, tuple(states), either=True)

    def make_key(self) -> Step:
        """A new API key."""
        self.version += 1
        name = f"key{self.version}"
        state = replace(self.state, keys=self.state.keys | {name})
        return self._after(
            "make a key", lambda world: create_key(world.path, KeyWish(name)), state, either=True
        )

    def revoke_key(self) -> Step:
        """An API key loses its effect."""
        name = sorted(self.state.keys)[0]
        state = replace(self.state, keys=self.state.keys - {name})
        return self._after(
            "revoke a key", lambda world: revoke_key(world.path, name), state, either=True
        )

    def back_up(self) -> Step:
        """A backup of the collection, into a folder that is made for the first."""
        state = replace(self.state, backups=(*self.state.backups, dict(self.state.documents)))

        def run(world: World) -> None:
            folder = BackupFolder.create(world.backups, beside=world.path)
            back_up(world.collection, folder)

        return self._after("back up", run, state, either=True)

    def restore(self) -> Step:
        """The last backup becomes another collection."""
        state = replace(self.state, collections=self.state.collections | {RESTORED})

        def run(world: World) -> None:
            folder = BackupFolder(world.backups)
            adopt = world.data.adopt
            restore(folder, folder.latest(), world.path, RESTORED, adopt=adopt)

        return self._after("restore", run, state, either=True)

    def prune(self) -> Step:
        """All backups but the last go."""
        state = replace(self.state, backups=self.state.backups[-1:])
        return self._after(
            "prune backups",
            lambda world: prune(BackupFolder(world.backups), 1),
            state,
            either=True,
        )

    def save_result(self) -> Step:
        """What an analysis found takes the place of what one found before."""
        self.version += 1
        number = self.version

        def run(world: World) -> None:
            table = pa.table({"id": [f"d{n}" for n in range(number)]})
            Results(world.path / COLLECTION).save("map", Result({"n": number}, {"rows": table}))

        return self._after("save a result", run, replace(self.state, result=number), either=True)


def reembed(data: DataFolder, encoder: str, prepared: Callable[[], None] = lambda: None) -> None:
    """Begin or go on, and exchange.

    Args:
        data: holds the collection, and perhaps what an earlier run left.
        encoder: the new one.
        prepared: called once both are there.
    """
    source = data.collection(COLLECTION)
    shadow = prepare(data, source, SHADOW, encoder)
    prepared()
    catch_up(source, shadow, untold)
    shadow.optimize()
    data.exchange(COLLECTION, SHADOW, BEFORE, lambda: follow(source, shadow, untold))


def _adding(made: list[Document]) -> Callable[[LocalCollection], object]:
    return lambda collection: collection.add(made)


def _deleting(gone: list[str]) -> Callable[[LocalCollection], object]:
    return lambda collection: collection.delete(gone)


def _drop(_: object) -> None:
    """What a step gives is not needed."""
