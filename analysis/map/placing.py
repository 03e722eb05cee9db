"""New points on a map that stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import InvalidAnalysisError
from indexing.index.exact import comparable, nearest

if TYPE_CHECKING:
    from analysis.map.finding import Map
    from analysis.map.layout import Points
    from embeddings.types import Vectors

_NEIGHBOURS = 10
_BLOCK = 2_048


def place(onto: Map, vectors: Vectors) -> Points:
    """Where vectors would lie on a map: among the nearest of its anchors.

    A point is the mean of its ten nearest anchors' points, of those alone that lie within the
    middle distance of the nearest anchor's point: a mean of two continents would be in the sea.

    Args:
        onto: as found; nothing of it changes.
        vectors: float32 (n, dim), of the map's encoder, of any length.

    Returns:
        float32 (n, 2).

    Raises:
        InvalidAnalysisError: another number of dimensions.
    """
    anchors = onto.anchors
    dim = anchors.vectors.shape[1]
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        encoder = onto.receipt.made_from["encoder"]
        message = f"vectors of shape {vectors.shape}; the map's encoder {encoder} gives (n, {dim})"
        raise InvalidAnalysisError(message, "vectors")
    known = comparable(anchors.vectors.astype(np.float32), anchors.metric)
    where = onto.points[anchors.positions]
    placed = np.empty((len(vectors), 2), dtype=np.float32)
    k = min(_NEIGHBOURS, len(known))
    for first in range(0, len(vectors), _BLOCK):
        block = np.ascontiguousarray(vectors[first : first + _BLOCK], dtype=np.float32)
        hits = nearest(known, comparable(block, anchors.metric), k, anchors.metric)
        around = where[hits.ids]
        away = np.linalg.norm(around - around[:, :1], axis=2)
        near = away <= np.median(away, axis=1, keepdims=True)
        share = near / near.sum(axis=1, keepdims=True)
        placed[first : first + _BLOCK] = (around * share[:, :, None]).sum(axis=1)
    return placed
