"""Pydantic's findings as sentences."""

from __future__ import annotations

import pytest

from service.validation import describe_validation


@pytest.mark.parametrize(
    ("least", "needed"), [(1, "at least 1 is needed"), (1_000, "at least 1,000 are needed")]
)
def test_a_list_that_is_too_short_says_how_many_are_needed(least: int, needed: str) -> None:
    error = {
        "type": "too_short",
        "loc": ("body", "texts"),
        "msg": "List should have more items",
        "input": ["a", "b"],
        "ctx": {"min_length": least},
    }
    assert describe_validation([error]).message == f"texts is a list of 2 items; {needed}"
