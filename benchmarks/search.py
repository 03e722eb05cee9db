r"""Vector search beside its peers: recall, speed, filters, writes, memory, a mixed load.

    python -m benchmarks.search --vectors DIR --rows 200000 --peers-python PYTHON

DIR is what `benchmarks/sentence_vectors.py` wrote. PYTHON is an environment with

    pip install numpy==2.4.6 hnswlib==0.8.0 usearch==2.26.6 qdrant-edge-py==0.9.0 \
        chromadb==1.5.9 lancedb==0.40.0 milvus-lite==3.2.2 pymilvus==3.0.2 faiss-cpu==1.15.1

Each side runs in processes of its own, one after the other, on `--threads` cores. What each has
reported stays in `--work` and is not measured again, so that a run may be interrupted, and one
side be run when the machine is quiet: `--only qdrant`; `--again serve` measures it anew. The
table is of all that `--work` holds. `--rounds 3` lets the sides take turns.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.measuring import choose
from benchmarks.peers.protocol import Task
from benchmarks.record import save
from benchmarks.search_table import merge, show
from benchmarks.search_truth import find_truth

ROOT = Path(__file__).parent.parent
PARTS = ("recall", "filters", "writes", "mixed", "memory")


@dataclass(frozen=True, slots=True)
class Entry:
    """A side: its module in `benchmarks.peers`, its options, whether a peer's Python runs it."""

    module: str
    options: dict[str, Any] = field(default_factory=dict)
    peer: bool = True


SIDES = {
    "ours": Entry("meari", peer=False),
    "faiss-flat": Entry("faiss_index", {"factory": "Flat"}, peer=False),
    "faiss-hnsw": Entry("faiss_index", {"factory": "HNSW32"}, peer=False),
    "faiss-hnsw-sq8": Entry("faiss_index", {"factory": "HNSW32_SQ8"}, peer=False),
    "faiss-ivf-pq": Entry("faiss_index", {"factory": "IVFNLIST,PQ96x4fs,RFlat"}, peer=False),
    "faiss-ivf-rabitq": Entry(
        "faiss_index", {"factory": "IVFNLIST,RaBitQfs,Refine(SQ8)"}, peer=False
    ),
    "hnswlib": Entry("hnswlib_index"),
    "usearch": Entry("usearch_index"),
    "qdrant": Entry("qdrant_edge_shard"),
    "chroma": Entry("chroma"),
    "lancedb-hnsw": Entry("lance", {"index": "HnswFlat"}),
    "lancedb-hnsw-sq": Entry("lance", {"index": "HnswSq"}),
    "lancedb-ivf-pq": Entry("lance", {"index": "IvfPq"}),
    "milvus-lite": Entry("milvus_lite_file"),
}
SMALL = "ours-small"
"""The side that runs in part `memory`: ours under an allowance."""


def main() -> None:
    """Run what is missing, show the table, save the figures."""
    asked = parse()
    vectors = np.load(asked.vectors / "sentences.npy", mmap_mode="r")[: asked.rows]
    queries = np.load(asked.vectors / "queries.npy")[: asked.queries]
    if len(vectors) < asked.rows:
        raise SystemExit(f"{asked.vectors} holds {len(vectors):,} rows; --rows asks for more")
    folder = asked.work / f"{asked.rows}"
    find_truth(vectors, queries, asked.cache or folder / "truth")
    for name in choose_sides(asked):
        folder.joinpath(name).mkdir(exist_ok=True)
        for stage in asked.again:
            forget(folder / name, stage)
    for number in range(asked.rounds):
        for name in choose_sides(asked):
            run_side(Runner(asked, folder / name, name), number)
    sides = {name: merge(folder / name) for name in (*SIDES, SMALL) if (folder / name).is_dir()}
    sides = {name: side for name, side in sides.items() if side}
    print(show(sides))
    settings = {
        "rows": asked.rows,
        "dim": int(vectors.shape[1]),
        "queries": len(queries),
        "threads": asked.threads,
        "memory_allowance": asked.memory,
    }
    print(save(asked.name or f"search_{asked.rows}", {**settings, "sides": sides}))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--peers-python", default=None, help="without it peers are left out")
    parser.add_argument("--only", default="", help="sides, or what their names begin with")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--work", type=Path, default=Path("search-benchmark"))
    parser.add_argument("--cache", type=Path, default=None, help="of exact answers")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="for one measurement")
    parser.add_argument("--limit", type=float, default=7200.0, help="seconds for one process")
    parser.add_argument("--memory", type=int, default=700_000_000)
    parser.add_argument("--again", default="", help="stages: build,serve,write,mixed")
    parser.add_argument("--name", default="", help="of the result; default search_ROWS")
    asked = parser.parse_args()
    asked.parts = tuple(asked.parts.split(","))
    asked.again = tuple(filter(None, asked.again.split(",")))
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"unknown parts {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    asked.work = asked.work.resolve()
    asked.vectors = asked.vectors.resolve()
    asked.cache = asked.cache and asked.cache.resolve()
    return asked


def choose_sides(asked: argparse.Namespace) -> list[str]:
    """Names of the sides to run."""
    names = [*SIDES, SMALL] if "memory" in asked.parts else list(SIDES)
    wanted = tuple(filter(None, asked.only.split(",")))
    if wanted:
        names = [n for n in names if n in wanted or n.startswith(tuple(f"{w}-" for w in wanted))]
    if asked.peers_python is None:
        names = [name for name in names if name not in SIDES or not SIDES[name].peer]
    if not names:
        raise SystemExit(f"no side is named {asked.only!r}; there are {', '.join(SIDES)}, {SMALL}")
    return names


def forget(folder: Path, stage: str) -> None:
    """Remove what a side has reported of a stage, and its store if that is to be built anew."""
    for path in folder.glob(f"{stage}*.json"):
        path.unlink()
    if stage == "build":
        shutil.rmtree(folder / "store", ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the stages of one side; `folder` keeps its store, tasks, reports and logs."""

    asked: argparse.Namespace
    folder: Path
    name: str

    @property
    def entry(self) -> Entry:
        """What to run."""
        if self.name == SMALL:
            return replace(SIDES["ours"], options={"memory": self.asked.memory})
        return SIDES[self.name]

    def task(self, stage: str, report: Path) -> Task:
        """The task of one process."""
        asked = self.asked
        return Task(
            stage=stage,
            vectors=asked.vectors,
            truth=asked.cache or self.folder.parent / "truth",
            store=self.folder / "store",
            report=report,
            rows=asked.rows,
            queries=asked.queries,
            threads=asked.threads,
            repeats=asked.repeats,
            seconds=asked.seconds,
            parts=asked.parts,
            setting=None,
            options=self.entry.options,
        )

    def run(self, label: str, task: Task, module: str | None = None) -> bool:
        """Start a process unless its report is there; True if it is then."""
        if task.report.is_file():
            return True
        path, log = self.folder / f"task-{label}.json", self.folder / f"{label}.log"
        task.write(path)
        python = self.asked.peers_python if self.entry.peer else sys.executable
        command = [python, "-m", f"benchmarks.peers.{module or self.entry.module}", str(path)]
        started = time.perf_counter()
        with log.open("w", encoding="utf-8") as output:
            try:
                done = subprocess.run(
                    command,
                    cwd=ROOT,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=self.asked.limit,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                done = -1
        seconds = time.perf_counter() - started
        what = "done" if task.report.is_file() else f"FAILED ({done}), see {log}"
        print(f"{self.name} {label}: {what}, {seconds:.0f} s", flush=True)
        return task.report.is_file()

    def run_on_copy(self, label: str, task: Task, module: str | None = None) -> None:
        """The same with a copy of the store, which it may spoil."""
        if task.report.is_file():
            return
        copy = self.folder / f"copy-{label}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.folder / "store", copy)
        try:
            self.run(label, replace(task, store=copy), module)
        finally:
            shutil.rmtree(copy, ignore_errors=True)


def run_side(runner: Runner, number: int) -> None:
    """Build, serve once more, and in the first round write and mix."""
    folder, parts = runner.folder, runner.asked.parts
    build = runner.task("build", folder / "build.json")
    if not build.report.is_file():
        shutil.rmtree(build.store, ignore_errors=True)
    if not runner.run("build", build):
        return
    label = f"serve-{number + 1}"
    serve = runner.task("serve", folder / f"{label}.json")
    if not runner.run(label, serve) or number:
        return
    served = json.loads(serve.report.read_text(encoding="utf-8"))
    if "writes" in parts and served["durable"] is not None:
        setting = choose(served["settings"])
        task = replace(runner.task("write", folder / "write.json"), setting=setting)
        runner.run_on_copy("write", task)
    if "mixed" in parts and runner.name == "ours":
        runner.run_on_copy("mixed", runner.task("write", folder / "mixed.json"), "mixed")


if __name__ == "__main__":
    main()
