"""Restore drills over collections that were used at random: backed up, tried, hurt, tried again.

    python -m benchmarks.reliability drills [--seeds 30] [--first 0]

Each seed makes a collection of another metric, and adds, replaces, relabels, deletes, compacts and
reopens at random. It is backed up while a thread writes on, and the backup has to be whole, hold
what was acknowledged before, and stand a drill against the collection, which went on. Backed up
again at rest, all has to be the same. Then one bit of the folder is turned over: where a check
finds the backup hurt the drill has to fail, where not it has to pass, and the check has to name
the bit's pack.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record import save
from indexing.backup.checking import check
from indexing.backup.drill import drill
from indexing.backup.folder import BackupFolder
from indexing.backup.making import back_up
from indexing.backup.restoring import restored_aside
from indexing.data_folder import DataFolder
from indexing.local import LocalCollection
from indexing.types import Document, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = [
    "return",
    "반품",
    "parcel",
    "소포",
    "free",
    "무료",
    "gift",
    "선물",
    "card",
    "카드",
    "five",
    "다섯",
    "shipping",
    "배송",
]
METRICS = list(Metric)
MOST_IDS = 400


@dataclass(slots=True)
class Found:
    """What all seeds together found."""

    seeds: int = 0
    passed: int = 0
    queries: int = 0
    compared: int = 0
    hurt: int = 0
    hurt_found: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, seed: int, holds: bool, what: object) -> None:
        """Count a check that failed."""
        if not holds:
            self.problems.append(f"seed {seed}: {what}")
            print(self.problems[-1], flush=True)


def main(arguments: list[str]) -> int:
    """Run the seeds, print and save what was found; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="drills", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args(arguments)
    found, began = Found(), time.monotonic()
    for seed in range(given.first, given.first + given.seeds):
        folder = Path(tempfile.mkdtemp())
        try:
            one(seed, folder, found)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"seed {seed}: {found.passed} drills passed so far", flush=True)
    result = {
        "first_seed": given.first,
        "seeds": found.seeds,
        "drills_passed": found.passed,
        "documents_compared": found.compared,
        "queries_replayed": found.queries,
        "bits_turned": found.hurt,
        "bits_found": found.hurt_found,
        "problems": found.problems,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(result)
    save("reliability_drills", result)
    return 1 if found.problems else 0


def one(seed: int, folder: Path, found: Found) -> None:
    """All that is done with one seed."""
    rng = random.Random(seed)
    backups = BackupFolder.create(folder / "backups")
    with DataFolder.open(folder / "data", maintain=False) as data:
        metric = METRICS[seed % len(METRICS)]
        collection = data.create("used", encoder=f"hash:{rng.choice((8, 32))}", metric=metric)
        versions: dict[str, int] = {}
        for _ in range(rng.randint(3, 10)):
            use(collection, rng, versions)
        before = set(versions)
        with writing(collection, seed) as written:
            manifest = back_up(collection, backups)
            report = drill(backups, manifest, data.path, collection, queries=20, seed=seed)
        found.note(seed, report.ok, report.problems)
        with restored_aside(backups, manifest, data.path, "used") as (path, _):
            there, last = ids_of(path)
        expected = before | {f"w{number}" for number in range(last + 1)}
        found.note(seed, there == expected, "the backup is no moment of the collection")
        found.note(seed, last <= written[0], "the backup holds what was not written")
        for _ in range(rng.randint(1, 3)):
            use(collection, rng, versions)
        manifest = back_up(collection, backups)
        again = drill(backups, manifest, data.path, collection, queries=20, seed=seed)
        found.note(seed, again.ok and again.changed is False, again.problems)
        found.seeds += 1
        for each in (report, again):
            found.passed += each.ok
            found.compared += each.compared
            found.queries += sum(replay.queries for replay in each.replays)
        hurt(seed, rng, backups, data, collection, found)


def use(collection: LocalCollection, rng: random.Random, versions: dict[str, int]) -> None:
    """Something that people do with collections."""
    step = rng.choice(("add", "add", "replace", "relabel", "delete", "compact", "search"))
    some = rng.sample(sorted(versions), min(len(versions), rng.randint(1, 40)))
    if step == "add" or not versions:
        ids = {f"d{rng.randrange(MOST_IDS)}" for _ in range(rng.randint(1, 120))}
        for id_ in ids:
            versions[id_] = rng.randrange(1 << 30)
        collection.add([document(id_, versions[id_]) for id_ in sorted(ids)])
    elif step == "replace":
        versions.update((id_, rng.randrange(1 << 30)) for id_ in some)
        collection.add([document(id_, versions[id_]) for id_ in some])
    elif step == "relabel":
        label = rng.randrange(100)
        collection.add([document(id_, versions[id_], label) for id_ in some])
    elif step == "delete":
        collection.delete(some)
        for id_ in some:
            del versions[id_]
    elif step == "compact":
        collection.optimize()
    else:
        collection.count()


def document(id_: str, version: int, label: int = 0) -> Document:
    """A document of random words."""
    rng = random.Random(version)
    text = " ".join(rng.choices(WORDS, k=rng.randint(1, 60)))
    return Document(id_, f"{text} {version}", rng.choice(("", "title")), {"label": label})


@contextmanager
def writing(collection: LocalCollection, seed: int) -> Iterator[list[int]]:
    """A thread adds w0, w1, ... while the block runs; gives the number of the last."""
    over, last = threading.Event(), [-1]

    def work() -> None:
        for number in range(2000):
            if over.is_set():
                return
            collection.add([document(f"w{number}", seed + number)])
            last[0] = number

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield last
    finally:
        over.set()
        thread.join()


def ids_of(path: Path) -> tuple[set[str], int]:
    """Ids in a collection's folder, and the number of the last that a thread added."""
    with LocalCollection.open(path, mode="read", locked=True, indexed=False) as copy:
        ids = {stored.document.id for stored in copy.scan(limit=10_000).documents}
    return ids, max((int(id_[1:]) for id_ in ids if id_[0] == "w"), default=-1)


def hurt(
    seed: int,
    rng: random.Random,
    backups: BackupFolder,
    data: DataFolder,
    collection: LocalCollection,
    found: Found,
) -> None:
    """Turn one bit over, and see who finds it."""
    path = rng.choice(sorted(backups.packs.glob("*.pack")))
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    report = check(backups)
    found.hurt += 1
    named = any(path.name in problem for problem in report.problems)
    found.hurt_found += named
    found.note(seed, named, "a bit that was turned over is not found")
    for manifest in backups.manifests()[0]:
        tried = drill(backups, manifest, data.path, collection, queries=5, seed=seed)
        right = tried.ok is (manifest.id in report.whole)
        found.note(seed, right, f"checked {report.broken}, the drill says {tried.problems}")
