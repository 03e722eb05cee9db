r"""Maps by several layouts of the same vectors: what they keep, and seconds.

    python -m benchmarks.structure_map VECTORS.npy --name clinc150 [--labels LABELS.npy]
        [--documents 20000] [--method meari]

Methods are `meari` (ours), `pca`, and where they are installed `opentsne`, `umap`, `pacmap`, each
with its defaults and two processors. Of 2,000 sampled documents: the share of the 15 nearest by
cosine that are among the 15 nearest on the plane (recall), trustworthiness (Venna and Kaski, 2001:
how far off the strangers are that the plane shows as neighbours), and where there are labels the
share of documents whose 10 nearest on the plane mostly bear theirs. Seconds include neighbours,
layout and, with numba, compiling.
"""

from __future__ import annotations

import json
import time
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from analysis.map.affinities import principal_start
from analysis.map.finding import MapRequest, draw
from benchmarks.record import save
from eval.provenance import Provenance
from indexing.index.exact import unit
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 0
K = 15
SAMPLE = 2_000


def main(
    vectors: Annotated[Path, typer.Argument(help="float32 (n, dim), .npy.")],
    name: Annotated[str, typer.Option(help="Of the data set.")],
    labels: Annotated[Path | None, typer.Option(help="(n,), .npy.")] = None,
    documents: Annotated[int, typer.Option(help="At most so many, drawn.")] = 20_000,
    method: Annotated[str, typer.Option(help="Which layout.")] = "meari",
    exaggeration: Annotated[float, typer.Option(help="Of ours.")] = 1.0,
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    every = np.load(vectors, mmap_mode="r")
    rows = np.arange(len(every))
    if len(rows) > documents:
        rows = np.sort(np.random.default_rng(SEED).choice(len(rows), documents, replace=False))
    chosen = unit(np.ascontiguousarray(every[rows], dtype=np.float32))
    started = time.perf_counter()
    points, stages = _layouts(exaggeration)[method](chosen)
    seconds = time.perf_counter() - started
    result = {
        "dataset": name,
        "documents": len(rows),
        "dim": chosen.shape[1],
        "method": method,
        "exaggeration": exaggeration if method == "meari" else None,
        "seconds": round(seconds, 1),
        "milliseconds": stages,
        **_kept(chosen, points),
        "label_accuracy": None if labels is None else _accuracy(points, np.load(labels)[rows]),
        "extent": round(float(np.ptp(points, axis=0).max()), 1),
    }
    print(json.dumps(result, indent=1), Provenance.now().processor)
    suffix = f"_{exaggeration:g}" if method == "meari" and exaggeration != 1 else ""
    print(f"saved {save(f'structure_map_{name}_{len(rows)}_{method}{suffix}', result)}")


def _layouts(
    exaggeration: float,
) -> dict[str, Callable[[np.ndarray], tuple[np.ndarray, dict[str, float]]]]:
    def meari(vectors: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        request = MapRequest(exaggeration=exaggeration, seed=SEED)
        drawn = draw(vectors, Metric.COSINE, request)
        return drawn.points, dict(drawn.milliseconds)

    def pca(vectors: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        return principal_start(vectors, SEED), {}

    def opentsne(vectors: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        import openTSNE

        model = openTSNE.TSNE(metric="cosine", n_jobs=2, random_state=SEED)
        return np.asarray(model.fit(vectors), dtype=np.float32), {}

    def umap(vectors: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        from umap import UMAP

        return UMAP(metric="cosine", random_state=SEED).fit_transform(vectors), {}

    def pacmap(vectors: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        from pacmap import PaCMAP

        model = PaCMAP(distance="angular", random_state=SEED)
        return model.fit_transform(vectors, init="pca"), {}

    return {"meari": meari, "pca": pca, "opentsne": opentsne, "umap": umap, "pacmap": pacmap}


def _kept(vectors: np.ndarray, points: np.ndarray) -> dict[str, float]:
    """Recall of neighbours and trustworthiness, over sampled documents."""
    n = len(vectors)
    rows = np.random.default_rng(SEED + 1).choice(n, min(SAMPLE, n), replace=False)
    recalls, penalties = [], []
    for first in range(0, len(rows), 100):
        block = rows[first : first + 100]
        scores = vectors[block] @ vectors.T
        away = ((points[block, None] - points[None]) ** 2).sum(axis=2)
        scores[np.arange(len(block)), block] = np.inf
        away[np.arange(len(block)), block] = np.inf
        seen = np.argpartition(away, K, axis=1)[:, :K]
        ranks = np.empty_like(scores, dtype=np.int32)
        order = np.argsort(-scores, axis=1)
        np.put_along_axis(ranks, order, np.arange(n, dtype=np.int32)[None], axis=1)
        found = np.take_along_axis(ranks, seen, axis=1)  # 0 is the document itself
        recalls.append((found <= K).mean(axis=1))
        penalties.append(np.maximum(found - K, 0).sum(axis=1))
    most = K * (2 * n - 3 * K - 1) / 2
    return {
        "recall": round(float(np.concatenate(recalls).mean()), 4),
        "trustworthiness": round(1 - float(np.concatenate(penalties).mean()) / most, 4),
    }


def _accuracy(points: np.ndarray, labels: np.ndarray) -> float:
    """Share of sampled documents whose ten nearest on the plane mostly bear their label."""
    _, numbers = np.unique(labels, return_inverse=True)
    rows = np.random.default_rng(SEED + 2).choice(
        len(points), min(SAMPLE, len(points)), replace=False
    )
    right = 0
    for row in rows.tolist():
        away = ((points - points[row]) ** 2).sum(axis=1)
        away[row] = np.inf
        near = numbers[np.argpartition(away, 10)[:10]]
        right += int(np.bincount(near).argmax() == numbers[row])
    return round(right / len(rows), 4)


if __name__ == "__main__":
    typer.run(main)
