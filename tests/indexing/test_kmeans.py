from __future__ import annotations

import numpy as np
import pytest

from indexing.index.centroids import assign, means, nearest_centroids, similarities, similarity_to
from indexing.index.kmeans import TooFewVectorsError, fit_kmeans
from indexing.types import Metric


def _blobs(n: int, k: int, dim: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    middles = draw.normal(size=(k, dim))
    truth = np.arange(n) % k
    vectors = (middles[truth] + 0.05 * draw.normal(size=(n, dim))).astype(np.float32)
    return vectors, truth


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _same_groups(labels: np.ndarray, truth: np.ndarray) -> bool:
    pairs = {(int(a), int(b)) for a, b in zip(labels, truth, strict=True)}
    return len(pairs) == len(set(labels.tolist())) == len(set(truth.tolist()))


@pytest.mark.parametrize("metric", list(Metric))
def test_groups_that_are_apart_are_found(metric: Metric) -> None:
    vectors, truth = _blobs(600, 12)
    given = _unit(vectors) if metric is Metric.COSINE else vectors
    found = fit_kmeans(given, 12, metric)
    assert _same_groups(found.labels, truth)
    assert found.trained == 600
    if metric is not Metric.EUCLIDEAN:
        np.testing.assert_allclose(np.linalg.norm(found.centroids, axis=1), 1, atol=1e-5)
        own = np.sum(_unit(given) * found.centroids[found.labels], axis=1)
    else:
        own = -np.linalg.norm(given - found.centroids[found.labels], axis=1)
    np.testing.assert_allclose(found.similarity, own, atol=2e-3)


def test_many_vectors_are_found_with_a_sample_and_all_are_assigned() -> None:
    vectors, truth = _blobs(20_000, 4, dim=8)
    steps: list[tuple[int, int]] = []
    found = fit_kmeans(_unit(vectors), 4, Metric.COSINE, told=lambda *step: steps.append(step))
    assert found.trained == 16_384
    assert len(found.labels) == 20_000
    assert _same_groups(found.labels, truth)
    assert all(done <= total for done, total in steps)


def test_the_same_seed_gives_the_same_groups() -> None:
    vectors = np.random.default_rng(1).normal(size=(500, 8)).astype(np.float32)
    once, again = (fit_kmeans(vectors, 9, Metric.EUCLIDEAN, seed=5) for _ in range(2))
    np.testing.assert_array_equal(once.labels, again.labels)
    other = fit_kmeans(vectors, 9, Metric.EUCLIDEAN, seed=6)
    assert not np.array_equal(once.labels, other.labels)


def test_several_starts_keep_the_best() -> None:
    vectors = np.random.default_rng(1).normal(size=(300, 8)).astype(np.float32)
    one = fit_kmeans(vectors, 20, Metric.EUCLIDEAN, seed=3)
    many = fit_kmeans(vectors, 20, Metric.EUCLIDEAN, seed=3, restarts=8)
    assert many.distortion < one.distortion


def test_as_many_groups_as_vectors_are_the_vectors() -> None:
    vectors, _ = _blobs(30, 30)
    found = fit_kmeans(vectors, 30, Metric.EUCLIDEAN)
    assert sorted(found.labels.tolist()) == list(range(30))
    assert found.distortion == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("metric", list(Metric))
def test_fewer_different_vectors_than_groups_are_counted(metric: Metric) -> None:
    vectors = _unit(np.repeat(np.eye(3, 8, dtype=np.float32) + 0.1, 40, axis=0))
    with pytest.raises(TooFewVectorsError) as caught:
        fit_kmeans(vectors, 4, metric)
    assert caught.value.different == 3
    assert sorted(set(fit_kmeans(vectors, 3, metric).labels.tolist())) == [0, 1, 2]


def test_rare_vectors_that_a_sample_misses_are_found_among_all() -> None:
    vectors = np.zeros((60_000, 4), dtype=np.float32)
    vectors[:, 0] = 1
    vectors[59_999] = [0, 1, 0, 0]
    found = fit_kmeans(vectors, 2, Metric.COSINE)
    assert found.labels[59_999] != found.labels[0]
    assert len(set(found.labels[:59_999].tolist())) == 1


def test_assigning_and_means_agree_with_plain_arithmetic() -> None:
    vectors, _ = _blobs(50, 5, dim=6)
    centroids = vectors[:4]
    labels, similarity = assign(vectors, centroids, Metric.EUCLIDEAN)
    distances = np.linalg.norm(vectors[:, None] - centroids[None], axis=2)
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    np.testing.assert_allclose(similarity, -distances.min(axis=1), atol=2e-3)
    ids, two = nearest_centroids(vectors, centroids, 2, Metric.EUCLIDEAN)
    np.testing.assert_allclose(two, -np.sort(distances, axis=1)[:, :2], atol=2e-3)
    np.testing.assert_array_equal(ids[:, 0], labels)
    labels[7] = -1
    expected = [vectors[labels == group].mean(axis=0) for group in range(4)]
    np.testing.assert_allclose(means(vectors, labels, 4, Metric.EUCLIDEAN), expected, atol=1e-5)
    every = similarities(vectors, centroids, Metric.EUCLIDEAN)
    np.testing.assert_allclose(every, -distances, atol=2e-3)
    some = np.arange(50, dtype=np.int32) % 4
    own = similarity_to(vectors, centroids, some, Metric.EUCLIDEAN)
    np.testing.assert_allclose(own, -distances[np.arange(50), some], atol=1e-5)


def test_who_is_told_may_stop_it() -> None:
    vectors, _ = _blobs(100, 5)

    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fit_kmeans(vectors, 5, Metric.EUCLIDEAN, told=stop)
