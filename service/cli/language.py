"""What is said of texts in a language that an encoder was not made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexing.readers.hangul import has_hangul

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAMES = {"en": "English", "ja": "Japanese", "ko": "Korean", "zh": "Chinese"}


def made_for(languages: Sequence[str]) -> str:
    """The languages' names (`English, Japanese`); codes where this page knows no name."""
    return ", ".join(_NAMES.get(code, code) for code in languages)


def knows_korean(languages: Sequence[str]) -> bool:
    """Whether an encoder knows Korean, as far as its card says; True where it says nothing."""
    return not languages or "ko" in languages


def warn_of_korean(
    texts: Sequence[str], encoder: str, languages: Callable[[], Sequence[str]]
) -> str | None:
    """A warning if a text is Korean and the encoder is made for others alone, else None.

    Args:
        texts: what was asked.
        encoder: its name.
        languages: its languages; asked for only if there is Korean.
    """
    if not any(map(has_hangul, texts)):
        return None
    known = languages()
    if knows_korean(known):
        return None
    return f"{encoder} was made for {made_for(known)}; asked in Korean, it may miss the meaning"
