"""Readers, writers, deleters, optimize, exports, drops and re-creations, all at once.

    python -m benchmarks.reliability together --seconds 60

In this process and over HTTP. No thread may see another error than that of a collection which
another thread dropped; a writer reads what it was told is written; no text stands beside another
version's metadata; in the end the collection holds what was acknowledged, and nothing is wrong
with its files. Exit status 1 else.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.record import save
from benchmarks.reliability.served import served
from benchmarks.reliability.stores import GoneError, HttpStore, LocalStore
from indexing.data_folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.reliability.stores import Store

STEADY, PASSING = "steady", "passing"
_WORDS = ("apple", "river", "stone", "cloud", "lamp", "tiger", "소포", "배송", "환불", "책방")
_MODES = ("dense", "lexical", "hybrid")
_IDS = 60
_KEPT = 5
KINDS = ("write", "read", "export", "optimize", "drop", "use what is dropped")
"""What the threads do; of each there are some."""
_PATIENCE = 180.0


def text_of(id_: str, version: int) -> str:
    """The one text that a version of a document has."""
    source = random.Random(f"{id_} {version}")
    return " ".join(source.choices(_WORDS, k=6)) + f" v{version}"


class Stress:
    """Threads over one store until the time is over; `faults` says what should not have been.

    Args:
        store: what they use.
        seconds: how long; longer, where a machine is so busy that not everything was done once.
        writers: threads that write, each its own ids; as many read.
        seed: of what they choose.
    """

    def __init__(self, store: Store, seconds: float, *, writers: int = 2, seed: int = 0) -> None:
        self._store = store
        self._end = time.monotonic() + seconds
        self._seed = seed
        self._writers = writers
        self.acknowledged: list[dict[str, int]] = [{} for _ in range(writers)]
        self.done: Counter[str] = Counter()
        self.faults: list[str] = []
        self._guard = threading.Lock()

    def run(self) -> None:
        """Start the threads, wait for them, and hold the store against what was acknowledged."""
        self._store.create(STEADY)
        work: list[tuple[str, Callable[[random.Random], None]]] = []
        for number in range(self._writers):
            work += [("write", self._writer(number)), ("read", self._read)]
        work += [("export", self._export), ("optimize", self._optimize)]
        work += [("drop", self._drop), ("use what is dropped", self._use)]
        threads = [
            threading.Thread(target=self._repeat, args=(name, step, number), name=name)
            for number, (name, step) in enumerate(work)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._check()

    def _repeat(self, name: str, step: Callable[[random.Random], None], number: int) -> None:
        source = random.Random(f"{self._seed} {number}")
        while not self._is_over():
            try:
                step(source)
                outcome = name
            except GoneError:
                outcome = f"{name}: gone"
                if name not in {"drop", "use what is dropped"}:
                    self._fault(f"{name}: the collection that stays is gone")
            except Exception:
                self._fault(f"{name}: {traceback.format_exc()}")
                return
            with self._guard:
                self.done[outcome] += 1

    def _is_over(self) -> bool:
        now = time.monotonic()
        late = now > self._end and all(self.done[name] for name in KINDS)
        return bool(self.faults) or late or now > self._end + _PATIENCE

    def _writer(self, number: int) -> Callable[[random.Random], None]:
        known, versions = self.acknowledged[number], Counter[str]()

        def write(source: random.Random) -> None:
            ids = [f"w{number}-{n}" for n in source.sample(range(_IDS), source.randint(1, 8))]
            if source.random() < 0.25:
                gone = self._store.delete(STEADY, ids)
                wanted = sum(id_ in known for id_ in ids)
                self._require(gone == wanted, f"{gone} deleted of {wanted}: {ids}")
                for id_ in ids:
                    known.pop(id_, None)
            else:
                versions.update(ids)
                made = [(id_, text_of(id_, versions[id_]), versions[id_]) for id_ in ids]
                self._store.add(STEADY, made)
                known.update({id_: versions[id_] for id_ in ids})
            asked = source.choice(ids)
            found = self._store.get(STEADY, asked)
            version = known.get(asked)
            wanted_now = None if version is None else (text_of(asked, version), version)
            self._require(found == wanted_now, f"{asked} is {found}, {wanted_now} was written")

        return write

    def _read(self, source: random.Random) -> None:
        query = " ".join(source.choices(_WORDS, k=2))
        least = source.randint(0, 3)
        found = self._store.search(STEADY, query, source.choice(_MODES), least)
        self._judge(found)
        self._require(all(version >= least for _, _, version in found), f"below {least}: {found}")

    def _export(self, source: random.Random) -> None:
        self._judge_pages(self._store.scan(STEADY, source.choice([7, 50, 1000])))
        count = self._store.count(STEADY)
        self._require(0 <= count <= _IDS * self._writers, f"{count} documents")

    def _optimize(self, source: random.Random) -> None:
        self._store.optimize(STEADY)
        time.sleep(source.random() / 10)

    def _drop(self, source: random.Random) -> None:
        self._store.create(PASSING)
        self._store.add(PASSING, [("a", text_of("a", 1), 1)])
        time.sleep(source.random() / 20)
        self._store.drop(PASSING)

    def _use(self, source: random.Random) -> None:
        kind = source.randrange(4)
        if kind == 0:
            self._store.add(PASSING, [("b", text_of("b", 1), 1)])
        elif kind == 1:
            self._judge(self._store.search(PASSING, "river", source.choice(_MODES), 0))
        elif kind == 2:
            self._store.optimize(PASSING)
        else:
            self._judge_pages(self._store.scan(PASSING, 1))

    def _judge(self, found: list[tuple[str, str, int]]) -> None:
        ids = [id_ for id_, _, _ in found]
        self._require(len(set(ids)) == len(ids), f"an id twice: {ids}")
        self._judge_texts(found)

    def _judge_pages(self, found: list[tuple[str, str, int]]) -> None:
        """Pages are in the order of writing: what is written between two comes again, newer."""
        seen: dict[str, int] = {}
        for id_, _, version in found:
            told = f"{id_} as version {version} behind {seen.get(id_)}"
            self._require(version >= seen.get(id_, version), told)
            seen[id_] = version
        self._judge_texts(found)

    def _judge_texts(self, found: list[tuple[str, str, int]]) -> None:
        for id_, text, version in found:
            self._require(text == text_of(id_, version), f"{id_} version {version}: {text!r}")

    def _check(self) -> None:
        wanted = {id_: version for each in self.acknowledged for id_, version in each.items()}
        found = {id_: version for id_, _, version in self._store.scan(STEADY, 1000)}
        if found != wanted and not self.faults:
            self._fault(f"{len(found)} documents are there, {len(wanted)} were acknowledged")
        for problem in self._store.verify(STEADY):
            self._fault(f"verify: {problem}")

    def _require(self, holds: bool, message: str) -> None:
        if not holds:
            self._fault(message)

    def _fault(self, message: str) -> None:
        with self._guard:
            self.faults.append(message[:3000])

    def to_json(self) -> dict[str, Any]:
        """What was done how often, and what should not have been."""
        return {"done": dict(sorted(self.done.items())), "faults": self.faults[:_KEPT]}


def try_local(folder: Path, seconds: float, seed: int = 0) -> Stress:
    """The threads over a data folder of this process."""
    with DataFolder.open(folder) as data:
        stress = Stress(LocalStore(data), seconds, seed=seed)
        stress.run()
    return stress


def try_http(folder: Path, seconds: float, seed: int = 0) -> tuple[Stress, list[str]]:
    """The threads over a server; also the faults its log tells of."""
    with served(folder) as server:
        store = HttpStore(server.url)
        stress = Stress(store, seconds, seed=seed)
        stress.run()
        store.close()
        return stress, server.faults()


def main(arguments: list[str]) -> int:
    """Run both, print what was done, and keep the counts."""
    parser = argparse.ArgumentParser(prog="benchmarks.reliability together", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="in each of both ways")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        local = try_local(Path(folder, "local"), chosen.seconds, chosen.seed)
        Path(folder, "http").mkdir()
        remote, told = try_http(Path(folder, "http"), chosen.seconds, chosen.seed)
    result = {"seconds": chosen.seconds, "seed": chosen.seed}
    result |= {"in_process": local.to_json(), "over_http": remote.to_json(), "log_faults": told}
    for name, each in (("in process", local), ("over HTTP", remote)):
        print(f"{name}: {dict(sorted(each.done.items()))}")
        for fault in each.faults:
            print(f"  {fault}", file=sys.stderr)
    print(save("reliability_together", result))
    return 1 if local.faults or remote.faults or told else 0
