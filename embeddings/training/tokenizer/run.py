"""`train_tokenizer`: from a corpus to a folder that AutoTokenizer opens."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import DataError
from embeddings.training.tokenizer.corpus import Corpus, HeldOut, Reading
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from embeddings.training.tokenizer.recipe import ExtensionRecipe, TokenizerRecipe

_HELD_SHARE = 0.01
_TOLD = 2_000
"""Texts reported on where none are held out."""


def train_tokenizer(
    sources: Sequence[str],
    recipe: TokenizerRecipe,
    out: Path,
    *,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Learn a tokenizer into a folder; its receipt as JSON values.

    Args:
        sources: files or folders of text.
        recipe: what to learn.
        out: the folder; made if absent.
        listener: told how it goes.

    Raises:
        DataError: no text, or a vocabulary that is impossible for it.
        TrainingError: something is there already.
    """
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.tokenizer.fertility import as_scores, measure_fertility
    from embeddings.training.tokenizer.pieces import learn_pieces
    from embeddings.training.tokenizer.specials import WRAPPINGS, as_transformers
    from embeddings.training.toml_text import plain

    check_folder_is_free(out)
    begun = time.perf_counter()
    reading = Reading(corpora_of(sources, recipe), listener or Listener())
    held = HeldOut(_HELD_SHARE, recipe.heldout, [])
    made = learn_pieces(recipe, lambda: training_texts(reading, held))
    notes: list[str] = []
    judged = held.kept or first_texts(reading)
    if not held.kept:
        notes.append("too few texts to hold some out: the report is on texts it was learned from")
    wrapping = WRAPPINGS[recipe.wrapping]
    unknown = wrapping.named["unk_token"] if recipe.algorithm != "bpe" else None
    fertility = measure_fertility(made, judged, unknown)
    out.mkdir(parents=True, exist_ok=True)
    as_transformers(made, wrapping, max_tokens=recipe.max_tokens).save_pretrained(str(out))
    return write_report(
        out,
        recipe=plain(recipe) | {"sources": list(sources)},
        data=reading.describe(),
        seconds=time.perf_counter() - begun,
        scores={"held out" if held.kept else "training": as_scores(fertility)},
        notes=notes,
        extra={
            "vocabulary": made.get_vocab_size(),
            "fertility": fertility,
            "held_out": len(held.kept),
            "languages": list(recipe.languages),
        },
    )


def corpora_of(sources: Sequence[str], recipe: TokenizerRecipe | ExtensionRecipe) -> list[Corpus]:
    """The corpora of a recipe and those of a command line, read as the recipe says.

    Raises:
        DataError: there are none.
    """
    if not sources and not recipe.train:
        message = "no source of text; name files or folders, or add [[train]] tables to the recipe"
        raise DataError(message)
    column, most, licence = recipe.column, recipe.most, recipe.licence
    named = dict.fromkeys(sources)
    given = [Corpus(path=path, column=column, most=most, licence=licence) for path in named]
    return [*recipe.train, *given]


def training_texts(reading: Reading, held: HeldOut) -> Iterator[str]:
    """The texts that are not held out; the same ones at each call."""
    chosen = replace(held, kept=[])
    for text in reading.texts():
        if not chosen.takes(text):
            yield text
    held.kept = chosen.kept


def first_texts(reading: Reading) -> list[str]:
    """Texts from the top, to report on where none are held out."""
    found: list[str] = []
    for text in reading.texts():
        found.append(text)
        if len(found) >= _TOLD:
            break
    return found


def write_report(
    out: Path,
    *,
    recipe: dict[str, Any],
    data: list[dict[str, Any]],
    seconds: float,
    scores: dict[str, dict[str, float]],
    notes: list[str],
    extra: dict[str, Any],
    parallel: list[dict[str, Any]] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write `training.json` and return what it says."""
    from embeddings.training.options import Running
    from embeddings.training.precision import choose_place
    from embeddings.training.receipt import Receipt, describe_hardware, write_receipt

    receipt = Receipt(
        kind="tokenizer",
        recipe=recipe,
        data={"train": data} | ({"parallel": parallel} if parallel else {}),
        seed=seed,
        hardware=describe_hardware(choose_place(Running(device="cpu"))),
        seconds=seconds,
        scores=scores,
        notes=notes,
        extra=extra,
    )
    return write_receipt(receipt, out)
