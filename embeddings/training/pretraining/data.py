"""The corpus of a run: as tokens beside the checkpoints, or as texts for denoising."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import DataError
from embeddings.training.processes import first_goes_first
from embeddings.training.tokenizer.corpus import HeldOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from embeddings.training.pretraining.examples import Examples, Marks
    from embeddings.training.pretraining.tokens import Tokens
    from embeddings.training.pretraining.work import Work

_TOKENS = "tokens"


def load_data(work: Work) -> None:
    """Give a run its examples.

    Raises:
        DataError: there is no text, none to learn from or none to measure on.
    """
    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.pretraining.tokens import open_tokens

    if work.marks is None:
        _load_texts(work)
        return
    folder = work.out / CHECKPOINTS / _TOKENS
    with first_goes_first():
        _write_corpus(work, work.marks, folder)
    train, dev = open_tokens(folder / "train"), open_tokens(folder / "dev")
    _describe(work, train.texts, dev.texts)
    work.facts |= {"tokens": len(train.ids), "dev_tokens": len(dev.ids)}
    work.train = _examples(work, work.marks, train)
    work.facts["examples"] = len(work.train)
    if dev.texts:
        work.dev = _examples(work, work.marks, dev)
        work.facts["dev_examples"] = len(work.dev)


def _load_texts(work: Work) -> None:
    held = _held_out(work)
    work.train_texts = list(_remaining(work, held))
    work.dev_texts = list(work.measured.texts()) if work.measured else held.kept
    _describe(work, len(work.train_texts), len(work.dev_texts))


def _write_corpus(work: Work, marks: Marks, folder: Path) -> None:
    """The corpus as tokens, where it is not there yet: a resumed run finds it."""
    from embeddings.training.pretraining.tokens import is_written, write_tokens

    recipe = work.recipe
    backend = _bare(work.tokenizer)
    hashed = hashlib.sha256(backend.to_str().encode()).hexdigest()
    key = {"recipe": work.text, "tokenizer": hashed}
    separated = recipe.objective == "causal" or (recipe.packed and not recipe.is_paired)

    def write(name: str, texts: Iterable[str]) -> None:
        write_tokens(
            folder / name,
            texts,
            backend,
            sentences=recipe.is_paired,
            end=marks.last if separated else None,
            words=recipe.masking.whole_words,
            key=key,
        )

    if is_written(folder / "train", key) and is_written(folder / "dev", key):
        return
    held = _held_out(work)
    write("train", _remaining(work, held))
    write("dev", work.measured.texts() if work.measured else held.kept)


def _held_out(work: Work) -> HeldOut:
    share = 0.0 if work.measured else work.recipe.heldout
    return HeldOut(share, work.recipe.most_heldout, [])


def _remaining(work: Work, held: HeldOut) -> Iterator[str]:
    return (text for text in work.reading.texts() if not held.takes(text))


def _describe(work: Work, train: int, dev: int) -> None:
    """Files and counts for the receipt; refuses a corpus of which nothing is left.

    A resumed run does not read the corpus again and counts what it wrote.
    """
    recipe = work.recipe
    described = work.reading.describe()
    if len(described) == 1:
        described[0]["rows"] = train + (0 if work.measured else dev)
    work.data = {"train": described}
    if work.measured is not None:
        work.data["dev"] = work.measured.describe()
    work.facts = {"texts": train, "dev_texts": dev}
    if not train:
        message = (
            f"no text is left to learn from: heldout = {recipe.heldout:g} keeps all {dev:,} out"
        )
        raise DataError(message)
    if not dev and recipe.heldout > 0:
        message = (
            f"heldout = {recipe.heldout:g} keeps none of {train:,} texts out, and without any "
            "nothing can be measured; raise it, name [[dev]] files, or set it to 0"
        )
        raise DataError(message)


def _examples(work: Work, marks: Marks, tokens: Tokens) -> Examples:
    from embeddings.training.pretraining.examples import Examples
    from embeddings.training.pretraining.tokens import ranges_of, runs_of

    recipe = work.recipe
    if recipe.is_paired:
        places = runs_of(tokens, recipe.max_tokens - 3)
        if len(places) < 2:
            message = (
                f"sentences = {recipe.sentences!r} needs texts of two sentences or more that fit "
                f"into max_tokens ({recipe.max_tokens}); {len(places)} of {tokens.texts:,} texts "
                "have that"
            )
            raise DataError(message)
    else:
        room = recipe.max_tokens - (2 if recipe.objective == "masked" else 0)
        places = ranges_of(tokens, room, packed=recipe.packed)
    if not len(places):
        message = "the corpus has no tokens; nothing can be learned from it"
        raise DataError(message)
    return Examples(tokens, places, recipe, marks)


def _bare(tokenizer: Any) -> Any:  # noqa: ANN401 - the library's
    """The tokenizer without truncation and padding."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    made.no_truncation()
    made.no_padding()
    return made
