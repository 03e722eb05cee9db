"""Other forms of a text, read as its normal form by steps of a normaliser.

Half-width Hangul and jamo typed apart are put together as an input method does it, full-width Latin
is ASCII, and syllables without a piece are spelled. All of it is in `tokenizer.json`, so that every
library reads it.

A step that replaces knows one pattern and one replacement, and its price is the search in a text
that has nothing to replace. So patterns find the places alone, where a combining mark is left: the
mark tells what a jamo is there, and one table then replaces jamo with marks.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from embeddings.training.tokenizer.charsmap import make_charsmap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
"""Consonants that a syllable begins with, in the order of their conjoining jamo."""
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
TAILS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
"""Consonants that a syllable ends with."""
VOWEL_PAIRS = {
    "ㅗㅏ": "ㅘ", "ㅗㅐ": "ㅙ", "ㅗㅣ": "ㅚ",
    "ㅜㅓ": "ㅝ", "ㅜㅔ": "ㅞ", "ㅜㅣ": "ㅟ", "ㅡㅣ": "ㅢ",
}  # fmt: skip
TAIL_PAIRS = {
    "ㄱㅅ": "ㄳ", "ㄴㅈ": "ㄵ", "ㄴㅎ": "ㄶ", "ㅂㅅ": "ㅄ", "ㄹㅎ": "ㅀ",
    "ㄹㄱ": "ㄺ", "ㄹㅁ": "ㄻ", "ㄹㅂ": "ㄼ", "ㄹㅅ": "ㄽ", "ㄹㅌ": "ㄾ", "ㄹㅍ": "ㄿ",
}  # fmt: skip
_FIRST = 0xAC00
_LEAD, _PART, _SECOND = "\u0350", "\u0351", "\u0352"
"""Marks behind a leading consonant, a vowel or a final consonant, and the second half of two.

Combining marks are two bytes long, and a jamo with one is a grapheme that the table looks up.
"""
_JOINED = {"ㅏㅓ": "\u0353", "ㅐㅔ": "\u0354", "ㅣ": "\u0355"}
"""Second halves of vowels, two told apart by the first half; and the mark in their place."""
_SECONDS = dict(zip("ㄱㅁㅂㅅㅈㅌㅍㅎ", map(chr, range(0x363, 0x36B)), strict=True))
"""What such a second half is until its syllable is there."""


@cache
def narrow_jamo() -> Mapping[str, str]:
    """The half-width form of each compatibility jamo that has one."""
    found = {}
    for point in range(0xFFA1, 0xFFDD):
        kind, _, wide = unicodedata.decomposition(chr(point)).partition(" ")
        if kind == "<narrow>":
            found[chr(int(wide, 16))] = chr(point)
    return found


@cache
def other_forms() -> Mapping[str, str]:
    """Characters that are read as others wherever they stand, and what as.

    Full-width ASCII and signs, half-width jamo that are in no syllable, and half-width arrows and
    boxes. Fillers of Hangul are seen as blanks and read so. Half-width Katakana stays: its voicing
    marks would need to be joined too.
    """
    found = {narrow: wide for wide, narrow in narrow_jamo().items()}
    for point in (*range(0xFF01, 0xFF61), *range(0xFFE0, 0xFFE7), *range(0xFFE8, 0xFFEF)):
        found[chr(point)] = unicodedata.normalize("NFKC", chr(point))
    return found | {"\uffe3": "\u00af", "\u3164": " ", "\uffa0": " "}


def composing(dropped: Iterable[str] = ()) -> list[Any]:
    """Steps that put jamo typed apart together to syllables, and NFC.

    A consonant before a single vowel begins a syllable; after a syllable's vowel, and before no
    vowel, it ends one. Loose jamo stay: a vowel beside another that it makes no pair with, and
    consonants behind a consonant that belongs to no syllable: ㅋㅋㅠㅠ and ㅠㅠ are as typed.

    Args:
        dropped: characters that the table is to drop too.
    """
    from tokenizers import Regex, normalizers

    leads, vowels, tails = _both(LEADS), _both(VOWELS), _both(TAILS)
    every = _both("".join(narrow_jamo()))
    consonants = "".join(sorted(set(every) - set(vowels)))
    joined = "".join(_JOINED.values())
    before = f"[{vowels}{joined}]"
    patterns = {
        mark: "|".join(
            f"{_one_of(_both(pair[1]))}(?<=[{leads}][{_both(pair[0])}][{_both(pair[1])}])"
            for pair in VOWEL_PAIRS
            if pair[1] in seconds
        )
        for seconds, mark in _JOINED.items()
    }
    patterns[_LEAD] = (
        f"{_one_of(leads)}(?:(?<![{every}][{leads}])|(?<={before}[{leads}]"
        f"|{before}[{consonants}][{leads}]|{before}[{consonants}][{consonants}][{leads}]))"
        f"\\K(?=[{vowels}](?![{vowels}]))"
    )
    loose = f"(?!{_LEAD}|[{vowels}])"
    patterns[_PART] = (
        f"{_one_of(vowels)}(?<={_LEAD}[{vowels}])\\K(?![{joined}])|{_one_of(tails)}"
        f"(?<={_LEAD}[{vowels}][{tails}]|{_LEAD}[{vowels}][{joined}][{tails}])\\K{loose}"
    )
    pairs = "|".join(
        f"[{_both(first)}]{_PART}[{_both(second)}]" for first, second in map(tuple, TAIL_PAIRS)
    )
    patterns[_SECOND] = f"{_one_of(_both(''.join(_SECONDS)))}(?<={pairs})\\K{loose}"
    table = dict.fromkeys(dropped, "") | _marked()
    return [
        *(normalizers.Replace(Regex(pattern), mark) for mark, pattern in patterns.items()),
        normalizers.Precompiled(make_charsmap(table)),
        normalizers.NFC(),
    ]


def _both(jamo: str) -> str:
    """Them, and their half-width forms."""
    return jamo + "".join(narrow_jamo()[char] for char in jamo)


def _one_of(chars: str) -> str:
    """A pattern of one of them, spelled out: in a class no first byte would be searched for."""
    return f"(?:{'|'.join(chars)})"


def _marked() -> dict[str, str]:
    """Jamo with marks, and the conjoining jamo they are."""
    found: dict[str, str] = {}
    for chars, mark, first in (
        (LEADS, _LEAD, 0x1100),
        (VOWELS, _PART, 0x1161),
        (TAILS, _PART, 0x11A8),
    ):
        for index, char in enumerate(chars):
            found |= {form + mark: chr(first + index) for form in _both(char)}
    for pair, whole in VOWEL_PAIRS.items():
        mark = next(mark for seconds, mark in _JOINED.items() if pair[1] in seconds)
        vowel = chr(0x1161 + VOWELS.index(whole))
        found |= {form + mark: vowel for form in _both(pair[0])}
    for char, waiting in _SECONDS.items():
        found |= {form + _SECOND: waiting for form in _both(char)}
    return found


def closed_pairs(spelled: Mapping[str, str]) -> dict[str, str]:
    """Syllables before the second half of a final pair, as one syllable; the half alone as a jamo.

    Args:
        spelled: syllables that are not read as they are.
    """
    found = {waiting: char for char, waiting in _SECONDS.items()}
    for pair, whole in TAIL_PAIRS.items():
        for index in range(len(LEADS) * len(VOWELS)):
            before, after = (
                chr(_FIRST + 28 * index + 1 + TAILS.index(tail)) for tail in (pair[0], whole)
            )
            # A spelled syllable ends in the jamo anyway.
            if before not in spelled and after not in spelled:
                found[before + _SECONDS[pair[1]]] = after
    return found


def spellings(alphabet: frozenset[str], prefix: str) -> dict[str, str]:
    """Syllables that no piece stands for, each as the syllable it begins with and loose jamo.

    In WordPiece a word that holds one would be unknown as a whole.

    Args:
        alphabet: pieces of a single character, those inside of words with their prefix.
        prefix: of pieces inside of words.
    """

    def known(char: str) -> bool:
        return char in alphabet and prefix + char in alphabet

    halves = {whole: pair for pair, whole in TAIL_PAIRS.items()}
    found = {}
    for index in range(len(LEADS) * len(VOWELS) * 28):
        if known(chr(_FIRST + index)):
            continue
        start, tail = divmod(index, 28)
        last = TAILS[tail - 1] if tail else ""
        lead, vowel = divmod(start, len(VOWELS))
        stem = chr(_FIRST + 28 * start)
        apart = LEADS[lead] + VOWELS[vowel]
        tries = [stem + last, apart + last]
        if last in halves:
            first, second = tuple(halves[last])
            closed = chr(_FIRST + 28 * start + 1 + TAILS.index(first))
            tries = [closed + second, stem + last, stem + first + second]
            tries += [apart + last, apart + first + second]
        for spelled in tries:
            if known(spelled[0]) and all(prefix + char in alphabet for char in spelled[1:]):
                found[chr(_FIRST + index)] = spelled
                break
    return found
