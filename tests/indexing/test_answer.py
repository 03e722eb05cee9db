"""Requests that cannot be answered, recommendations, snippets in answers, and batches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import DimensionMismatchError, DocumentNotFoundError, InvalidRequestError
from indexing.index.exact import comparable
from indexing.planner import IndexWish
from indexing.recommending import example_vector
from indexing.requests import check_request
from indexing.snapshot import Snapshot
from indexing.types import (
    MAX_QUERY_BYTES,
    Document,
    EncodedQuery,
    Metric,
    Parent,
    SearchRequest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.types import Vectors
    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection
    from indexing.snapshot import Found
    from indexing.types import SearchReceipt

QUERY = SearchRequest(query="gift")


def ids(collection: LocalCollection, request: SearchRequest) -> list[str]:
    return [match.document.id for match in collection.search(request).matches]


# -- what cannot be answered -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"limit": "10"}, "limit", r"limit is '10' \(str\); it must be a whole number"),
        ({"limit": True}, "limit", r"True \(bool\)"),
        ({"limit": 2.0}, "limit", r"2\.0 \(float\)"),
        ({"limit": None}, "limit", "NoneType"),
        ({"offset": False}, "offset", r"False \(bool\)"),
        ({"offset": "0"}, "offset", r"\(str\)"),
        ({"exact": 1}, "exact", "True or False"),
        ({"rerank": "yes"}, "rerank", "True or False"),
        ({"with_snippets": None}, "with_snippets", "True or False"),
        ({"filter": {"must": []}}, "filter", "Filter.parse reads one from JSON"),
        ({"query": 5}, "query", "must be a string"),
        ({"query": ""}, "query", "query is empty"),
        ({"query": " \t\n\u3000"}, "query", "query is empty"),
        ({"query": "half \ud83d"}, "query", "half a surrogate pair at character 5"),
        ({"query": "가" * 30_000}, "query", r"90,000 bytes, at most 65,536.*document_id"),
        ({"query": None, "document_id": 7}, "document_id", "must be a string"),
        ({"mode": ["dense"]}, "mode", "unknown"),
        ({"recall": 0}, "recall", "above 0, at most 1"),
        ({"recall": 1.01}, "recall", "above 0, at most 1"),
        ({"recall": float("nan")}, "recall", "above 0, at most 1"),
        ({"recall": True}, "recall", "must be a number"),
        ({"query": None, "positive": "a"}, "positive", "a tuple of document ids"),
        ({"query": None, "positive": (1,)}, "positive", "a tuple of document ids"),
        ({"query": None, "positive": ("a", "a")}, "positive", "'a' stands twice"),
        ({"query": None, "positive": ("a",), "negative": ("a",)}, "negative", "and in negative"),
        (
            {"query": None, "positive": tuple(map(str, range(101)))},
            "positive",
            "101 ids; at most 1",
        ),
        ({"query": None, "negative": ("a",)}, "positive", "negative alone finds nothing"),
        ({"negative": ("a",)}, "negative", "beside positive alone"),
        ({"positive": ("a",)}, "positive", "query and positive given"),
        ({"query": None, "positive": ("a",), "mode": "hybrid"}, "mode", "positive can be asked"),
        ({"query": None, "document_id": "a", "rerank": True}, "rerank", "rerank needs a query"),
        ({"rerank": True}, "rerank", "no reranker is configured.*or ask without rerank"),
        ({"rerank": True, "cursor": "x"}, "cursor", "page them by offset"),
    ],
)
def test_what_cannot_be_asked_is_named(
    collection: LocalCollection, changes: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message) as caught:
        collection.search(replace(QUERY, **changes))
    assert caught.value.field == field
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("mode", "metric", "threshold", "message"),
    [
        ("dense", Metric.COSINE, 1.0001, "cosine scores lie from -1 to 1"),
        ("dense", Metric.COSINE, -1.5, "cosine scores lie from -1 to 1"),
        ("dense", Metric.EUCLIDEAN, 0.1, "euclidean scores are 0 or below"),
        ("hybrid", Metric.COSINE, 1.5, "hybrid scores lie from 0 to 1"),
        ("hybrid", Metric.DOT, -0.1, "hybrid scores lie from 0 to 1"),
        ("lexical", Metric.COSINE, -1.0, "lexical scores are 0 or above"),
        ("dense", Metric.DOT, float("inf"), "a finite number"),
        ("dense", Metric.COSINE, float("nan"), "a finite number"),
        ("dense", Metric.COSINE, "0.5", "must be a number"),
        ("dense", Metric.COSINE, True, "must be a number"),
    ],
)
def test_impossible_thresholds_are_told_the_range(
    mode: str, metric: Metric, threshold: object, message: str
) -> None:
    request = replace(QUERY, mode=mode, score_threshold=threshold)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match=message) as caught:
        check_request(request, metric)
    assert caught.value.field == "score_threshold"


@pytest.mark.parametrize(
    ("mode", "metric", "threshold"),
    [
        ("dense", Metric.COSINE, 1),
        ("dense", Metric.COSINE, np.float32(-1)),
        ("dense", Metric.EUCLIDEAN, -4.5),
        ("dense", Metric.DOT, 170.0),
        ("hybrid", Metric.EUCLIDEAN, 0.0),
        ("lexical", Metric.COSINE, 25.0),
    ],
)
def test_possible_thresholds_pass(mode: str, metric: Metric, threshold: float) -> None:
    check_request(replace(QUERY, mode=mode, score_threshold=threshold), metric)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers(collection: LocalCollection) -> None:
    request = replace(QUERY, limit=np.int64(2), offset=np.int32(1))  # type: ignore[arg-type]
    assert len(ids(collection, request)) == 2


def test_the_longest_query_is_read(collection: LocalCollection) -> None:
    longest = "gift " * (MAX_QUERY_BYTES // 5)
    assert len(longest.encode()) <= MAX_QUERY_BYTES
    result = collection.search(replace(QUERY, query=longest))
    assert result.receipt.query_truncated


def test_only_symbols_are_told_what_was_dropped(collection: LocalCollection) -> None:
    symbols = replace(QUERY, query="?! ~~ ...", limit=2)
    with pytest.raises(InvalidRequestError, match=r"'\?! ~~ \.\.\.' was dropped.*mode dense"):
        collection.search(replace(symbols, mode="lexical"))
    result = collection.search(replace(symbols, mode="hybrid"))
    assert len(result.matches) == 2
    assert "'?! ~~ ...' was dropped): answered by meaning alone" in result.receipt.warnings[0]


def test_a_threshold_says_what_it_was_compared_with(collection: LocalCollection) -> None:
    request = replace(QUERY, query="?!", mode="hybrid", score_threshold=0.25)
    result = collection.search(request)
    told = "score_threshold 0.25 is compared with cosine scores, since nothing is fused"
    assert told in result.receipt.warnings
    assert all(match.score >= 0.25 for match in result.matches)
    assert collection.search(replace(request, query="gift")).receipt.warnings == ()


def test_one_bad_request_spoils_its_batch_by_name(collection: LocalCollection) -> None:
    with pytest.raises(InvalidRequestError, match="limit is 0"):
        collection.search_many([QUERY, replace(QUERY, limit=0)])


# -- recommendations -------------------------------------------------------------------------

VECTORS = np.array(
    [[3, 0, 0, 0], [0, 2, 0, 0], [0, 0, 5, 0], [1, 1, 0, 0], [-1, 0.5, 0, 2], [0, 0, 1, 1]],
    dtype=np.float32,
)


def scores_by_hand(query: Vectors, vectors: Vectors, metric: Metric) -> Vectors:
    if metric is Metric.EUCLIDEAN:
        return -np.linalg.norm(vectors - query, axis=1)
    return vectors @ query


@pytest.mark.parametrize("metric", list(Metric))
def test_recommendations_are_near_likes_and_far_from_dislikes(
    data: DataFolder, metric: Metric
) -> None:
    """Scores are those of 2 mean(positive) - mean(negative), computed here by hand."""
    made = data.create("points", encoder="hash:4", metric=metric)
    made.add([Document(name, f"text {name} {name}") for name in "abcdefgh"])
    vectors = made.storage.snapshot.vectors
    row = {item.document.id: item.row for item in made.scan().documents}
    result = made.search(SearchRequest(positive=("a", "c"), negative=("d",), limit=10))
    point = 2 * (vectors[row["a"]] + vectors[row["c"]]) / 2 - vectors[row["d"]]
    if metric is Metric.COSINE:
        point = point / np.linalg.norm(point)
    expected = scores_by_hand(point, vectors, metric)
    found = {match.document.id: match.score for match in result.matches}
    assert found.keys() == set("befgh")
    for name, score in found.items():
        assert score == pytest.approx(float(expected[row[name]]), abs=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_one_positive_is_search_by_document(collection: LocalCollection) -> None:
    by_id = collection.search(SearchRequest(document_id="a")).matches
    recommended = collection.search(SearchRequest(positive=("a",))).matches
    assert [(m.document.id, m.score) for m in recommended] == [
        (m.document.id, pytest.approx(m.score, abs=1e-6)) for m in by_id
    ]


def test_unknown_examples_are_named(collection: LocalCollection) -> None:
    request = SearchRequest(positive=("a", "nope"), negative=("b", "nix\0", "\ud800"))
    with pytest.raises(DocumentNotFoundError, match=r"no document 'nope', 'nix\\x00', '\\ud800'"):
        collection.search(request)
    many = tuple(f"no-{n}" for n in range(9))
    with pytest.raises(DocumentNotFoundError, match="'no-4' and 4 more in collection 'help'"):
        collection.search(SearchRequest(positive=many))


def test_examples_may_cancel_out() -> None:
    one = np.array([[1.0, 0.0]], dtype=np.float32)
    for metric in (Metric.COSINE, Metric.DOT):
        with pytest.raises(InvalidRequestError, match="cancel each other out"):
            example_vector(np.concatenate([one, -one]), one[:0], metric)
        with pytest.raises(InvalidRequestError, match="cancel each other out"):
            example_vector(one, 2 * one, metric)
    point = example_vector(np.concatenate([one, -one]), one[:0], Metric.EUCLIDEAN)
    assert point.tolist() == [[0.0, 0.0]]


@given(st.integers(1, 5), st.integers(0, 5), st.integers(0, 1_000))
def test_examples_have_no_order(positives: int, negatives: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.standard_normal((positives + negatives, 6)).astype(np.float32)
    unit = comparable(vectors, Metric.COSINE)
    one = example_vector(unit[:positives], unit[positives:], Metric.COSINE)
    other = example_vector(unit[:positives][::-1], unit[positives:][::-1], Metric.COSINE)
    assert one.shape == (1, 6)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_recommendations_are_filtered_paged_and_fresh(collection: LocalCollection) -> None:
    request = SearchRequest(positive=("a",), negative=("b",), limit=2)
    first = collection.search(request)
    second = collection.search(replace(request, cursor=first.cursor))
    assert len({m.document.id for m in (*first.matches, *second.matches)} | {"a", "b"}) == 5
    assert second.cursor is None
    collection.delete(["b"])
    with pytest.raises(DocumentNotFoundError, match="'b'"):
        collection.search(request)


# -- snippets --------------------------------------------------------------------------------


def test_matches_show_why_they_were_found(data: DataFolder) -> None:
    made = data.create("long", encoder="hash:16")
    filler = "여기에는 아무것도 없습니다. " * 40
    made.add(
        [
            Document(
                "deep#3", f"{filler}반품은 무료입니다. {filler}", parent=Parent("deep", 3, 0, 9)
            ),
            Document("other", "a text without any of it"),
        ]
    )
    for mode in ("lexical", "hybrid", "dense"):
        request = SearchRequest(query="무료 반품", mode=mode, with_snippets=True)  # type: ignore[arg-type]
        result = made.search(request)
        shown = next(m for m in result.matches if m.document.id == "deep#3").snippet
        assert shown is not None
        assert "반품은 무료입니다." in shown.text
        assert [shown.text[first:last] for first, last in shown.highlights] == ["반품", "무료"]
        assert "snippets" in result.receipt.milliseconds
        assert (result.receipt.query_terms is None) == (mode == "dense")
    plain = made.search(SearchRequest(document_id="other", with_snippets=True)).matches[0].snippet
    assert plain is not None
    assert plain.text.startswith("여기에는")
    assert plain.highlights == ()
    assert made.search(SearchRequest(query="무료")).matches[0].snippet is None


# -- batches ---------------------------------------------------------------------------------


def test_plain_vectors_are_compared_in_one_call(
    collection: LocalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    find = Snapshot.find

    def counting(self: Snapshot, queries: Vectors, k: int, **how: object) -> Found:
        asked.append(len(queries))
        return find(self, queries, k, **how)  # type: ignore[arg-type]

    requests = [
        *(SearchRequest(query=text, limit=3) for text in ("gift", "parcel", "소포는 당일")),
        SearchRequest(query="gift", limit=4),
        SearchRequest(query="gift", limit=3, exact=True),
        SearchRequest(query="gift cards", limit=3, mode="hybrid"),
        SearchRequest(document_id="c", limit=2),
    ]
    alone = [collection.search(request) for request in requests]
    monkeypatch.setattr(Snapshot, "find", counting)
    together = collection.search_many(requests)
    assert sorted(asked) == [1, 1, 1, 4]
    for one, other in zip(alone, together, strict=True):
        assert one.matches == other.matches
        assert one.cursor == other.cursor
        assert (one.receipt.index, one.receipt.exact) == (other.receipt.index, other.receipt.exact)
    assert collection.search_many([]) == []


def test_what_goes_wrong_for_all_is_told_to_each(
    collection: LocalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Snapshot, queries: Vectors, k: int, **how: object) -> Found:
        raise MemoryError("no room")

    requests = [SearchRequest(query=text, limit=3) for text in ("gift", "parcel", "소포")]
    monkeypatch.setattr(Snapshot, "find", failing)
    unknown = SearchRequest(query="gift", cursor="none")
    first, wrong, *others = collection.search_each([requests[0], unknown, *requests[1:]])
    assert [repr(each) for each in (first, *others)] == ["MemoryError('no room')"] * 3
    assert isinstance(wrong, InvalidRequestError)
    with pytest.raises(MemoryError, match="no room"):
        collection.search_many(requests)


@pytest.mark.parametrize("kind", ["flat", pytest.param("ivf-pq", marks=pytest.mark.slow)])
def test_what_is_answered_together_is_what_each_finds_alone(data: DataFolder, kind: str) -> None:
    random = np.random.default_rng(0)
    words = ["소포", "반품", "배송", "gift", "cards", "parcel", "return", "free", "day", "valid"]
    texts = [" ".join(random.choice(words, 6)) for _ in range(700)]
    made = data.create("many", encoder="hash:32")
    documents = [Document(f"d{row}", text) for row, text in enumerate(texts)]
    vectors = random.standard_normal((len(texts), 32), dtype=np.float32)
    made.add(documents, vectors=vectors)
    if kind != "flat":
        made.optimize(IndexWish(kind=kind))
    for seed in range(5):
        _check_together(made, np.random.default_rng(seed), words)


def _check_together(
    made: LocalCollection, random: np.random.Generator, words: Sequence[str]
) -> None:
    requests: list[SearchRequest] = []
    for row, vector in enumerate(random.standard_normal((12, 32), dtype=np.float32)):
        query = " ".join(random.choice(words, 3))
        limit = int(random.integers(1, 12))
        requests += [
            SearchRequest(query=query, mode="hybrid", limit=limit, with_snippets=True),
            SearchRequest(query=query, mode=("lexical", "dense")[row % 2], limit=limit),
            SearchRequest(vector=vector, limit=limit),
        ]
    requests.append(SearchRequest(document_id="nobody"))
    requests.append(SearchRequest(query="?!", mode="lexical"))
    asked = [requests[place] for place in random.permutation(len(requests)).tolist()]
    encoded = [_encoded(made, request) for request in asked]
    together = list(made.search_each(asked, encoded=encoded))
    for request, query, found in zip(asked, encoded, together, strict=True):
        if isinstance(found, Exception):
            with pytest.raises(type(found)) as raised:
                made.search(request, encoded=query)
            assert str(raised.value) == str(found)
            continue
        alone = made.search(request, encoded=query)
        assert found.matches == alone.matches
        assert found.cursor == alone.cursor
        assert _timeless(found.receipt) == _timeless(alone.receipt)
    assert sum(isinstance(found, Exception) for found in together) == 2


def _encoded(made: LocalCollection, request: SearchRequest) -> EncodedQuery | None:
    if request.query is None or request.mode == "lexical":
        return None
    encoding = made.encoder.encode([request.query], role="query")
    fingerprint = made.card.encoder.fingerprint
    return EncodedQuery(fingerprint, encoding.vectors, 1, False, 0, 1.0)


def _timeless(receipt: SearchReceipt) -> SearchReceipt:
    assert set(receipt.milliseconds) >= {"search", "total"}
    return replace(receipt, milliseconds={}, sampled_recall=None, sampled_queries=0)


def test_vectors_are_checked_before_anything_is_found(collection: LocalCollection) -> None:
    wrong = SearchRequest(vector=np.ones(3, dtype=np.float32))
    with pytest.raises(DimensionMismatchError, match="3 dimensions"):
        collection.search(wrong)
    two = SearchRequest(vector=np.ones((2, 32), dtype=np.float32))
    with pytest.raises(InvalidRequestError, match="2 rows"):
        collection.search(two)
    with pytest.raises(InvalidRequestError, match="all zeros"):
        collection.search(SearchRequest(vector=np.zeros(32, dtype=np.float32)))
