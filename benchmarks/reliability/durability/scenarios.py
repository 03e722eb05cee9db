"""Folders to begin with, and the steps that are disturbed in them."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.reliability.durability.state import BEFORE, COLLECTION, Kept, State
from benchmarks.reliability.durability.steps import Drawing
from benchmarks.reliability.durability.world import Step, World
from indexing.types import Document, Parent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIRST_ROWS = 40
FORMATS = Path(__file__).parents[3] / "tests" / "indexing" / "durability" / "formats"


@dataclass(frozen=True)
class Start:
    """A folder to begin with, made once and copied for each trial.

    Attributes:
        folder: of it.
        state: what it holds.
        version: above that of all documents in it.
    """

    folder: Path
    state: State
    version: int

    def copy(self, folder: Path) -> None:
        """The folder once more."""
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(self.folder, folder)


def _empty(_: Drawing) -> list[Step]:
    return []


def _plain(drawing: Drawing) -> list[Step]:
    """Written in turns, with tombstones, words committed and scores calibrated."""
    steps = [drawing.create(), drawing.add(FIRST_ROWS, 0, 0), drawing.add(), drawing.delete()]
    return [*steps, drawing.make_key(), drawing.jobs(), drawing.find_words()]


def _graph(drawing: Drawing) -> list[Step]:
    """With an index over the first rows, and a tail and tombstones behind it."""
    steps = [*_plain(drawing), drawing.reseal("hnsw"), drawing.add(), drawing.delete()]
    return [*steps, drawing.find_words()]


def _behind(drawing: Drawing) -> list[Step]:
    """With documents whose words nobody has looked for yet."""
    return [*_plain(drawing), drawing.close(), drawing.open(), drawing.add_ready(12)]


def _two(drawing: Drawing) -> list[Step]:
    """With a second collection."""
    return [*_plain(drawing), drawing.create("other")]


def _kept(drawing: Drawing) -> list[Step]:
    """With two backups, and what an analysis found."""
    steps = [*_plain(drawing), drawing.save_result(), drawing.back_up(), drawing.add()]
    return [*steps, drawing.back_up()]


STARTS: dict[str, tuple[Callable[[Drawing], list[Step]], bool]] = {
    "empty": (_empty, True),
    "plain": (_plain, True),
    "graph": (_graph, True),
    "two": (_two, True),
    "kept": (_kept, True),
    "unclosed": (_plain, False),
    "behind": (_behind, False),
}
"""By name: the steps that lead there, and whether the folder was closed behind them."""

SCENARIOS: tuple[tuple[str, str, Callable[[Drawing], Sequence[Step]]], ...] = (
    ("create", "empty", lambda d: [d.create(), d.add(6, 0, 0)]),
    ("drop", "two", lambda d: [d.drop("other")]),
    ("upsert", "plain", lambda d: [d.add(), d.add()]),
    ("upsert of ready vectors", "plain", lambda d: [d.add_ready(), d.add()]),
    ("upsert beside an index", "graph", lambda d: [d.add()]),
    ("delete", "plain", lambda d: [d.delete(), d.delete_by_filter()]),
    ("words", "unclosed", lambda d: [d.add(), d.find_words(), d.delete(), d.find_words()]),
    ("catch-up", "behind", lambda d: [d.catch_up(), d.add()]),
    ("close", "plain", lambda d: [d.add(), d.close(), d.open(), d.delete(), d.close()]),
    ("recovery", "unclosed", lambda d: [d.open(), d.add()]),
    ("recovery behind", "behind", lambda d: [d.open(), d.delete()]),
    ("compaction", "plain", lambda d: [d.optimize(), d.add()]),
    ("compaction with an index", "graph", lambda d: [d.optimize(), d.delete()]),
    ("compaction beside writes", "graph", lambda d: [d.compact_while_writing(), d.add()]),
    ("index", "plain", lambda d: [d.reseal("hnsw"), d.reseal("ivf-pq"), d.add()]),
    ("extension", "graph", lambda d: [d.extend(), d.add()]),
    ("verify", "graph", lambda d: [d.verify()]),
    ("reembed", "graph", lambda d: [d.reembed(), d.add(), d.delete()]),
    ("ingest", "plain", lambda d: [d.ingest(), d.ingest()]),
    ("jobs", "plain", lambda d: [d.jobs(), d.jobs()]),
    ("keys", "plain", lambda d: [d.make_key(), d.revoke_key()]),
    ("migration", "schema-1", lambda d: [d.open(), d.add()]),
    ("migration with words", "schema-3", lambda d: [d.open(), d.delete()]),
    ("results", "kept", lambda d: [d.save_result(), d.save_result()]),
    ("backup", "graph", lambda d: [d.back_up(), d.add(), d.back_up()]),
    ("pruning", "kept", lambda d: [d.delete(), d.back_up(), d.prune()]),
    ("restoring", "kept", lambda d: [d.restore(), d.add()]),
)
"""Name, the folder it begins with, and the steps."""


def released(name: str, folder: Path) -> Start:
    """A folder in an earlier format, made by the program of then."""
    with tarfile.open(FORMATS / f"{name}.tar.gz") as archive:
        archive.extractall(folder / name, filter="data")
    told = json.loads((folder / name / "expected.json").read_text("utf-8"))
    documents = {
        each["id"]: Kept(
            Document(
                each["id"],
                each["text"],
                each["title"],
                each["metadata"],
                None if each["parent"] is None else Parent(*each["parent"]),
            )
        )
        for each in told
    }
    return Start(folder / name, State(documents, frozenset({COLLECTION})), version=10)


def random_steps(drawing: Drawing, count: int) -> list[Step]:
    """Steps in any order, as days of use are made of; the first makes the collection."""
    possible: list[Callable[[], Step]] = [
        *[drawing.add] * 4,
        *[drawing.delete] * 2,
        *(drawing.delete_by_filter, drawing.add_ready, drawing.find_words, drawing.optimize),
        *(drawing.catch_up, drawing.extend, drawing.compact_while_writing, drawing.ingest),
        *(lambda: drawing.reseal("hnsw"), drawing.close, drawing.jobs, drawing.make_key),
        *(drawing.back_up, drawing.save_result),
        lambda: drawing.drop(BEFORE) if BEFORE in drawing.state.collections else drawing.reembed(),
    ]
    steps = [] if COLLECTION in drawing.state.collections else [drawing.create()]
    while len(steps) < count:
        steps.append(drawing.random.choice(possible)())
    return steps


def make_start(name: str, folder: Path, sources: Path, seed: int) -> Start:
    """The folder of that name, made in this process."""
    if name.startswith("schema"):
        return released(name, folder)
    build, closed = STARTS[name]
    drawing = Drawing(seed)
    world = World(folder / f"{name}.making", sources)
    world.path.mkdir(parents=True)
    disk = world.path.parent
    for step in build(drawing):
        step.run(world, lambda: None)
    if closed:
        world.close()
    shutil.copytree(disk, folder / name)
    world.close()
    shutil.rmtree(disk)
    return Start(folder / name, drawing.state, drawing.version + 1)
