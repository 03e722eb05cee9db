r"""How often drift is called where there is none, and how often where it was planted.

    python -m benchmarks.structure_drift VECTORS.npy LABELS.npy --name clinc150

Each trial draws two samples without replacement. Planted drift takes a share of the later sample
from topics that the earlier one has no documents of.
"""

from __future__ import annotations

import json
import time
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated, Any

import numpy as np
import typer

from analysis.drift.testing import mean_discrepancy, separation
from benchmarks.record import save
from indexing.index.exact import unit

SHARES = (0.0, 0.02, 0.05, 0.1)
LEVEL = 0.05
_APART = 1_000_000
"""Between the seeds of samples and of tests."""
HIDDEN = 5
"""Topics that are only in later samples."""


def main(
    vectors: Annotated[Path, typer.Argument(help="float32 (n, dim), .npy.")],
    labels: Annotated[Path, typer.Argument(help="(n,), .npy.")],
    name: Annotated[str, typer.Option(help="Of the data set.")],
    documents: Annotated[int, typer.Option(help="Of each sample.")] = 500,
    trials: Annotated[int, typer.Option(help="For each share.")] = 100,
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    every, topics = unit(np.load(vectors)), np.load(labels)
    names = np.unique(topics)
    found = []
    for share in SHARES:
        started = time.perf_counter()
        rates = np.array(
            [_trial(every, topics, names, share, documents, seed) for seed in range(trials)]
        )
        found.append(
            {
                "share_of_new_topics": share,
                "called_by_mmd": round(float((rates[:, 0] <= LEVEL).mean()), 3),
                "called_by_classifier": round(float((rates[:, 1] <= LEVEL).mean()), 3),
                "mean_auc": round(float(rates[:, 2].mean()), 3),
                "seconds_a_trial": round((time.perf_counter() - started) / trials, 3),
            }
        )
    result: dict[str, Any] = {
        "dataset": name,
        "documents": documents,
        "trials": trials,
        "level": LEVEL,
        "hidden_topics": HIDDEN,
        "topics": len(names),
        "rates": found,
    }
    print(json.dumps(result, indent=1))
    print(f"saved {save(f'structure_drift_{name}_{documents}', result)}")


def _trial(
    vectors: np.ndarray,
    topics: np.ndarray,
    names: np.ndarray,
    share: float,
    documents: int,
    seed: int,
) -> tuple[float, float, float]:
    """P-value by discrepancy, p-value by classifier, and the latter's area."""
    rng = np.random.default_rng(seed)
    hidden = np.isin(topics, rng.choice(names, HIDDEN, replace=False))
    new = round(share * documents)
    known = rng.choice(np.flatnonzero(~hidden), 2 * documents - new, replace=False)
    strange = rng.choice(np.flatnonzero(hidden), new, replace=False)
    before = vectors[known[:documents]]
    after = vectors[np.concatenate([known[documents:], strange])]
    tested = mean_discrepancy(
        before, after, permutations=199, seed=seed + _APART, told=lambda done, total: None
    )
    apart = separation(before, after, seed=seed)
    return tested.p_value, apart.p_value, apart.auc


if __name__ == "__main__":
    typer.run(main)
