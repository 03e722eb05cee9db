r"""Batches of queries asked of a collection and of raw FAISS in one process, by turns.

    python -m benchmarks.search_in_turn --vectors DIR --work WORK --rows 200000

WORK is what `benchmarks.search` left: it holds the collection (`ours`) and FAISS's own index files
(`faiss-ivf-pq`, `faiss-hnsw`). Where a machine is shared, speeds measured a minute apart differ
by a fifth; here every setting of every side is asked once in each turn, and medians are compared.
Each side's speed at a recall is read off its frontier, between the two settings around it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.meari import WISHES
from benchmarks.peers.measuring import recall
from benchmarks.peers.protocol import BATCH, K, pad
from benchmarks.record import save
from indexing.index.exact import unit
from indexing.local import LocalCollection

if TYPE_CHECKING:
    from collections.abc import Callable

    import faiss
    import numpy.typing as npt

    from benchmarks.peers.protocol import Ids, Vectors

    Ask = Callable[[Vectors], npt.NDArray[Any]]

TARGETS = (0.95, 0.98, 0.99)
PROBES = ((64, 8), (96, 8), (128, 8), (128, 16), (192, 16), (192, 32), (256, 16), (256, 32))
DEPTHS = (48, 64, 96, 128, 192, 256)


def main() -> None:
    """Ask by turns, show each side's speed at the targets, save the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    folder = asked.work / str(asked.rows)
    queries = np.ascontiguousarray(unit(np.load(asked.vectors / "queries.npy")))
    truth = np.load(folder / "truth" / f"{asked.rows}.npy")
    with LocalCollection.open(folder / "ours" / "store" / "collection") as collection:
        sides = ask_ours(collection) | ask_raw(folder, asked.threads)
        points = measure(sides, queries, truth, asked.turns)
    table = compare(points)
    for target, row in table.items():
        print(target, {name: qps and round(qps, 3) for name, qps in row.items()})
    name = f"search_in_turn_{asked.rows}"
    print(save(name, {"rows": asked.rows, "turns": asked.turns, "points": points, "at": table}))


def ask_ours(collection: LocalCollection) -> dict[tuple[str, str], Ask]:
    """One entry a wish."""

    def ask(queries: Vectors, wish: float) -> npt.NDArray[Any]:
        return collection.nearest(queries, K, recall=wish).ids

    return {("ours", f"{wish:g}"): lambda q, w=wish: ask(q, w) for wish in WISHES}


def ask_raw(folder: Path, threads: int) -> dict[tuple[str, str], Ask]:
    """One entry a setting of FAISS's index files that there are."""
    import faiss

    faiss.omp_set_num_threads(threads)
    sides: dict[tuple[str, str], Ask] = {}
    path = folder / "faiss-ivf-pq" / "store" / "index.faiss"
    if path.is_file():
        lists = faiss.read_index(str(path))
        for probes, factor in PROBES:
            inner = faiss.SearchParametersIVF(nprobe=probes)
            setting = faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=inner)
            sides["faiss-ivf-pq", f"{probes}/{factor}"] = _asking(lists, setting)
    path = folder / "faiss-hnsw" / "store" / "index.faiss"
    if path.is_file():
        graph = faiss.read_index(str(path))
        for depth in DEPTHS:
            setting = faiss.SearchParametersHNSW(efSearch=depth)
            sides["faiss-hnsw", str(depth)] = _asking(graph, setting)
    return sides


def _asking(index: faiss.Index, setting: faiss.SearchParameters) -> Ask:
    return lambda queries: index.search(queries, K, params=setting)[1]


def measure(
    sides: dict[tuple[str, str], Ask], queries: Vectors, truth: Ids, turns: int
) -> list[dict[str, object]]:
    """Recall and the median speed of every setting."""
    spent: dict[tuple[str, str], list[float]] = {key: [] for key in sides}
    found: dict[tuple[str, str], float] = {}
    starts = range(0, len(queries), BATCH)
    for _ in range(turns):
        for key, ask in sides.items():
            wall = time.perf_counter()
            ids = [ask(queries[start : start + BATCH]) for start in starts]
            spent[key].append(time.perf_counter() - wall)
            if key not in found:
                found[key] = recall(as_rows(np.concatenate(ids)), truth[: len(queries)])
    return [
        {
            "side": side,
            "setting": setting,
            "recall": found[side, setting],
            "qps": len(queries) / float(np.median(spent[side, setting])),
            "qps_all": [len(queries) / seconds for seconds in spent[side, setting]],
        }
        for side, setting in sides
    ]


def as_rows(ids: npt.NDArray[Any]) -> Ids:
    """int64 (n, K): FAISS's numbers as they are, our ids read."""
    if ids.dtype == np.int64:
        return ids
    return pad([[int(text) for text in row if text] for row in ids.tolist()])


def compare(points: list[dict[str, object]]) -> dict[str, dict[str, float | None]]:
    """Queries a second of each side at each target, and the ratio of ours to the best other."""
    names = dict.fromkeys(str(point["side"]) for point in points)
    table: dict[str, dict[str, float | None]] = {}
    for target in TARGETS:
        row = {name: speed_at([p for p in points if p["side"] == name], target) for name in names}
        others = [qps for name, qps in row.items() if name != "ours" and qps is not None]
        ours = row["ours"]
        row["ratio"] = None if ours is None or not others else ours / max(others)
        table[f"{target:g}"] = row
    return table


def speed_at(points: list[dict[str, object]], target: float) -> float | None:
    """Time for a query at a recall, between the frontier's points around it, as a speed."""
    frontier: list[tuple[float, float]] = []
    for qps, found in sorted(((float(p["qps"]), float(p["recall"])) for p in points), reverse=True):  # type: ignore[arg-type]
        if not frontier or found > frontier[-1][0]:
            frontier.append((found, 1 / qps))
    if not frontier or frontier[-1][0] < target:
        return None
    found, seconds = zip(*frontier, strict=True)
    return float(1 / np.interp(target, found, seconds))


if __name__ == "__main__":
    main()
