"""How progress is told: not too often, and with the time that is left."""

from __future__ import annotations

from service.jobs.pace import Pace
from service.jobs.types import JobProgress


def test_steps_are_told_a_few_times_a_second_with_what_is_left() -> None:
    now = 0.0
    told: list[JobProgress] = []
    pace = Pace(told.append, clock=lambda: now)
    for step in range(0, 101):
        now = step / 32
        pace("layout", step, 100)
    assert told[0] == JobProgress("layout", 0, 100, None)
    assert len(told) == 26
    assert told[3] == JobProgress("layout", 12, 100, None), "too early to say"
    assert told[10] == JobProgress("layout", 40, 100, 1.9)
    assert told[-1] == JobProgress("layout", 100, 100, 0.0)


def test_every_stage_is_told_at_its_beginning_and_end() -> None:
    told: list[JobProgress] = []
    pace = Pace(told.append, clock=lambda: 5.0)
    for stage in ("neighbours", "labels"):
        pace(stage, 0, 2)
        pace(stage, 1, 2)
        pace(stage, 2, 2)
    assert [(each.stage, each.done) for each in told] == [
        ("neighbours", 0),
        ("neighbours", 2),
        ("labels", 0),
        ("labels", 2),
    ]


def test_what_was_there_at_the_beginning_is_no_pace() -> None:
    now = 0.0
    told: list[JobProgress] = []
    pace = Pace(told.append, clock=lambda: now)
    pace("copy", 90, 100)
    now = 1.0
    pace("copy", 91, 100)
    assert told[-1].eta_s == 9.0
