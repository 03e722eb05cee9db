"""Every index kind against a plain numpy answer, and the approximate ones for recall."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.index import KINDS, Effort, IndexFileError, VectorIndex, kind_of
from indexing.index.exact import comparable
from indexing.row_mask import RowMask
from indexing.types import Metric

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.types import Vectors
    from indexing.types import Hits

METRICS = list(Metric)


def clustered(n: int, dim: int, seed: int) -> Vectors:
    """Vectors around 20 centres, of lengths between a tenth and ten."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((20, dim))
    vectors = centres[generator.integers(0, 20, n)] + 0.4 * generator.standard_normal((n, dim))
    return (vectors * generator.uniform(0.1, 10, (n, 1))).astype(np.float32)


def scores_by_hand(vectors: Vectors, query: Vectors, metric: Metric) -> np.ndarray:
    """The metric's scores in double precision, from its definition."""
    rows, asked = vectors.astype(np.float64), query.astype(np.float64)
    if metric is Metric.EUCLIDEAN:
        return -np.linalg.norm(rows - asked, axis=1)
    if metric is Metric.COSINE:
        return rows @ asked / (np.linalg.norm(rows, axis=1) * np.linalg.norm(asked))
    return rows @ asked


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=METRICS, ids=str)
def metric(request: pytest.FixtureRequest) -> Metric:
    return Metric(request.param)


def build(kind: str, vectors: Vectors, metric: Metric) -> VectorIndex:
    return kind_of(kind).build(comparable(vectors, metric), metric)


def ask(
    index: VectorIndex,
    queries: Vectors,
    k: int,
    metric: Metric,
    *,
    allowed: np.ndarray | None = None,
    reach: int = 1000,
    candidates: int = 300,
) -> Hits:
    mask = None if allowed is None else RowMask(allowed)
    effort = Effort(reach, candidates)
    return index.search(comparable(queries, metric), k, allowed=mask, effort=effort)


def test_it_is_an_index(kind: str) -> None:
    index = build(kind, clustered(30, 8, 0), Metric.COSINE)
    assert isinstance(index, VectorIndex)
    assert (index.kind, index.rows, index.dim) == (kind, 30, 8)


def test_hits_are_the_true_ones(kind: str, metric: Metric) -> None:
    """On a small set even a graph, looked at hard, must find everything there is."""
    vectors, queries = clustered(300, 16, 1), clustered(12, 16, 2)
    hits = ask(build(kind, vectors, metric), queries, 7, metric)
    assert hits.ids.shape == hits.scores.shape == (12, 7)
    assert hits.ids.dtype == np.int64
    assert hits.scores.dtype == np.float32
    for position, query in enumerate(queries):
        truth = scores_by_hand(vectors, query, metric)
        best = np.argsort(-truth, kind="stable")[:7]
        np.testing.assert_array_equal(hits.ids[position], best)
        np.testing.assert_allclose(hits.scores[position], truth[best], rtol=1e-4, atol=1e-5)


def test_one_query_is_answered_as_in_a_batch(kind: str, metric: Metric) -> None:
    vectors, queries = clustered(400, 24, 3), clustered(64, 24, 4)
    index = build(kind, vectors, metric)
    together = ask(index, queries, 5, metric)
    for position in range(len(queries)):
        alone = ask(index, queries[position : position + 1], 5, metric)
        np.testing.assert_array_equal(alone.ids[0], together.ids[position])
        np.testing.assert_array_equal(alone.scores[0], together.scores[position])


def test_asking_for_more_than_there_is_pads(kind: str, metric: Metric) -> None:
    hits = ask(build(kind, clustered(4, 8, 5), metric), clustered(2, 8, 6), 9, metric)
    assert (hits.ids[:, 4:] == -1).all()
    assert np.isneginf(hits.scores[:, 4:]).all()
    assert sorted(hits.ids[0, :4].tolist()) == [0, 1, 2, 3]
    assert np.isfinite(hits.scores[:, :4]).all()


def test_an_empty_index_finds_nothing(kind: str, metric: Metric) -> None:
    index = build(kind, np.empty((0, 8), dtype=np.float32), metric)
    hits = ask(index, clustered(3, 8, 7), 4, metric)
    assert (hits.ids == -1).all()
    assert hits.ids.shape == (3, 4)


def test_no_query_has_no_hits(kind: str, metric: Metric) -> None:
    hits = ask(
        build(kind, clustered(9, 8, 0), metric), np.empty((0, 8), dtype=np.float32), 4, metric
    )
    assert hits.ids.shape == hits.scores.shape == (0, 4)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_only_allowed_rows_are_found(kind: str, metric: Metric, share: float) -> None:
    vectors, queries = clustered(500, 16, 8), clustered(8, 16, 9)
    allowed = np.random.default_rng(10).random(500) < share
    hits = ask(build(kind, vectors, metric), queries, 5, metric, allowed=allowed)
    for position, query in enumerate(queries):
        truth = np.where(allowed, scores_by_hand(vectors, query, metric), -np.inf)
        best = np.argsort(-truth, kind="stable")[:5]
        np.testing.assert_array_equal(hits.ids[position], best)


def test_nothing_allowed_finds_nothing(kind: str, metric: Metric) -> None:
    hits = ask(
        build(kind, clustered(50, 8, 0), metric),
        clustered(2, 8, 1),
        3,
        metric,
        allowed=np.zeros(50, dtype=bool),
    )
    assert (hits.ids == -1).all()


def test_equal_scores_come_by_row(kind: str, metric: Metric) -> None:
    """Sixty copies of one vector: the five of lowest row are the answer."""
    vectors = clustered(200, 8, 11)
    copies = np.arange(3, 183, 3)
    vectors[copies] = vectors[3]
    hits = ask(build(kind, vectors, metric), vectors[3:4], 5, metric)
    truth = scores_by_hand(vectors, vectors[3], metric)
    better = np.flatnonzero(truth > truth[3] + 1e-4).tolist()
    expected = ([*sorted(better, key=lambda row: -truth[row]), *copies.tolist()])[:5]
    assert hits.ids[0].tolist() == expected


def test_recall_on_a_larger_set(kind: str, metric: Metric) -> None:
    """The graph here: cosine 1.00, euclidean 1.00, dot 0.94 when 128 candidates are kept."""
    vectors, queries = clustered(5000, 32, 12), clustered(50, 32, 13)
    candidates = 2500 if kind == "ivf-pq" else 128  # noise without structure is hard to compress
    index = build(kind, vectors, metric)
    hits = ask(index, queries, 10, metric, reach=128, candidates=candidates)
    found = 0
    for position, query in enumerate(queries):
        best = np.argsort(-scores_by_hand(vectors, query, metric))[:10]
        found += len(set(best.tolist()) & set(hits.ids[position].tolist()))
    floor = 0.9 if metric is Metric.DOT else 0.97
    assert found / 500 >= (1.0 if kind == "flat" else floor)


def test_saved_and_loaded_in_another_process(kind: str, metric: Metric, tmp_path: Path) -> None:
    vectors, queries = clustered(200, 8, 14), clustered(5, 8, 15)
    vectors, queries = comparable(vectors, metric), comparable(queries, metric)
    index = build(kind, vectors, metric)
    index.save(tmp_path / "index.faiss")
    np.save(tmp_path / "vectors.npy", vectors)
    np.save(tmp_path / "queries.npy", queries)
    script = (
        "import sys, numpy as np; from pathlib import Path; from indexing.index import kind_of; "
        "from indexing.types import Metric; folder = Path(sys.argv[1]); "
        "vectors, queries = (np.load(folder / f'{name}.npy') for name in ('vectors', 'queries')); "
        f"index = kind_of({kind!r}).load(folder / 'index.faiss', vectors, "
        f"Metric({metric.value!r})); "
        "np.save(folder / 'ids.npy', index.search(queries, 4, effort=None).ids)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=120)
    found = index.search(queries, 4, effort=None)
    np.testing.assert_array_equal(np.load(tmp_path / "ids.npy"), found.ids)


def test_faiss_opens_the_file(kind: str, metric: Metric, tmp_path: Path) -> None:
    import faiss

    build(kind, clustered(50, 8, 16), metric).save(tmp_path / "index.faiss")
    assert faiss.read_index(str(tmp_path / "index.faiss")).ntotal == 50


@pytest.mark.parametrize("kept", [0, 10, 700])
def test_a_cut_file_is_an_error_that_names_it(kind: str, kept: int, tmp_path: Path) -> None:
    path = tmp_path / "index-1.faiss"
    build(kind, clustered(50, 8, 17), Metric.COSINE).save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IndexFileError, match=r"index-1\.faiss"):
        kind_of(kind).load(path, clustered(50, 8, 17), Metric.COSINE)


def test_a_missing_file_is_an_error(kind: str, tmp_path: Path) -> None:
    with pytest.raises(IndexFileError, match="is missing"):
        kind_of(kind).load(tmp_path / "none.faiss", clustered(9, 8, 0), Metric.COSINE)


def test_another_kind_or_metric_is_an_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    build(kind, clustered(20, 8, 18), Metric.COSINE).save(path)
    with pytest.raises(IndexFileError, match="another metric"):
        kind_of(kind).load(
            path, clustered(20, 8, 18), Metric.DOT if kind == "ivf-pq" else Metric.EUCLIDEAN
        )
    other = next(name for name in KINDS if name != kind)
    with pytest.raises(IndexFileError, match=r"holds Index|another metric"):
        kind_of(other).load(path, clustered(50, 8, 17), Metric.COSINE)


def test_unknown_kinds_are_named() -> None:
    with pytest.raises(IndexFileError, match="'annoy' is unknown; this version has flat, hnsw"):
        kind_of("annoy")


def test_rows_can_be_left_out_and_put_in_later(kind: str, metric: Metric) -> None:
    """An index of every second row finds those alone; a copy with the others in it finds all."""
    vectors, queries = comparable(clustered(300, 16, 20), metric), clustered(6, 16, 21)
    even, odd = np.arange(0, 300, 2), np.arange(1, 300, 2)
    half = kind_of(kind).build(vectors, metric, rows=even)
    whole = half.copy()
    whole.insert(vectors, odd)
    assert (half.rows, whole.rows) == (150, 300)
    few, all_ = ask(half, queries, 5, metric), ask(whole, queries, 5, metric)
    for position, query in enumerate(queries):
        truth = scores_by_hand(vectors, query, metric)
        best = np.argsort(-truth, kind="stable")
        np.testing.assert_array_equal(all_.ids[position], best[:5])
        np.testing.assert_array_equal(few.ids[position], [row for row in best if row % 2 == 0][:5])


def test_efforts_rise(kind: str) -> None:
    efforts = build(kind, clustered(2000, 16, 22), Metric.COSINE).efforts(10)
    assert list(efforts) == sorted(efforts)
    assert all(effort.candidates == 0 or effort.candidates >= 20 for effort in efforts)
    assert bool(efforts) is (kind != "flat")


def test_a_filter_against_the_query_still_fills_the_answer(kind: str, metric: Metric) -> None:
    """Allowed rows lie far from the query: a search that looks near it must look further."""
    vectors = clustered(3000, 16, 23)
    query = vectors[:1]
    truth = scores_by_hand(vectors, query[0], metric)
    allowed = np.zeros(3000, dtype=bool)
    allowed[np.argsort(truth)[:40]] = True
    hits = ask(build(kind, vectors, metric), query, 10, metric, allowed=allowed, reach=1)
    if kind.startswith("hnsw"):
        assert set(hits.ids[0].tolist()) - {-1} <= set(np.flatnonzero(allowed).tolist())
    else:
        assert (hits.ids[0] >= 0).all()
        assert allowed[hits.ids[0]].all()
