"""Neighbours, analogies and similarity, worked out by hand."""

from __future__ import annotations

import math
import resource
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.errors import InvalidInputError, UnknownWordError
from embeddings.words.model import Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def words(written: Callable[..., Path]) -> Words:
    return Words.open(written())


def test_neighbours_are_the_highest_cosines_without_the_word_itself(words: Words) -> None:
    answer = words.neighbours("왕", 3)
    assert [each.word for each in answer.neighbours] == ["여왕", "남자", "london"]
    cosines = [9 / 10, 5 / math.sqrt(10 * 5), 4 / math.sqrt(10 * 4)]
    np.testing.assert_allclose([each.score for each in answer.neighbours], cosines, rtol=1e-6)
    assert answer.readings[0].to_json() == {
        "word": "왕",
        "known": True,
        "through": "word",
        "read_as": ["왕"],
    }


def test_all_words_can_be_asked_for(words: Words) -> None:
    found = [each.word for each in words.neighbours("왕", 1000).neighbours]
    assert len(found) == 8
    assert "왕" not in found


def test_equal_scores_stand_by_frequency(words: Words) -> None:
    found = words.neighbours("the", 1000).neighbours
    assert [each.word for each in found[-5:]] == ["왕", "여왕", "남자", "여자", "가다"]
    assert {each.score for each in found[-5:]} == {0.0}


@pytest.mark.parametrize("rule", ["3cosadd", "3cosmul"])
def test_man_is_to_king_as_woman_is_to_queen(words: Words, rule: str) -> None:
    answer = words.analogy("남자", "왕", "여자", 1, rule=rule)
    assert [each.word for each in answer.neighbours] == ["여왕"]
    unit = {w: words.read(w).vector for w in ("남자", "왕", "여자", "여왕")}
    if rule == "3cosadd":
        target = unit["왕"] - unit["남자"] + unit["여자"]
        expected = float(target @ unit["여왕"] / np.linalg.norm(target))
    else:
        a, b, c = ((1 + unit[w] @ unit["여왕"]) / 2 for w in ("남자", "왕", "여자"))
        expected = float(b * c / (a + 1e-3))
    assert answer.neighbours[0].score == pytest.approx(expected, rel=1e-5)


def test_similarity_is_the_cosine(words: Words) -> None:
    first, second, score = words.similarity("왕", "여왕")
    assert (first.known, second.known) == (True, True)
    assert score == pytest.approx(0.9, rel=1e-6)
    assert words.similarity("왕", "왕")[2] == pytest.approx(1)


@pytest.mark.parametrize(
    ("asked", "read_as"),
    [("London", "london"), ("LONDON", "london"), ("갔다", "가다"), ("왕이", "왕")],
)
def test_any_form_of_a_word_is_read_as_the_known_one(
    words: Words, asked: str, read_as: str
) -> None:
    reading = words.read(asked)
    assert (reading.known, reading.through, reading.read_as) == (True, "word", (read_as,))


def test_a_word_of_known_parts_is_their_mean_and_says_so(words: Words) -> None:
    reading = words.read("헌법재판소")
    assert (reading.known, reading.through) == (False, "parts")
    assert reading.read_as == ("헌법", "재판소")
    mean = (np.array([1, 0, 1, 0]) + np.array([1, 0, 0, 1])) / math.sqrt(2) / 2
    np.testing.assert_allclose(reading.vector, mean / np.linalg.norm(mean), rtol=1e-6)
    assert "헌법" not in [each.word for each in words.neighbours("헌법재판소").neighbours]


@pytest.mark.parametrize(
    ("asked", "near"), [("lodnon", ("london",)), ("여지", ("여자",)), ("qqqq", ())]
)
def test_an_unknown_word_is_refused_with_the_nearest_known_spelling(
    words: Words, asked: str, near: tuple[str, ...]
) -> None:
    with pytest.raises(
        UnknownWordError, match=f"word '{asked}' is not among the 9 words"
    ) as caught:
        words.neighbours(asked)
    assert caught.value.nearest[: len(near)] == near
    assert ("spelled like it: " in str(caught.value)) == bool(caught.value.nearest)


def test_a_word_of_known_n_grams_is_their_mean_and_says_so(with_subwords: Path) -> None:
    words = Words.open(with_subwords)
    reading = words.read("Lundon")
    assert (reading.known, reading.through, reading.read_as) == (False, "subwords", ())
    places = words.table.facts.subwords.buckets_of("lundon")
    mean = words.table.buckets[places].mean(axis=0)
    np.testing.assert_allclose(reading.vector, mean / np.linalg.norm(mean), rtol=1e-5)
    assert words.read("london").known


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_impossible_numbers_of_words(words: Words, k: int) -> None:
    with pytest.raises(InvalidInputError, match=r"1 to 1,000 are possible"):
        words.neighbours("왕", k)


@pytest.mark.parametrize("word", ["", "  ", "a" * 201])
def test_impossible_words(words: Words, word: str) -> None:
    with pytest.raises(InvalidInputError, match=r"letters; 1 to 200"):
        words.read(word)


def test_an_unknown_rule(words: Words) -> None:
    with pytest.raises(InvalidInputError, match="'3cosdiv' is unknown; there are 3cosadd, 3cosmul"):
        words.analogy("남자", "왕", "여자", rule="3cosdiv")


def test_the_matrix_is_mapped_and_not_copied(words: Words) -> None:
    unit = words.table.unit
    assert not unit.flags.owndata
    assert not unit.flags.writeable
    assert isinstance(unit.base, np.memmap)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    words.neighbours("왕")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
