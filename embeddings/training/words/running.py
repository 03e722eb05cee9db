"""One run: corpus, vocabulary, epochs, scores, checkpoints, the folder in the end."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from embeddings.training.errors import DataError, TrainingError
from embeddings.training.toml_text import plain
from embeddings.training.words.checkpoint import (
    FOLDER,
    Epoch,
    State,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from embeddings.training.words.corpus import prepare_corpus
from embeddings.training.words.network import Network
from embeddings.training.words.progress import WordProgress, tell_nobody
from embeddings.training.words.saving import save
from embeddings.training.words.scoring import draw_pairs, score
from embeddings.words.folder import holds_words
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from embeddings.training.words.corpus import Corpus
    from embeddings.training.words.progress import Tell
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.training.words.scoring import HeldOutPairs

logger = logging.getLogger(__name__)

_CHECKPOINT_EVERY = 60.0
"""Seconds of training between two checkpoints inside an epoch."""


@dataclass(frozen=True, slots=True)
class WordTraining:
    """What a run made.

    Attributes:
        folder: of the vectors.
        words: that have one.
        receipt: what `training.json` says.
    """

    folder: Path
    words: int
    receipt: dict[str, Any]


def train_words(
    sources: Sequence[str | Path],
    out: Path,
    recipe: WordRecipe,
    *,
    resume: bool = False,
    cache: Path | None = None,
    tell: Tell = tell_nobody,
) -> WordTraining:
    """Train word vectors and write their folder, which is an encoder too.

    With one thread (`workers = 1`) equal sources, recipe and seed give equal vectors, resumed or
    not.

    Args:
        sources: .txt, .tsv and .jsonl files, also .gz and .zst, and folders of them.
        out: the folder; new or empty.
        recipe: what is trained, and how.
        resume: go on from the checkpoint in `out`; without one the run begins anew.
        cache: where the corpus cut into words is kept for other runs; None keeps it in `out`
            until the run ends.
        tell: told how far it is.

    Raises:
        DataError: a source cannot be read, or has too few words.
        TrainingError: `out` holds something, or the checkpoint is of another recipe or corpus.
        AnalyzerError: the analyzer is not installed.
    """
    started = time.perf_counter()
    _check_out(out, resume=resume)
    out.mkdir(parents=True, exist_ok=True)
    corpus = prepare_corpus(sources, recipe, cache or out / FOLDER / "corpus", tell)
    vocabulary = _cut(corpus.counts(), recipe)
    network = Network(recipe, vocabulary)
    pairs = draw_pairs(corpus.heldout_lines(), vocabulary, recipe)
    run = _Run(out, recipe, corpus, network, pairs, tell)
    run.begin(resume=resume)
    run.train()
    network.check_finite()
    tell(WordProgress("save", 0, 1, 0.0, recipe.epochs))
    elapsed = time.perf_counter() - started
    receipt = save(out, recipe, corpus, vocabulary, network, run.state, pairs, elapsed)
    remove_checkpoint(out)
    tell(WordProgress("save", 1, 1, time.perf_counter() - started - elapsed, recipe.epochs))
    return WordTraining(out, len(vocabulary), receipt)


class _Run:
    """Epochs over the parts of a corpus."""

    def __init__(
        self,
        out: Path,
        recipe: WordRecipe,
        corpus: Corpus,
        network: Network,
        pairs: HeldOutPairs | None,
        tell: Tell,
    ) -> None:
        self._out = out
        self._recipe = recipe
        self._corpus = corpus
        self._network = network
        self._pairs = pairs
        self._tell = tell
        self._saved = time.perf_counter()
        self.state = State(plain(recipe), corpus.key)

    def begin(self, *, resume: bool) -> None:
        """Go on from a checkpoint, or score what knows nothing yet."""
        found = read_checkpoint(self._out) if resume else None
        if found is None:
            self._end_epoch()
            return
        state, arrays = found
        _check_same(state, self.state)
        self._network.restore(arrays)
        self.state = state
        logger.info("%s: going on after epoch %d, part %d", self._out, state.epoch, state.part)

    def train(self) -> None:
        """All epochs that are left."""
        self._say()
        while self.state.epoch < self._recipe.epochs:
            while self.state.part < len(self._corpus.parts):
                self._train_part()
                self._say()
            self.state = replace(self.state, epoch=self.state.epoch + 1, part=0)
            self._end_epoch()
            self._say()

    def _train_part(self) -> None:
        state, parts = self.state, self._corpus.parts
        done = self._done(state.epoch, state.part)
        part = parts[state.part]
        alphas = (self._alpha(done), self._alpha(done + part.words))
        place = state.epoch * len(parts) + state.part
        started = time.perf_counter()
        seed = (self._recipe.seed + 1_000_003 * (place + 1)) % (1 << 32)
        self._network.train(self._corpus.folder, part, alphas, seed)
        elapsed = time.perf_counter() - started
        self.state = replace(
            state,
            part=state.part + 1,
            seconds=state.seconds + elapsed,
            part_seconds=state.part_seconds + elapsed,
        )
        between = self.state.part < len(parts)
        if between and time.perf_counter() - self._saved >= _CHECKPOINT_EVERY:
            self._save()

    def _end_epoch(self) -> None:
        """Score, note, and write a checkpoint."""
        state = self.state
        found = None if self._pairs is None else score(self._network, self._pairs)
        ended = Epoch(
            epoch=state.epoch,
            seconds=state.part_seconds,
            words_per_s=self._corpus.words / state.part_seconds if state.part_seconds else 0.0,
            alpha=self._alpha(self._done(state.epoch, 0)),
            loss=None if found is None else found.loss,
            ranking=None if found is None else found.ranking,
        )
        if found is not None and not np.isfinite(found.loss):
            self._network.check_finite()
        self.state = replace(state, part_seconds=0.0, curve=(*state.curve, ended))
        if 0 < state.epoch < self._recipe.epochs:
            self._save()

    def _save(self) -> None:
        self._network.check_finite()
        write_checkpoint(self._out, self.state, self._network.arrays())
        self._saved = time.perf_counter()

    def _done(self, epoch: int, part: int) -> int:
        return epoch * self._corpus.words + sum(each.words for each in self._corpus.parts[:part])

    def _alpha(self, done: int) -> float:
        """The learning rate after so many words: a line from `alpha` to `min_alpha`."""
        first, last = self._recipe.first_alpha, self._recipe.min_alpha
        return first - (first - last) * done / (self._recipe.epochs * self._corpus.words)

    def _say(self) -> None:
        state, last = self.state, self.state.curve[-1]
        total = self._recipe.epochs * self._corpus.words
        done = self._done(state.epoch, state.part)
        self._tell(
            WordProgress("train", done, total, state.seconds, state.epoch, last.loss, last.ranking)
        )


def _check_out(out: Path, *, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        message = f"{out} is a file; give a new folder"
        raise TrainingError(message)
    if holds_words(out):
        message = f"{out} holds finished word vectors; give a new folder"
        raise TrainingError(message)
    if out.is_dir() and any(out.iterdir()) and not resume:
        begun = (out / FOLDER).is_dir()
        remedy = "--resume goes on with it" if begun else "give a new or empty folder"
        message = f"{out} holds {'a run that was begun' if begun else 'other files'}; {remedy}"
        raise TrainingError(message)


def _check_same(found: State, mine: State) -> None:
    """Refuse to go on with another recipe or corpus."""
    if found.corpus != mine.corpus:
        message = "the checkpoint is of another corpus: sources, analyzer or column have changed"
        raise TrainingError(message)
    keys = sorted(found.recipe.keys() | mine.recipe.keys())
    other = [key for key in keys if found.recipe.get(key) != mine.recipe.get(key)]
    if other:
        told = ", ".join(f"{key} was {found.recipe.get(key)}" for key in other)
        message = f"the checkpoint is of another recipe: {told}; set it so, or begin a new folder"
        raise TrainingError(message)


def _cut(counted: Vocabulary, recipe: WordRecipe) -> Vocabulary:
    """The words seen often enough.

    Raises:
        DataError: fewer than two are.
    """
    kept = int(np.count_nonzero(counted.counts >= recipe.min_count))
    if recipe.most_words is not None:
        kept = min(kept, recipe.most_words)
    if kept < 2:
        first, times = counted.words[0], int(counted.counts[0])
        message = (
            f"of {len(counted):,} different words {kept} would be left: min_count is "
            f"{recipe.min_count}, the most frequent word, {first!r}, is seen {times:,} times; "
            "lower min_count (1 keeps all) or give more text"
        )
        raise DataError(message)
    return Vocabulary(counted.words[:kept], counted.counts[:kept])
