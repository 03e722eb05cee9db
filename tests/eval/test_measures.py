"""Measures against values worked out by hand, and laws that hold for every ranking."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.errors import MeasureError
from eval.measures import DEFAULT_MEASURES, FAMILIES, Measure, evaluate, parse_measures

GRADES = {"a": 3, "b": 2, "c": 1, "d": 0, "e": -1}
"""Best order a b c: DCG 3/1 + 2/log2(3) + 1/2."""
IDEAL = 3 + 2 / math.log2(3) + 1 / 2


@pytest.mark.parametrize(
    ("measure", "ranking", "value"),
    [
        # graded gains: the grade itself, discounted by log2(rank + 1)
        ("nDCG@10", "abc", 1.0),
        ("nDCG@10", "cba", (1 + 2 / math.log2(3) + 3 / 2) / IDEAL),
        ("nDCG@10", "xa", (3 / math.log2(3)) / IDEAL),
        ("nDCG@10", "dea", (3 / 2) / IDEAL),  # grades 0 and -1 gain nothing and cost their rank
        ("nDCG@2", "abc", 1.0),  # the ideal is cut as well
        ("nDCG@2", "cb", (1 + 2 / math.log2(3)) / (3 + 2 / math.log2(3))),
        ("nDCG@1", "b", 2 / 3),
        ("nDCG", "xxxxxxxxxxxa", (3 / math.log2(13)) / IDEAL),
        ("Recall@1", "abc", 1 / 3),
        ("Recall@2", "xbc", 1 / 3),
        ("Recall@100", "xbxcxa", 1.0),
        ("P@1", "a", 1.0),
        ("P@4", "axb", 0.5),  # divided by k, however few were answered
        ("P@10", "de", 0.0),
        ("MRR@10", "xxb", 1 / 3),
        ("MRR@2", "xxb", 0.0),
        ("MRR", "xxxxxxxxxxxxxb", 1 / 14),
        ("MAP", "axbxxc", (1 + 2 / 3 + 3 / 6) / 3),
        ("MAP@3", "axbxxc", (1 + 2 / 3) / 3),
        ("MAP@1", "a", 1 / 3),  # over all relevant documents, not over min(k, relevant)
        ("Success@1", "xa", 0.0),
        ("Success@2", "xa", 1.0),
        ("Success@2", "de", 0.0),
        *((str(measure), "", 0.0) for measure in DEFAULT_MEASURES),
    ],
)
def test_values_worked_out_by_hand(measure: str, ranking: str, value: float):
    ids = [f"x{rank}" if id_ == "x" else id_ for rank, id_ in enumerate(ranking)]
    assert Measure.parse(measure).value(ids, GRADES) == pytest.approx(value, abs=1e-12)


def test_an_unanswered_query_counts_zero_and_an_unjudged_one_not_at_all():
    qrels = {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 1}, "q4": {"d": 0}}
    rankings = {"q1": ["a"], "q2": [], "other": ["a"], "q4": ["d"]}
    for values in evaluate(DEFAULT_MEASURES, qrels, rankings).values():
        assert list(values) == ["q1", "q2", "q3", "q4"]
        assert values["q1"] > 0
        assert [values[query] for query in ("q2", "q3", "q4")] == [0, 0, 0]


@pytest.mark.parametrize("measure", ["nDCG@10", "MRR@10", "MRR", "MAP@100", "P@1", "Success@1"])
def test_the_order_judged_is_the_order_answered(measure: str):
    """Engines break ties by id, some up, some down; neither may happen to an answered order."""
    parsed = Measure.parse(measure)
    for first, second in (("a", "b"), ("b", "a")):
        assert parsed.value([first, second], {first: 1}) == 1.0
        assert parsed.value([first, second], {second: 1}) < 1.0


def test_ranks_deeper_than_float32_scores_are_told_apart():
    ranking = [f"d{rank:06}" for rank in range(30_000)]
    value = Measure.parse("MRR").value(ranking, {ranking[25_000]: 1})
    assert value == pytest.approx(1 / 25_001, rel=1e-9)


def test_names_are_read_in_any_spelling_and_written_in_one():
    spellings = ["ndcg@10", "R@5", "recall@5", "Precision@3", "rr@10", "AP", "accuracy@1", "nDCG"]
    assert [str(Measure.parse(text)) for text in spellings] == [
        "nDCG@10", "Recall@5", "Recall@5", "P@3", "MRR@10", "MAP", "Success@1", "nDCG",
    ]  # fmt: skip
    assert parse_measures(["R@5", "Recall@5", "P@1"]) == (Measure("Recall", 5), Measure("P", 1))
    assert parse_measures([]) == DEFAULT_MEASURES
    assert [str(measure) for measure in DEFAULT_MEASURES] == [
        "nDCG@10", "Recall@10", "Recall@100", "P@10", "MRR@10", "MAP@100", "Success@1",
        "Success@10",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["F1@10", "nDCG@", "nDCG@-1", "nDCG@ten", "", "@10", "nDCG@10@5"])
def test_an_unknown_measure_lists_those_known(text: str):
    with pytest.raises(MeasureError, match="is unknown; there are nDCG, Recall, P, MRR, MAP"):
        Measure.parse(text)


@pytest.mark.parametrize("text", ["nDCG@0", "Recall", "P", "Success"])
def test_a_cutoff_that_is_needed_is_asked_for(text: str):
    with pytest.raises(MeasureError, match="needs a cutoff of 1 or more"):
        Measure.parse(text)


def test_a_document_answered_twice_is_refused():
    with pytest.raises(MeasureError, match="document 'b' stands twice in the answer to query 'q'"):
        evaluate(DEFAULT_MEASURES, {"q": {"a": 1}}, {"q": ["a", "b", "b"]})


MEASURES = st.builds(Measure, st.sampled_from(sorted(FAMILIES)), st.integers(1, 12))
DOCUMENTS = [f"d{number}" for number in range(10)]
RANKINGS = st.lists(st.sampled_from(DOCUMENTS), unique=True)
JUDGED = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(-1, 3), min_size=1)


@given(MEASURES, RANKINGS, JUDGED)
def test_values_lie_between_zero_and_one(
    measure: Measure, ranking: list[str], grades: dict[str, int]
):
    assert 0 <= measure.value(ranking, grades) <= 1 + 1e-9


@given(MEASURES, RANKINGS, JUDGED)
def test_a_perfect_order_is_at_least_as_good_as_any(
    measure: Measure, ranking: list[str], grades: dict[str, int]
):
    perfect = sorted(grades, key=lambda id_: -grades[id_])
    assert measure.value(perfect, grades) >= measure.value(ranking, grades) - 1e-9


@given(MEASURES, RANKINGS, JUDGED, st.data())
def test_moving_a_better_document_up_never_costs(
    measure: Measure, ranking: list[str], grades: dict[str, int], data: st.DataObject
):
    if len(ranking) < 2:
        return
    upper = data.draw(st.integers(0, len(ranking) - 2))
    above, below = ranking[upper : upper + 2]
    if grades.get(below, 0) < grades.get(above, 0):
        above, below = below, above
    worse = [*ranking[:upper], above, below, *ranking[upper + 2 :]]
    better = [*ranking[:upper], below, above, *ranking[upper + 2 :]]
    assert measure.value(better, grades) >= measure.value(worse, grades) - 1e-9


@given(st.sampled_from(["Recall", "Success", "MRR", "MAP"]), RANKINGS, JUDGED)
def test_looking_deeper_never_lowers(family: str, ranking: list[str], grades: dict[str, int]):
    values = [Measure(family, cutoff).value(ranking, grades) for cutoff in range(1, 12)]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(values))
