from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.duplicates.finding import DuplicateRequest, Duplicates, find_duplicates
from analysis.errors import CancelledError, InvalidAnalysisError, UnsuitableCorpusError
from analysis.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.corpus import Corpus

    Make = Callable[..., Corpus]


def _texts(number: int) -> list[str]:
    return [f"text {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(number)]


def _sets(found: Duplicates) -> list[set[str]]:
    return [{group.representative, *(m.id for m in group.members)} for group in found.groups]


def test_twins_are_found_at_the_suggested_threshold(
    corpus_of: Make, with_twins: np.ndarray
) -> None:
    found = find_duplicates(corpus_of(_texts(360), with_twins))
    planted = [{f"d{i:04}", f"d{300 + i:04}"} for i in range(60)]
    assert sorted(map(sorted, _sets(found))) == sorted(map(sorted, planted))
    assert found.receipt.suggested
    assert found.receipt.warnings == ()
    assert found.receipt.false_share is not None
    assert found.receipt.false_share <= 0.05
    assert 0.7 < (found.threshold or 0) < 0.98
    assert (found.receipt.exact_documents, found.receipt.near_documents) == (0, 60)
    assert all(group.kind == "near" for group in found.groups)
    assert all((found.threshold or 0) <= m.score < 1 for g in found.groups for m in g.members)


def test_without_twins_nothing_is_called_one(corpus_of: Make, scattered: np.ndarray) -> None:
    found = find_duplicates(corpus_of(_texts(300), scattered))
    assert found.groups == ()
    assert found.threshold == 0.95
    assert "no threshold separates" in found.receipt.warnings[0]


def test_the_same_text_is_found_whatever_its_vector(corpus_of: Make, scattered: np.ndarray) -> None:
    texts = _texts(300)
    texts[7], texts[3], texts[200] = (
        "배송은  언제\n되나요?",
        "배송은 언제 되나요?",
        "배송은 언제 되나요?",
    )
    texts[8], texts[9] = "Ｆｕｌｌ Width", "full width"
    found = find_duplicates(corpus_of(texts, scattered), DuplicateRequest(exact_only=True))
    assert _sets(found) == [{"d0003", "d0007", "d0200"}, {"d0008", "d0009"}]
    first = found.groups[0]
    assert (first.representative, first.kind, first.size) == ("d0003", "exact", 3)
    assert [(m.id, m.score, m.exact) for m in first.members] == [
        ("d0007", 1.0, True),
        ("d0200", 1.0, True),
    ]
    assert found.threshold is None
    assert found.receipt.exact_documents == 3


def test_copies_of_near_duplicates_join_their_group(corpus_of: Make) -> None:
    vectors = np.array([[1, 0, 0], [1, 0.1, 0], [1, 0.1, 0], [0, 0, 1], [0, 1, 0]])
    texts = ["the order was late", "the order came late", "The order came late", "b", "c"]
    request = DuplicateRequest(threshold=0.9, wording=False)
    found = find_duplicates(corpus_of(texts, vectors), request)
    assert _sets(found) == [{"d0000", "d0001", "d0002"}]
    group = found.groups[0]
    assert group.kind == "near"
    assert group.representative == "d0001"
    assert [(m.id, m.exact) for m in group.members] == [("d0002", True), ("d0000", False)]
    assert group.members[1].score == pytest.approx(1 / np.sqrt(1.01), abs=1e-5)
    assert (found.receipt.exact_documents, found.receipt.near_documents) == (1, 1)


def test_a_chain_does_not_become_a_group(corpus_of: Make) -> None:
    angles = np.deg2rad(np.arange(0, 90, 6))
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    threshold = float(np.cos(np.deg2rad(6.5)))
    found = find_duplicates(corpus_of(_texts(15), vectors), DuplicateRequest(threshold=threshold))
    assert max(group.size for group in found.groups) == 3
    assert sum(group.size for group in found.groups) >= 13
    places = {f"d{i:04}": i for i in range(15)}
    for group in found.groups:
        middle = places[group.representative]
        assert all(abs(places[m.id] - middle) == 1 for m in group.members)


def test_numbers_tell_templates_apart_unless_told_otherwise(corpus_of: Make) -> None:
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1]])
    texts = ["Invoice 17 of May", "Invoice 18 of May", "the invoice of May, no 17", "x"]
    corpus = corpus_of(texts, vectors)
    found = find_duplicates(corpus, DuplicateRequest(threshold=0.9))
    assert _sets(found) == [{"d0000", "d0002"}]
    assert found.receipt.told_apart == 2
    alike = find_duplicates(corpus, DuplicateRequest(threshold=0.9, same_numbers=False))
    assert _sets(alike) == [{"d0000", "d0001", "d0002"}]


def test_wording_can_be_asked_for(corpus_of: Make) -> None:
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1]])
    texts = ["환불은 어떻게 받나요", "환뷸은 어떻게 받나요", "돈을 돌려받고 싶어요", "x"]
    corpus = corpus_of(texts, vectors)
    request = DuplicateRequest(threshold=0.9, least_overlap=0.5)
    assert _sets(find_duplicates(corpus, request)) == [{"d0000", "d0001"}]
    assert len(_sets(find_duplicates(corpus, DuplicateRequest(threshold=0.9)))[0]) == 3


@pytest.mark.parametrize("metric", ["dot", "euclidean"])
def test_lengths_do_not_matter_whatever_the_metric(
    corpus_of: Make, with_twins: np.ndarray, metric: str
) -> None:
    lengths = np.random.default_rng(2).uniform(0.5, 5, (360, 1))
    found = find_duplicates(corpus_of(_texts(360), with_twins * lengths, metric=metric))
    assert len(found.groups) == 60


def test_equal_vectors_of_different_texts_are_one_group(corpus_of: Make) -> None:
    found = find_duplicates(corpus_of(_texts(80), np.ones((80, 4))))
    assert [group.size for group in found.groups] == [80]
    assert found.receipt.warnings


def test_it_is_the_same_again_and_when_kept(
    corpus_of: Make, with_twins: np.ndarray, tmp_path: Path
) -> None:
    texts = _texts(360)
    texts[299] = texts[298]
    corpus = corpus_of(texts, with_twins)
    found = find_duplicates(corpus)
    assert find_duplicates(corpus).groups == found.groups
    Results(tmp_path).save("duplicates", found.to_result())
    kept = Duplicates.from_result(Results(tmp_path).load("duplicates"))
    assert kept.receipt == found.receipt
    assert _sets(kept) == _sets(found)
    assert kept.groups[0].members[0].score == pytest.approx(found.groups[0].members[0].score)
    assert kept.redundant == 61


def test_nothing_found_can_be_kept_too(
    corpus_of: Make, scattered: np.ndarray, tmp_path: Path
) -> None:
    found = find_duplicates(corpus_of(_texts(300), scattered))
    Results(tmp_path).save("duplicates", found.to_result())
    assert Duplicates.from_result(Results(tmp_path).load("duplicates")).groups == ()


def test_one_document_is_refused(corpus_of: Make) -> None:
    with pytest.raises(UnsuitableCorpusError, match="'things': one document cannot repeat"):
        find_duplicates(corpus_of(["a"], np.ones((1, 3))))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": 0}, "threshold is 0; above 0 to 1"),
        ({"threshold": 1.2}, "threshold is 1.2; above 0 to 1"),
        ({"least_overlap": 2}, "least_overlap is 2; above 0 to 1"),
        ({"seed": -1}, "seed is -1; 0 or more"),
        ({"threshold": 0.9, "exact_only": True}, "threshold is for near-duplicates"),
    ],
)
def test_impossible_requests_name_field_and_limit(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidAnalysisError, match=message) as caught:
        DuplicateRequest(**wrong)
    assert caught.value.field == next(iter(wrong))


@pytest.mark.parametrize("stage", ["texts", "neighbours"])
def test_it_can_be_stopped_at_every_stage(
    corpus_of: Make, scattered: np.ndarray, stage: str
) -> None:
    def stop(now: str, done: int, total: int) -> None:
        assert 0 < done <= total
        if now == stage:
            raise CancelledError

    with pytest.raises(CancelledError):
        find_duplicates(corpus_of(_texts(300), scattered), progress=stop)
