"""Do answers go with the words of their texts: a look without any model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from embeddings.training.checking.shingles import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from embeddings.training.subjects.table import Table

    Floats = npt.NDArray[np.float64]

_MOST = 4_000
"""Rows looked at."""
_BUCKETS = 1 << 14
_RUN = 3
"""Characters of the runs that the overlap of two texts is counted in."""


def probe(tables: Sequence[Table], *, seed: int) -> float | None:
    """The strongest relation of any training source, in standard errors; None without any."""
    found = [_probe_table(table, seed) for table in tables if table.part == "train"]
    return max((value for value in found if value is not None), default=None)


def _probe_table(table: Table, seed: int) -> float | None:
    # Files are often sorted, or turn by turn: the order must tell nothing.
    rows = np.random.default_rng(seed).permutation(len(table))[:_MOST].tolist()
    texts = [[column[row] for row in rows] for column in table.texts.values()]
    if len(rows) < 20:
        return None
    if table.labels is not None:
        labels = [table.labels[row] for row in rows]
        return _by_words([" ".join(parts) for parts in zip(*texts, strict=True)], labels)
    if len(texts) < 2:
        return None
    if table.scores is not None:
        return _by_overlap(texts[0], texts[1], np.array([table.scores[row] for row in rows]))
    return _by_pairing(texts[0], texts[1])


def _by_overlap(first: Sequence[str], second: Sequence[str], scores: Floats) -> float:
    """Rank correlation of common character runs with scores, over its standard error."""
    from scipy.stats import rankdata

    overlap = rankdata(_overlaps(first, second))
    gold = rankdata(scores)
    if np.ptp(overlap) == 0 or np.ptp(gold) == 0:
        return 0.0
    return float(np.corrcoef(overlap, gold)[0, 1]) * math.sqrt(len(gold) - 1)


def _by_pairing(first: Sequence[str], second: Sequence[str]) -> float:
    """Overlap of pairs against that with the next row's second text, over its standard error."""
    shifted = [*second[1:], second[0]]
    differences = _overlaps(first, second) - _overlaps(first, shifted)
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return float(differences.mean()) / error if error else 0.0


def _by_words(texts: Sequence[str], labels: Sequence[str]) -> float:
    """Naive Bayes on every second row, judged on the others, over chance in standard errors.

    Chance is the accuracy that the same answers have on labels given to other rows.
    """
    names = {label: number for number, label in enumerate(sorted(set(labels)))}
    gold = np.array([names[label] for label in labels])
    counts = np.ones((len(names), _BUCKETS))
    words = [_words(text) for text in texts]
    for row in range(0, len(texts), 2):
        np.add.at(counts[gold[row]], words[row], 1)
    prior = np.bincount(gold[::2], minlength=len(names)) + 1.0
    logs = np.log(counts / counts.sum(axis=1, keepdims=True))
    told = np.array(
        [
            int(np.argmax(np.log(prior) + logs[:, words[row]].sum(axis=1)))
            for row in range(1, len(texts), 2)
        ]
    )
    judged = gold[1::2]
    right = float(np.mean(told == judged))
    shares = [np.bincount(each, minlength=len(names)) / len(judged) for each in (told, judged)]
    chance = float(shares[0] @ shares[1])
    error = math.sqrt(max(chance * (1 - chance), 1e-12) / len(judged))
    return (right - chance) / error


def _overlaps(first: Sequence[str], second: Sequence[str]) -> Floats:
    return np.array([_overlap(a, b) for a, b in zip(first, second, strict=True)])


def _overlap(first: str, second: str) -> float:
    a, b = _runs(first), _runs(second)
    return len(a & b) / max(len(a | b), 1)


def _runs(text: str) -> set[str]:
    plain = normalise(text)
    return {plain[at : at + _RUN] for at in range(max(len(plain) - _RUN + 1, 1))}


def _words(text: str) -> list[int]:
    """Buckets of the different words and runs of characters; the latter for Korean's endings."""
    plain = normalise(text)
    return [crc32(part.encode()) % _BUCKETS for part in {*plain.split(), *_runs(text)}]
