"""Isolation forest: what few random cuts set apart is an outlier.

Liu, Ting, Zhou, "Isolation forest", ICDM 2008. scikit-learn grows the trees; they are kept and
walked as arrays, so that a forest can be stored without pickle and asked for new vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from analysis.outliers.calibration import Raw
    from analysis.outliers.nearness import Nearness
    from embeddings.types import Vectors
    from indexing.types import Scores

    Nodes = npt.NDArray[np.int32]

_TREES = 100
_SAMPLE = 256
_EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees whose nodes lie one after another, the roots where `roots` says.

    Attributes:
        roots: int32 (trees,).
        feature: int32 (nodes,), the dimension a node cuts; 0 in a leaf.
        threshold: float64 (nodes,), up to which a value goes left; infinity in a leaf.
        left: int32 (nodes,), where it goes on; a leaf leads to itself.
        right: int32 (nodes,), likewise.
        length: float32 (nodes,), of a leaf: the cuts to it, and those its rows would still need.
        depth: int32 (1,), cuts in the longest path.
        usual: float32 (1,), the mean path length in a tree of the sample's size, c(psi).
    """

    roots: Nodes
    feature: Nodes
    threshold: npt.NDArray[np.float64]
    left: Nodes
    right: Nodes
    length: Scores
    depth: Nodes
    usual: Scores

    @classmethod
    def fit(cls, vectors: Vectors, seed: int) -> Forest:
        """100 trees of 256 vectors each, all of them if there are fewer."""
        from sklearn.ensemble import IsolationForest

        sample, most = min(_SAMPLE, len(vectors)), _TREES * _SAMPLE
        if len(vectors) > most:
            rows = np.random.default_rng(seed).choice(len(vectors), most, replace=False)
            vectors = vectors[np.sort(rows)]
        grown = IsolationForest(n_estimators=_TREES, max_samples=sample, random_state=seed)
        grown.fit(np.ascontiguousarray(vectors))
        return _joined([tree.tree_ for tree in grown.estimators_], sample)

    def score(self, vectors: Vectors, near: Nearness) -> Raw:
        """2 to the power of -E[h] / c(psi): 0 to 1, .5 where nothing stands out."""
        del near
        node = np.broadcast_to(self.roots, (len(vectors), len(self.roots)))
        rows = np.arange(len(vectors))[:, None]
        for _ in range(int(self.depth[0])):
            goes_left = vectors[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        mean = self.length[node].mean(axis=1, dtype=np.float64)
        isolated: Raw = 2.0 ** (-mean / float(self.usual[0]))
        return isolated


def _joined(trees: Sequence[Any], sample: int) -> Forest:
    """scikit-learn's trees behind one another."""
    sizes = [tree.node_count for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    cut, threshold, left, right, length, deepest = [], [], [], [], [], 0
    for root, tree in zip(roots.tolist(), trees, strict=True):
        is_leaf = tree.children_left < 0
        own = np.arange(tree.node_count)
        depth = _depths(tree.children_left, tree.children_right)
        deepest = max(deepest, int(depth.max()))
        cut.append(np.where(is_leaf, 0, tree.feature))
        threshold.append(np.where(is_leaf, np.inf, tree.threshold))
        left.append(root + np.where(is_leaf, own, tree.children_left))
        right.append(root + np.where(is_leaf, own, tree.children_right))
        length.append(depth + _usual_length(tree.n_node_samples))
    return Forest(
        roots.astype(np.int32),
        np.concatenate(cut).astype(np.int32),
        np.concatenate(threshold).astype(np.float64),
        np.concatenate(left).astype(np.int32),
        np.concatenate(right).astype(np.int32),
        np.concatenate(length).astype(np.float32),
        np.array([deepest], dtype=np.int32),
        _usual_length(np.array([sample])).astype(np.float32),
    )


def _depths(left: Nodes, right: Nodes) -> Nodes:
    """int32 (nodes,), cuts above each node; children stand behind their parents."""
    depth = np.zeros(len(left), dtype=np.int32)
    for node in np.flatnonzero(left >= 0).tolist():
        depth[left[node]] = depth[right[node]] = depth[node] + 1
    return depth


def _usual_length(rows: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
    """c(n) = 2 H(n - 1) - 2 (n - 1) / n, H(i) taken as ln i + 0.5772: equation 1; 0 for one row."""
    many = np.maximum(rows, 2).astype(np.float64)
    length = 2 * (np.log(many - 1) + _EULER) - 2 * (many - 1) / many
    return np.where(rows > 2, length, np.where(rows == 2, 1.0, 0.0))
