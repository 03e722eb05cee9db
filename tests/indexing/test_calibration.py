"""What chance does to scores, which vectors to trust, and confidences that follow."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.calibration import (
    FILE,
    LEAST_DOCUMENTS,
    Calibration,
    Trust,
    fit,
    is_due,
    read,
    script,
)
from indexing.confidence import (
    BOTH,
    MEANING,
    WORDS,
    Chance,
    idf,
    judge,
    reach,
    weigh_meaning,
    weigh_words,
)
from indexing.ranking import Asked, rank
from indexing.row_mask import RowMask
from indexing.types import Document, Metric, SearchRequest

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection
    from indexing.snapshot import Snapshot

CHANCE = Chance(documents=1_000, mean=0.2, spread=0.1, reliability=1.0, reach=50.0)
SUBJECTS = ["whale", "parcel", "violin", "glacier", "novel", "beetle", "harbour", "lantern"]
VERBS = ["drifts", "waits", "sings", "melts", "shines", "hides"]
SCORES = st.floats(-1, 1, width=32)


def column(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


@pytest.fixture
def shop(data: DataFolder) -> LocalCollection:
    """Eight clusters of six sentences, in vectors that know the cluster and in words."""
    made = data.create("shop", encoder="hash:64")
    made.add(
        [
            Document(f"{subject}-{verb}", f"the {subject} {verb} near the old {subject} museum")
            for subject in SUBJECTS
            for verb in VERBS
        ]
    )
    return made


def moment(collection: LocalCollection) -> tuple[Snapshot, Calibration]:
    calibration = collection.storage.calibration
    assert calibration is not None
    return collection.storage.snapshot, calibration


def test_evidence_has_the_values_of_its_formulas() -> None:
    best = math.sqrt(2 * math.log(1_000))
    assert CHANCE.best == pytest.approx(best)
    z = 4.0
    expected = math.log1p(math.exp(z - 0.3 * best))
    assert weigh_meaning(column(0.6), CHANCE) == pytest.approx([expected], rel=1e-5)
    assert weigh_words(column(0, 5), CHANCE) == pytest.approx([0, 1.2 * 5 / math.sqrt(50)])
    assert weigh_meaning(column(0.2), CHANCE)[0] < 0.3, "an average document means little"


def test_vectors_that_mean_nothing_leave_the_order_to_words() -> None:
    blind = Chance(1_000, 0.2, 0.1, reliability=0.0, reach=50.0)
    assert weigh_meaning(column(-1, 0, 1), blind).tolist() == [0, 0, 0]


@given(st.lists(SCORES, min_size=2, max_size=20), st.floats(0.05, 1))
def test_confidence_rises_with_either_channel_and_stays_between_0_and_1(
    scores: list[float], reliability: float
) -> None:
    chance = Chance(1_000, 0.2, 0.1, reliability, 50.0)
    values = np.sort(column(*scores))
    for evidence in (weigh_meaning(values, chance), weigh_words(10 + 10 * values, chance)):
        for logistic in (BOTH, MEANING, WORDS):
            confidence = judge(evidence, chance, logistic)
            assert np.all((confidence > 0) & (confidence < 1))
            assert np.all(np.diff(confidence) >= 0)
    gaps = np.diff(values) > 1e-3
    assert np.all(np.diff(weigh_words(10 + 10 * values, chance))[gaps] > 0)


@given(st.floats(0.1, 10), st.floats(-5, 5), SCORES)
def test_a_metric_of_another_scale_gives_the_same_evidence(
    scale: float, shift: float, score: float
) -> None:
    there = Chance(1_000, scale * 0.2 + shift, scale * 0.1, 1.0, 0.0)
    moved = weigh_meaning(column(scale * score + shift), there)
    assert moved == pytest.approx(weigh_meaning(column(score), CHANCE), rel=0.01, abs=0.01)


def test_the_reach_is_every_term_as_often_as_one_could_wish() -> None:
    assert idf(1, 3) == pytest.approx(math.log(1 + 2.5 / 1.5))
    one, twice = reach({"a": 1}, ["a"], 3), reach({"a": 1}, ["a", "a"], 3)
    assert one == pytest.approx(2.2 * math.log(1 + 2.5 / 1.5))
    assert twice == pytest.approx(2 * one)
    assert idf(5, 3) > 0, "deleted rows may still count among those with the term"


def test_no_score_exceeds_its_reach(shop: LocalCollection) -> None:
    lexicon = shop.storage.lexicon
    for terms in (["whale"], ["whale", "whale"], ["museum", "glacier", "melt"]):
        rows, frequencies = lexicon.frequencies(terms)
        assert rows == 48
        most = reach(dict(zip(terms, frequencies, strict=True)), terms, rows)
        found = lexicon.search(terms, 5, None).scores[0]
        assert 0 < found[found > 0].max() < most


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (["소포", "배송"], "hangul"),
        (["iphone", "pro", "배터리"], "hangul"),
        (["iphone", "pro", "max", "배터리"], "other"),
        (["東京", "駅"], "cjk"),
        (["parcel", "2026"], "other"),
        ([], "other"),
    ],
)
def test_the_script_of_a_query(terms: list[str], expected: str) -> None:
    assert script(terms) == expected


def test_trust_is_nearly_all_or_nothing() -> None:
    reads, guesses = Trust(128, 0.13, 0.18), Trust(128, -0.41, 0.12)
    assert reads.reliability > 0.99
    assert guesses.reliability < 0.01
    sample = np.zeros((1, 4), np.float32)
    both = Calibration(
        400, np.zeros(1, np.int64), sample, Metric.COSINE, {"other": reads, "hangul": guesses}
    )
    assert both.reliability(["parcel"]) == reads.reliability
    assert both.reliability(["소포"]) == guesses.reliability
    assert both.reliability(None) == pytest.approx(0.5, abs=0.01), "by its share of documents"
    assert both.reliability(["東京"]) == both.reliability(None)
    nothing = Calibration(400, np.zeros(1, np.int64), sample, Metric.COSINE)
    assert nothing.reliability(["parcel"]) == 0.5


@pytest.mark.parametrize("metric", list(Metric))
def test_vectors_with_neighbours_beyond_chance_are_trusted_and_noise_is_not(
    data: DataFolder, metric: Metric
) -> None:
    """Documents of one of 16 subjects share words; their vectors stand together or anywhere."""
    generator = np.random.default_rng(5)
    centres = generator.normal(size=(16, 32)).astype(np.float32)
    pairs = [SUBJECTS[n % 8] + VERBS[n // 8] for n in range(16)]
    texts = [f"{pair} and {pair[::-1]}" for pair in pairs]
    trusted = {}
    for name, spread in (("near", 0.3), ("anywhere", 0.0)):
        made = data.create(name, encoder="hash:32", metric=metric)
        documents = [Document(f"{n}", texts[n % 16]) for n in range(320)]
        noise = generator.normal(size=(320, 32)).astype(np.float32)
        vectors = np.stack([centres[n % 16] for n in range(320)]) + spread * noise
        made.add(documents, vectors=vectors if spread else noise)
        made.storage.lexicon.catch_up()
        _, calibration = moment(made)
        trusted[name] = calibration.reliability(["whale"])
    assert trusted["near"] > 0.9
    assert trusted["anywhere"] < 0.1


def test_a_fit_is_the_same_every_time_and_survives_the_file(shop: LocalCollection) -> None:
    snapshot, calibration = moment(shop)
    again = fit(snapshot, shop.storage.lexicon)
    assert again is not None
    assert again.trust == calibration.trust
    assert np.array_equal(again.rows, calibration.rows)
    kept = read(shop.folder, snapshot)
    assert kept is not None
    assert kept.documents == 48
    assert np.array_equal(kept.sample, calibration.sample)
    assert kept.trust.keys() == calibration.trust.keys()
    for name, trust in kept.trust.items():
        assert trust.excess == pytest.approx(calibration.trust[name].excess, abs=1e-4)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"format": 99}', '{"format": 1, "rows": [999], "trust": {}}']
)
def test_a_damaged_file_is_fitted_again(
    shop: LocalCollection, data: DataFolder, content: str
) -> None:
    from indexing.data_folder import DataFolder as Folder

    moment(shop)
    data.close()
    (shop.folder / FILE).write_text(content)
    with Folder.open(data.path) as again:
        _, calibration = moment(again.collection("shop"))
        assert calibration.documents == 48
    assert json.loads((shop.folder / FILE).read_text())["documents"] == 48


def test_it_is_due_when_the_collection_has_changed_size(shop: LocalCollection) -> None:
    snapshot, calibration = moment(shop)
    assert is_due(None, snapshot)
    assert not is_due(calibration, snapshot)
    shop.add([Document(f"new {n}", f"another text number {n}") for n in range(30)])
    assert is_due(calibration, shop.storage.snapshot)
    assert moment(shop)[1].documents == 78
    shop.delete([f"new {n}" for n in range(30)])
    assert moment(shop)[1].documents == 48


def test_few_documents_have_no_confidence_and_are_fused_by_scores(
    collection: LocalCollection,
) -> None:
    assert collection.storage.snapshot.documents < LEAST_DOCUMENTS
    assert collection.storage.calibration is None
    result = collection.search(SearchRequest(query="gift cards", mode="hybrid"))
    assert result.matches[0].score == 1.0
    assert result.matches[0].confidence is None
    assert result.receipt.no_good_answer is None


def test_a_fused_score_is_a_confidence_and_does_not_know_the_others(
    shop: LocalCollection,
) -> None:
    """Whoever else was fetched, filtered out or deeper in the list."""
    snapshot, calibration = moment(shop)
    lexicon = shop.storage.lexicon
    vector = shop.encoder.encode(["a whale that sings"], role="query").vectors
    terms = ("whale", "sing")
    whole = rank(snapshot, lexicon, Asked(vector, terms, calibration=calibration), 48)
    assert len(whole.confidence) == 48
    scores = dict(zip(whole.ids.tolist(), whole.scores.tolist(), strict=True))
    assert scores == pytest.approx(whole.confidence)
    assert np.all(np.diff(whole.scores) <= 0)
    few = np.array([3, 8, 13, 40], dtype=np.int64)
    for rows, k in ((few, 4), (few[:1], 1), (None, 5)):
        mask = None if rows is None else RowMask.of_rows(rows, 48)
        part = rank(snapshot, lexicon, Asked(vector, terms, mask, calibration=calibration), k)
        for row, score in zip(part.ids.tolist(), part.scores.tolist(), strict=True):
            assert score == pytest.approx(scores[row], rel=1e-6)
    assert np.array_equal(part.ids, whole.ids[:5])


def test_every_candidate_is_scored_by_both_channels(shop: LocalCollection) -> None:
    result = shop.search(SearchRequest(query="whale sings", mode="hybrid", limit=48))
    assert all("dense" in match.channels for match in result.matches)
    worded = [match for match in result.matches if "lexical" in match.channels]
    assert {"whale" in m.document.text or "sings" in m.document.text for m in worded} == {True}
    assert result.matches[0].document.id == "whale-sings"
    assert result.matches[0].confidence == pytest.approx(result.matches[0].score)


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_confidence_follows_the_order_in_every_mode(shop: LocalCollection, mode: str) -> None:
    request = SearchRequest(query="the whale sings", mode=mode, limit=8)  # type: ignore[arg-type]
    result = shop.search(request)
    confidences = [match.confidence for match in result.matches]
    assert None not in confidences
    assert confidences == sorted(confidences, reverse=True)  # type: ignore[type-var]
    assert 0 < confidences[-1] <= confidences[0] < 1  # type: ignore[operator]


def test_words_that_nothing_holds_make_no_good_answer(shop: LocalCollection) -> None:
    strange = shop.search(SearchRequest(query="quantum chromodynamics", mode="lexical"))
    assert strange.receipt.no_good_answer is True
    assert strange.matches == ()
    known = shop.search(SearchRequest(query="the whale sings at the museum", mode="lexical"))
    assert known.receipt.no_good_answer is False


def test_other_ways_of_fusing_stay_open(shop: LocalCollection) -> None:
    snapshot, calibration = moment(shop)
    vector = shop.encoder.encode(["a whale that sings"], role="query").vectors
    best = {}
    for fusion in ("calibrated", "scores", "ranks"):
        asked = Asked(vector, ("whale", "sing"), calibration=calibration, fusion=fusion)  # type: ignore[arg-type]
        best[fusion] = rank(snapshot, shop.storage.lexicon, asked, 3)
    assert best["ranks"].scores[0] == pytest.approx(1.0)
    assert best["scores"].scores[0] == pytest.approx(1.0)
    assert best["calibrated"].scores[0] < 1.0
    assert len({int(its.ids[0]) for its in best.values()}) == 1
    for its in best.values():
        assert set(its.ids.tolist()) <= its.channels.keys() & its.confidence.keys()


def test_a_calibration_is_kept_out_of_what_is_true(shop: LocalCollection, tmp_path: Path) -> None:
    moment(shop)
    (shop.folder / FILE).unlink()
    assert shop.verify().ok
    assert moment(shop)[1].documents == 48, "from memory"


def test_documents_asked_with_need_no_answer(shop: LocalCollection) -> None:
    first = shop.scan(limit=1).documents[0].document.id
    by_id = shop.search(SearchRequest(document_id=first, limit=3))
    liked = shop.search(SearchRequest(positive=(first,), limit=3))
    assert by_id.receipt.no_good_answer is None
    assert liked.receipt.no_good_answer is None
    assert [match.confidence is not None for match in by_id.matches] == [True] * 3
