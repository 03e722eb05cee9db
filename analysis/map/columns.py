"""A tile's points as bytes a browser reads without parsing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from analysis.map.layout import Points
    from indexing.types import Ids

MAGIC = b"MTIL"
VERSION = 1
CLUSTERS, SCORES = 1, 2


def to_bytes(
    points: Points,
    positions: Ids,
    *,
    clusters: npt.NDArray[np.integer] | None = None,
    scores: npt.NDArray[np.floating] | None = None,
) -> bytes:
    """Some points of a map, column after column, little-endian.

    A head of 16 bytes: `MTIL`, version (uint32, 1), points (uint32), flags (uint32; 1: clusters
    follow, 2: scores follow). Then x (float32), y (float32), position (uint32) and, by the flags,
    cluster (int32, -1: none) and score (float32, NaN: none), each once per point. In JavaScript
    `new Float32Array(buffer, 16, points)` is x.

    Args:
        points: float32 (n, 2), of the whole map.
        positions: int64 (m,), which of them.
        clusters: (n,), each point's.
        scores: (n,), each point's.
    """
    flags = (CLUSTERS if clusters is not None else 0) | (SCORES if scores is not None else 0)
    head = np.array([VERSION, len(positions), flags], dtype="<u4").tobytes()
    columns: list[npt.NDArray[np.generic]] = [
        points[positions, 0].astype("<f4"),
        points[positions, 1].astype("<f4"),
        positions.astype("<u4"),
    ]
    if clusters is not None:
        columns.append(clusters[positions].astype("<i4"))
    if scores is not None:
        columns.append(scores[positions].astype("<f4"))
    return b"".join([MAGIC, head, *(column.tobytes() for column in columns)])
