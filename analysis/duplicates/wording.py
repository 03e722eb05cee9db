"""Texts as they are compared letter by letter: without case, width and spaces; their numbers.

A picture is compared by its file: its title is a name, which says nothing of what is shown.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from analysis.duplicates.prints import BOXES, prints_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from analysis.corpus import Corpus
    from analysis.duplicates.prints import Prints
    from analysis.progress import Progress
    from indexing.types import Ids

_SPACES = re.compile(r"\s+")
_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
_HANGUL = re.compile(r"[가-힣\u1100-\u11ff]")
_LATIN = re.compile(r"[a-z]")
KOREAN, LATIN = 1, 2
"""Languages as their letters tell them; 0: another, or none."""
_WIDTH = 3
_BLOCK = 2_000
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """What is kept of the documents of a corpus to tell them apart.

    Attributes:
        hashes: uint64 (n,), equal where `normalised` texts are, or the files of pictures; 0 where
            there is neither.
        lengths: int32 (n,), letters of the normalised text.
        prints: uint8 (n, 128), of the wording (`analysis.duplicates.prints`); 0 for pictures.
        numbers: by position, the numbers in a text that has any; none for pictures.
        languages: uint8 (n,), `language_of` the normalised text; 0 for pictures.
    """

    hashes: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]
    prints: Prints
    numbers: dict[int, frozenset[str]]
    languages: npt.NDArray[np.uint8]

    def contradict(self, one: int, other: int) -> bool:
        """Each has a number that the other lacks."""
        return _contradict(self.numbers.get(one, _NONE), self.numbers.get(other, _NONE))


def read_wording(corpus: Corpus, progress: Progress, stage: str = "texts") -> Wording:
    """One pass over the documents of a corpus."""
    n = len(corpus)
    hashes, lengths = np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=np.int32)
    prints = np.zeros((n, BOXES), dtype=np.uint8)
    languages = np.zeros(n, dtype=np.uint8)
    found: dict[int, frozenset[str]] = {}
    for first in range(0, n, _BLOCK):
        plains = [""] * min(_BLOCK, n - first)
        block = corpus.documents(range(first, min(first + _BLOCK, n)))
        for position, document in enumerate(block, first):
            if document is None:
                continue
            plain = normalised(document.encoded_text)
            lengths[position] = len(plain)
            if document.image is not None:
                hashes[position] = _hash(f"picture {document.image.digest}")
            elif plain:
                plains[position - first] = plain
                hashes[position] = _hash(plain)
                languages[position] = language_of(plain)
                if there := numbers(plain):
                    found[position] = there
        prints[first : first + len(block)] = prints_of(plains)
        progress(stage, first + len(block), n)
    return Wording(hashes, lengths, prints, found, languages)


def _hash(plain: str) -> int:
    return max(1, int.from_bytes(blake2b(plain.encode(), digest_size=8).digest(), "little"))


def contradict_each(wording: Wording, rows: Ids, others: Ids) -> npt.NDArray[np.bool_]:
    """Bool, of the shape of `others`: `Wording.contradict` of each row with each of its others."""
    found = np.zeros(others.shape, dtype=bool)
    has = np.zeros(len(wording.hashes), dtype=bool)
    has[list(wording.numbers)] = True
    places = np.nonzero(has[others] & has[rows][:, None] & (others >= 0))
    for row, column in zip(*(place.tolist() for place in places), strict=True):
        found[row, column] = wording.contradict(int(rows[row]), int(others[row, column]))
    return found


def normalised(text: str) -> str:
    """NFKC, without case, spaces single and none at the ends."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def numbers(text: str) -> frozenset[str]:
    """The numbers in a text, as they are written there."""
    return frozenset(_NUMBERS.findall(text))


def language_of(plain: str) -> int:
    """`KOREAN`, `LATIN` or 0: what most letters of a normalised text are.

    A syllable of Hangul counts for two letters, and a jamo too: a Korean text with English names
    is Korean.
    """
    latin = len(_LATIN.findall(plain))
    hangul = 0 if plain.isascii() else 2 * len(_HANGUL.findall(plain))
    if not latin + hangul:
        return 0
    return KOREAN if hangul >= latin else LATIN


def overlap(one: str, other: str) -> float:
    """Share of letter triples that two texts have in common, 0 to 1 (Jaccard).

    Hangul is taken apart into its letters, so that a misspelt vowel changes three triples and not
    all that its syllable is in. Texts of fewer than three letters are compared whole.
    """
    first, second = _triples(one), _triples(other)
    return len(first & second) / max(1, len(first | second))


def _triples(text: str) -> frozenset[str]:
    letters = unicodedata.normalize("NFD", normalised(text))
    return frozenset(
        letters[place : place + _WIDTH] for place in range(max(1, len(letters) - _WIDTH + 1))
    )


def _contradict(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one - other) and bool(other - one)
