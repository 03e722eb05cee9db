"""Processors that may be used: in a container fewer than are seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from embeddings import processors
from embeddings.processors import read_share, usable_processors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu.max": "nonsense"}, math.inf),
        ({}, math.inf),
    ],
)
def test_a_share_of_time_is_read(tmp_path: Path, files: dict[str, str], share: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read_share(tmp_path) == share


@pytest.mark.parametrize(
    ("quota", "usable"), [("50000", 1), ("150000", 2), ("900000", 4), ("max", 4)]
)
def test_no_more_are_usable_than_the_share_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, usable: int
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota} 100000")
    monkeypatch.setattr(processors, "_GROUP", tmp_path)
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    usable_processors.cache_clear()
    try:
        assert usable_processors() == usable
    finally:
        usable_processors.cache_clear()
