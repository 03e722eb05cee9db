"""Random documents and filters, and an oracle over JSON, not over the tree a filter becomes."""

from __future__ import annotations

import unicodedata
from typing import Any, TypeAlias

from hypothesis import strategies as st

Json: TypeAlias = Any

KEYS = ["a", "b", "한글", 'q"uote', "it's", "back\\slash", "$", "*", "a b", "[0]", "new\nline", "é"]

# Tenths of microseconds since the midnight at which 2025-04-02 begins in UTC
TIMES = {
    "2025-04-02": 0,
    "2025-04-02T00:00:00Z": 0,
    "2025-04-02T09:00:00+09:00": 0,
    "2025-04-01T20:00:00-04:00": 0,
    "2025-04-02T00:00:00.00000001Z": 0.1,
    "2025-04-02T00:00:00.0000001Z": 1,
    "2025-04-02T00:00:00.5Z": 5_000_000,
    "2025-04-02T00:00:01": 10_000_000,
    "2025-04-01": -864_000_000_000,
    "2025-04-02T00:00:00+09:00": -324_000_000_000,
}


def resolve(value: Json, segments: list[str]) -> list[Any]:
    if not segments:
        return [value]
    name = segments[0]
    walks = 0
    while name.endswith("[]"):
        name, walks = name[:-2], walks + 1
    if not isinstance(value, dict) or name not in value:
        return []
    found = [value[name]]
    for _ in range(walks):
        found = [element for item in found if isinstance(item, list) for element in item]
    return [end for item in found for end in resolve(item, segments[1:])]


def is_same(value: Json, wanted: Json) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def fold(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_match(value: Json, word: str, wanted: Json) -> bool:
    if word == "value":
        return is_same(value, wanted)
    if word == "any":
        return any(is_same(value, one) for one in wanted)
    if word == "except":
        return value is not None and not any(is_same(value, one) for one in wanted)
    return isinstance(value, str) and all(part in fold(value) for part in fold(wanted).split())


def is_within(value: Json, bounds: dict[str, Any]) -> bool:
    if isinstance(next(iter(bounds.values())), str):
        bounds = {word: TIMES[bound] for word, bound in bounds.items()}
        value = TIMES.get(value) if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(
        [
            value > bounds.get("gt", float("-inf")),
            value >= bounds.get("gte", float("-inf")),
            value < bounds.get("lt", float("inf")),
            value <= bounds.get("lte", float("inf")),
        ]
    )


def satisfies_condition(condition: dict[str, Any], id_: str, metadata: dict[str, Any]) -> bool:
    if "has_id" in condition:
        return id_ in condition["has_id"]
    if "is_empty" in condition:
        ends = resolve(metadata, condition["is_empty"]["key"].split("."))
        return all(end in (None, []) for end in ends)
    if "is_null" in condition:
        ends = resolve(metadata, condition["is_null"]["key"].split("."))
        return any(end is None or (isinstance(end, list) and None in end) for end in ends)
    if "key" not in condition:
        return satisfies(condition, id_, metadata)
    ends = resolve(metadata, condition["key"].split("."))
    values = [item for end in ends for item in (end if isinstance(end, list) else [end])]
    if "range" in condition:
        return any(is_within(value, condition["range"]) for value in values)
    ((word, wanted),) = condition["match"].items()
    return any(is_match(value, word, wanted) for value in values)


def satisfies(filter: dict[str, Any], id_: str, metadata: dict[str, Any]) -> bool:
    def check(conditions: list[dict[str, Any]]) -> list[bool]:
        return [satisfies_condition(condition, id_, metadata) for condition in conditions]

    least = filter.get("min_should", {"conditions": [], "min_count": 0})
    return (
        all(check(filter.get("must", [])))
        and (not filter.get("should") or any(check(filter["should"])))
        and not any(check(filter.get("must_not", [])))
        and sum(check(least["conditions"])) >= least["min_count"]
    )


NAMES = st.sampled_from(KEYS[:2] * 3 + KEYS)
PLAIN: st.SearchStrategy[Any] = (
    st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 0.5, 1.0, -1.5, 0.1, 1e300, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1])
    | st.sampled_from(
        ["", "1", "true", "[]", "가", "가나 다", "나 STRASSE", "straße", "\u1100\u1161"]
    )
    | st.sampled_from(list(TIMES))
)
DOCUMENTS = st.lists(
    st.dictionaries(
        NAMES,
        st.recursive(
            st.none() | PLAIN,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    ),
    min_size=1,
    max_size=6,
)
PATH = st.lists(
    st.builds("{}{}".format, NAMES, st.sampled_from(["", "", "[]", "[][]"])), max_size=3
)
KEY = st.builds("a{}".format, st.sampled_from(["", ".b", "[]", "[].a", "[].b[]"])) | PATH.filter(
    bool
).map(".".join)
BOUNDS = st.sampled_from(["gt", "gte", "lt", "lte"])
TESTS = st.one_of(
    st.fixed_dictionaries({"match": st.fixed_dictionaries({"value": PLAIN})}),
    st.fixed_dictionaries({"match": st.fixed_dictionaries({"any": st.lists(PLAIN, max_size=4)})}),
    st.fixed_dictionaries(
        {"match": st.fixed_dictionaries({"except": st.lists(PLAIN, max_size=4)})}
    ),
    st.sampled_from(["가", "나", "다 가", "strasse", "1", "2025"]).map(
        lambda text: {"match": {"text": text}}
    ),
    st.dictionaries(
        BOUNDS,
        st.sampled_from([-1, 0, 0.5, 1, 2.0, 2**53, 2**53 + 1, 2**63 - 1, 2.0**63]),
        min_size=1,
    ).map(lambda bounds: {"range": bounds}),
    st.dictionaries(BOUNDS, st.sampled_from(list(TIMES)), min_size=1).map(
        lambda bounds: {"range": bounds}
    ),
)
LEAVES = st.one_of(
    st.builds(lambda key, test: {"key": key, **test}, KEY, TESTS),
    st.builds(
        lambda word, key: {word: {"key": key}}, st.sampled_from(["is_empty", "is_null"]), KEY
    ),
    st.lists(st.sampled_from(["id-0", "id-1", "id-2", "id"]), max_size=3).map(
        lambda ids: {"has_id": ids}
    ),
)


def to_filters(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(conditions, max_size=3)
    counted = st.lists(conditions, min_size=1, max_size=4).flatmap(
        lambda items: st.fixed_dictionaries(
            {"conditions": st.just(items), "min_count": st.integers(1, len(items))}
        )
    )
    return st.fixed_dictionaries(
        {}, optional={"must": lists, "should": lists, "must_not": lists, "min_should": counted}
    )


FILTERS = to_filters(st.recursive(LEAVES, to_filters, max_leaves=6))
