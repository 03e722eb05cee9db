"""What a backup costs in time and disk: the first, those after it, restoring, a drill.

`python -m benchmarks.backups [--documents 200000]` writes `benchmarks/results/backups_N.json`.
Documents have about 100 words each and ready vectors of 384 numbers around 500 centres.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.record import save
from indexing.backup.checking import check
from indexing.backup.drill import drill
from indexing.backup.folder import BackupFolder
from indexing.backup.making import back_up
from indexing.backup.pruning import prune
from indexing.backup.restoring import restore
from indexing.data_folder import DataFolder
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.local import LocalCollection

DIM = 384
WORDS = 20_000
BATCH = 5_000


class Corpus:
    """Documents and vectors by number and version."""

    def __init__(self, seed: int = 7) -> None:
        rng = random.Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self._words = ["".join(rng.choices(letters, k=rng.randint(3, 10))) for _ in range(WORDS)]
        self._centres = np.random.default_rng(seed).normal(size=(500, DIM))

    def add(self, collection: LocalCollection, numbers: list[int], version: int = 0) -> None:
        """Put those documents in, batch by batch."""
        for start in range(0, len(numbers), BATCH):
            batch = numbers[start : start + BATCH]
            rng = np.random.default_rng([version, batch[0]])
            near = self._centres[rng.integers(0, 500, len(batch))]
            vectors = (near + 0.7 * rng.normal(size=near.shape)).astype(np.float32)
            documents = [Document(f"d{number}", self._text(number, version)) for number in batch]
            collection.add(documents, vectors=vectors)

    def _text(self, number: int, version: int) -> str:
        rng = random.Random(10 * number + version)
        return " ".join(self._words[int(WORDS * rng.random() ** 2)] for _ in range(100))


@contextmanager
def timed(spent: dict[str, Any], name: str) -> Iterator[None]:
    """Note and print how long the block takes."""
    began = time.monotonic()
    yield
    spent[name] = round(time.monotonic() - began, 2)
    print(f"{name}: {spent[name]} s", flush=True)


def main() -> None:
    """Measure, print and save under `benchmarks/results`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        record = measured(folder, given.documents)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    save(f"backups_{given.documents}", record)


def measured(folder: Path, count: int) -> dict[str, Any]:
    """What each step takes and writes, in a folder that may be removed afterwards."""
    seconds: dict[str, Any] = {}
    written: dict[str, int] = {}
    corpus = Corpus()
    backups = BackupFolder.create(folder / "backups")
    with DataFolder.open(folder / "data", maintain=False) as data:
        collection = data.create("measured", encoder=f"hash:{DIM}")
        with timed(seconds, "index"):
            corpus.add(collection, list(range(count)))
            collection.optimize()

        def keep(name: str) -> None:
            with timed(seconds, name):
                written[name] = back_up(collection, backups).written
            print(f"{name}: {written[name]:,} bytes", flush=True)

        keep("first")
        keep("nothing changed")
        corpus.add(collection, list(range(count, count + count // 100)))
        keep("1 % more")
        replaced = random.Random(3).sample(range(count), count // 100)
        corpus.add(collection, sorted(replaced), 1)
        keep("1 % replaced here and there")
        manifest = backups.latest("measured")
        with timed(seconds, "drill"):
            report = drill(backups, manifest, data.path, collection)
        print(report.ok, report.problems, report.seconds, flush=True)
        with timed(seconds, "restore"):
            restore(backups, manifest, data.path, "again")
        with timed(seconds, "verify the folder"):
            whole = check(backups)
        with timed(seconds, "prune to one"):
            pruned = prune(backups, 1)
        size = sum(path.stat().st_size for path in collection.folder.rglob("*") if path.is_file())
        documents = (collection.folder / "documents.sqlite").stat().st_size
    return {
        "documents": count,
        "dim": DIM,
        "collection_bytes": size,
        "documents_sqlite_bytes": documents,
        "manifest_bytes": manifest.bytes,
        "seconds": seconds,
        "written_bytes": written,
        "drill": report.to_json(),
        "whole": len(whole.whole),
        "freed_bytes": pruned.freed,
    }


if __name__ == "__main__":
    main()
