"""What every encoder promises, held against each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embeddings.errors import InvalidInputError
from embeddings.load import load_encoder
from embeddings.types import Encoder, EncoderCard

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [
    "hello world",
    "안녕하세요",
    "a",
    "hello world",
    "z y x w v u t s r q p o n m l k j i h g " * 9,
]


NAMES = [
    *("hash:32", "hash:8:16", "transformer", "static", "words", "minilm"),
    *("meari-ko-en", "meari-static"),
]
COMPILED = ["meari-ko-en int8", "meari-ko-en bfloat16", "transformer float32", "minilm float32"]
CLOSE = {"int8": 2e-2, "bfloat16": 2e-3}
"""How far numbers of a row may move with what stands beside it, by what is computed in."""


@pytest.fixture(scope="module", params=[*NAMES, *COMPILED])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    name, _, runtime = request.param.partition(" ")
    runtime = runtime or "torch"
    if name in {"transformer", "static", "words"}:
        folder: Path = request.getfixturevalue(f"{name}_folder")
        return load_encoder(folder, device="cpu", runtime=runtime)
    return load_encoder(name, device="cpu", runtime=runtime)


def test_it_is_an_encoder(encoder: Encoder) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.card.dim == encoder.dim
    assert encoder.card.max_tokens == encoder.max_tokens
    assert encoder.modalities == {"text"}
    assert len(encoder.card.fingerprint) == 64
    assert EncoderCard.from_json(encoder.card.to_json()) == encoder.card


def test_shapes_and_types(encoder: Encoder) -> None:
    encoding = encoder.encode(TEXTS, role="document")
    assert encoding.vectors.shape == (5, encoder.dim)
    assert encoding.vectors.dtype == np.float32
    assert encoding.vectors.flags.c_contiguous
    assert np.isfinite(encoding.vectors).all()
    assert encoding.tokens.dtype == np.int32
    assert encoding.unknown.dtype == np.int32
    assert encoding.truncated.dtype == np.bool_
    assert len(encoding) == 5


def test_nothing_gives_nothing(encoder: Encoder) -> None:
    encoding = encoder.encode([], role="query")
    assert encoding.vectors.shape == (0, encoder.dim)
    assert encoding.vectors.dtype == np.float32
    assert encoding.tokens.shape == encoding.truncated.shape == encoding.unknown.shape == (0,)
    assert encoder.count_tokens([], role="query").shape == (0,)


def test_equal_texts_have_equal_vectors(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS, role="document").vectors
    close = CLOSE.get(encoder.card.dtype, 1e-6)
    np.testing.assert_allclose(vectors[0], vectors[3], atol=close)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def test_batch_and_order_change_nothing(encoder: Encoder) -> None:
    together = encoder.encode(TEXTS, role="document")
    alone = [encoder.encode([text], role="document") for text in TEXTS]
    close = CLOSE.get(encoder.card.dtype, 1e-5)
    np.testing.assert_allclose(
        together.vectors, np.concatenate([one.vectors for one in alone]), atol=close
    )
    backwards = encoder.encode(TEXTS[::-1], role="document")
    np.testing.assert_allclose(together.vectors, backwards.vectors[::-1], atol=close)
    np.testing.assert_array_equal(together.tokens, backwards.tokens[::-1])
    assert together.tokens.tolist() == [int(one.tokens[0]) for one in alone]


def test_the_receipt_tells_of_the_cut(encoder: Encoder) -> None:
    encoding = encoder.encode(TEXTS, role="document")
    np.testing.assert_array_equal(encoding.truncated, encoding.tokens > encoder.max_tokens)
    np.testing.assert_array_equal(encoding.tokens, encoder.count_tokens(TEXTS, role="document"))
    assert not encoding.truncated[0]


def test_behind_the_window_nothing_counts(encoder: Encoder) -> None:
    if encoder.max_tokens > 1000:
        pytest.skip("this encoder reads everything")
    long = "a " * encoder.max_tokens
    encoding = encoder.encode([long, long + "z " * 50], role="document")
    assert encoding.truncated[1]
    close = CLOSE.get(encoder.card.dtype, 1e-6)
    np.testing.assert_allclose(encoding.vectors[0], encoding.vectors[1], atol=close)
    assert encoding.tokens[1] - encoding.tokens[0] == 50


@pytest.mark.parametrize("bare", ["one text", b"bytes"])
def test_a_bare_string_is_refused(encoder: Encoder, bare: str) -> None:
    with pytest.raises(TypeError, match="pass a list"):
        encoder.encode(bare, role="document")


def test_other_types_are_refused(encoder: Encoder) -> None:
    with pytest.raises(TypeError, match="input 1 is int"):
        encoder.encode(["fine", 3], role="document")  # type: ignore[list-item]


@pytest.mark.parametrize("empty", ["", "   ", "\n\t"])
def test_empty_texts_are_refused_by_position(encoder: Encoder, empty: str) -> None:
    with pytest.raises(InvalidInputError, match="input 1 is empty"):
        encoder.encode(["fine", empty], role="query")


def test_half_surrogates_are_refused(encoder: Encoder) -> None:
    with pytest.raises(InvalidInputError, match="input 0 holds half a surrogate pair"):
        encoder.encode(["\ud83d broken"], role="query")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(min_size=1, max_size=80).filter(str.strip))
def test_any_text_has_a_finite_vector(encoder: Encoder, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    encoding = encoder.encode([text], role="document")
    assert np.isfinite(encoding.vectors).all()
    if encoder.card.normalised:
        # A table has nothing to say of a text without a piece; a Transformer reads its own marks.
        length = 1 if encoding.tokens[0] else 0
        assert np.linalg.norm(encoding.vectors[0]) == pytest.approx(length, abs=1e-4)
