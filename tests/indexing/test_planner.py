"""Which index is chosen for how many vectors and how much memory."""

from __future__ import annotations

import pytest

from indexing.errors import InvalidRequestError
from indexing.planner import IndexWish, expected_bytes, possible_kinds


@pytest.mark.parametrize(
    ("rows", "dim", "wish", "kinds"),
    [
        (0, 384, IndexWish(), ("flat",)),
        (52_083, 384, IndexWish(), ("flat",)),
        (52_084, 384, IndexWish(), ("ivf-pq", "hnsw", "hnsw-sq8")),
        (1_000_000, 384, IndexWish(memory=700_000_000), ("ivf-pq", "hnsw-sq8")),
        (1_000_000, 384, IndexWish(memory=2_000_000_000), ("ivf-pq", "hnsw", "hnsw-sq8")),
        (1_000_000, 384, IndexWish(memory=100_000_000), ("ivf-pq",)),
        (1_000_000, 384, IndexWish(recall=1.0), ("flat",)),
        (100, 8, IndexWish(kind="hnsw"), ("hnsw",)),
        (1_000_000, 384, IndexWish(kind="flat", memory=1), ("flat",)),
    ],
)
def test_kinds(rows: int, dim: int, wish: IndexWish, kinds: tuple[str, ...]) -> None:
    assert possible_kinds(rows, dim, wish) == kinds


def test_bytes_follow_from_the_layout() -> None:
    """Half a byte for four numbers, 8 for the row, and a share of a centre."""
    assert expected_bytes("ivf-pq", 1000, 384) == round(1000 * (48 + 8 + 5.12))
    assert expected_bytes("hnsw", 1000, 384) == 1000 * (1536 + 256 + 24)
    assert expected_bytes("hnsw-sq8", 1000, 384) == 1000 * (384 + 256 + 24)
    assert expected_bytes("flat", 1000, 384) == 1000 * 1536


def test_too_little_memory_says_how_much_would_do() -> None:
    with pytest.raises(InvalidRequestError, match="memory is 1,000,000 bytes; 61,120,000 would"):
        possible_kinds(1_000_000, 384, IndexWish(memory=1_000_000))
    with pytest.raises(InvalidRequestError, match="1,816,000,000 would do for an index of kind hn"):
        possible_kinds(1_000_000, 384, IndexWish(memory=1_000_000, kind="hnsw"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recall": 0.0}, "recall is 0.0; above 0 to 1 is possible"),
        ({"recall": 1.01}, "recall is 1.01"),
        ({"recall": float("nan")}, "recall is nan"),
        ({"memory": 0}, "memory is 0 bytes; 1 or more"),
        ({"kind": "annoy"}, "index kind 'annoy' is unknown; this version has flat, hnsw"),
    ],
)
def test_impossible_wishes_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        IndexWish(**values)  # type: ignore[arg-type]
