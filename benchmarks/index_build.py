r"""Seconds to build a vector index: ours and raw FAISS's, in one process.

    python -m benchmarks.index_build --vectors DIR --rows 1000000

DIR is what `benchmarks/sentence_vectors.py` wrote. FAISS builds what `benchmarks.search` compares
with, from its factory and with its defaults; ours is the index alone, and beside it what measuring
its recall adds, which FAISS leaves to whoever chooses `nprobe`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.peers.faiss_index import build
from benchmarks.record import save
from indexing.index.exact import unit
from indexing.index.ivf import IvfIndex
from indexing.measuring import held_back, tune
from indexing.types import Metric


def main() -> None:
    """Build both by turns, show the ratio, save the figures."""
    import faiss

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    rows = np.load(asked.vectors / "sentences.npy", mmap_mode="r")[: asked.rows]
    vectors = np.ascontiguousarray(unit(np.asarray(rows)))
    faiss.omp_set_num_threads(asked.threads)
    live = np.arange(len(vectors), dtype=np.int64)
    back = held_back(live)
    kept = np.setdiff1d(live, back, assume_unique=True)
    seconds: dict[str, list[float]] = {"faiss": [], "ours": [], "measuring": []}
    for _ in range(asked.turns):
        wall = time.perf_counter()
        build("IVFNLIST,PQ96x4fs,RFlat", vectors)
        seconds["faiss"].append(time.perf_counter() - wall)
        wall = time.perf_counter()
        built = IvfIndex.build(vectors, Metric.COSINE, rows=kept)
        seconds["ours"].append(time.perf_counter() - wall)
        tuning = tune(built, vectors, kept, vectors[back].copy(), Metric.COSINE)
        seconds["measuring"].append(tuning.seconds)
        built.insert(vectors, back)
        print({name: round(values[-1], 1) for name, values in seconds.items()}, flush=True)
    ratio = float(np.median(seconds["ours"]) / np.median(seconds["faiss"]))
    print(f"ours x{ratio:.2f} of FAISS's time")
    print(save(f"index_build_{asked.rows}", {"rows": asked.rows, **seconds, "ratio": ratio}))


if __name__ == "__main__":
    main()
