from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import InvalidFilterError
from indexing.filter_conditions import HasId, IsEmpty, IsNull, Match, MatchText, Range
from indexing.filter_values import Key, Values
from indexing.filters import MAX_CONDITIONS, MAX_DEPTH, Filter, MinShould

YEAR = {"key": "year", "match": {"value": 2025}}
YEAR_READ = Match(Key(("year",)), "value", Values(numbers=(2025,)))


def nested(depth: int) -> dict[str, Any]:
    """A filter of so many filters inside one another, itself counted."""
    data: dict[str, Any] = {"must": [YEAR]}
    for _ in range(depth - 1):
        data = {"must": [data]}
    return data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, Filter()),
        ({"must": [], "should": [], "must_not": []}, Filter()),
        ({"must": [YEAR]}, Filter(must=(YEAR_READ,))),
        ({"must": YEAR}, Filter(must=(YEAR_READ,))),
        ({"should": YEAR, "must_not": [YEAR]}, Filter(should=(YEAR_READ,), must_not=(YEAR_READ,))),
        ({"must": [{}]}, Filter(must=(Filter(),))),
        ({"must": {"should": [YEAR]}}, Filter(must=(Filter(should=(YEAR_READ,)),))),
        (
            {"min_should": {"conditions": [YEAR, YEAR], "min_count": 2}},
            Filter(min_should=MinShould((YEAR_READ, YEAR_READ), 2)),
        ),
        (
            {"min_should": {"conditions": YEAR, "min_count": 1}},
            Filter(min_should=MinShould((YEAR_READ,), 1)),
        ),
        (
            {"must": [{"is_empty": {"key": "저자.이름"}}]},
            Filter(must=(IsEmpty(Key(("저자", "이름"))),)),
        ),
        ({"must": [{"is_null": {"key": "a[].b"}}]}, Filter(must=(IsNull(Key(("a", None, "b"))),))),
        ({"must": [{"has_id": ["b", "a", "b"]}]}, Filter(must=(HasId(("a", "b")),))),
        ({"must": [{"has_id": []}]}, Filter(must=(HasId(()),))),
        (
            {"must": [{"key": "t", "match": {"text": "대한 민국"}}]},
            Filter(must=(MatchText(Key(("t",)), "대한 민국"),)),
        ),
        (
            {"must": [{"key": "n", "range": {"lt": 3, "gte": 1.5}}]},
            Filter(must=(Range(Key(("n",)), gte=1.5, lt=3),)),
        ),
        (
            {"must": [{"key": "n", "range": {"gt": "2025-04-02", "lte": "2025-04-03T00:00:00Z"}}]},
            Filter(must=(Range(Key(("n",)), gt="2025-04-02", lte="2025-04-03T00:00:00Z"),)),
        ),
        (
            {"must": [{"key": "k", "match": {"any": ["b", True, 2, "a", 1.0, 1, 0.5]}}]},
            Filter(must=(Match(Key(("k",)), "any", Values(("a", "b"), (0.5, 1, 2), (True,))),)),
        ),
        (
            {"must": [{"key": "k", "match": {"except": []}}]},
            Filter(must=(Match(Key(("k",)), "except", Values()),)),
        ),
    ],
)
def test_parse_reads_the_grammar(data: object, expected: Filter) -> None:
    assert Filter.parse(data) == expected


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[]", ("a", None)),
        ("a[][].b", ("a", None, None, "b")),
        ("a[0]", ("a[0]",)),
        ("[]a", ("[]a",)),
        ('a b.$.*."q".\'.\\.한글', ("a b", "$", "*", '"q"', "'", "\\", "한글")),
    ],
)
def test_only_dots_and_closing_brackets_cut_keys(text: str, steps: tuple[str | None, ...]) -> None:
    parsed = Filter.parse({"must": {"is_null": {"key": text}}})
    assert parsed == Filter(must=(IsNull(Key(steps)),))
    assert parsed.to_json() == {"must": [{"is_null": {"key": text}}]}


def test_to_json_is_canonical() -> None:
    data = {
        "min_should": {"min_count": 1, "conditions": YEAR},
        "should": [],
        "must_not": {"has_id": ["b", "a", "a"]},
        "must": [
            {"match": {"any": [True, 2.0, "b", "a", 1]}, "key": "k"},
            {"range": {"lt": 5.0, "gt": -0.5}, "key": "n"},
            {"must": []},
        ],
    }
    assert json.dumps(Filter.parse(data).to_json()) == json.dumps(
        {
            "must": [
                {"key": "k", "match": {"any": ["a", "b", 1, 2, True]}},
                {"key": "n", "range": {"gt": -0.5, "lt": 5}},
                {},
            ],
            "must_not": [{"has_id": ["a", "b"]}],
            "min_should": {"conditions": [YEAR], "min_count": 1},
        }
    )


def test_filters_are_values() -> None:
    def of(value: object) -> Filter:
        return Filter.parse({"must": {"key": "k", "match": {"any": [value]}}})

    assert of(1) == of(1.0)
    assert len({of(1), of(1.0), of(True), of("1"), of(0), of(False)}) == 5


ANY = "must[0].match.any"
ERRORS: list[tuple[object, str, str]] = [
    (None, "", "a filter is null; it must be an object; allowed here: must, should"),
    ([], "", "a filter is a list"),
    ({"mst": []}, "mst", "allowed here: must, should, must_not, min_should"),
    ({1: []}, "1", "unknown word"),
    (YEAR, "key", 'write {"must": [{...}]}'),
    ({"must": None}, "must", "is null; it must be a list"),
    ({"must": "x"}, "must", "is 'x'; it must be a list"),
    ({"must": [3]}, "must[0]", "a condition is 3"),
    ({"must": [YEAR, {"kye": "a"}]}, "must[1].kye", "allowed here: key, match, range, is_empty"),
    ({"must": {"kye": "a"}}, "must.kye", "unknown word"),
    ({"must": [{"match": {"value": 1}}]}, "must[0]", "without key"),
    ({"must": [{"key": "a"}]}, "must[0]", "it needs match or range"),
    ({"must": [YEAR | {"range": {"gt": 1}}]}, "must[0].range", "cannot stand beside match"),
    ({"must": [YEAR | {"must": []}]}, "must[0].key", "cannot stand beside must"),
    ({"must": [{"key": 5, "match": {"value": 1}}]}, "must[0].key", "a key is 5"),
    ({"must": [{"key": "", "match": {"value": 1}}]}, "must[0].key", "segment without a name"),
    ({"must": [{"key": "a..b", "match": {"value": 1}}]}, "must[0].key", "'a..b'"),
    ({"must": [{"key": "a.[]", "match": {"value": 1}}]}, "must[0].key", "segment without a name"),
    ({"must": [{"key": "k" * 513, "match": {"value": 1}}]}, "must[0].key", "at most 512"),
    ({"must": [{"key": "a" + "[]" * 16, "match": {"value": 1}}]}, "must[0].key", "at most 16"),
    ({"must": [{"key": "a\0", "match": {"value": 1}}]}, "must[0].key", "U+0000"),
    ({"must": [{"key": "a", "match": {}}]}, "must[0].match", "value, any, except or text"),
    ({"must": [{"key": "a", "match": 1}]}, "must[0].match", "match is 1; it must be an object"),
    (
        {"must": [{"key": "a", "match": {"vlue": 1}}]},
        "must[0].match.vlue",
        "allowed here: value, any, except, text",
    ),
    (
        {"must": [{"key": "a", "match": {"value": 1, "any": [1]}}]},
        "must[0].match.any",
        "cannot stand beside value",
    ),
    ({"must": [{"key": "a", "match": {"value": None}}]}, "must[0].match.value", "use is_null"),
    ({"must": [{"key": "a", "match": {"value": [1]}}]}, "must[0].match.value", "is a list"),
    ({"must": [{"key": "a", "match": {"value": {}}}]}, "must[0].match.value", "is an object"),
    ({"must": [{"key": "a", "match": {"value": math.nan}}]}, "must[0].match.value", "finite"),
    ({"must": [{"key": "a", "match": {"value": 2**63}}]}, "must[0].match.value", "64 bits"),
    ({"must": [{"key": "a", "match": {"value": 10**5000}}]}, "must[0].match.value", "64 bits"),
    ({"must": [{"key": "a", "match": {"value": "\ud800"}}]}, "must[0].match.value", "surrogate"),
    ({"must": [{"key": "a", "match": {"any": "x"}}]}, ANY, "it must be a list"),
    ({"must": [{"key": "a", "match": {"any": [1, []]}}]}, f"{ANY}[1]", "is a list"),
    ({"must": [{"key": "a", "match": {"any": [1] * 65_537}}]}, ANY, "at most 65,536"),
    ({"must": [{"key": "a", "match": {"except": [None]}}]}, "must[0].match.except[0]", "null"),
    ({"must": [{"key": "a", "match": {"text": 5}}]}, "must[0].match.text", "it must be a string"),
    ({"must": [{"key": "a", "match": {"text": " \u3000"}}]}, "must[0].match.text", "blank"),
    ({"must": [{"key": "a", "range": {}}]}, "must[0].range", "gt, gte, lt, lte"),
    ({"must": [{"key": "a", "range": [1, 2]}]}, "must[0].range", "range is a list"),
    (
        {"must": [{"key": "a", "range": {"ge": 1}}]},
        "must[0].range.ge",
        "allowed here: gt, gte, lt, lte",
    ),
    ({"must": [{"key": "a", "range": {"gte": None}}]}, "must[0].range.gte", "a bound is null"),
    ({"must": [{"key": "a", "range": {"gte": True}}]}, "must[0].range.gte", "a bound is true"),
    ({"must": [{"key": "a", "range": {"gte": math.nan}}]}, "must[0].range.gte", "finite"),
    ({"must": [{"key": "a", "range": {"gte": -math.inf}}]}, "must[0].range.gte", "finite"),
    ({"must": [{"key": "a", "range": {"gte": -(2**63) - 1}}]}, "must[0].range.gte", "64 bits"),
    ({"must": [{"key": "a", "range": {"gte": "5"}}]}, "must[0].range.gte", "RFC 3339"),
    (
        {"must": [{"key": "a", "range": {"gte": 1, "lt": "2025-04-02"}}]},
        "must[0].range.lt",
        "lt is '2025-04-02' but gte is 1",
    ),
    ({"must": [{"is_empty": "a"}]}, "must[0].is_empty", "must be an object; allowed here: key"),
    ({"must": [{"is_empty": {}}]}, "must[0].is_empty", "it needs key"),
    ({"must": [{"is_null": {"kye": "a"}}]}, "must[0].is_null.kye", "allowed here: key"),
    ({"must": [{"is_null": {"key": "a"}, "key": "a"}]}, "must[0].key", "cannot stand beside"),
    ({"must": [{"is_null": {"key": "a"}, "must": []}]}, "must[0].is_null", "cannot stand beside"),
    ({"must": [{"has_id": "a"}]}, "must[0].has_id", "it must be a list"),
    ({"must": [{"has_id": ["a", 1]}]}, "must[0].has_id[1]", "an id is 1; it must be a string"),
    ({"must": [{"has_id": ["a"] * 65_537}]}, "must[0].has_id", "at most 65,536"),
    ({"must_not": [{"should": [{"x": 1}]}]}, "must_not[0].should[0].x", "unknown word"),
    ({"min_should": []}, "min_should", "must be an object; allowed here: conditions, min_count"),
    ({"min_should": {"conditions": [YEAR]}}, "min_should", "conditions and min_count"),
    ({"min_should": {"conditions": [YEAR], "mincount": 1}}, "min_should.mincount", "allowed here"),
    (
        {"min_should": {"conditions": [{}, 1], "min_count": 1}},
        "min_should.conditions[1]",
        "a condition is 1",
    ),
    (
        {"min_should": {"conditions": [YEAR], "min_count": 0}},
        "min_should.min_count",
        "min_count is 0; it must be from 1 to",
    ),
    (
        {"min_should": {"conditions": [YEAR], "min_count": 2}},
        "min_should.min_count",
        "conditions, 1",
    ),
    ({"min_should": {"conditions": [], "min_count": 1}}, "min_should.min_count", "conditions, 0"),
    ({"min_should": {"conditions": [YEAR], "min_count": True}}, "min_should.min_count", "integer"),
    ({"min_should": {"conditions": [YEAR], "min_count": 1.0}}, "min_should.min_count", "integer"),
    (nested(MAX_DEPTH + 1), ".".join(["must[0]"] * MAX_DEPTH), "more than 32 deep"),
    ({"must": [YEAR] * 1_025}, "must", "at most 1,024"),
    (
        {"must": [YEAR] * 1_000, "should": [YEAR] * 25},
        "should[24]",
        "more than 1,024 conditions",
    ),
]


@pytest.mark.parametrize(("data", "path", "words"), ERRORS)
def test_anything_else_is_refused_with_its_path(data: object, path: str, words: str) -> None:
    with pytest.raises(InvalidFilterError) as caught:
        Filter.parse(data)
    assert caught.value.path == path
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: " if path else "a filter")


def test_what_stands_at_the_limits_is_read() -> None:
    assert Filter.parse(nested(MAX_DEPTH)).to_json() == nested(MAX_DEPTH)
    assert len(Filter.parse({"must": [YEAR] * MAX_CONDITIONS}).must) == MAX_CONDITIONS
    ids = [str(number) for number in range(65_536)]
    assert Filter.parse({"must": {"has_id": ids}}) == Filter(must=(HasId(tuple(sorted(ids))),))
    key = "k" * 512
    assert Filter.parse({"must": {"is_null": {"key": key}}}) == Filter(must=(IsNull(Key((key,))),))
    for number in (2**63 - 1, -(2**63), 1e300):
        read = Filter.parse({"must": {"key": "a", "match": {"value": number}}}).must[0]
        assert read == Match(Key(("a",)), "value", Values(numbers=(number,)))


def test_messages_are_printable_and_short() -> None:
    with pytest.raises(InvalidFilterError) as caught:
        Filter.parse({"\ud800\n" + "긴" * 10_000: []})
    assert caught.value.path.startswith("\\ud800\\n긴")
    assert len(str(caught.value)) < 200
    str(caught.value).encode()


WORDS = [
    *("must", "should", "must_not", "min_should", "conditions", "min_count", "key", "match"),
    *("range", "value", "any", "except", "text", "gt", "gte", "lt", "lte", "is_empty", "is_null"),
    *("has_id", "a", "a.b[]", "2025-04-02", "", "\0", "\ud800"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(WORDS)
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=25,
)
CONDITION_LIKE = st.fixed_dictionaries(
    {},
    optional={
        "key": st.sampled_from(["a", "a[].b"]) | JUNK,
        "match": st.dictionaries(st.sampled_from(WORDS[9:13]), JUNK, max_size=2),
        "range": st.dictionaries(st.sampled_from(WORDS[13:17]), SCALARS, max_size=2),
        "is_empty": st.fixed_dictionaries({"key": SCALARS}),
        "has_id": st.lists(SCALARS, max_size=3),
    },
)
FILTER_LIKE = st.dictionaries(
    st.sampled_from(WORDS[:4]), st.lists(CONDITION_LIKE, max_size=3) | CONDITION_LIKE | JUNK
)


@settings(max_examples=400, deadline=None)
@given(JUNK | FILTER_LIKE)
def test_junk_is_refused_or_survives_the_round_trip(data: object) -> None:
    try:
        parsed = Filter.parse(data)
    except InvalidFilterError as error:
        str(error).encode()
        return
    written = json.dumps(parsed.to_json(), allow_nan=False)
    assert Filter.parse(json.loads(written)) == parsed
    assert hash(Filter.parse(json.loads(written))) == hash(parsed)
