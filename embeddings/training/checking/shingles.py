"""Texts that are nearly the same: shingles, MinHash, bands, and the exact likeness at the end.

Broder, "On the resemblance and containment of documents", 1997; bands as in Leskovec, Rajaraman
and Ullman, "Mining of Massive Datasets", chapter 3.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

LIKENESS = 0.85
"""Share of common shingles from which on two texts are told as nearly the same."""
_WIDTH = 5
"""Characters of a shingle."""
_BANDS, _ROWS = 16, 4
"""64 hashes: two texts of likeness s meet in a band with 1 - (1 - s^4)^16: 0.99999 at 0.85."""
_PRIME = (1 << 61) - 1
_CROWD = 50
"""Texts in one band beyond which only the first are compared: boilerplate meets everywhere."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two texts that are nearly the same.

    Attributes:
        first: number of a text of the first list.
        second: number of a text of the second list.
        share: of common shingles (Jaccard), 0 to 1.
    """

    first: int
    second: int
    share: float


def normalise(text: str) -> str:
    """NFKC, lower case, letters and digits alone, parted by single blanks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded))


def find_alike(
    first: Sequence[str], second: Sequence[str], *, least: float = LIKENESS
) -> list[Likeness]:
    """The most alike text of `first` for each of `second` that has one, by number in `second`.

    Args:
        first: normalised texts.
        second: normalised texts; those that stand in `first` word by word are left out.
        least: share of common shingles, 0 to 1.
    """
    same = set(first)
    of_first = [_shingles(text) for text in first]
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for number, shingles in enumerate(of_first):
        for bucket in _bands(shingles):
            if len(buckets[bucket]) < _CROWD:
                buckets[bucket].append(number)
    found = []
    for number, text in enumerate(second):
        if text in same:
            continue
        shingles = _shingles(text)
        near = {each for bucket in _bands(shingles) for each in buckets.get(bucket, ())}
        shares = [(_jaccard(of_first[each], shingles), -each) for each in near]
        share, place = max(shares, default=(0.0, 0))
        if share >= least:
            found.append(Likeness(-place, number, share))
    return found


def _shingles(text: str) -> npt.NDArray[np.uint64]:
    """Hashes of the different runs of five characters, sorted; the whole of a shorter text."""
    runs = {text[at : at + _WIDTH] for at in range(max(len(text) - _WIDTH + 1, 1))}
    hashes = [crc32(run.encode()) for run in runs]
    return np.unique(np.array(hashes, dtype=np.uint64))


def _bands(shingles: npt.NDArray[np.uint64]) -> Iterator[tuple[int, bytes]]:
    multipliers, offsets = _hashes()
    # Products stay below 2^64 as shingles are below 2^32 and multipliers below 2^31.
    signature = ((shingles[:, None] * multipliers + offsets) % np.uint64(_PRIME)).min(axis=0)
    for band in range(_BANDS):
        yield band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes()


def _hashes() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    random = np.random.default_rng(1997)
    count = _BANDS * _ROWS
    multipliers = random.integers(1, 1 << 31, count, dtype=np.uint64)
    return multipliers, random.integers(0, 1 << 31, count, dtype=np.uint64)


def _jaccard(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> float:
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)
