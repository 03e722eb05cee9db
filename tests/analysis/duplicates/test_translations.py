from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.duplicates.finding import DuplicateRequest, Duplicates, find_duplicates
from analysis.duplicates.translations import unusual
from analysis.duplicates.wording import KOREAN, LATIN, language_of, normalised
from analysis.results import Results
from indexing.index.exact import unit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.corpus import Corpus

    Make = Callable[..., Corpus]

N, TWINS, DIM = 120, 40, 24


def _texts() -> list[str]:
    """120 Korean and 120 English ones, of letters drawn by lot."""
    draw = np.random.default_rng(1)
    korean = ["".join(map(chr, draw.integers(0xAC00, 0xD7A4, 12).tolist())) for _ in range(N)]
    return korean + ["".join(map(chr, draw.integers(97, 123, 20).tolist())) for _ in range(N)]


TEXTS = _texts()


def _vectors(twins: int, noise: float = 0.35) -> np.ndarray:
    """float32 (240, 24): of the first 120 so many again, moved, in the second 120."""
    draw = np.random.default_rng(0)
    vectors = unit(draw.normal(size=(2 * N, DIM)).astype(np.float32))
    moved = vectors[:twins] + draw.normal(0, noise / DIM**0.5, (twins, DIM))
    vectors[N : N + twins] = unit(moved.astype(np.float32))
    return vectors


def _pairs(found: Duplicates) -> set[tuple[str, str]]:
    return {(g.representative, g.members[0].id) for g in found.groups if g.translation}


PLANTED = {(f"d{i:04}", f"d{N + i:04}") for i in range(TWINS)}


def test_translations_are_found_below_the_threshold_and_nothing_else(corpus_of: Make) -> None:
    found = find_duplicates(corpus_of(TEXTS, _vectors(TWINS)))
    pairs = _pairs(found)
    assert len(pairs & PLANTED) >= 38  # 40
    assert len(pairs - PLANTED) <= 1  # 0
    assert {group.kind for group in found.groups} == {"translation"}
    assert found.receipt.translations == found.translations == len(pairs)
    assert (found.redundant, found.receipt.near_documents) == (0, 0)
    scores = [group.members[0].score for group in found.groups]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) < (found.threshold or 0)


def test_without_translations_next_to_nothing_is_called_one(corpus_of: Make) -> None:
    found = find_duplicates(corpus_of(TEXTS, _vectors(0)))
    assert len(found.groups) <= 1  # 0
    assert found.receipt.translations == len(found.groups)


def test_near_duplicates_across_languages_are_translations(corpus_of: Make) -> None:
    vectors = _vectors(10, 0.05)
    found = find_duplicates(corpus_of(TEXTS, vectors), DuplicateRequest(threshold=0.9))
    assert _pairs(found) >= {(f"d{i:04}", f"d{N + i:04}") for i in range(10)}
    assert found.redundant == 0


def test_a_few_near_duplicates_across_languages_are_told_unasked(corpus_of: Make) -> None:
    texts = ["배송은 이틀", "delivery in two days", "refunds take long"]
    vectors = np.array([[1, 0.1, 0], [1, 0, 0], [0, 0, 1]])
    corpus = corpus_of(texts, vectors)
    found = find_duplicates(corpus, DuplicateRequest(threshold=0.9))
    assert _pairs(found) == {("d0000", "d0001")}
    left = find_duplicates(corpus, DuplicateRequest(threshold=0.9, translations=False))
    assert (left.groups, left.receipt.translations) == ((), None)


def test_a_document_said_twice_keeps_its_translation(corpus_of: Make) -> None:
    vectors = _vectors(TWINS)
    again = unit(vectors[N : N + 5] + np.float32(0.01))
    texts = [*TEXTS, *(f"{text} again" for text in TEXTS[N : N + 5])]
    request = DuplicateRequest(threshold=0.98, wording=False)
    found = find_duplicates(corpus_of(texts, np.concatenate([vectors, again])), request)
    assert sum(group.kind == "near" for group in found.groups) == 5
    assert len({one for one, _ in _pairs(found)} & {f"d{i:04}" for i in range(5)}) >= 4  # 5
    assert found.redundant == 5


@pytest.mark.parametrize("texts", [TEXTS[:N], TEXTS[N - 29 :]])
def test_one_language_is_not_searched_for_translations(corpus_of: Make, texts: list[str]) -> None:
    found = find_duplicates(corpus_of(texts, _vectors(0)[: len(texts)]))
    assert found.receipt.translations is None
    assert not any(group.translation for group in found.groups)


def test_what_was_kept_is_the_same(corpus_of: Make, tmp_path: Path) -> None:
    found = find_duplicates(corpus_of(TEXTS, _vectors(TWINS)))
    Results(tmp_path).save("duplicates", found.to_result())
    kept = Duplicates.from_result(Results(tmp_path).load("duplicates"))
    assert (kept.groups, kept.receipt) == (found.groups, found.receipt)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("배송은 이틀 걸립니다", KOREAN),
        ("docker 이미지를 push 하기", KOREAN),
        ("OMG ㅋㅋㅋ", KOREAN),
        ("delivery takes two days", LATIN),
        ("the word 메아리 means an echo", LATIN),
        ("12,000 / 3", 0),
        ("доставка", 0),
    ],
)
def test_languages_are_told_by_letters(text: str, language: int) -> None:
    assert language_of(normalised(text)) == language


def test_as_many_are_unusual_as_leave_a_tenth_to_chance() -> None:
    chances = np.array([0.5, 0.0009, 0.004, 0.0019, 0.02, 1])
    assert unusual(chances, 100).tolist() == [False, True, False, True, False, False]
    assert not unusual(chances, 1_000).any()
    assert not unusual(np.empty(0), 5).any()
