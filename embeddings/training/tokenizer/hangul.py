"""Hangul in tokenizers: kept whole, read in all forms, and which syllables are worth a piece."""

from __future__ import annotations

import json
import shutil
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

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


def read_forms(tokenizer: Tokenizer) -> str:
    """Give a tokenizer that keeps Hangul whole a normaliser that reads its other forms too.

    Half-width jamo and jamo typed apart are syllables, full-width Latin is ASCII (`forms`). In
    WordPiece, syllables without a piece are spelled. To be called when all pieces are there.

    BERT's normaliser strips accents by taking all characters apart and looking each part up, which
    costs as much as all of this. Here accents are in the two tables that are there anyway: those
    standing alone are dropped by the first, letters with one are in the second. What differs is
    a mark that BERT keeps (spacing, enclosing, newer than its tables) right behind an accented
    letter: it goes with the accent, where the word was unknown.

    Returns:
        What was done, in a sentence.
    """
    from tokenizers import normalizers

    from embeddings.training.tokenizer import forms
    from embeddings.training.tokenizer.charsmap import make_charsmap

    old: Any = tokenizer.normalizer
    if old.normalize_str("ﾾￂﾤ ｘ") == "한 x":
        return "other forms of Hangul and Latin were read already"
    data = json.loads(tokenizer.to_str())
    steps = data["normalizer"].get("normalizers", [])
    table = dict(forms.other_forms())
    spelled: dict[str, str] = {}
    if data["model"]["type"] == "WordPiece":
        prefix = data["model"]["continuing_subword_prefix"]
        pieces = frozenset(data["model"]["vocab"])
        if _has_syllables(tokenizer):
            spelled = forms.spellings(pieces, prefix)
    told = "other forms of Hangul and Latin are read as the usual ones"
    if spelled:
        told += f", {len(spelled):,} syllables without a piece are spelled"
    if [step["type"] for step in steps[:2]] != ["BertNormalizer", "NFC"]:
        table |= spelled | forms.closed_pairs(spelled)
        read = [*forms.composing(), normalizers.Precompiled(make_charsmap(table))]
        tokenizer.normalizer = normalizers.Sequence([*read, old])
        return told
    options = {key: value for key, value in steps[0].items() if key != "type"}
    begin = [
        normalizers.BertNormalizer(**options | {"strip_accents": False}),
        *forms.composing(_marks()),
    ]
    table |= _accents(old, normalizers.Sequence(begin)) | spelled | forms.closed_pairs(spelled)
    tokenizer.normalizer = normalizers.Sequence(
        [*begin, normalizers.Precompiled(make_charsmap(table))]
    )
    return told


def renew(folder: Path) -> str:
    """Let an extended encoder read other forms of Hangul and Latin; its pieces and rows stay.

    The folder's `tokenizer.json` is changed in place, and the fingerprint of its card with it.

    Returns:
        What was done, in a sentence.

    Raises:
        TrainingError: no tokenizer with Hangul there, or one that was packed already.
    """
    from tokenizers import Tokenizer

    from embeddings.fingerprint import fingerprint_folder

    path, sums = folder / "tokenizer.json", folder / "SHA256SUMS"
    if sums.is_file():
        message = f"{folder} was packed already; renew the folder it was packed from"
        raise TrainingError(message)
    tokenizer = Tokenizer.from_file(str(path)) if path.is_file() else None
    if tokenizer is None or not _has_syllables(tokenizer):
        message = f"{folder} has no tokenizer.json with pieces of Hangul; see train tokenizer"
        raise TrainingError(message)
    forget_forms(tokenizer)
    keep_whole(tokenizer)
    told = read_forms(tokenizer)
    whole = json.loads(path.read_bytes())
    whole["normalizer"] = json.loads(tokenizer.to_str())["normalizer"]
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=2), encoding="utf-8")
    card = folder / "encoder_card.json"
    if card.is_file():
        data = json.loads(card.read_bytes())
        before = data["fingerprint"]
        data["fingerprint"] = fingerprint_folder(
            folder, prompts=data["prompts"], max_tokens=data["max_tokens"]
        )
        card.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        page = folder / "README.md"
        if page.is_file():
            text = page.read_text(encoding="utf-8")
            text = text.replace(before[:16], data["fingerprint"][:16])
            page.write_text(text, encoding="utf-8")
    return told


def renew_into(folder: Path, out: Path) -> str:
    """Copy an extended encoder and `renew` the copy; what was done, in a sentence.

    Raises:
        TrainingError: something is in `out`, or see `renew`.
    """
    from embeddings.training.loop import check_folder_is_free

    check_folder_is_free(out)
    if not (folder / "tokenizer.json").is_file():
        message = f"{folder} has no tokenizer.json; name the folder of an extended encoder"
        raise TrainingError(message)
    shutil.copytree(folder, out, dirs_exist_ok=True)
    return renew(out)


def _has_syllables(tokenizer: Tokenizer) -> bool:
    return any(FIRST <= ord(char) <= LAST for char in _characters(tokenizer))


def forget_forms(tokenizer: Tokenizer) -> None:
    """Take back what `read_forms` did, so that it can be done for other pieces."""
    from tokenizers import normalizers

    from embeddings.training.tokenizer import forms

    last: Any = tokenizer.normalizer
    steps = (json.loads(tokenizer.to_str())["normalizer"] or {}).get("normalizers", [])
    if not steps or last.normalize_str("ﾾￂﾤ ｘ") != "한 x":
        return
    if steps[0]["type"] == "BertNormalizer":
        options = {key: value for key, value in steps[0].items() if key != "type"}
        options["strip_accents"] = None if options["lowercase"] else True
        tokenizer.normalizer = normalizers.BertNormalizer(**options)
        keep_whole(tokenizer)
        return
    front = len(forms.composing()) + 1
    if len(steps) > front and steps[front - 1]["type"] == "Precompiled":
        rest = [last[place] for place in range(front, len(steps))]
        tokenizer.normalizer = rest[0] if len(rest) == 1 else normalizers.Sequence(rest)


@cache
def _marks() -> tuple[str, ...]:
    """Characters that BERT's normaliser drops as accents."""
    from tokenizers import normalizers

    strip: Any = normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False
    )
    planes = (range(0x300, FIRST), range(0xF900, 0x20000), range(0xE0000, 0xE0200))
    chars = (chr(point) for plane in planes for point in plane)
    return tuple(char for char in chars if not strip.normalize_str(char))


def _accents(old: Any, new: Any) -> dict[str, str]:  # noqa: ANN401 - normalisers
    """Characters that one normaliser leaves and the other reads as others, and what as."""
    marks = set(_marks())
    found = {}
    for point in range(0xA0, 0x20000):
        char = chr(point)
        if FIRST <= point <= LAST or not unicodedata.decomposition(char):
            continue
        left, wanted = new.normalize_str(char), old.normalize_str(char)
        if left == wanted:
            continue
        if len(left) == 1:
            found[left] = wanted
        # NFC takes a few apart itself (Hebrew, Devanagari): after the step that drops marks.
        found |= {part: "" for part in left if len(left) > 1 and part in marks}
    return found


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
