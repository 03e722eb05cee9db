"""New pieces for the tokenizer of an existing model, learned on text of another language."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import DataError, RecipeError
from embeddings.training.tokenizer.forms import other_forms
from embeddings.training.tokenizer.hangul import (
    forget_forms,
    keep_whole,
    read_forms,
    syllables_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tokenizers import Tokenizer

    from embeddings.training.tokenizer.recipe import ExtensionRecipe

_SLACK = 4_000
"""Pieces learned beyond those wanted: some are of the old script alone and are not taken."""
_UNKNOWN = "<unk>"


def extend(
    old: Tokenizer, recipe: ExtensionRecipe, texts: Callable[[], Iterable[str]]
) -> tuple[Tokenizer, str]:
    """The tokenizer with more pieces, and what became of its normaliser, in a sentence.

    Old pieces keep their ids; new ones follow. Each new piece has a character of the new scripts,
    and pieces are matched inside of words: so a word without such a character can meet no new
    piece, and is cut as before. With Hangul, full-width Latin is read as ASCII from then on.

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
    forget_forms(made)
    told = keep_whole(made)
    kind = type(made.model).__name__
    if kind in {"WordPiece", "Unigram"}:
        add = _extend_wordpiece if kind == "WordPiece" else _extend_unigram
        new = add(made, recipe, texts)
        # Last of all: which syllables are to be spelled is known when all pieces are there.
        if "HANGUL" in recipe.scripts:
            told = f"{told}; {read_forms(new)}"
        return new, told
    message = (
        f"the model's tokenizer is {kind}, whose merges cannot be added to without reading old "
        "texts otherwise; WordPiece and Unigram can. Train a tokenizer of its own instead"
    )
    raise RecipeError(message)


def is_new(piece: str, scripts: tuple[str, ...]) -> bool:
    """True if a character of the piece is of one of the scripts."""
    return any(_is_of(char, scripts) for char in piece)


def is_read_otherwise(piece: str, scripts: tuple[str, ...]) -> bool:
    """True if the extended tokenizer is to cut it otherwise: it is new, or in another form."""
    folds = "HANGUL" in scripts and any(char in other_forms() for char in piece)
    return folds or is_new(piece, scripts)


def _is_of(char: str, scripts: tuple[str, ...]) -> bool:
    name = unicodedata.name(char, "").removeprefix("HALFWIDTH ")
    return name.startswith(scripts)


def _extend_wordpiece(
    made: Tokenizer, recipe: ExtensionRecipe, texts: Callable[[], Iterable[str]]
) -> Tokenizer:
    from tokenizers import models, trainers

    from embeddings.training.tokenizer.pieces import add_pieces

    model: Any = made.model
    prefix = model.continuing_subword_prefix
    known = made.get_vocab()
    syllables = _syllables(recipe)
    unknown = model.unk_token

    def learn(size: int) -> list[str]:
        learning = _learner(made, models.WordPiece(unk_token=unknown), recipe)
        trainer = trainers.WordPieceTrainer(
            vocab_size=size,
            min_frequency=recipe.min_count,
            initial_alphabet=syllables,
            continuing_subword_prefix=prefix,
            show_progress=False,
        )
        learning.train_from_iterator(texts(), trainer)
        return [piece for piece, _ in sorted(learning.get_vocab().items(), key=itemgetter(1))]

    found = _learn_enough(learn, recipe, known)
    # Single characters first: without them a word they are in would be unknown as a whole.
    both = [form for char in syllables for form in (char, prefix + char)]
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
    syllables = _syllables(recipe)
    learned: dict[str, float] = {}

    def learn(size: int) -> list[str]:
        learning = _learner(made, models.Unigram(), recipe)
        trainer = trainers.UnigramTrainer(
            vocab_size=size,
            initial_alphabet=syllables,
            unk_token=_UNKNOWN,
            special_tokens=[_UNKNOWN],
            show_progress=False,
        )
        learning.train_from_iterator(texts(), trainer)
        learned.clear()
        learned.update(json.loads(learning.to_str())["model"]["vocab"])
        return list(learned)

    pieces = _learn_enough(learn, recipe, scores)
    shifts = [scores[piece] - learned[piece] for piece in pieces if piece in scores]
    shift = float(np.median(shifts)) if shifts else 0.0
    lowest = min((learned[piece] for piece in pieces), default=0.0)
    found = {piece: learned.get(piece, lowest) for piece in dict.fromkeys([*pieces, *syllables])}
    added = [piece for piece in found if piece not in scores]
    ranked = sorted(added, key=lambda piece: (len(piece) > 1, -found[piece]))
    forced = sum(len(piece) == 1 for piece in added)
    _check_enough(recipe, forced, len(added) - forced)
    data["model"]["vocab"] = [
        *old,
        *([piece, found[piece] + shift] for piece in ranked[: recipe.pieces]),
    ]
    return Tokenizer.from_str(json.dumps(data, ensure_ascii=False))


def _syllables(recipe: ExtensionRecipe) -> list[str]:
    return syllables_of(recipe.syllables) if "HANGUL" in recipe.scripts else []


def _learn_enough(
    learn: Callable[[int], list[str]], recipe: ExtensionRecipe, known: Mapping[str, object]
) -> list[str]:
    """Pieces of the new scripts, best first.

    Words hold other letters too, whose pieces are learned and not taken: how many they are is
    known afterwards, so that more are learned until enough are of the new scripts.
    """
    size = recipe.pieces + _SLACK
    while True:
        learned = learn(size)
        found = [piece for piece in learned if is_new(piece, recipe.scripts)]
        enough = sum(piece not in known for piece in found) >= recipe.pieces
        if enough or len(learned) < size:
            return found
        size *= 2


def _learner(made: Tokenizer, model: Any, recipe: ExtensionRecipe) -> Tokenizer:  # noqa: ANN401
    """A tokenizer without pieces that reads as this one does, and drops words of old scripts."""
    from tokenizers import Regex, Tokenizer, pre_tokenizers

    learning = Tokenizer(model)
    learning.normalizer = made.normalizer
    others = pre_tokenizers.Split(Regex(rf"\A[^{_class_of(recipe.scripts)}]+\z"), "removed")
    parts = [] if made.pre_tokenizer is None else [made.pre_tokenizer]
    learning.pre_tokenizer = pre_tokenizers.Sequence([*parts, others])
    return learning


@cache
def _class_of(scripts: tuple[str, ...]) -> str:
    """The characters of scripts as ranges of a regular expression.

    Raises:
        RecipeError: there are none.
    """
    ranges: list[list[int]] = []
    for point in range(0x20000):
        if not _is_of(chr(point), scripts):
            continue
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    if not ranges:
        message = (
            f"recipe key 'scripts' is {list(scripts)}; no character's name begins so. Name them as "
            "Unicode does: HANGUL, HIRAGANA, KATAKANA, CJK, CYRILLIC, GREEK, ARABIC, THAI"
        )
        raise RecipeError(message)
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


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
