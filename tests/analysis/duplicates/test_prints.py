"""Wording, told from a few bytes of each text."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.duplicates.prints import BOXES, likeness, overlaps, prints_of
from analysis.duplicates.wording import normalised, overlap

TEXTS = [
    "The order that I made on Monday has not arrived, and the courier knows nothing of it.",
    "The ordr that I made on Monday has not arrived, and the courier knowss nothing of it.",
    "And the courier knows nothing of it: the order that I made on Monday has not arrived.",
    "How to return a book that was torn when it came",
    "월요일에 주문한 책이 아직 오지 않았고 택배 기사도 모른다고 합니다.",
    "월요일에 주문헌 책이 아직 오지 안았고 택배 기사도 모른다고 합니다.",
    "",
    "ab",
]


def test_prints_estimate_what_letters_texts_have_in_common() -> None:
    prints = prints_of([normalised(text) for text in TEXTS])
    assert (prints.shape, prints.dtype) == ((8, BOXES), np.uint8)
    rows = np.arange(8)
    found = overlaps(prints, prints, rows, np.broadcast_to(rows, (8, 8)))
    for one in range(6):
        for other in range(6):
            true = overlap(TEXTS[one], TEXTS[other])
            assert found[one, other] == pytest.approx(true, abs=0.13)
    assert (found.diagonal()[:6] == 1).all()
    assert found[6:].max() == 0, "texts of fewer than three letters say nothing"
    assert overlaps(prints, prints, rows[:1], np.array([[-1, 0]])).tolist() == [[0, 1]]


def test_what_texts_share_brings_them_nearer() -> None:
    cosines, overlap = np.float32([0.8, 0.8, 0.8, 1, 0.8]), np.float32([0, 0.75, 0.875, 0.9, 1])
    assert likeness(cosines, overlap) == pytest.approx([0.8, 0.8, 0.9, 1, 1])
