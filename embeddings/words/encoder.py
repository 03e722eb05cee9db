"""Texts to vectors by averaging those of their words.

`mean` is the plain average. `sif` is Arora, Liang and Ma, "A Simple but Tough-to-Beat Baseline
for Sentence Embeddings", 2017: v(s) = 1/|s| * sum over w in s of a / (a + p(w)) * v(w), and then
v(s) - U U' v(s), where U are the directions common to all texts.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import EncoderRefusedError
from embeddings.fingerprint import hash_file
from embeddings.types import EncoderCard, Encoding, as_texts
from embeddings.words.folder import (
    POOLING_FILE,
    SUBWORDS_FILE,
    VECTORS_FILE,
    VOCABULARY_FILE,
)
from embeddings.words.model import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Self

    import numpy.typing as npt

    from embeddings.types import Counts, Modality, Role, Vectors

_WHOLE_TEXT = 1 << 24
"""Words read of one text: all of any text."""
_MOST_AT_ONCE = 65_536
"""Words whose vectors are gathered at once."""
_REMEMBERED = 16_384
"""Vectors made of n-grams that are kept."""


class WordEncoder:
    """Averages of word vectors, with the analyzer that found the words of the corpus.

    Words without a vector get one from their n-grams where the model has them, and count as
    unknown where not. A text of unknown words alone gets a vector of zeros. Vectors are not
    scaled. The role changes nothing.

    Use `from_folder`.
    """

    def __init__(self, words: Words, card: EncoderCard) -> None:
        self.words = words
        self._card = card
        facts, vocabulary = words.table.facts, words.table.vocabulary
        self._weights = np.ones(len(vocabulary) + 1, dtype=np.float32)
        if facts.pooling == "sif":
            shares = np.append(vocabulary.counts, 1) / max(facts.tokens, 1)
            self._weights[:] = facts.smoothing / (facts.smoothing + shares)
        self._made = lru_cache(maxsize=_REMEMBERED)(words.subword_vector)

    @classmethod
    def from_folder(cls, folder: Path, *, name: str | None = None) -> Self:
        """The encoder in a folder of word vectors.

        Args:
            folder: see `embeddings.words.folder`.
            name: what it is called on cards; None is the folder's path.

        Raises:
            EncoderNotFoundError: none is there, or a file is missing.
            EncoderRefusedError: a file is damaged, files contradict each other, or words are to
                be weighed that nobody counted.
            AnalyzerError: the analyzer of its corpus is not installed.
        """
        words = Words.open(folder)
        facts = words.table.facts
        if facts.pooling == "sif" and not (words.table.vocabulary.is_counted and facts.tokens):
            message = (
                f"{folder} is to weigh words by how frequent they are, and its vocabulary has no "
                "counts; pool by `mean`"
            )
            raise EncoderRefusedError(message)
        card = EncoderCard(
            name=name or str(folder),
            kind="words",
            dim=facts.dim,
            max_tokens=_WHOLE_TEXT,
            pooling=facts.pooling,
            normalised=False,
            dtype="float32",
            fingerprint=_fingerprint(folder, words),
            languages=facts.languages,
        )
        return cls(words, card)

    @property
    def card(self) -> EncoderCard:
        """The identity of this encoder."""
        return self._card

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self._card.dim

    @property
    def max_tokens(self) -> int:
        """Words read of one text: all."""
        return self._card.max_tokens

    @property
    def modalities(self) -> frozenset[Modality]:
        """Text alone."""
        return frozenset({"text"})

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        """Vectors of the texts, in order; see `Encoder.encode`."""
        del role
        analysed = self.words.analyzer.analyze(as_texts(inputs))
        vectors = np.zeros((len(analysed), self.dim), dtype=np.float32)
        tokens = np.array([len(terms) for terms in analysed], dtype=np.int32)
        unknown = np.zeros_like(tokens)
        for row, terms in enumerate(analysed):
            vectors[row], unknown[row] = self._pooled(terms)
        common = self.words.table.common
        if self._card.pooling == "sif":
            # text by text: a product of matrices rounds by the number of its rows
            for row in range(len(vectors)):
                vectors[row] -= (common @ vectors[row]) @ common
        if not np.isfinite(vectors).all():
            message = (
                f"word vectors {self._card.name} are damaged: NaN or infinity for text "
                f"{int(np.argmin(np.isfinite(vectors).all(axis=1)))}; copy or train them again"
            )
            raise EncoderRefusedError(message)
        return Encoding(vectors, tokens, np.zeros(len(tokens), dtype=np.bool_), unknown)

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        """int32 (n,): words that the analyzer finds."""
        del role
        analysed = self.words.analyzer.analyze(as_texts(inputs))
        return np.array([len(terms) for terms in analysed], dtype=np.int32)

    def tokenizer_json(self) -> None:
        """None: texts are cut by the analyzer."""
        return

    def _pooled(self, terms: Sequence[str]) -> tuple[npt.NDArray[np.float32], int]:
        """The weighted mean over the words, and how many of them have no vector."""
        total: npt.NDArray[np.float32] = np.zeros(self.dim, dtype=np.float32)
        unknown = 0
        for first in range(0, len(terms), _MOST_AT_ONCE):
            part = terms[first : first + _MOST_AT_ONCE]
            rows = [self.words.table.vocabulary.row(term) for term in part]
            total += self._sum(row for row in rows if row is not None)
            for term, row in zip(part, rows, strict=True):
                if row is not None:
                    continue
                made = self._made(term)
                if made is None:
                    unknown += 1
                else:
                    total += made * self._weights[-1]
        np.divide(total, max(len(terms) - unknown, 1), out=total)
        return total, unknown

    def _sum(self, rows: Iterable[int]) -> Vectors:
        places = np.fromiter(rows, dtype=np.int64)
        table = self.words.table
        scales: Vectors = self._weights[places] * table.norms[places]
        summed: Vectors = scales @ table.unit[places]
        return summed


def _fingerprint(folder: Path, words: Words) -> str:
    """sha256 (hex) over everything that decides a vector."""
    facts = words.table.facts
    files = [VECTORS_FILE, VOCABULARY_FILE, POOLING_FILE]
    if facts.subwords is not None:
        files.append(SUBWORDS_FILE)
    told = [f"{name} {hash_file(folder / name)}" for name in files]
    told += [str(facts.subwords), facts.pooling, f"{facts.smoothing!r}", f"{facts.tokens}"]
    told.append(words.analyzer.fingerprint)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
