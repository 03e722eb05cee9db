"""N-grams fall into the buckets that gensim puts them into."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.words.subwords import Subwords


def test_by_hand() -> None:
    """FNV-1a of `<a`, `<a>`, `a>` in 32 bits."""

    def fnv(text: str) -> int:
        value = 0x811C9DC5
        for char in text:
            value = (value ^ ord(char)) * 0x01000193 % 2**32
        return value

    assert Subwords(2, 3, 1 << 40).buckets_of("a") == [fnv("<a"), fnv("<a>"), fnv("a>")]


def test_a_frame_alone_is_no_n_gram() -> None:
    assert len(Subwords(1, 1, 100).buckets_of("ab")) == 2


def test_hangul_may_be_taken_apart() -> None:
    whole, apart = Subwords(1, 1, 1 << 40), Subwords(1, 1, 1 << 40, jamo=True)
    assert len(whole.buckets_of("먹다")) == 2
    assert len(apart.buckets_of("먹다")) == 5
    assert len({*apart.buckets_of("먹다")} & {*apart.buckets_of("먹이")}) == 3
    assert apart.buckets_of("abc") == whole.buckets_of("abc")


@settings(max_examples=100, deadline=None)
@given(
    word=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12),
    shortest=st.integers(1, 4),
    more=st.integers(0, 3),
)
def test_as_gensim_has_it(word: str, shortest: int, more: int) -> None:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    expected = fasttext.ft_ngram_hashes(word, shortest, shortest + more, 2_000)
    assert Subwords(shortest, shortest + more, 2_000).buckets_of(word) == expected
