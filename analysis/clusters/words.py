"""Which terms stand in the documents of each group, counted over a bounded number of them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from analysis.clusters.stop_words import stop_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import scipy.sparse

    from analysis.clusters.result import Labels
    from analysis.progress import Progress
    from embeddings.text.analyzer import Analyzer
    from indexing.types import Ids

MOST_COUNTED = 100_000
"""Documents whose terms are counted, of all groups together."""
_LEAST_COUNTED = 50
"""Of each group, where it has so many."""
_BLOCK = 1_000


class Texts(Protocol):
    """Where the words of documents are read from; a `Corpus` is one."""

    def terms(self, positions: Sequence[int] | Ids, analyzer: Analyzer) -> list[list[str]]:
        """The terms of the documents at those positions."""

    def texts(self, positions: Sequence[int] | Ids) -> list[str]:
        """Their texts."""


@dataclass(frozen=True, slots=True, eq=False)
class TermCounts:
    """Terms of documents that were drawn from each group.

    Attributes:
        vocabulary: the terms, in the order they were met.
        positions: int64 (m,), the documents in the corpus, ascending.
        groups: int32 (m,), the group of each, 0 to k-1.
        stops: terms that are not counted because they name nothing.
        holds: CSR float32 (m, terms), 1 where a document holds a term, however often.
    """

    vocabulary: list[str]
    positions: Ids
    groups: Labels
    stops: frozenset[str]
    holds: scipy.sparse.csr_matrix

    def by_group(self, k: int) -> scipy.sparse.csr_matrix:
        """CSR float32 (k, terms): documents of each group that hold each term."""
        from scipy.sparse import csr_matrix

        ones = np.ones(len(self.groups), dtype=np.float32)
        members = csr_matrix(
            (ones, (self.groups, np.arange(len(self.groups)))), shape=(k, len(ones))
        )
        return csr_matrix(members @ self.holds)


def count_terms(
    texts: Texts, groups: Labels, analyzer: Analyzer, *, seed: int, progress: Progress
) -> TermCounts:
    """The terms of up to 100,000 documents, as evenly from all groups as these allow.

    Args:
        texts: of the documents.
        groups: int32 (n,), 0 to k-1, -1 for outliers, which are not looked at.
        analyzer: finds terms where none of it are kept.
        seed: of the draw in groups of more documents than are counted.
        progress: told how many documents are counted.

    Raises:
        AnalyzerError: Kiwi cannot be loaded.
    """
    from scipy.sparse import csr_matrix

    stops = stop_terms(analyzer)
    positions = _drawn(groups, np.random.default_rng(seed))
    numbers: dict[str, int] = {}
    columns, starts = array("i"), [0]
    for first in range(0, len(positions), _BLOCK):
        progress("terms", first, len(positions))
        for terms in texts.terms(positions[first : first + _BLOCK], analyzer):
            there = (term for term in dict.fromkeys(terms) if term not in stops)
            columns.extend(
                numbers.setdefault(term, len(numbers)) for term in there if _may_name(term)
            )
            starts.append(len(columns))
    progress("terms", len(positions), len(positions))
    ones = np.ones(len(columns), dtype=np.float32)
    where = np.frombuffer(columns, dtype=np.int32)
    holds = csr_matrix((ones, where, starts), shape=(len(positions), len(numbers)))
    return TermCounts(list(numbers), positions, groups[positions], stops, holds)


def _drawn(groups: Labels, draw: np.random.Generator) -> Ids:
    """Positions ascending: all of small groups, some of large ones, the same share of none."""
    inside = np.flatnonzero(groups >= 0)
    if len(inside) <= MOST_COUNTED:
        return inside
    sizes = np.bincount(groups[inside])
    least = max(_LEAST_COUNTED, _level(sizes, MOST_COUNTED))
    order = inside[draw.permutation(len(inside))]
    order = order[np.argsort(groups[order], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    places = np.arange(len(order)) - starts[groups[order]]
    return np.sort(order[places < least])


def _level(sizes: npt.NDArray[np.int64], most: int) -> int:
    """The largest number such that groups cut to it have `most` members together at most."""
    low, high = 0, int(sizes.max())
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(sizes, middle).sum()) <= most:
            low = middle
        else:
            high = middle - 1
    return low


def _may_name(term: str) -> bool:
    """False for numbers, single letters and sounds in letters (ㅋㅋ, ㅠ), which name nothing."""
    if (len(term) == 1 and term.isascii()) or all("ㄱ" <= char <= "ㆎ" for char in term):
        return False
    return not term.replace(".", "").isdigit()
