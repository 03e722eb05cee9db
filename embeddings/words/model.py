"""Questions to word vectors: neighbours, analogies, similarity.

One float32 matrix of unit vectors is mapped from disk and never copied. A word without a vector
is answered from its parts where they have some, and every answer says so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from embeddings.errors import InvalidInputError, UnknownWordError
from embeddings.text import words as text_words
from embeddings.text.analyzer import load_analyzer
from embeddings.words.folder import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    import numpy.typing as npt

    from embeddings.text.analyzer import Analyzer
    from embeddings.types import Vectors
    from embeddings.words.folder import WordTable

logger = logging.getLogger(__name__)

Through = Literal["word", "parts", "subwords"]
AnalogyRule = Literal["3cosadd", "3cosmul"]
MOST_NEIGHBOURS = 1_000
MOST_LETTERS = 200
_EPSILON = 1e-3
"""Of 3CosMul, as its paper has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """How a word was understood.

    Attributes:
        word: as it was asked for.
        read_as: known words its vector is made of; empty if it is made of n-grams.
        known: True if the vector is that of one known word.
        through: `word`; `parts`: the mean of several known words; `subwords`: of n-grams.
        vector: float32 (dim,), of length 1.
    """

    word: str
    read_as: tuple[str, ...]
    known: bool
    through: Through
    vector: npt.NDArray[np.float32]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the vector."""
        return {
            "word": self.word,
            "known": self.known,
            "through": self.through,
            "read_as": list(self.read_as),
        }


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A known word and its score: a cosine, or the product of 3CosMul."""

    word: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"word": self.word, "score": self.score}


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Words that answer a question, best first.

    Attributes:
        readings: how the words of the question were understood, in order.
        neighbours: known words, none of them in the question.
    """

    readings: tuple[Reading, ...]
    neighbours: tuple[Neighbour, ...]


class Words:
    """Word vectors to ask; any number of threads may. Use `open`.

    Args:
        table: the vectors.
        name: what the model is called in messages.
    """

    def __init__(self, table: WordTable, name: str) -> None:
        self.table = table
        self.name = name

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The word vectors in a folder.

        Raises:
            EncoderNotFoundError: none are there, or a file is missing.
            EncoderRefusedError: a file is damaged, or files contradict each other.
        """
        return cls(read_table(folder), folder.name)

    def __len__(self) -> int:
        return len(self.table.vocabulary)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.table.facts.dim

    def neighbours(self, word: str, k: int = 10) -> Answer:
        """The `k` known words of highest cosine with this one; ties by frequency.

        Raises:
            InvalidInputError: `k` outside 1 to 1,000, or a blank word.
            UnknownWordError: no vector for it, nor for parts of it.
        """
        reading = self.read(word)
        return self._best((reading,), self.table.unit @ reading.vector, k)

    def analogy(
        self, a: str, b: str, c: str, k: int = 10, *, rule: AnalogyRule = "3cosadd"
    ) -> Answer:
        """What is to `c` as `b` is to `a` (man, king, woman: queen); the `k` best.

        `3cosadd` (Mikolov et al. 2013) ranks by cos(d, b - a + c); `3cosmul` (Levy and Goldberg
        2014) by cos'(d, b) cos'(d, c) / (cos'(d, a) + 0.001), where cos' = (cos + 1) / 2.

        Raises:
            InvalidInputError: `k` outside 1 to 1,000, a blank word, or an unknown rule.
            UnknownWordError: no vector for one of the words, nor for parts of it.
        """
        readings = tuple(self.read(word) for word in (a, b, c))
        vectors = np.stack([reading.vector for reading in readings])
        return self._best(readings, analogy_scores(self.table.unit, vectors, rule), k)

    def similarity(self, a: str, b: str) -> tuple[Reading, Reading, float]:
        """How both words were understood, and their cosine, -1 to 1.

        Raises:
            InvalidInputError: a blank word.
            UnknownWordError: no vector for one of them, nor for parts of it.
        """
        first, second = self.read(a), self.read(b)
        return first, second, float(np.clip(first.vector @ second.vector, -1, 1))

    def read(self, word: str) -> Reading:
        """How the word is understood: as written, in lower case, by its morphemes, by n-grams.

        Raises:
            InvalidInputError: the word is blank, or longer than 200 characters.
            UnknownWordError: no vector for it, nor for parts of it; known spellings are named.
        """
        reading = self.find(word)
        if reading is None:
            raise self._unknown(word.strip())
        return reading

    def find(self, word: str) -> Reading | None:
        """As `read`, but None for a word without a vector.

        Raises:
            InvalidInputError: the word is blank, or longer than 200 characters.
        """
        asked = word.strip()
        if not asked or len(asked) > MOST_LETTERS:
            message = (
                f"word {asked[:40]!r} has {len(asked)} letters; 1 to {MOST_LETTERS} are possible"
            )
            raise InvalidInputError(message)
        for form in _forms(asked):
            row = self.table.vocabulary.row(form)
            if row is not None:
                return Reading(word, (form,), known=True, through="word", vector=self._unit([row]))
        parts = tuple(self.analyzer.analyze([asked])[0])
        rows = [row for row in map(self.table.vocabulary.row, parts) if row is not None]
        if rows and len(rows) == len(parts):
            single = len(rows) == 1
            through: Through = "word" if single else "parts"
            return Reading(word, parts, known=single, through=through, vector=self._unit(rows))
        made = self.subword_vector(_forms(asked)[-1])
        if made is None or not made.any():
            return None
        return Reading(word, (), known=False, through="subwords", vector=_scaled(made))

    def subword_vector(self, word: str) -> npt.NDArray[np.float32] | None:
        """float32 (dim,): the mean over the vectors of the word's n-grams; None without any."""
        subwords, buckets = self.table.facts.subwords, self.table.buckets
        if subwords is None or buckets is None:
            return None
        places = subwords.buckets_of(word)
        if not places:
            return None
        mean: npt.NDArray[np.float32] = buckets[places].mean(axis=0, dtype=np.float32)
        return mean

    @cached_property
    def analyzer(self) -> Analyzer:
        """What cut the corpus into words; for imported vectors the one at hand.

        Raises:
            AnalyzerError: it is not installed.
        """
        facts = self.table.facts
        analyzer = load_analyzer(facts.analyzer or "auto", stems=False)
        if facts.analyzer_fingerprint not in {"", analyzer.fingerprint}:
            logger.warning(
                "%s: its corpus was cut by %r, texts are cut by %r: some words may be missed",
                self.name,
                facts.analyzer_fingerprint,
                analyzer.fingerprint,
            )
        return analyzer

    def _unit(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        return _scaled(self.table.unit[rows].mean(axis=0, dtype=np.float32))

    def _best(self, readings: tuple[Reading, ...], scores: Vectors, k: int) -> Answer:
        if not 1 <= k <= MOST_NEIGHBOURS:
            message = f"{k} words asked for; 1 to {MOST_NEIGHBOURS:,} are possible"
            raise InvalidInputError(message)
        vocabulary = self.table.vocabulary
        asked = {vocabulary.row(word) for reading in readings for word in reading.read_as}
        rows = [row for row in _top(scores, k + len(asked)) if row not in asked]
        found = (Neighbour(vocabulary.words[row], float(scores[row])) for row in rows[:k])
        return Answer(readings, tuple(found))

    def _unknown(self, word: str) -> UnknownWordError:
        near = tuple(self.table.vocabulary.nearest(word))
        hint = f"; known words spelled like it: {', '.join(near)}" if near else ""
        without = "" if self.table.facts.subwords else ", which has no vectors for parts of words"
        return UnknownWordError(
            f"word {word!r} is not among the {len(self):,} words of {self.name!r}{without}{hint}",
            word,
            near,
        )


def analogy_scores(unit: Vectors, vectors: Vectors, rule: AnalogyRule) -> Vectors:
    """float32 (n,): how well each row of `unit` answers a : b = c : ?.

    Args:
        unit: float32 (n, dim), rows of length 1.
        vectors: float32 (3, dim), of length 1: a, b and c.
        rule: see `Words.analogy`.

    Raises:
        InvalidInputError: an unknown rule.
    """
    if rule not in get_args(AnalogyRule):
        message = f"analogy rule {rule!r} is unknown; there are {', '.join(get_args(AnalogyRule))}"
        raise InvalidInputError(message)
    if rule == "3cosadd":
        added: Vectors = unit @ _scaled(vectors[1] - vectors[0] + vectors[2])
        return added
    a, b, c = ((unit @ vectors.T + 1) / 2).T
    multiplied: Vectors = b * c / (a + np.float32(_EPSILON))
    return multiplied


def _forms(word: str) -> tuple[str, ...]:
    """Spellings to look up: as written, then as the analyzer folds a word."""
    return tuple(dict.fromkeys((word, text_words.folded(word))))


def _top(scores: Vectors, k: int) -> list[int]:
    """Rows of the `k` highest scores, best first, ties by row."""
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        rows = np.flatnonzero(scores >= least)
    else:
        rows = np.arange(len(scores))
    order = np.lexsort((rows, -scores[rows]))
    return [int(row) for row in rows[order[:k]]]


def _scaled(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.float32(np.linalg.norm(vector))
    scaled: npt.NDArray[np.float32] = vector / length if length > 0 else vector
    return scaled
