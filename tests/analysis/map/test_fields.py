"""What documents of a map say of a field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from analysis.errors import InvalidAnalysisError
from analysis.map.fields import Field, read_field
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection

    Make = Callable[..., LocalCollection]

NAN = float("nan")


@pytest.fixture
def make(data: DataFolder) -> Make:
    def made(*metadata: dict[str, Any]) -> LocalCollection:
        collection = data.create("faq", encoder="hash:16")
        documents = [
            Document(f"d{number}", "text", metadata=each) for number, each in enumerate(metadata)
        ]
        collection.add(documents, vectors=np.eye(16, dtype=np.float32)[: len(documents)])
        return collection

    return made


def read(collection: LocalCollection, key: str, n: int) -> Field:
    return read_field(collection, [f"d{number}" for number in range(n)], key)


def test_values_are_counted_most_frequent_first(make: Make):
    said = [{"lang": "en"}, {"lang": "ko"}, {}, {"lang": "ko"}, {"lang": None}]
    field = read(make(*said), "lang", 5)
    assert (field.kind, field.values) == ("values", ("ko", "en"))
    assert field.codes.tolist() == [1, 0, -1, 0, -1]


def test_true_is_not_one(make: Make):
    field = read(make({"x": True}, {"x": 1}, {"x": True}), "x", 3)
    assert [repr(value) for value in field.values] == ["True", "1"]
    assert field.codes.tolist() == [0, 1, 0]


def test_numbers_and_times_are_numbers(make: Make):
    collection = make(
        {"year": 2021, "at": "2021-05-01", "deep": [{"price": 1.5}]},
        {"at": "2021-05-01T09:00:00+09:00", "deep": [{"price": 2}, {"price": 9}]},
        {"year": 2024.5, "deep": []},
    )
    year = read(collection, "year", 3)
    assert year.kind == "numbers"
    np.testing.assert_array_equal(year.numbers, [2021, NAN, 2024.5])
    at = read(collection, "at", 3)
    day = datetime(2021, 5, 1, tzinfo=UTC).timestamp()
    assert at.kind == "times"
    np.testing.assert_array_equal(at.numbers, [day, day, NAN])
    np.testing.assert_array_equal(read(collection, "deep[].price", 3).numbers, [1.5, 2, NAN])


def test_positions_follow_the_ids_given_and_deleted_documents_say_nothing(make: Make):
    collection = make({"x": "a"}, {"x": "b"}, {"x": "b"})
    collection.delete(["d1"])
    field = read_field(collection, ["d2", "d1", "d0", "gone"], "x")
    assert field.values == ("a", "b")
    assert field.codes.tolist() == [1, -1, 0, -1]


def test_a_field_that_nobody_has(make: Make):
    field = read(make({"x": {"y": "a"}}, {}), "x", 2)
    assert (field.kind, field.values, field.codes.tolist()) == ("values", (), [-1, -1])


def test_rare_values_beyond_two_hundred_are_left_out(make: Make):
    collection = make(*({"x": f"v{number // 2}"} for number in range(8)))
    collection.add([Document(f"e{n}", "text", metadata={"x": f"w{n:03}"}) for n in range(300)])
    ids = [f"d{n}" for n in range(8)] + [f"e{n}" for n in range(300)]
    field = read_field(collection, ids, "x")
    assert field.values[:5] == ("v0", "v1", "v2", "v3", "w000")
    assert len(field.values) == 200
    assert field.codes[-1] == -1


@pytest.mark.parametrize("key", ["", "a..b", "[]"])
def test_a_key_that_cannot_be_is_refused(make: Make, key: str):
    with pytest.raises(InvalidAnalysisError) as refused:
        read(make({}), key, 1)
    assert refused.value.field == "key"
