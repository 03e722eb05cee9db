"""Names of groups: the terms that stand in them more often than elsewhere, as people write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.clusters.surface import Surfaces

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import scipy.sparse

    from analysis.clusters.words import TermCounts, Texts
    from embeddings.text.analyzer import Analyzer

TERMS = 10
LABEL_TERMS = 3
SEPARATOR = " · "
_CANDIDATES = 2 * TERMS
_LEAST_LIFT = 1.5
"""A term names a group only if it stands in so many times the share of its documents that it
stands in of all groups' on average."""
_MOST_LABEL = 40


@dataclass(frozen=True, slots=True)
class Name:
    """What a group is called.

    Attributes:
        label: its foremost terms as words, joined by ` · `; empty where it holds none.
        terms: the terms as words, the most telling first.
        columns: the terms' places in the vocabulary.
    """

    label: str
    terms: tuple[str, ...]
    columns: tuple[int, ...]


def weigh(counts: scipy.sparse.csr_matrix, sizes: Sequence[int]) -> scipy.sparse.csr_matrix:
    """Class-based TF-IDF: how telling each term is of each group, CSR float64 (k, terms).

    W(t, c) = n(t, c) / n(c) · log(1 + A / n(t)), where n(t, c) are the documents of group c that
    hold term t, n(c) the sum over its terms, n(t) the sum over all groups and A the mean of n(c).
    Grootendorst, "BERTopic: neural topic modeling with a class-based TF-IDF procedure",
    arXiv 2203.05794, 2022, which counts a term as often as it stands there: counted once a
    document, one document that repeats itself names no group. Terms that stand in hardly more of
    a group's documents than elsewhere, or in one of several documents alone, weigh nothing.

    Args:
        counts: CSR (k, terms), documents of each group that hold each term.
        sizes: documents counted of each group.
    """
    from scipy.sparse import csr_matrix

    k = counts.shape[0]
    counts = counts.tocoo()
    rows, columns, held = counts.row, counts.col, counts.data.astype(np.float64)
    of_group = np.bincount(rows, held, minlength=k)
    of_term = np.bincount(columns, held, minlength=counts.shape[1])
    documents = np.maximum(np.asarray(sizes, dtype=np.float64), 1)
    mean = of_group.sum() / max(1, k)
    weights = held / of_group[rows] * np.log1p(mean / of_term[columns])
    lift = (held / documents[rows]) / (of_term[columns] / documents.sum())
    telling = (lift >= min(_LEAST_LIFT, (1 + k) / 2)) | (k == 1)
    telling &= (held >= 2) | (documents[rows] < 4)
    return csr_matrix((weights[telling], (rows[telling], columns[telling])), counts.shape)


def name_groups(
    texts: Texts,
    counted: TermCounts,
    members: Sequence[Sequence[int]],
    analyzer: Analyzer,
    surfaces: Surfaces | None = None,
) -> list[Name]:
    """A name for each group; an empty one where it holds no words.

    Args:
        texts: of the documents.
        counted: their terms by cluster.
        members: of each group, the clusters in it; the groups are told apart from each other.
        analyzer: which found the terms.
        surfaces: words found already, to be shared between levels.
    """
    by_cluster = counted.by_group(1 + int(counted.groups.max(initial=-1)))
    sizes = np.bincount(counted.groups, minlength=by_cluster.shape[0])
    rows = [[c for c in group if c < by_cluster.shape[0]] for group in members]
    counts = _joined(by_cluster, rows)
    weights = weigh(counts, [int(sizes[group].sum()) for group in rows])
    best = [_best(weights, row) for row in range(len(members))]
    words = surfaces or Surfaces(texts, counted, analyzer)
    names = []
    for group, candidates in zip(rows, best, strict=True):
        words.look_up(candidates, group)
        shown = _apart((column, words.of(column, group)) for column in candidates)
        told = tuple(shown.values())
        names.append(Name(SEPARATOR.join(told[:LABEL_TERMS]), told, tuple(shown)))
    return names


def label_of_text(text: str, id: str) -> str:
    """A label where there are no words: the beginning of a document, or its id."""
    line = " ".join(text.split())
    if not line:
        return id
    return line if len(line) <= _MOST_LABEL else f"{line[: _MOST_LABEL - 1]}…"


def _joined(
    counts: scipy.sparse.csr_matrix, groups: Sequence[Sequence[int]]
) -> scipy.sparse.csr_matrix:
    from scipy.sparse import csr_matrix

    row = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    column = np.array([cluster for group in groups for cluster in group], dtype=np.int64)
    ones = np.ones(len(row), dtype=np.float32)
    joining = csr_matrix((ones, (row, column)), shape=(len(groups), counts.shape[0]))
    return csr_matrix(joining @ counts)


def _best(weights: scipy.sparse.csr_matrix, row: int) -> list[int]:
    """Columns of the heaviest terms, heaviest first, equal ones in the order they were met."""
    part = slice(weights.indptr[row], weights.indptr[row + 1])
    columns, values = weights.indices[part], weights.data[part]
    order = np.lexsort((columns, -values))[:_CANDIDATES]
    return [int(column) for column in columns[order]]


def _apart(words: Iterable[tuple[int, str]]) -> dict[int, str]:
    """The first ten words without those that are in another before them, or that another is in."""
    kept: dict[int, str] = {}
    for column, word in words:
        low = word.casefold()
        if not any(low in other.casefold() or other.casefold() in low for other in kept.values()):
            kept[column] = word
        if len(kept) == TERMS:
            break
    return kept
