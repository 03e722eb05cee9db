from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from analysis.clusters import words
from analysis.clusters.hierarchy import join_clusters, level_sizes, parents
from analysis.clusters.labels import name_groups, weigh
from analysis.clusters.number import numbers_to_try, pick
from analysis.clusters.representatives import represent
from analysis.clusters.silhouette import measure_silhouette
from analysis.clusters.stop_words import stop_terms
from analysis.clusters.surface import Surfaces
from analysis.clusters.words import count_terms
from analysis.progress import unwatched
from embeddings.text.analyzer import load_analyzer
from eval.clustering import ListedTexts
from indexing.types import Metric

TEXTS = (
    "Deliveries were late, the delivery took weeks",
    "delivery of my iPhone was late",
    "The late delivery of an iPhone",
    "배송비가 비싸요. 배송비는 얼마예요?",
    "배송비 무료 배송을 원해요",
    "무료 배송비 이벤트가 좋아요",
)
GROUPS = np.array([0, 0, 0, 1, 1, 1], dtype=np.int32)


def _names(texts: tuple[str, ...], groups: np.ndarray, members: list[list[int]]) -> list[list[str]]:
    source, analyzer = ListedTexts(texts), load_analyzer()
    counted = count_terms(source, groups, analyzer, seed=0, progress=unwatched)
    return [list(name.terms) for name in name_groups(source, counted, members, analyzer)]


def test_terms_are_shown_as_people_write_them() -> None:
    english, korean = _names(TEXTS, GROUPS, [[0], [1]])
    assert "delivery" in english
    assert "iPhone" in english
    assert "late" in english
    assert not {"deliveri", "iphon", "the", "of", "my"} & set(english)
    assert "배송비" in korean
    assert "비" not in korean
    assert "무료" in " ".join(korean)


def test_groups_of_clusters_are_named_by_what_they_share() -> None:
    (both,) = _names(TEXTS, GROUPS, [[0, 1]])
    assert {"delivery", "배송비"} <= set(both)


def test_a_verb_is_shown_in_its_dictionary_form() -> None:
    texts = ("메일을 보냈어요", "메일을 보내 주세요", "비가 내렸어요", "비가 내려요")
    mail, rain = _names(texts, np.array([0, 0, 1, 1], dtype=np.int32), [[0], [1]])
    assert set(mail) == {"메일", "보내다"}
    assert set(rain) == {"비", "내리다"}


def test_class_based_tf_idf_by_hand() -> None:
    """Two groups of four documents; their terms stand in 4 + 3 and in 4 + 1 of them."""
    counts = csr_matrix(np.array([[4, 3, 0], [4, 0, 1]], dtype=np.float32))
    found = weigh(counts, [4, 4]).toarray()
    mean = (7 + 5) / 2
    np.testing.assert_allclose(found, [[0, 3 / 7 * np.log(1 + mean / 3), 0], [0, 0, 0]])


def test_numbers_single_letters_and_stop_words_name_nothing() -> None:
    analyzer = load_analyzer()
    stops = stop_terms(analyzer)
    assert {"the", "becaus", "하다", "있다"} <= stops
    counted = count_terms(
        ListedTexts(("The x 12 3.5 ticket 2024", "있는 티켓 하다 ㅋㅋ ㅠㅠ")),
        np.array([0, 0], dtype=np.int32),
        analyzer,
        seed=0,
        progress=unwatched,
    )
    assert set(counted.vocabulary) == {"ticket", "티켓"}


def test_of_many_documents_some_of_each_group_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_COUNTED", 120)
    groups = np.array([0] * 400 + [1] * 10 + [-1] * 30, dtype=np.int32)
    source = ListedTexts(["apple"] * 400 + ["pear"] * 40)
    counted = count_terms(source, groups, load_analyzer(), seed=1, progress=unwatched)
    assert np.bincount(counted.groups).tolist() == [110, 10]
    assert (np.diff(counted.positions) > 0).all()
    assert counted.by_group(2).toarray().tolist() == [[110, 0], [0, 10]]
    word = Surfaces(source, counted, load_analyzer()).of(0, [0])
    assert word == "apple"


def test_levels_hold_each_other() -> None:
    assert level_sizes(100, 3) == [22, 5]
    assert level_sizes(100, 1) == []
    assert level_sizes(3, 8) == [2]
    assert level_sizes(2, 4) == []
    draw = np.random.default_rng(0)
    centroids = draw.normal(size=(30, 4)).astype(np.float32)
    levels = join_clusters(centroids, 3)
    assert [len(level) for level in levels] == level_sizes(30, 3)
    for level in levels:
        assert sorted(row for group in level for row in group) == list(range(30))
    up = parents(levels[0], levels[1], 30)
    for group, place in zip(levels[0], up, strict=True):
        assert set(group) <= set(levels[1][place])


def test_representatives_are_near_and_different() -> None:
    around = np.radians([0, 1, 2, 120, 240])
    off = np.radians([20, 21, 21, 22, 22])
    vectors = np.stack([np.cos(off), np.sin(off) * np.cos(around), np.sin(off) * np.sin(around)], 1)
    vectors = vectors.astype(np.float32)
    similarity = vectors[:, 0].copy()
    labels = np.zeros(5, dtype=np.int32)
    (chosen,) = represent(vectors, labels, similarity, 1, Metric.COSINE)
    assert chosen[0] == 0
    assert set(chosen.tolist()) == {0, 3, 4}
    labels[[3, 4]] = -1
    (chosen,) = represent(vectors, labels, similarity, 1, Metric.COSINE)
    assert set(chosen.tolist()) == {0, 1, 2}


def test_silhouette_by_hand() -> None:
    vectors = np.array([[0.0], [1.0], [4.0]], dtype=np.float32)
    centroids = np.array([[0.5], [4.0]], dtype=np.float32)
    expected = ((3.5 / 4) + (2.5 / 3) + 1) / 3
    assert measure_silhouette(vectors, centroids, Metric.EUCLIDEAN) == pytest.approx(
        expected, abs=1e-6
    )
    assert measure_silhouette(vectors, centroids[:1], Metric.EUCLIDEAN) is None


def test_numbers_to_try_fit_the_documents() -> None:
    assert numbers_to_try(8, 1) == [2]
    assert numbers_to_try(100, 1)[-1] == 20
    assert numbers_to_try(400, 1)[-1] == 40
    assert numbers_to_try(100, 20)[-1] == 5
    many = numbers_to_try(1_000_000, 1)
    assert many[0] == 2
    assert many[-1] == 300
    assert many == sorted(set(many))


def test_of_numbers_nearly_as_good_as_the_best_that_nearest_to_the_root_is_taken() -> None:
    assert pick([(2, 0.1), (5, 0.28), (9, 0.3), (20, 0.31)], 30) == 5
    assert pick([(2, 0.1), (5, 0.27), (9, 0.3), (20, 0.31)], 30) == 9
    assert pick([(2, 0.1), (5, 0.28), (9, 0.3), (20, 0.31)], 400) == 20
    assert pick([(3, 0.9), (10, 0.3), (20, 0.4)], 400) == 3
    assert pick([(2, 0.0), (3, 0.0)], 4) == 2


def test_two_halves_do_not_hide_the_topics_of_a_collection() -> None:
    silhouettes = [(2, 0.170), (5, 0.106), (10, 0.108), (20, 0.130), (38, 0.166)]
    assert pick(silhouettes, 380) == 38
