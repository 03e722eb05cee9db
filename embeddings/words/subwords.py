"""Character n-grams of words, hashed into buckets as fastText does.

Bojanowski, Grave, Joulin and Mikolov, "Enriching Word Vectors with Subword Information", 2017,
arXiv:1607.04606.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_OFFSET, _PRIME = 2_166_136_261, 16_777_619
"""FNV-1a, 32 bits."""


@dataclass(frozen=True, slots=True)
class Subwords:
    """Which n-grams a word has, and where their vectors are.

    Attributes:
        shortest: characters of the shortest n-gram; `<` and `>` around a word count.
        longest: characters of the longest.
        buckets: rows of the table of vectors; n-grams of one bucket share a vector.
        jamo: True takes Hangul apart into its letters first, so that 먹다 and 먹이 share more than
            a syllable (Park et al., "Subword-level Word Vector Representations for Korean", 2018).
    """

    shortest: int
    longest: int
    buckets: int
    jamo: bool = False

    def spelled(self, word: str) -> str:
        """The word as its n-grams are taken from it."""
        return unicodedata.normalize("NFD", word) if self.jamo else word

    def buckets_of(self, word: str) -> list[int]:
        """The bucket of each n-gram of `<word>`, by start, then by length; gensim's order.

        A lone `<` or `>` is no n-gram.
        """
        framed = f"<{self.spelled(word)}>"
        end = len(framed)
        return [
            _hash(framed[start : start + length]) % self.buckets
            for start in range(end)
            for length in range(self.shortest, min(self.longest, end - start) + 1)
            if not (length == 1 and start in {0, end - 1})
        ]


def _hash(ngram: str) -> int:
    """FNV-1a with fastText's sign extension: a byte from 128 on flips the upper 24 bits too."""
    value = _OFFSET
    for byte in ngram.encode():
        value ^= byte if byte < 128 else byte | 0xFFFFFF00
        value = value * _PRIME & 0xFFFFFFFF
    return value
