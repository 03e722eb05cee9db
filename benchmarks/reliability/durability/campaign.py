"""Many trials: at every boundary of every scenario, or at as many of them as were asked for."""

from __future__ import annotations

import errno
import os
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.reliability.durability.disk import ALL, Action, Kind
from benchmarks.reliability.durability.outcome import Outcome, possible_after
from benchmarks.reliability.durability.power import LOSSES, PowerCut, read_log
from benchmarks.reliability.durability.scenarios import SCENARIOS, random_steps
from benchmarks.reliability.durability.steps import Drawing
from benchmarks.reliability.durability.trials import PROBE
from benchmarks.reliability.durability.world import states_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.reliability.durability.disk import Disk
    from benchmarks.reliability.durability.scenarios import Start
    from benchmarks.reliability.durability.trials import Trials
    from benchmarks.reliability.durability.world import Step

FAULTS: tuple[tuple[Action, int, Kind], ...] = (
    (Action.FAIL, errno.EIO, ALL),
    (Action.FAIL, errno.ENOSPC, ALL),
    (Action.FAIL_ON, errno.EIO, ALL),
    (Action.FAIL_ON, errno.ENOSPC, ALL),
    (Action.FAIL_HALF, errno.EIO, Kind.WRITE),
    (Action.SHORT, 0, Kind.WRITE),
    (Action.FAIL, errno.EIO, Kind.SYNC),
    (Action.FAIL_ON, errno.EIO, Kind.SYNC),
    (Action.FAIL, errno.EIO, Kind.RENAME),
)
"""What a call meets: once or from then on, and which calls count."""
ENDS: tuple[Literal["closed", "killed", "at once"], ...] = ("closed", "killed", "at once")
_MOST_SPACE = 120_000
_RANDOM_STEPS = 6
_RANDOM = "random steps"


@dataclass
class Tally:
    """What trials came to.

    Attributes:
        trials: how many there were.
        met: in how many a call was killed, failed or shortened, or the power was cut.
        disturbed: how many calls were, in all of them.
        wrong: what must not be: where, and what.
        told: what the collection said of itself, repairs with it, by kind.
        raised: errors of steps by name.
        unclear: errors that are none of the project's.
        reopened: why a write was refused until the folder was opened again.
        scenarios: trials by scenario.
        calls: trials by the call that was hit.
    """

    trials: int = 0
    met: int = 0
    disturbed: int = 0
    wrong: list[dict[str, Any]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    unclear: Counter[str] = field(default_factory=Counter)
    reopened: Counter[str] = field(default_factory=Counter)
    scenarios: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def include(self, where: dict[str, Any], outcome: Outcome) -> None:
        """Count one."""
        self.trials += 1
        self.met += outcome.met > 0
        self.disturbed += outcome.met
        self.scenarios[where["scenario"]] += 1
        self.told.update(general(each) for each in outcome.told)
        if outcome.what:
            self.calls[general(outcome.what)] += 1
        errors: list[str] = []
        if (report := outcome.report) is not None:
            errors = report.errors
            self.raised.update(each.partition(":")[0] for each in errors[:1])
            self.unclear.update(general(each) for each in report.unclear)
            if report.probe is False:
                self.reopened[general(errors[-1])] += 1
        if outcome.wrong:
            found = {"call": outcome.what, "acknowledged": outcome.acknowledged}
            self.wrong.append({**where, **found, "wrong": outcome.wrong, "errors": errors})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        counted = ("told", "raised", "unclear", "reopened", "scenarios", "calls")
        return {
            "trials": self.trials,
            "met": self.met,
            "disturbed": self.disturbed,
            "seconds": round(self.seconds, 1),
            "wrong": self.wrong,
            **{name: dict(getattr(self, name).most_common()) for name in counted},
        }


def general(told: str) -> str:
    """The sentence without what differs from trial to trial."""
    told = re.sub(r"/[^ ]*/", "", told)
    told = re.sub(r"[0-9a-f]{32}|[0-9a-f]{16}", "HEX", told)
    told = re.sub(r"\.tmp[A-Za-z0-9]{6}", ".tmpX", told)
    return re.sub(r"\d+", "N", told)[:200]


class Campaign:
    """Trials of all scenarios.

    Args:
        layer: the disk's.
        trials: runs one.
        folder: for folders to begin with, and logs.
        seed: of everything drawn.
        only: scenarios to take; empty: all.
    """

    def __init__(
        self,
        layer: Disk,
        trials: Trials,
        folder: Path,
        *,
        seed: int,
        only: Sequence[str] = (),
    ) -> None:
        self._layer = layer
        self._trials = trials
        self._folder = folder
        self._seed = seed
        self._random = random.Random(seed)
        self._starts: dict[str, Start] = {}
        self._calls: dict[int, int] = {}
        numbers = [n for n, (name, *_) in enumerate(SCENARIOS) if not only or name in only]
        self._numbers = [*numbers, -1, -2, -3] if not only else numbers

    def kills(self, most: int) -> Iterator[tuple[dict[str, Any], Outcome]]:
        """Kill before a call or in the middle of one; then often whoever recovers, too."""
        actions = (Action.KILL_BEFORE, Action.KILL_HALF)
        for number, at, action in self._draw(actions, most):
            name, start, steps = self._scenario(number)
            again = self._random.randrange(1, 60) if self._random.random() < 0.3 else 0
            outcome = self._trials.killed(start, steps, self._arming(action, at), again)
            yield {"scenario": name, "at": at, "action": action.name, "again": again}, outcome

    def faults(self, most: int) -> Iterator[tuple[dict[str, Any], Outcome]]:
        """Let calls fail."""
        for number, at, (action, error, kinds) in self._draw(FAULTS, most):
            name, start, steps = self._scenario(number)
            end = self._random.choice(ENDS)
            if kinds != ALL:  # there are fewer of them
                at = 1 + at % max(1, self._count(number) // 5)  # noqa: PLW2901
            arming = self._arming(action, at, error=error, kinds=kinds)
            outcome = self._trials.faulted(start, steps, arming, end=end)
            where = {"scenario": name, "at": at, "action": action.name, "end": end}
            yield {**where, "error": errno.errorcode.get(error, ""), "kinds": str(kinds)}, outcome

    def full(self, most: int) -> Iterator[tuple[dict[str, Any], Outcome]]:
        """Let the disk be full after so many bytes, until the step has failed."""
        for _ in range(most):
            number = self._random.choice(self._numbers)
            space = self._random.randrange(1, _MOST_SPACE)
            end = self._random.choice(ENDS)
            name, start, steps = self._scenario(number)
            arming = self._arming(Action.FULL, 0, space=space)
            outcome = self._trials.faulted(start, steps, arming, end=end)
            yield {"scenario": name, "space": space, "end": end}, outcome

    def flushes(self, most: int) -> Iterator[tuple[dict[str, Any], Outcome]]:
        """Let flushes fail, go on, and cut the power behind it: a failed flush is none."""
        done = 0
        while done < most:
            for number in self._numbers:
                for found in self._flushes_of(number):
                    done += 1
                    yield found
                if done >= most:
                    break

    def _flushes_of(self, number: int) -> Iterator[tuple[dict[str, Any], Outcome]]:
        name, start, steps = self._scenario(number)
        path = self._folder / "log"
        self._trials.begin(start)
        cut = PowerCut(self._trials.disk)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        at = self._random.randrange(1, 2 + self._count(number) // 8)
        action = self._random.choice((Action.FAIL, Action.FAIL_ON))
        how = {"error": errno.EIO, "kinds": int(Kind.SYNC), "log": log}
        report, problem = self._trials.recorded(start, steps, self._arming(action, at, **how))
        os.close(log)
        where = {"scenario": name, "at": at, "action": action.name}
        if report is None:
            yield where, Outcome([problem])
            return
        step, possible = possible_after(start.state, steps, report)
        records = read_log(path)
        failed = [place for place, record in enumerate(records) if record.failed]
        if not failed:
            return
        loss = self._random.choice(LOSSES)
        for record in records:
            cut.follow(record)
        self._trials.clear()
        cut.make(self._trials.disk, loss, self._random.randrange(1 << 30))
        if report.errors and not report.probe and step is not None:
            # The step's outcome is unknown until something is written behind it.
            states = [state for state, _ in states_of(start.state, steps)]
            possible = states[report.acknowledged : report.acknowledged + 2]
        if report.probe:
            possible = [each.added([PROBE]) for each in possible]
        elif report.probe is False:
            possible += [each.added([PROBE]) for each in possible]
        found = self._trials.check(possible, mixed=step is not None and step.mixed)
        what = f"fsync {records[failed[0]].path.rpartition('/disk/')[2]}"
        wrong = [*report.wrong, *found.wrong]
        outcome = Outcome(wrong, found.told, 1, what, report.acknowledged, report)
        yield {**where, "loss": loss}, outcome

    def cuts(self, most: int) -> Iterator[tuple[dict[str, Any], Outcome]]:
        """Cut the power at moments of recorded runs."""
        done = 0
        while done < most:
            for number in self._numbers:
                for found in self._cuts_of(number, max(1, min(12, most - done))):
                    done += 1
                    yield found
                if done >= most:
                    break

    def _cuts_of(self, number: int, count: int) -> Iterator[tuple[dict[str, Any], Outcome]]:
        name, start, steps = self._scenario(number)
        path = self._folder / "log"
        self._trials.begin(start)
        cut = PowerCut(self._trials.disk)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        _, problem = self._trials.run(steps, self._arming(Action.PASS, 0, log=log))
        os.close(log)
        if problem:
            yield {"scenario": name}, Outcome([problem])
            return
        records = read_log(path)
        states = list(states_of(start.state, steps))
        moments = sorted(self._random.sample(range(len(records)), min(count, len(records))))
        for place, record in enumerate(records):
            cut.follow(record)
            if place not in moments:
                continue
            loss = self._random.choice(LOSSES)
            self._trials.clear()
            cut.make(self._trials.disk, loss, self._random.randrange(1 << 30))
            possible = states[cut.acknowledged : cut.acknowledged + 2]
            found = self._trials.check([each for each, _ in possible], mixed=possible[-1][1])
            what = f"after {Kind(record.kind).name or 'acknowledgement'} {record.path[-60:]}"
            outcome = Outcome(found.wrong, found.told, 1, "", cut.acknowledged)
            yield {"scenario": name, "at": place, "loss": loss, "what": what}, outcome

    def tally(
        self,
        form: Callable[[int], Iterator[tuple[dict[str, Any], Outcome]]],
        most: int,
        until: float,
    ) -> Tally:
        """Trials of one form, as many as that; none begins behind `until` of `time.monotonic`."""
        tally, began = Tally(), time.monotonic()
        for where, outcome in form(most):
            tally.include(where, outcome)
            if time.monotonic() > until:
                break
        tally.seconds = time.monotonic() - began
        return tally

    def _arming(self, action: Action, at: int, **how: int) -> Callable[[], None]:
        return lambda: self._layer.arm(action, at, **how)

    def _start(self, name: str) -> Start:
        if name not in self._starts:
            self._starts[name] = self._trials.make_start(name, self._folder, self._seed)
        return self._starts[name]

    def _scenario(self, number: int) -> tuple[str, Start, list[Step]]:
        """Name, beginning and steps; below 0 they are random ones, and others each time."""
        if number < 0:
            begin = ("plain", "graph", "empty")[-number - 1]
            start = self._start(begin)
            drawing = Drawing(self._seed * 1000 + number, start.state, start.version)
            return f"{_RANDOM} ({begin})", start, random_steps(drawing, _RANDOM_STEPS)
        name, begin, draw = SCENARIOS[number]
        start = self._start(begin)
        drawing = Drawing(self._seed + number, start.state, start.version)
        return name, start, list(draw(drawing))

    def _count(self, number: int) -> int:
        """How many calls the steps make, undisturbed."""
        if number not in self._calls:
            name, start, steps = self._scenario(number)
            self._trials.begin(start)
            _, problem = self._trials.run(steps, self._arming(Action.PASS, 0))
            if problem:
                message = f"{name} fails undisturbed: {problem}"
                raise RuntimeError(message)
            self._calls[number] = self._layer.calls
        return self._calls[number]

    def boundaries(self) -> dict[str, int]:
        """Calls by scenario."""
        return {self._scenario(number)[0]: self._count(number) for number in self._numbers}

    def _draw(self, forms: Sequence[Any], most: int) -> list[tuple[int, int, Any]]:
        """Places in all scenarios alike: scenario, call and form."""
        places = [
            [(number, at, form) for at in range(1, self._count(number) + 1) for form in forms]
            for number in self._numbers
        ]
        for each in places:
            self._random.shuffle(each)
        drawn: list[tuple[int, int, Any]] = []
        for turn in range(max(map(len, places), default=0)):
            drawn += [each[turn] for each in places if turn < len(each)]
            if len(drawn) >= most:
                break
        return drawn[:most]
