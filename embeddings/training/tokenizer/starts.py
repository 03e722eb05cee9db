"""First vectors of new pieces, from what the model knows already."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

    from embeddings.training.tokenizer.recipe import ExtensionRecipe
    from embeddings.types import Vectors

_MOST_TRANSLATIONS = 5
_LEAST_CHANCE = 0.05
"""The smallest t(old piece | new piece) of a translation that counts."""
_LEAST_COUNT = 0.4
"""How many old tokens a new piece must have stood for, in expectation; a pair of words gives 0.5
and more, the rest of which falls to no source at all."""
_MOST_TOKENS = 48
"""Tokens of a side beyond which a parallel text is not looked at: words are lost in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """An old tokenizer and its table, and the pieces that come to it.

    Attributes:
        old: the tokenizer before.
        new: the tokenizer after.
        table: float32 (n old pieces, dim), of the model.
        pieces: the new ones, in the order of their ids.
        prefix: what marks a piece inside of a word (`##`), or empty.
        blank: what marks a piece at the start of a word, or empty.
    """

    old: Tokenizer
    new: Tokenizer
    table: Vectors
    pieces: list[str]
    prefix: str
    blank: str = ""

    def surface(self, piece: str) -> str:
        """The characters a piece stands for."""
        return piece.removeprefix(self.prefix).removeprefix(self.blank)


@dataclass(slots=True, eq=False)
class Starts:
    """First vectors.

    Attributes:
        vectors: float32 (n new pieces, dim).
        ways: of each piece, where its vector is from; empty while it has none.
        facts: for the receipt.
    """

    vectors: Vectors
    ways: list[str]
    facts: dict[str, int] = field(default_factory=dict)

    def missing(self) -> list[int]:
        """The pieces without a vector yet."""
        return [row for row, way in enumerate(self.ways) if not way]

    def put(self, row: int, vectors: Vectors, weights: np.ndarray, way: str) -> None:
        """Give a piece the weighted mean of vectors, as long as they are on average.

        A mean of unlike vectors is short; beside the position's vector, which is added to it, a
        short one would hardly be seen.
        """
        mean = weights @ vectors
        length = float(weights @ np.linalg.norm(vectors, axis=1))
        norm = float(np.linalg.norm(mean))
        if norm > 0:
            self.vectors[row] = mean * (length / norm)
            self.ways[row] = way


def first_vectors(
    growth: Growth, recipe: ExtensionRecipe, parallel: Sequence[tuple[str, str]]
) -> Starts:
    """A first vector for each new piece.

    Args:
        growth: tokenizers, table and pieces.
        recipe: which ways are taken, in their order.
        parallel: texts in the new language and their translations.
    """
    made = Starts(
        np.zeros((len(growth.pieces), growth.table.shape[1]), np.float32),
        [""] * len(growth.pieces),
    )
    if recipe.start == "auto" and parallel:
        _from_translations(made, growth, recipe, parallel)
    if recipe.start == "auto" and recipe.vectors is not None:
        _from_neighbours(made, growth, recipe)
    if recipe.start != "mean":
        _from_pieces(made, growth)
    _from_mean(made, growth, recipe)
    return made


def _from_translations(
    made: Starts, growth: Growth, recipe: ExtensionRecipe, parallel: Sequence[tuple[str, str]]
) -> None:
    """Mixtures of the old pieces that translate a piece."""
    from embeddings.training.tokenizer.alignment import align

    first = len(growth.table)
    meaningful = _meaningful(growth)
    chosen = parallel
    if len(parallel) > recipe.pairs:
        rows = np.random.default_rng(recipe.seed).choice(len(parallel), recipe.pairs, replace=False)
        chosen = [parallel[row] for row in np.sort(rows)]
    news = growth.new.encode_batch([pair[0] for pair in chosen], add_special_tokens=False)
    olds = growth.old.encode_batch([pair[1] for pair in chosen], add_special_tokens=False)
    pairs = []
    for new, old in zip(news, olds, strict=True):
        sources = [token - first for token in new.ids if token >= first]
        targets = [token for token in old.ids if meaningful[token]]
        if len(sources) <= _MOST_TOKENS and len(targets) <= _MOST_TOKENS:
            pairs.append((sources, targets))
    found = align(pairs, seed=recipe.seed)
    for row in range(len(growth.pieces)):
        if found.counts.get(row, 0.0) < _LEAST_COUNT:
            continue
        best, weights = found.best(row, _MOST_TRANSLATIONS, _LEAST_CHANCE)
        if len(best):
            made.put(row, growth.table[best], weights, "translations")
    made.facts["pairs"] = found.pairs


def _from_neighbours(made: Starts, growth: Growth, recipe: ExtensionRecipe) -> None:
    """Mixtures of the pieces whose words are nearest among word vectors, softmax of cosines.

    After WECHSEL (Minixhofer et al. 2022, arXiv:2112.06598): the nearest known words stand in.
    Known are old pieces that are words of the table, and new ones that have a translation.
    """
    words, units = _read_unit_vectors(Path(recipe.vectors or ""))
    place = {word: row for row, word in enumerate(words)}
    old = growth.old.get_vocab()
    anchors = {place[word]: growth.table[row] for word, row in old.items() if word in place}
    for row, way in enumerate(made.ways):
        word = growth.surface(growth.pieces[row])
        if way and word in place:
            anchors.setdefault(place[word], made.vectors[row])
    if not anchors:
        return
    rows = np.fromiter(anchors, dtype=np.int64)
    known, starts = units[rows], np.stack(list(anchors.values()))
    for row in made.missing():
        word = growth.surface(growth.pieces[row])
        if word not in place:
            continue
        cosines = known @ units[place[word]]
        nearest = np.argsort(-cosines, kind="stable")[: recipe.neighbours]
        weights = np.exp((cosines[nearest] - cosines[nearest[0]]) / recipe.temperature)
        made.put(row, starts[nearest], weights / weights.sum(), "neighbours")


def _from_pieces(made: Starts, growth: Growth) -> None:
    """The mean of the pieces that the old tokenizer cut a piece into."""
    rows = made.missing()
    surfaces = [growth.surface(growth.pieces[row]) for row in rows]
    known = growth.old.get_vocab()
    unknown = _unknown_id(growth.old)
    for row, encoding in zip(
        rows, growth.old.encode_batch(surfaces, add_special_tokens=False), strict=True
    ):
        ids = list(encoding.ids)
        inside = growth.prefix and growth.pieces[row].startswith(growth.prefix)
        if inside and ids:
            # Inside of a word its first part is an inner piece too.
            ids[0] = known.get(growth.prefix + encoding.tokens[0], ids[0])
        ids = [token for token in ids if token != unknown]
        if ids:
            made.put(row, growth.table[ids], np.full(len(ids), 1 / len(ids)), "pieces")


def _from_mean(made: Starts, growth: Growth, recipe: ExtensionRecipe) -> None:
    """The mean of the old table and a little noise (Hewitt 2021), so that no two are equal."""
    draw = np.random.default_rng(recipe.seed)
    mean, deviation = growth.table.mean(axis=0), growth.table.std(axis=0)
    for row in made.missing():
        noise = draw.standard_normal(len(mean)) * deviation * recipe.noise
        made.vectors[row] = mean + noise
        made.ways[row] = "mean"


def _meaningful(growth: Growth) -> np.ndarray:
    """Old pieces with a letter or a digit, special tokens left out, bool (n old pieces,)."""
    made = np.zeros(len(growth.table), dtype=bool)
    added = growth.old.get_added_tokens_decoder()
    special = {row for row, token in added.items() if token.special}
    for piece, row in growth.old.get_vocab().items():
        if row < len(made) and row not in special:
            made[row] = any(char.isalnum() for char in growth.surface(piece))
    return made


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    model = tokenizer.model
    token = getattr(model, "unk_token", None)
    if token is not None:
        return tokenizer.token_to_id(token)
    return getattr(model, "unk_id", None)


def _read_unit_vectors(path: Path) -> tuple[list[str], Vectors]:
    """Words and float32 (n, dim) of length 1."""
    from embeddings.words.folder import holds_words, read_table
    from embeddings.words.word2vec_files import read_word2vec

    if path.is_dir() and holds_words(path):
        table = read_table(path)
        return list(table.vocabulary.words), np.asarray(table.unit)
    if not path.is_file():
        message = f"vectors: {path} is neither a folder of `train words` nor word2vec text"
        raise DataError(message)
    vocabulary, vectors = read_word2vec(path)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return list(vocabulary.words), (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
