"""`extend_vocabulary`: an existing model learns to read another language's words as words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.errors import TrainingError
from embeddings.training.tokenizer.corpus import HeldOut, Reading
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.training.tokenizer.model import Opened
    from embeddings.training.tokenizer.recipe import ExtensionRecipe
    from embeddings.training.tokenizer.starts import Growth, Starts

_HELD_SHARE = 0.01
_SAMPLE = 5_000
"""Translations whose tokens before and after are compared, at most."""
_ENCODED = 64
"""Texts whose vectors before and after are compared."""
_PIECES = 16
"""Old pieces in a text that is made of them."""


def extend_vocabulary(
    model: str,
    sources: Sequence[str],
    recipe: ExtensionRecipe,
    out: Path,
    *,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Add pieces to a model's tokenizer and rows to its table; the receipt as JSON values.

    Every text without a character of the new scripts is read as before, and has the same vector;
    with Hangul among them, full-width Latin is read as ASCII.

    Args:
        model: a folder, a built-in or a hub name.
        sources: files or folders of text in the new language.
        recipe: how many pieces, and where their vectors come from.
        out: the folder of the extended encoder.
        listener: told how it goes.

    Raises:
        RecipeError: the model has no tokenizer of pieces that could be extended.
        DataError: no text, or too few new pieces in it.
        TrainingError: something is there already.
        EncoderNotFoundError: no such model.
    """
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.tokenizer.additions import extend
    from embeddings.training.tokenizer.model import grow, open_model, save, table_of
    from embeddings.training.tokenizer.run import corpora_of, training_texts
    from embeddings.training.tokenizer.starts import Growth, first_vectors

    listener = listener or Listener()
    check_folder_is_free(out)
    begun = time.perf_counter()
    parallel, described = read_parallel(recipe)
    opened = open_model(model)
    reading = Reading(corpora_of(sources, recipe), listener)
    held = HeldOut(_HELD_SHARE, recipe.heldout, [])
    new, told = extend(opened.backend, recipe, lambda: training_texts(reading, held))
    data = {"train": reading.describe(), "parallel": described}
    size = max(opened.backend.get_vocab().values()) + 1
    ranked = sorted(new.get_vocab().items(), key=lambda each: each[1])
    table = table_of(opened.model)
    if len(table) < size:
        message = (
            f"the tokenizer of {model} has {size:,} pieces, its table {len(table):,} rows: they "
            "were not made for each other. Put the model's own tokenizer into its folder"
        )
        raise TrainingError(message)
    growth = Growth(
        old=opened.backend,
        new=new,
        table=table[:size],
        pieces=[piece for piece, row in ranked if row >= size],
        prefix=getattr(new.model, "continuing_subword_prefix", None) or "",
        blank="\u2581" if type(new.model).__name__ == "Unigram" else "",
    )
    listener.note(f"{len(growth.pieces):,} new pieces; looking for their first vectors")
    starts = first_vectors(growth, recipe, parallel)
    probes = old_texts(growth, recipe, parallel)
    before = opened.model.encode(probes[:_ENCODED], show_progress_bar=False)
    grow(opened, new, starts, size)
    save(opened, new, out)
    return conclude(
        opened,
        growth,
        starts,
        out,
        recipe=recipe,
        facts={
            "model": model,
            "normaliser": told,
            "seconds": time.perf_counter() - begun,
            "data": data,
            "sources": list(sources),
            "held": held.kept,
            "probes": probes,
            "before": before,
        },
    )


def read_parallel(recipe: ExtensionRecipe) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """Translations as pairs of texts (new, old), and what the receipt says of their files."""
    from embeddings.training.columns import texts_of
    from embeddings.training.sources import describe_source, read_rows

    pairs: list[tuple[str, str]] = []
    described = []
    for source in recipe.parallel:
        rows = read_rows(source, ["new", "old"])
        pairs += zip(texts_of(rows, "new"), texts_of(rows, "old"), strict=True)
        described.append(describe_source(source, len(rows)))
    return pairs, described


def old_texts(
    growth: Growth, recipe: ExtensionRecipe, parallel: Sequence[tuple[str, str]]
) -> list[str]:
    """Texts without new characters or forms: translations, and all old pieces in their order."""
    from embeddings.training.tokenizer.additions import is_read_otherwise

    ranked = sorted(growth.old.get_vocab().items(), key=lambda each: each[1])
    kept = [piece for piece, _ in ranked if not is_read_otherwise(piece, recipe.scripts)]
    pieces = [growth.surface(piece) for piece in kept]
    made = [" ".join(pieces[start : start + _PIECES]) for start in range(0, len(pieces), _PIECES)]
    told = [old for _, old in parallel[:_SAMPLE] if not is_read_otherwise(old, recipe.scripts)]
    return [*told, *made]


def conclude(
    opened: Opened,
    growth: Growth,
    starts: Starts,
    out: Path,
    *,
    recipe: ExtensionRecipe,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Measure old and new tokenizer, open the folder as the service will, and write the cards."""
    from collections import Counter

    from embeddings.load import load_encoder
    from embeddings.progress import without_bars
    from embeddings.training.card import write_encoder_card, write_model_card
    from embeddings.training.tokenizer.fertility import (
        as_scores,
        count_changed,
        measure_fertility,
    )
    from embeddings.training.tokenizer.run import write_report
    from embeddings.training.toml_text import plain

    unknown = opened.tokenizer.unk_token
    judged = facts["held"]
    figures = {
        when: measure_fertility(tokenizer, judged, unknown)
        for when, tokenizer in (("before", growth.old), ("after", growth.new))
    }
    changed = count_changed(growth.old, growth.new, facts["probes"])
    if changed["changed"]:
        message = (
            f"{changed['changed']:,} of {changed['texts']:,} texts without new characters are cut "
            "otherwise than before; the tokenizer's kind is not one that can be extended safely"
        )
        raise TrainingError(message)
    after = (
        load_encoder(out, runtime="torch")
        .encode(facts["probes"][:_ENCODED], role="document")
        .vectors
    )
    drift = float(np.abs(after - facts["before"]).max())
    with without_bars():
        written = write_report(
            out,
            recipe=plain(recipe) | {"extend": facts["model"], "sources": facts["sources"]},
            data=facts["data"]["train"],
            parallel=facts["data"]["parallel"],
            seconds=facts["seconds"],
            scores={when: as_scores(found) for when, found in figures.items()},
            notes=[facts["normaliser"]],
            seed=recipe.seed,
            extra={
                "kind": "extension",
                "vocabulary_before": len(growth.table),
                "vocabulary": len(growth.table) + len(growth.pieces),
                "starts": dict(Counter(starts.ways)),
                "pairs": starts.facts.get("pairs", 0),
                "fertility": figures,
                "unchanged": changed,
                "largest_drift_of_old_texts": drift,
            },
        )
        card = write_encoder_card(
            out, name=recipe.name or out.name, languages=recipe.languages, training=written
        )
    write_model_card(out, name=card.name, training=written, card=card)
    return written
