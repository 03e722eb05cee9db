"""Which texts are Korean."""

from __future__ import annotations

import unicodedata

import pytest

from indexing.readers.hangul import has_hangul, is_korean


@pytest.mark.parametrize(
    ("text", "some", "mostly"),
    [
        ("환불은 며칠 걸리나요", True, True),
        (unicodedata.normalize("NFD", "환불은 며칠"), True, True),
        ("ㅋㅋ", True, True),
        ("API 키를 바꾸는 방법", True, True),
        ("The word 메아리 means an echo", True, False),
        ("The bus is late", False, False),
        ("Déjà vu, 東京, 123", False, False),
        ("1,234 !?", False, False),
        ("", False, False),
        ("x" * 600 + "환불은 며칠 걸리나요" * 100, True, False),
    ],
)
def test_letters_tell(text: str, some: bool, mostly: bool) -> None:
    assert (has_hangul(text), is_korean(text)) == (some, mostly)
