"""How well a tokenizer fits a language: tokens of a word, and words it does not know."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenizers import Tokenizer

Fertility = dict[str, dict[str, float | int]]
"""By language (`ko`, `en`, `other`): words, tokens_per_word, unknown_rate, characters_per_token."""
_BATCH = 10_000


def measure_fertility(tokenizer: Tokenizer, texts: Iterable[str], unknown: str | None) -> Fertility:
    """Figures over the words of the texts, by the language of each word.

    A word is what stands between blanks; with Hangul in it, it is `ko`, else with a Latin letter
    `en`, else `other` (numbers, punctuation, other scripts). `tokens_per_word` is the fertility of
    Rust et al. 2021, arXiv:2012.15613; `unknown_rate` the share of words with an unknown token.

    Args:
        tokenizer: which; special tokens around texts are not counted.
        texts: best such that it was not learned from.
        unknown: its unknown token; None if it has none.
    """
    words = Counter(word for text in texts for word in text.split())
    sums: dict[str, Counter[str]] = {}
    listed = list(words)
    for start in range(0, len(listed), _BATCH):
        batch = listed[start : start + _BATCH]
        # Behind a blank, as inside a text: byte-level pieces know the two apart.
        encoded = tokenizer.encode_batch([f" {word}" for word in batch], add_special_tokens=False)
        for word, encoding in zip(batch, encoded, strict=True):
            found = sums.setdefault(language_of(word), Counter())
            times = words[word]
            found["words"] += times
            found["tokens"] += times * len(encoding.tokens)
            found["characters"] += times * len(word)
            found["unknown"] += times * (unknown is not None and unknown in encoding.tokens)
    return {
        language: {
            "words": found["words"],
            "tokens_per_word": found["tokens"] / found["words"],
            "unknown_rate": found["unknown"] / found["words"],
            "characters_per_token": found["characters"] / max(found["tokens"], 1),
        }
        for language, found in sorted(sums.items())
    }


def language_of(word: str) -> str:
    """`ko`, `en` or `other`, by the script of the word."""
    if any(is_hangul(char) for char in word):
        return "ko"
    if any("LATIN" in unicodedata.name(char, "") for char in word):
        return "en"
    return "other"


def is_hangul(char: str) -> bool:
    """True for syllables and jamo, also half-width and compatibility ones."""
    return unicodedata.name(char, "").startswith(("HANGUL", "HALFWIDTH HANGUL"))


def as_scores(fertility: Fertility) -> dict[str, float]:
    """Flat figures for a receipt: `ko tokens_per_word`, ..."""
    return {
        f"{language} {name}": float(value)
        for language, found in fertility.items()
        for name, value in found.items()
        if name != "words"
    }


def count_changed(before: Tokenizer, after: Tokenizer, texts: Sequence[str]) -> dict[str, int]:
    """How many texts are cut otherwise than before."""
    pairs = zip(before.encode_batch(list(texts)), after.encode_batch(list(texts)), strict=True)
    return {"texts": len(texts), "changed": sum(old.ids != new.ids for old, new in pairs)}
