"""Hangul in tokenizers: syllables kept whole (NFC), and which of them are worth a piece."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer, normalizers

    from embeddings.training.tokenizer.recipe import Syllables, TokenizerRecipe

FIRST, LAST = 0xAC00, 0xD7A3
"""Code points of the first and the last precomposed syllable."""


def syllables_of(which: Syllables) -> list[str]:
    """The syllables that are known in any case; none for `seen`."""
    if which == "seen":
        return []
    everything = [chr(point) for point in range(FIRST, LAST + 1)]
    if which == "all":
        return everything
    return [char for char in everything if _is_common(char)]


def _is_common(char: str) -> bool:
    """True for a syllable of KS X 1001, which has 2,350."""
    try:
        return len(char.encode("euc_kr")) == 2
    except UnicodeEncodeError:
        return False


def make_normaliser(recipe: TokenizerRecipe) -> normalizers.Normalizer:
    """NFC or NFKC, control characters out, and on wish lower case and letters without accents.

    BERT's own accent stripping is NFD without marks, which leaves Hangul as loose jamo. Here NFC
    comes after it: jamo are no marks, so they survive the stripping and are put together again.
    """
    from tokenizers import normalizers

    steps: list[Any] = [normalizers.NFKC() if recipe.compatible else normalizers.NFC()]
    steps.append(
        normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False
        )
    )
    if recipe.strip_accents:
        steps += [normalizers.NFD(), normalizers.StripAccents(), normalizers.NFC()]
    if recipe.lower:
        steps.append(normalizers.Lowercase())
    return normalizers.Sequence(steps)


def keep_whole(tokenizer: Tokenizer) -> str:
    """Give a tokenizer a normaliser that keeps Hangul whole and changes no other text.

    Where the old one tears syllables into jamo, NFC is put behind it, and the few letters of other
    scripts that NFC would also put together (vowel signs of Bengali or Tamil) are taken apart
    again if the tokenizer has pieces of them. Where it does not tear, NFC comes first: texts
    that are NFC already are then read as before.

    Returns:
        What was done, in a sentence.
    """
    from tokenizers import normalizers

    old: Any = tokenizer.normalizer
    if old is None:
        tokenizer.normalizer = normalizers.NFC()
        return "Hangul is put together (NFC); there was no normaliser"
    if old.normalize_str("각") == "각" and old.normalize_str("\u1100\u1161\u11a8") == "각":
        return "Hangul was kept whole already"
    if old.normalize_str("각") == "각":
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), old])
        return "NFC comes before the normaliser, which did not tear Hangul but left it torn"
    alphabet = _characters(tokenizer)
    again = [
        normalizers.Replace(whole, parts)
        for whole, parts in _joined_by_nfc()
        if set(parts) <= alphabet
    ]
    tokenizer.normalizer = normalizers.Sequence([old, normalizers.NFC(), *again])
    return "Hangul, which the normaliser tore into jamo, is put together again (NFC)"


@cache
def _joined_by_nfc() -> tuple[tuple[str, str], ...]:
    """Characters that NFC makes of parts without accents, Hangul left out; and their parts."""
    found = {}
    for point in range(0x110000):
        char = chr(point)
        if FIRST <= point <= LAST or 0xD800 <= point < 0xE000:
            continue
        parts = "".join(
            part
            for part in unicodedata.normalize("NFD", char)
            if unicodedata.category(part) != "Mn"
        )
        whole = unicodedata.normalize("NFC", parts)
        if whole != parts and len(whole) == 1:
            found[whole] = parts
    return tuple(sorted(found.items()))


def _characters(tokenizer: Tokenizer) -> set[str]:
    model = json.loads(tokenizer.to_str())["model"]
    prefix = model.get("continuing_subword_prefix") or ""
    return {char for piece in tokenizer.get_vocab() for char in piece.removeprefix(prefix)}
