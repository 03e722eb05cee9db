"""What a range test says of curves that are known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.training.checking.rates import RangeTest, check_rate, draw_range, read_range

if TYPE_CHECKING:
    from pathlib import Path

RATES = np.geomspace(1e-7, 10, 60).tolist()


def falling() -> RangeTest:
    """A loss of 1 that falls around 1e-3 to 0.2 and rises beyond 0.3 to 4."""
    logs = np.log10(RATES)
    fall = 0.8 / (1 + np.exp(-3 * (logs + 3)))
    rise = 3.8 / (1 + np.exp(-8 * (logs + 0.5)))
    return read_range(RATES, (1 - fall + rise).tolist())


def test_the_steepest_fall_is_suggested_and_the_rise_is_found() -> None:
    test = falling()
    assert test.suggested == pytest.approx(1e-3, rel=1.5)
    assert test.suggested is not None
    assert test.suggested > 1e-4
    assert test.diverged == pytest.approx(0.3, rel=0.6)


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    test = read_range(RATES, [1.0] * 60)
    assert (test.suggested, test.diverged) == (None, None)


def test_a_loss_that_is_no_number_at_once_diverges_from_the_first_rate() -> None:
    assert read_range(RATES[:3], [1.0, math.nan]).diverged == RATES[0]


def test_a_rate_is_judged_by_its_own_steps() -> None:
    test = falling()
    assert check_rate(test, 1e-3, (1.0, 0.7)).state == "passed"
    worse = check_rate(test, 1e-2, (1.0, 1.2))
    assert (worse.state, worse.value, worse.limit) == ("failed", 1.2, 1.1)
    assert check_rate(test, 1e-2, (1.0, math.inf)).state == "failed"
    beyond = check_rate(test, 5.0, (1.0, 0.9))
    assert beyond.state == "failed"
    assert "the range test diverges from" in beyond.sentence
    slow = check_rate(test, 1e-7, (1.0, 1.0))
    assert slow.state == "warned"
    assert "learns slowly" in slow.sentence
    assert worse.to_json()["details"]["suggested"] == test.suggested


def test_the_picture_is_written(tmp_path: Path) -> None:
    draw_range(falling(), tmp_path / "rate.png", rate=2e-4)
    assert (tmp_path / "rate.png").read_bytes().startswith(b"\x89PNG")
