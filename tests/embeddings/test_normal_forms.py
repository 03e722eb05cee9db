"""The encoder that ships gives a text one vector, in whichever form of Unicode it is written."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.load import load_encoder

if TYPE_CHECKING:
    from embeddings.types import Encoder

SAME = 0.9999
"""Least cosine of forms of one text."""
NEAR = 0.8
"""Least cosine of a sentence with ㅋㅋㅋ (0.94 was measured) or an emoji behind it (0.87).

An emoji is an unknown token, for this encoder and for the one it is made from.
"""


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """The one that ships."""
    return load_encoder("meari-ko-en")


def cosines(encoder: Encoder, forms: list[str], normal: list[str]) -> np.ndarray:
    """Of each form with its normal form."""
    vectors = encoder.encode([*forms, *normal], role="document").vectors
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.einsum("nd,nd->n", vectors[: len(forms)], vectors[len(forms) :])


KOREAN = [
    "한국어 의미 검색",
    "서울에서 부산까지 가는 빠른 방법은 무엇인가요?",
    "닭이 없어졌다. 값을 깎아 주세요!",
    "파이썬에서 list를 정렬하는 방법",
    "뷁 쀍 갂다",
]


def test_torn_hangul(encoder: Encoder) -> None:
    for form in ("NFD", "NFKC", "NFKD"):
        torn = [unicodedata.normalize(form, text) for text in KOREAN]
        assert cosines(encoder, torn, KOREAN).min() >= SAME


@pytest.mark.parametrize(
    ("form", "normal"),
    [
        ("ﾾￂﾤﾡￚﾩ", "한글"),
        ("ﾵￆﾷￓﾩ ﾡￆﾱﾵￃﾡ ﾧￂﾪﾷￜ", "서울 검색 닭이"),
        ("ㅎㅏㄴㄱㅡㄹ ㄱㅓㅁㅅㅐㄱ", "한글 검색"),
        ("ㅇㅓㅂㅅㄷㅏ", "없다"),
        ("ＡＢＣ１２３！ ｓｅｍａｎｔｉｃ　ｓｅａｒｃｈ", "ABC123! semantic search"),
        ("검\u200b색 엔\u200d진\ufeff은 빠\u00ad르\u2060다", "검색 엔진은 빠르다"),
        ("좋아요 ❤\ufe0f", "좋아요 ❤"),
        ("한국어\u00a0의미\u3000검색", "한국어 의미 검색"),
        ("sema\u00adntic sear\u200bch", "semantic search"),
        ("cafe\u0301 NAÏVE", "café naïve"),
    ],
)
def test_other_forms(encoder: Encoder, form: str, normal: str) -> None:
    assert cosines(encoder, [form], [normal])[0] >= SAME


def test_laughter_and_emoji_are_near_the_plain_text(encoder: Encoder) -> None:
    plain = ["오늘 영화 정말 재미있었다", "배송이 너무 늦어서 화가 난다", "This phone is great"]
    more = [
        "오늘 영화 정말 재미있었다 ㅋㅋㅋ",
        "배송이 너무 늦어서 화가 난다 ㅠㅠ",
        "This phone is great 👍",
    ]
    found = cosines(encoder, more, plain)
    others = cosines(encoder, more, plain[1:] + plain[:1])
    assert found.min() >= NEAR
    assert others.max() < NEAR - 0.3


def test_syllables_without_a_piece_leave_the_rest_of_a_word(encoder: Encoder) -> None:
    found = encoder.encode([*KOREAN, "쀍 갂갃갆"], role="query")
    assert found.unknown.sum() == 0


def test_other_languages_and_texts_that_look_empty(encoder: Encoder) -> None:
    texts = [
        "\u200b\ufeff",
        "\u3164",
        "\u0301",
        "\x00",
        "😀👩‍👩‍👧🇰🇷",
        "日本語。",
        "שלום",
        "नमस्ते",
        "Привет",
    ]
    vectors = encoder.encode(texts, role="query").vectors
    assert np.isfinite(vectors).all()
    assert len(vectors) == len(texts)
