"""Short form of `python -m benchmarks.reliability fuzz`: some damaged inputs a target."""

from __future__ import annotations

import random
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from benchmarks.reliability.fuzz import fuzz, share
from benchmarks.reliability.fuzzing.table import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

TRIES = 60


def damaged(seeds: list[bytes], source: random.Random) -> bytes:
    """A seed with bytes changed, left out, doubled, or joined with another."""
    data = bytearray(source.choice(seeds))
    for _ in range(source.randint(0, 4)):
        place = source.randrange(len(data) + 1)
        kind = source.randrange(4)
        if kind == 0:
            data[place : place + 1] = source.randbytes(1)
        elif kind == 1:
            del data[place : place + source.randint(1, 8)]
        elif kind == 2:
            data[place:place] = data[: source.randint(0, 16)]
        else:
            data[place:] = source.choice(seeds)[place:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_only_documented_errors_leave(name: str, tmp_path: Path) -> None:
    target, source = TARGETS[name], random.Random(name)
    seeds = target.seeds(tmp_path)
    one = target.make(tmp_path)
    for data in [*seeds, b"", *(damaged(seeds, source) for _ in range(TRIES))]:
        one(data)


def test_executions_are_shared_by_weight() -> None:
    shares = share(list(TARGETS), 1_000_000)
    assert sum(shares.values()) >= 1_000_000
    assert shares["filter"] == max(shares.values())
    assert share(["csv"], 7) == {"csv": 7}


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this platform")
def test_libfuzzer_counts_and_covers() -> None:
    found = fuzz("cursor", 500, seed=1)
    assert (found["executions"], found["crashes"]) == (500, [])
    assert found["branches"] > 10
