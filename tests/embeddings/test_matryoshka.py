"""What cards say of cutting vectors, and what cutting them does to an encoder that may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.load import load_encoder
from embeddings.matryoshka import first_numbers, trained_widths

if TYPE_CHECKING:
    from pathlib import Path


def test_the_bundled_encoder_may_be_cut():
    assert trained_widths("meari-ko-en") == (256, 128, 64)
    encoding = load_encoder("meari-ko-en", device="cpu").encode(
        ["배송은 언제 도착하나요?", "When will my parcel arrive?", "The cat sleeps."], role="query"
    )
    for width in (256, 128, 64):
        cut = first_numbers(encoding.vectors, width)
        assert (cut.shape, cut.dtype, cut.flags.c_contiguous) == ((3, width), np.float32, True)
        np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1, atol=1e-6)
        assert cut[0] @ cut[1] > cut[0] @ cut[2] + 0.2, "it still tells meanings apart"


@pytest.mark.parametrize(
    "card",
    [
        None,
        "no JSON",
        "[]",
        "{}",
        '{"training": null}',
        '{"training": {"recipe": {"loss": {}}}}',
        '{"training": {"recipe": {"loss": {"matryoshka": []}}}}',
        '{"training": {"recipe": {"loss": {"matryoshka": null}}}}',
        '{"training": {"recipe": {"loss": {"matryoshka": ["many"]}}}}',
        '{"training": {"recipe": {"loss": {"matryoshka": 5}}}}',
    ],
)
def test_cards_that_say_nothing_of_it(tmp_path: Path, card: str | None):
    if card is not None:
        (tmp_path / "encoder_card.json").write_text(card, encoding="utf-8")
    assert trained_widths(str(tmp_path)) == ()


def test_widths_come_widest_first(tmp_path: Path):
    card = {"training": {"recipe": {"loss": {"matryoshka": [4, 16, 8, 8]}}}}
    (tmp_path / "encoder_card.json").write_text(json.dumps(card), encoding="utf-8")
    assert trained_widths(str(tmp_path)) == (16, 8, 4)


@pytest.mark.parametrize("name", ["hash:64", "minilm", "nobody/none", "a/b/c", "", "../x/y"])
def test_names_without_a_card(name: str):
    assert trained_widths(name) == ()


def test_a_vector_of_zeros_stays_one():
    assert first_numbers(np.zeros((1, 4), np.float32), 2).tolist() == [[0, 0]]
