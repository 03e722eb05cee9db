"""Learning pieces from a corpus: WordPiece, byte-level BPE and Unigram, by `tokenizers`."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import DataError
from embeddings.training.tokenizer.hangul import make_normaliser, syllables_of
from embeddings.training.tokenizer.specials import WRAPPINGS, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tokenizers import Tokenizer

    from embeddings.training.tokenizer.recipe import TokenizerRecipe

_LONGEST_WORD = 100
"""Characters of a word that WordPiece still cuts; longer ones are unknown, as in BERT."""


def learn_pieces(recipe: TokenizerRecipe, texts: Callable[[], Iterable[str]]) -> Tokenizer:
    """A tokenizer with exactly the vocabulary asked for.

    Args:
        recipe: what to learn.
        texts: gives the training texts, anew at each call; they are read twice, for `bpe` once.

    Raises:
        DataError: the corpus has more characters than the vocabulary has room for, or too few
            pieces to fill it; the message names the size that is possible.
    """
    wrapping = WRAPPINGS[recipe.wrapping]
    specials = [*wrapping.tokens(), *recipe.specials]
    made: Tokenizer = _MAKERS[recipe.algorithm](recipe, wrapping.named["unk_token"])
    made.normalizer = make_normaliser(recipe)
    alphabet: list[str] = []
    if recipe.algorithm != "bpe":
        alphabet = _alphabet(recipe, texts(), made)
        _check_room(recipe, alphabet, specials)
    trainer = _trainer(recipe, specials, alphabet, wrapping.named["unk_token"])
    try:
        made.train_from_iterator(chain(_doubled(recipe), texts()), trainer)
    except DataError:
        raise
    except Exception as error:  # the library raises no narrower one
        message = f"no tokenizer of {recipe.vocabulary:,} pieces can be learned: {error}"
        raise DataError(message) from error
    _check_size(made, recipe)
    wrap(made, wrapping)
    return made


def add_pieces(tokenizer: Tokenizer, pieces: Iterable[str]) -> Tokenizer:
    """A WordPiece tokenizer with further pieces behind those it has; ids stay as they are."""
    from tokenizers import Tokenizer

    data = json.loads(tokenizer.to_str())
    known = data["model"]["vocab"]
    # Added tokens may lie behind the pieces; those of the model itself are counted too.
    following = max(tokenizer.get_vocab().values(), default=-1) + 1
    for piece in pieces:
        if piece not in known:
            known[piece] = following
            following += 1
    return Tokenizer.from_str(json.dumps(data, ensure_ascii=False))


def _wordpiece(recipe: TokenizerRecipe, unknown: str) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    del recipe
    made = Tokenizer(models.WordPiece(unk_token=unknown, max_input_chars_per_word=_LONGEST_WORD))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece(prefix="##")
    return made


def _bpe(recipe: TokenizerRecipe, unknown: str) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    del recipe, unknown  # bytes know everything
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def _unigram(recipe: TokenizerRecipe, unknown: str) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    del recipe, unknown
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    return made


_MAKERS = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}


def _trainer(
    recipe: TokenizerRecipe, specials: list[str], alphabet: list[str], unknown: str
) -> Any:  # noqa: ANN401 - of three kinds
    from tokenizers import pre_tokenizers, trainers

    shared: dict[str, Any] = {
        "vocab_size": recipe.vocabulary,
        "special_tokens": specials,
        "show_progress": False,
    }
    if recipe.algorithm == "unigram":
        return trainers.UnigramTrainer(
            unk_token=unknown,
            max_piece_length=recipe.longest,
            initial_alphabet=alphabet,
            **shared,
        )
    if recipe.algorithm == "bpe":
        return trainers.BpeTrainer(
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            min_frequency=recipe.min_count,
            # Of bytes: a syllable is three of them.
            max_token_length=3 * recipe.longest,
            **shared,
        )
    return trainers.WordPieceTrainer(
        min_frequency=recipe.min_count,
        initial_alphabet=alphabet,
        limit_alphabet=max(len(alphabet), 1),
        **shared,
    )


def _alphabet(recipe: TokenizerRecipe, texts: Iterable[str], tokenizer: Tokenizer) -> list[str]:
    """The characters with a piece of their own: the most frequent up to the coverage."""
    counts: Counter[str] = Counter()
    normaliser = tokenizer.normalizer
    for text in texts:
        counts.update(normaliser.normalize_str(text))
    if recipe.algorithm == "wordpiece":
        counts = Counter({char: n for char, n in counts.items() if not char.isspace()})
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    limit, seen, kept = recipe.coverage * counts.total(), 0, []
    for char, count in ranked:
        if seen >= limit:
            break
        kept.append(char)
        seen += count
    return [*dict.fromkeys([*kept, *syllables_of(recipe.syllables)])]


def _doubled(recipe: TokenizerRecipe) -> list[str]:
    """Each syllable that is known in any case at the start and inside of a word, for WordPiece."""
    if recipe.algorithm != "wordpiece":
        return []
    return [2 * char for char in syllables_of(recipe.syllables)]


def _check_room(recipe: TokenizerRecipe, alphabet: list[str], specials: list[str]) -> None:
    """Refuse a vocabulary that cannot hold the characters, before the corpus is read again.

    WordPiece needs most of them twice; `_check_size` knows afterwards which.
    """
    needed = len(alphabet) + len(specials)
    if needed > recipe.vocabulary:
        message = (
            f"recipe key 'vocabulary' is {recipe.vocabulary:,}; the {len(alphabet):,} characters "
            f"of the corpus and {len(specials)} special tokens need {needed:,}. Raise it, or lower "
            f"`coverage` ({recipe.coverage:g}) so that rare characters get no piece"
        )
        raise DataError(message)


def _check_size(tokenizer: Tokenizer, recipe: TokenizerRecipe) -> None:
    size = tokenizer.get_vocab_size()
    if size == recipe.vocabulary:
        return
    if size > recipe.vocabulary:
        message = (
            f"recipe key 'vocabulary' is {recipe.vocabulary:,}; characters and special tokens "
            f"alone are {size:,}. Raise it, or lower `coverage` ({recipe.coverage:g})"
        )
        raise DataError(message)
    often = "" if recipe.algorithm == "unigram" else f" seen at least {recipe.min_count} times"
    message = (
        f"recipe key 'vocabulary' is {recipe.vocabulary:,}; the corpus gives {size:,} pieces"
        f"{often}. Ask for at most {size:,}, or give more text"
    )
    raise DataError(message)
