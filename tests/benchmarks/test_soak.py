"""The soak, in its short form: everything in it is asked and answered as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.reliability.soak import Growth, Sample, soak
from benchmarks.reliability.soak_picture import draw
from service.resources import private_memory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(private_memory() == 0, reason="this system does not tell what a process takes")
def test_some_seconds_of_mixed_traffic(tmp_path: Path):
    result = soak(0.08, encoder="hash:64", ids=100, clients=4, pause=0.0)
    assert result["unexpected"] == {}
    kinds = {"search", "upsert", "bad", "job", "fill"}
    assert kinds <= {kind.split()[0] for kind in result["statuses"]}
    assert result["requests"] > 30
    growth = result["growth"]
    assert 1e7 < growth["private"]["most"] < growth["memory"]["most"] < 2e9
    assert growth["files"]["most"] < 200
    assert growth["threads"]["most"] < 100
    draw(result, tmp_path / "soak.svg", 0.2)
    assert (tmp_path / "soak.svg").read_text().rstrip().endswith("</svg>")


def test_growth_is_of_the_last_quarter_over_that_behind_the_warm_up():
    """100 samples: 20 of warm-up, then quarters of 20; single peaks count nothing."""
    memory = [1.0] * 20 + [100.0] * 20 + [500.0] * 40 + [103.0] * 20
    memory[25] = memory[90] = 10_000.0
    samples = [Sample(float(n), int(m), 0, 7, 9) for n, m in enumerate(memory)]
    growth = Growth.of(samples, "memory")
    assert (growth.first, growth.last) == (100, 103)
    assert growth.share == pytest.approx(0.03)
    assert Growth.of(samples, "files").share == 0
