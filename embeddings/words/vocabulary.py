"""The words a model knows, most frequent first, with how often each was seen."""

from __future__ import annotations

import hashlib
import unicodedata
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.words.tensors import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

_LEAST_ALIKE = 0.6
"""Ratio of matching letters from which a spelling is called near, 0 to 1."""


class Vocabulary:
    """Words and their counts; the place of a word is the row of its vector.

    Args:
        words: each once, none empty, none with a line feed.
        counts: int64 (n,), how often each was seen in training; zeros where nobody counted.
    """

    def __init__(self, words: Sequence[str], counts: npt.ArrayLike | None = None) -> None:
        self.words = list(words)
        self.counts = np.zeros(len(self.words), dtype=np.int64)
        if counts is not None:
            self.counts[:] = counts

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._rows

    def row(self, word: str) -> int | None:
        """The word's row; None if it is not known."""
        return self._rows.get(word)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    @property
    def is_counted(self) -> bool:
        """True if the counts are known."""
        return bool(self.counts.any())

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """Up to `count` known words spelled most like this one, most alike first.

        Hangul is compared letter by letter (자모), so that 네이바 is near 네이버. Empty if none
        shares 60 % of its letters.
        """
        asked = unicodedata.normalize("NFD", word.lower())
        letters = set(asked)
        found: list[tuple[float, int]] = []
        matcher = SequenceMatcher(b=asked, autojunk=False)
        for row, known in enumerate(self.words):
            if not -2 <= len(known) - len(word) <= 2:
                continue
            apart = unicodedata.normalize("NFD", known.lower())
            if 2 * len(letters.intersection(apart)) < len(letters):
                continue
            matcher.set_seq1(apart)
            if matcher.quick_ratio() >= _LEAST_ALIKE and matcher.ratio() >= _LEAST_ALIKE:
                found.append((-matcher.ratio(), row))
        return [self.words[row] for _, row in sorted(found)[:count]]

    def write(self, path: Path) -> str:
        """Write `word TAB count` lines; gives the sha256 (hex) of the file."""
        lines = [f"{w}\t{c}\n" for w, c in zip(self.words, self.counts.tolist(), strict=True)]
        content = "".join(lines).encode()
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    @classmethod
    def read(cls, path: Path, *, sha256: str) -> Vocabulary:
        """What `write` wrote.

        Raises:
            EncoderNotFoundError: no such file.
            EncoderRefusedError: it is not the file of that sha256.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            message = f"{path} is missing; the folder was not copied whole"
            raise EncoderNotFoundError(message) from error
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            message = (
                f"{path} is damaged: its sha256 is {found[:12]}..., words.json tells of "
                f"{sha256[:12]}...; copy the folder again"
            )
            raise EncoderRefusedError(message)
        words, counts = [], []
        for line in content.decode().split("\n")[:-1]:
            word, _, count = line.rpartition("\t")
            words.append(word)
            counts.append(int(count))
        return cls(words, counts)
