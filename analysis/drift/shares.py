"""Clusters that grew or shrank between two corpora."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class ClusterShift:
    """How much of each corpus a cluster is.

    Attributes:
        cluster: its id; -1: documents of none.
        label: its name; "" where it has none.
        before: documents of the earlier corpus in it.
        after: documents of the later one.
        share_before: of the earlier corpus, 0 to 1.
        share_after: of the later one.
        p_value: of shares so different by chance (Fisher's exact test), after Benjamini and
            Hochberg's correction for the number of clusters.
        change: `grew`, `shrank`, `new` (none before), `gone` (none after), or `same` where
            the difference is not significant.
    """

    cluster: int
    label: str
    before: int
    after: int
    share_before: float
    share_after: float
    p_value: float
    change: str


def shifts(
    before: npt.NDArray[np.integer],
    after: npt.NDArray[np.integer],
    names: Mapping[int, str],
    *,
    level: float,
) -> tuple[ClusterShift, ...]:
    """Every cluster of either corpus, the most significant first.

    Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995.

    Args:
        before: (n,), each earlier document's cluster.
        after: (m,), each later document's.
        names: by cluster.
        level: of significance, 0 to 1.
    """
    from scipy.stats import false_discovery_control, fisher_exact

    clusters = np.union1d(before, after)
    counts = [(int((before == c).sum()), int((after == c).sum())) for c in clusters.tolist()]
    n, m = len(before), len(after)
    chances = [float(fisher_exact([[a, b], [n - a, m - b]])[1]) for a, b in counts]
    adjusted = false_discovery_control(np.clip(chances, 0, 1)) if chances else np.empty(0)
    found = [
        ClusterShift(
            cluster=int(cluster),
            label=names.get(int(cluster), ""),
            before=a,
            after=b,
            share_before=a / n,
            share_after=b / m,
            p_value=float(p_value),
            change=_change(a, b, a / n, b / m) if p_value <= level else "same",
        )
        for cluster, (a, b), p_value in zip(clusters.tolist(), counts, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda s: (s.p_value, -max(s.before, s.after), s.cluster)))


def _change(before: int, after: int, share_before: float, share_after: float) -> str:
    if before == 0:
        return "new"
    if after == 0:
        return "gone"
    return "grew" if share_after > share_before else "shrank"
