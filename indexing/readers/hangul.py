"""Whether a text is Korean, by its letters."""

from __future__ import annotations

import re

_HANGUL = re.compile("[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]")
_LETTER = re.compile(r"[^\W\d_]")
_LOOKED_AT = 500


def has_hangul(text: str) -> bool:
    """Whether one letter at least is Hangul, composed or not."""
    return not text.isascii() and _HANGUL.search(text) is not None


def is_korean(text: str) -> bool:
    """Whether half of the letters among the first 500 characters are Hangul, or more."""
    if text.isascii():
        return False
    start = text[:_LOOKED_AT]
    hangul = len(_HANGUL.findall(start))
    return hangul > 0 and 2 * hangul >= len(_LETTER.findall(start))
