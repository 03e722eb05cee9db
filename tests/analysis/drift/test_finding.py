from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.clusters.finding import ClusterRequest, find_clusters
from analysis.corpus import read_corpus
from analysis.drift.finding import Drift, DriftRequest, find_drift
from analysis.drift.questions import best_scores, find_unanswered
from analysis.duplicates.finding import DuplicateRequest
from analysis.duplicates.leakage import Leakage, find_leakage
from analysis.errors import CancelledError, InvalidAnalysisError, UnsuitableCorpusError
from analysis.results import Results
from indexing.filters import Filter
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analysis.corpus import Corpus
    from indexing.data_folder import DataFolder

    Make = Callable[..., Corpus]
    Draw = Callable[[tuple[int, ...], int], np.ndarray]


def test_a_new_topic_is_seen_named_and_shown(corpus_of: Make, drawn: Draw, tmp_path: Path) -> None:
    before = corpus_of(drawn((60, 60, 60), 0), "before")
    after = corpus_of(drawn((100, 15, 30, 40), 1), "after")
    clusters = find_clusters(before, ClusterRequest(k=3))
    found = find_drift(before, after, DriftRequest(examples=10), clusters=clusters)
    assert found.changed
    assert found.p_value == found.mmd_p_value == 0.001
    assert found.statistic > 2 * found.usual
    assert found.auc > 0.65
    change = {shift.cluster: shift for shift in found.clusters}
    shrunk = change[int(clusters.labels[60])]
    assert (shrunk.change, shrunk.before) == ("shrank", 60)
    assert shrunk.label == next(c.label for c in clusters.clusters if c.id == shrunk.cluster)
    assert len(found.new) == 10
    assert all(document.id >= "after0145" for document in found.new)
    assert found.new_share > 0.1
    Results(tmp_path).save("drift", found.to_result())
    kept = Drift.from_result(Results(tmp_path).load("drift"))
    assert (kept.clusters, kept.new, kept.receipt) == (found.clusters, found.new, found.receipt)
    assert (kept.p_value, kept.auc) == (found.p_value, found.auc)


@pytest.mark.parametrize("test", ["mmd", "classifier"])
def test_two_draws_of_the_same_have_not_drifted(corpus_of: Make, drawn: Draw, test: str) -> None:
    before, after = corpus_of(drawn((60, 60), 0), "before"), corpus_of(drawn((60, 60), 5), "after")
    found = find_drift(before, after, DriftRequest(test=test))
    assert not found.changed
    assert found.p_value > 0.05
    assert found.auc == pytest.approx(0.5, abs=0.15)
    assert {shift.change for shift in found.clusters} == {"same"}
    assert found.new_share < 0.06
    assert found.receipt.shared == 0
    again = find_drift(before, after, DriftRequest(test=test))
    assert (again.p_value, again.statistic) == (found.p_value, found.statistic)


def test_two_windows_of_a_collection_are_compared(data: DataFolder, drawn: Draw) -> None:
    collection = data.create("news", encoder="hash:12")
    vectors = drawn((30, 0, 0, 30), 0).astype(np.float32)
    collection.add(
        [Document(f"d{i}", "text", metadata={"year": 2025 + i // 30}) for i in range(60)],
        vectors=vectors,
    )

    def window(year: int) -> Corpus:
        condition = {"key": "year", "match": {"value": year}}
        return read_corpus(collection, filter=Filter.parse({"must": [condition]}))

    found = find_drift(window(2025), window(2026))
    assert found.changed
    assert (found.receipt.before, found.receipt.after) == (30, 30)
    overlapping = find_drift(read_corpus(collection), window(2026))
    assert overlapping.receipt.shared == 30
    assert "30 documents are in both" in overlapping.receipt.warnings[0]


def test_large_corpora_are_drawn_from_and_it_is_said(corpus_of: Make, drawn: Draw) -> None:
    before, after = corpus_of(drawn((80,), 0), "before"), corpus_of(drawn((30,), 1), "after")
    found = find_drift(before, after, DriftRequest(sample=40))
    assert (found.receipt.before_compared, found.receipt.after_compared) == (40, 30)
    assert "40 of 80 earlier" in found.receipt.warnings[0]


def test_an_empty_window_is_named(corpus_of: Make, drawn: Draw) -> None:
    before, after = corpus_of(drawn((20,), 0), "before"), corpus_of(drawn((3,), 1), "after")
    message = "the later corpus, of collection 'after', has 3 documents; at least 10"
    with pytest.raises(UnsuitableCorpusError, match=message):
        find_drift(before, after)
    with pytest.raises(UnsuitableCorpusError, match="the earlier corpus, of collection 'after'"):
        find_drift(after, before)


def test_other_encoders_are_named_both(corpus_of: Make, drawn: Draw) -> None:
    before = corpus_of(drawn((20,), 0), "before")
    after = corpus_of(drawn((20,), 0)[:, :8], "after")
    prints = [corpus.card.encoder.fingerprint for corpus in (before, after)]
    for compare in (find_drift, find_leakage):
        with pytest.raises(UnsuitableCorpusError, match="cannot be compared") as caught:
            compare(before, after)
        assert all(fingerprint in str(caught.value) for fingerprint in prints)


def test_corpora_of_equal_vectors_have_not_drifted(corpus_of: Make) -> None:
    equal = np.ones((12, 4))
    found = find_drift(corpus_of(equal, "before"), corpus_of(equal, "after"))
    assert (found.changed, found.p_value, found.clusters) == (False, 1.0, ())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"test": "guess"}, "test 'guess' is unknown; there are mmd and classifier"),
        ({"level": 0}, "level is 0; above 0 to below 1"),
        ({"permutations": 5}, "permutations is 5; 99 to 10,000"),
        ({"sample": 3}, "sample is 3; 10 to 100,000"),
        ({"examples": -1}, "examples is -1; 0 to 1,000"),
        ({"permutations": 99, "level": 0.001}, "none can reach the level 0.001"),
    ],
)
def test_impossible_requests_name_field_and_limit(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidAnalysisError, match=message) as caught:
        DriftRequest(**wrong)
    assert caught.value.field == next(iter(wrong))


@pytest.mark.parametrize("stage", ["exchanges", "classifier", "clusters", "new documents"])
def test_it_can_be_stopped_at_every_stage(corpus_of: Make, drawn: Draw, stage: str) -> None:
    def stop(now: str, done: int, total: int) -> None:
        assert 0 < done <= total
        if now == stage:
            raise CancelledError

    before, after = corpus_of(drawn((20,), 0), "before"), corpus_of(drawn((20,), 1), "after")
    with pytest.raises(CancelledError):
        find_drift(before, after, progress=stop)


def test_questions_without_a_good_answer_are_found(corpus_of: Make, drawn: Draw) -> None:
    corpus = corpus_of(drawn((60, 60), 0), "documents")
    usual = best_scores(corpus, drawn((50, 50), 1))
    asked = drawn((10, 0, 5), 2)
    found = find_unanswered(best_scores(corpus, asked), usual=usual)
    assert set(found.positions.tolist()) >= set(range(10, 15))
    assert found.share < 0.6
    assert find_unanswered(np.array([0.9, 0.2, 0.1]), least=0.5).positions.tolist() == [2, 1]
    with pytest.raises(InvalidAnalysisError, match="least is not given"):
        find_unanswered(usual)
    with pytest.raises(InvalidAnalysisError, match="hold no question"):
        find_unanswered(np.empty(0), least=0.5)
    with pytest.raises(InvalidAnalysisError, match=r"questions of shape \(2, 3\)"):
        best_scores(corpus, np.ones((2, 3)))


def test_leaked_documents_are_found(data: DataFolder, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train = rng.normal(size=(200, 24)).astype(np.float32)
    test = rng.normal(size=(80, 24)).astype(np.float32)
    test[:30] = train[:30] + rng.normal(0, 0.05, (30, 24))
    texts = [f"question {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(80)]
    texts[79] = "Train  5"
    kept = {}
    for name, vectors, written in (
        ("train", train, [f"train {i}" for i in range(200)]),
        ("test", test, texts),
    ):
        collection = data.create(name, encoder="hash:24")
        documents = [Document(f"{name}{i:03}", text) for i, text in enumerate(written)]
        collection.add(documents, vectors=vectors)
        kept[name] = read_corpus(collection)
    found = find_leakage(kept["train"], kept["test"])
    assert (found.pairs[0].id, found.pairs[0].other) == ("test079", "train005")
    assert (found.pairs[0].score, found.pairs[0].exact) == (1.0, True)
    assert {(pair.id, pair.other) for pair in found.pairs[1:]} == {
        (f"test{i:03}", f"train{i:03}") for i in range(30)
    }
    assert found.receipt.suggested
    assert found.share == pytest.approx(31 / 80)
    exact = find_leakage(kept["train"], kept["test"], DuplicateRequest(exact_only=True))
    assert [pair.id for pair in exact.pairs] == ["test079"]
    none = find_leakage(kept["train"], kept["test"], DuplicateRequest(threshold=0.9999))
    assert none.receipt.near_documents == 0
    Results(tmp_path).save("leakage", found.to_result())
    again = Leakage.from_result(Results(tmp_path).load("leakage"))
    assert [pair.id for pair in again.pairs] == [pair.id for pair in found.pairs]
    assert again.receipt == found.receipt
