"""New pieces for the tokenizer of an existing model, learned on text of another language."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import DataError, RecipeError
from embeddings.training.tokenizer.hangul import keep_whole, syllables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tokenizers import Tokenizer

    from embeddings.training.tokenizer.recipe import ExtensionRecipe

_SLACK = 4_000
"""Pieces learned beyond those wanted: some are of the old script alone and are not taken."""


def extend(
    old: Tokenizer, recipe: ExtensionRecipe, texts: Callable[[], Iterable[str]]
) -> tuple[Tokenizer, str]:
    """The tokenizer with more pieces, and what became of its normaliser, in a sentence.

    Old pieces keep their ids; new ones follow. Each new piece has a character of the new scripts,
    and pieces are matched inside of words: so a word without such a character can meet no new
    piece, and is cut as before.

    Args:
        old: without truncation and padding.
        recipe: what to add.
        texts: gives the training texts, anew at each call.

    Raises:
        RecipeError: the tokenizer is of a kind that cannot be extended here.
        DataError: the texts hold too few new pieces.
    """
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(old.to_str())
    told = keep_whole(made)
    kind = type(made.model).__name__
    if kind == "WordPiece":
        return _extend_wordpiece(made, recipe, texts), told
    if kind == "Unigram":
        return _extend_unigram(made, recipe, texts), told
    message = (
        f"the model's tokenizer is {kind}, whose merges cannot be added to without reading old "
        "texts otherwise; WordPiece and Unigram can. Train a tokenizer of its own instead"
    )
    raise RecipeError(message)


def is_new(piece: str, scripts: tuple[str, ...]) -> bool:
    """True if a character of the piece is of one of the scripts."""
    return any(_is_of(char, scripts) for char in piece)


def _is_of(char: str, scripts: tuple[str, ...]) -> bool:
    name = unicodedata.name(char, "").removeprefix("HALFWIDTH ")
    return name.startswith(scripts)


def _extend_wordpiece(
    made: Tokenizer, recipe: ExtensionRecipe, texts: Callable[[], Iterable[str]]
) -> Tokenizer:
    from tokenizers import trainers

    from embeddings.training.tokenizer.pieces import add_pieces

    model: Any = made.model
    prefix = model.continuing_subword_prefix
    known = made.get_vocab()
    syllables = syllables_of(recipe.syllables) if "HANGUL" in recipe.scripts else []
    learning = _learner(made)
    trainer = trainers.WordPieceTrainer(
        vocab_size=recipe.pieces + _SLACK,
        min_frequency=recipe.min_count,
        initial_alphabet=syllables,
        continuing_subword_prefix=prefix,
        show_progress=False,
    )
    learning.train_from_iterator(_with_script(texts(), recipe.scripts), trainer)
    learned = sorted(learning.get_vocab().items(), key=lambda each: each[1])
    # Single characters first: without them a word they are in would be unknown as a whole.
    both = [form for char in syllables for form in (char, prefix + char)]
    found = [piece for piece, _ in learned if is_new(piece, recipe.scripts)]
    single = [piece for piece in found if len(piece.removeprefix(prefix)) == 1]
    wanted = dict.fromkeys([*both, *single])
    forced = [piece for piece in wanted if piece not in known]
    longer = [piece for piece in found if piece not in wanted and piece not in known]
    _check_enough(recipe, len(forced), len(longer))
    return add_pieces(made, [*forced, *longer[: recipe.pieces - len(forced)]])


def _extend_unigram(
    made: Tokenizer, recipe: ExtensionRecipe, texts: Callable[[], Iterable[str]]
) -> Tokenizer:
    """Pieces with log-probabilities moved so that shared ones agree with the old in the median."""
    import numpy as np
    from tokenizers import Tokenizer, models, trainers

    data = json.loads(made.to_str())
    old: list[tuple[str, float]] = data["model"]["vocab"]
    if max(made.get_vocab().values()) >= len(old):
        message = (
            "the model's tokenizer has special tokens behind its pieces; Unigram pieces are "
            "numbered by their place, so that none can follow them"
        )
        raise RecipeError(message)
    scores = dict(old)
    syllables = syllables_of(recipe.syllables) if "HANGUL" in recipe.scripts else []
    learning = _learner(made, models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=recipe.pieces + _SLACK,
        initial_alphabet=syllables,
        unk_token="<unk>",  # noqa: S106 - a token of text
        special_tokens=["<unk>"],
        show_progress=False,
    )
    learning.train_from_iterator(_with_script(texts(), recipe.scripts), trainer)
    learned = json.loads(learning.to_str())["model"]["vocab"]
    found = {piece: score for piece, score in learned if is_new(piece, recipe.scripts)}
    shifts = [scores[piece] - score for piece, score in found.items() if piece in scores]
    shift = float(np.median(shifts)) if shifts else 0.0
    lowest = min(found.values(), default=0.0)
    found |= {char: found.get(char, lowest) for char in syllables}
    added = [piece for piece in found if piece not in scores]
    ranked = sorted(added, key=lambda piece: (len(piece) > 1, -found[piece]))
    forced = sum(len(piece) == 1 for piece in added)
    _check_enough(recipe, forced, len(added) - forced)
    old += [(piece, found[piece] + shift) for piece in ranked[: recipe.pieces]]
    return Tokenizer.from_str(json.dumps(data, ensure_ascii=False))


def _learner(made: Tokenizer, model: Any = None) -> Tokenizer:  # noqa: ANN401 - any model
    """A tokenizer without pieces that reads and parts words as this one does."""
    from tokenizers import Tokenizer, models

    learning = Tokenizer(model or models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    learning.normalizer = made.normalizer
    learning.pre_tokenizer = made.pre_tokenizer
    return learning


def _with_script(texts: Iterable[str], scripts: tuple[str, ...]) -> Iterable[str]:
    """Of each text the words with a character of the scripts: no piece of others is learned."""
    seen: dict[str, bool] = {}
    for text in texts:
        # Composed, so that a jamo from a file name of macOS is seen as the syllable it is.
        words = unicodedata.normalize("NFC", text).split()
        kept = []
        for word in words:
            if len(seen) > 1 << 20:
                seen.clear()
            if word not in seen:
                seen[word] = is_new(word, scripts)
            if seen[word]:
                kept.append(word)
        if kept:
            yield " ".join(kept)


def _check_enough(recipe: ExtensionRecipe, forced: int, longer: int) -> None:
    possible = forced + longer
    scripts = ", ".join(recipe.scripts)
    if forced > recipe.pieces:
        message = (
            f"recipe key 'pieces' is {recipe.pieces:,}; the single characters alone are "
            f"{forced:,}. Raise it, or set `syllables` to `seen`"
        )
        raise DataError(message)
    if possible < recipe.pieces:
        message = (
            f"recipe key 'pieces' is {recipe.pieces:,}; the texts give {possible:,} new pieces of "
            f"{scripts} seen at least {recipe.min_count} times. Ask for at most {possible:,}, or "
            "give more text"
        )
        raise DataError(message)
