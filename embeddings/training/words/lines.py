"""Lines of words on their way to disk: those to train on in parts, those held out apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from embeddings.training.words.heldout import HeldOut
from embeddings.words.tensors import write_text
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

COUNTS_FILE = "counts.tsv"
HELDOUT_FILE = "heldout.txt"
PART_WORDS = 20_000_000
"""Words in one file of lines; between two of them a run can be resumed."""
_MOST_COUNTED = 20_000_000
"""Different words counted at once; beyond it the rarest are forgotten."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of lines.

    Attributes:
        file: its name in the corpus' folder.
        lines: in it; each has 2 to 1,000 words.
        words: in it.
    """

    file: str
    lines: int
    words: int


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        parts: files of lines, in order; none if there was no line.
        heldout: lines kept out of training.
        forgotten: words seen so often or less were not all counted; 0 if all were.
        counts_sha256: of the file of counts.
    """

    parts: tuple[Part, ...]
    heldout: int
    forgotten: int
    counts_sha256: str


class LineWriter:
    """Lines, counts and held-out lines on their way to disk.

    Args:
        folder: of the files.
        most_heldout: lines kept out of training at most.
    """

    def __init__(self, folder: Path, most_heldout: int) -> None:
        self._folder = folder
        self._heldout = HeldOut(most_heldout)
        self._counts: Counter[str] = Counter()
        self._forgotten = 0
        self._parts: list[Part] = []
        self._file: IO[str] | None = None
        self._lines = self._words = 0

    def add(self, lines: Sequence[str]) -> None:
        """Count and write lines, but for those held out."""
        for line in lines:
            self._counts.update(line.split(" "))
        if len(self._counts) > _MOST_COUNTED:
            self._forget()
        self._keep(line for line in lines if not self._heldout.takes(line))
        self._keep(self._heldout.release())

    def finish(self) -> Written:
        """Write what is left, the lines held out, and the counts."""
        held = self._heldout.lines
        if not self._parts and self._file is None:
            self._keep(held)  # a single line is not held out
            held = []
        self._end_part()
        for line in held:
            self._counts.subtract(line.split(" "))
        write_text(self._folder / HELDOUT_FILE, "".join(f"{line}\n" for line in held))
        left = ((word, count) for word, count in self._counts.items() if count > 0)
        ranked = sorted(left, key=lambda each: (-each[1], each[0]))
        counted = Vocabulary([word for word, _ in ranked], [count for _, count in ranked])
        sha256 = counted.write(self._folder / COUNTS_FILE)
        return Written(tuple(self._parts), len(held), self._forgotten, sha256)

    def close(self) -> None:
        """Close the file that is being written, if there is one."""
        if self._file is not None:
            self._file.close()

    def _keep(self, lines: Iterable[str]) -> None:
        for line in lines:
            if self._file is None:
                path = self._folder / f"lines-{len(self._parts):05}.txt"
                self._file = path.open("w", encoding="utf-8", newline="\n")
            self._file.write(f"{line}\n")
            self._lines += 1
            self._words += line.count(" ") + 1
            if self._words >= PART_WORDS:
                self._end_part()

    def _end_part(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._parts.append(Part(f"lines-{len(self._parts):05}.txt", self._lines, self._words))
        self._file, self._lines, self._words = None, 0, 0

    def _forget(self) -> None:
        """Drop the rarest words, as word2vec does when its table is full."""
        self._forgotten += 1
        least = self._forgotten
        self._counts = Counter({w: count for w, count in self._counts.items() if count > least})
