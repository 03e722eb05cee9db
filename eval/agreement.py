"""How far two groupings of the same things agree, and how well words of a group go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import scipy.sparse

    Groups = npt.NDArray[np.int64]


def nmi(truth: Groups, found: Groups) -> float:
    """Normalised mutual information, 0 to 1: I(T; F) over the mean of H(T) and H(F).

    Strehl, Ghosh, "Cluster ensembles", JMLR 3, 2002 (who take the geometric mean). Grows with
    the number of groups found, even of random ones.
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, found))


def ari(truth: Groups, found: Groups) -> float:
    """Adjusted Rand index, at most 1; 0 is what chance gives.

    The share of pairs that both put together or both apart, above chance. Hubert, Arabie,
    "Comparing partitions", Journal of Classification 2, 1985.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, found))


def homogeneity(truth: Groups, found: Groups) -> float:
    """How far each found group holds one true group alone, 0 to 1: 1 - H(T | F) / H(T)."""
    from sklearn.metrics import homogeneity_score

    return float(homogeneity_score(truth, found))


def completeness(truth: Groups, found: Groups) -> float:
    """How far each true group is in one found group alone, 0 to 1: 1 - H(F | T) / H(F)."""
    from sklearn.metrics import completeness_score

    return float(completeness_score(truth, found))


def v_measure(truth: Groups, found: Groups) -> float:
    """Harmonic mean of homogeneity and completeness, 0 to 1.

    Rosenberg, Hirschberg, "V-measure: a conditional entropy-based external cluster evaluation
    measure", EMNLP 2007. With both weighing the same, as here, it equals `nmi`.
    """
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(truth, found))


def purity(truth: Groups, found: Groups) -> float:
    """Share of things in the largest true group of their found group, 0 to 1.

    Zhao, Karypis, "Criterion functions for document clustering", University of Minnesota TR
    01-40, 2001. As many groups as things give 1.
    """
    from scipy.sparse import coo_matrix

    if not len(truth):
        return 0.0
    ones = np.ones(len(truth), dtype=np.int64)
    table = coo_matrix((ones, (found, truth))).tocsr()
    return float(table.max(axis=1).sum() / len(truth))


MEASURES: Mapping[str, Callable[[Groups, Groups], float]] = {
    "NMI": nmi,
    "ARI": ari,
    "V-measure": v_measure,
    "homogeneity": homogeneity,
    "completeness": completeness,
    "purity": purity,
}
"""Of the agreement of found groups, int64 (n,) from 0 on, with true ones."""


def npmi(holds: scipy.sparse.csr_matrix, columns: Sequence[int]) -> float | None:
    """Coherence of some terms, -1 to 1: the mean normalised pointwise mutual information of pairs.

    NPMI(a, b) = log(p(a, b) / (p(a) p(b))) / -log p(a, b), where p is the share of documents that
    hold the terms; -1 for a pair that no document holds, 1 for one that every document holds.
    Bouma, "Normalized (pointwise) mutual information in collocation extraction", GSCL 2009; as
    coherence of topics: Lau, Newman, Baldwin, "Machine reading tea leaves", EACL 2014.

    Args:
        holds: CSR (documents, terms), 1 where a document holds a term.
        columns: the terms.

    Returns:
        None for fewer than two terms.
    """
    if len(columns) < 2:
        return None
    chosen = holds[:, list(columns)].astype(np.float64)
    together = np.asarray((chosen.T @ chosen).todense()) / holds.shape[0]
    alone = np.diagonal(together)
    one, two = np.triu_indices(len(columns), 1)
    both = together[one, two]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(both / (alone[one] * alone[two])) / -np.log(both)
    values[both == 0] = -1
    values[both == 1] = 1
    return float(values.mean())
