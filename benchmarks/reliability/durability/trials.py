"""One trial: steps in a process that is disturbed, and a look at what it left in another.

Both are forked from this one, which has everything loaded.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import traceback
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.reliability.durability.checking import Findings, check_disk, compare_documents
from benchmarks.reliability.durability.outcome import Outcome, Report, possible_after
from benchmarks.reliability.durability.scenarios import make_start
from benchmarks.reliability.durability.state import COLLECTION, State, document
from benchmarks.reliability.durability.world import World, states_of
from indexing.errors import IndexingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.reliability.durability.disk import Disk
    from benchmarks.reliability.durability.scenarios import Start
    from benchmarks.reliability.durability.world import Step

MOST_SECONDS = 120
PROBE = document("d998", 1)
PROBED = 1_000
"""Added to the number of states reached, where the probe was acknowledged behind them."""


def in_child(work: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any] | None, int]:
    """What `work` gives in a forked process, None if it came to no end; and the exit status."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            signal.alarm(MOST_SECONDS)
            try:
                given: dict[str, Any] = work()
            except BaseException:
                given = {"crashed": traceback.format_exc()}
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(json.dumps(given).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    return (json.loads(content) if content else None), status


class Trials:
    """Runs trials in a folder.

    Args:
        layer: the disk's.
        folder: where the disk of each trial is made.
    """

    def __init__(self, layer: Disk, folder: Path) -> None:
        self._layer = layer
        self.disk = folder / "disk"
        self.sources = folder / "sources"
        self.sources.mkdir(parents=True, exist_ok=True)
        self._counter = os.memfd_create("acknowledged")
        os.ftruncate(self._counter, 8)

    def make_start(self, name: str, folder: Path, seed: int) -> Start:
        """A folder to begin with, made in a process of its own: threads do not outlive it."""
        kept = self.sources.parent / "start.pickle"

        def work() -> dict[str, Any]:
            kept.write_bytes(pickle.dumps(make_start(name, folder, self.sources, seed)))
            return {}

        given, _ = in_child(work)
        if given != {}:
            message = f"the folder {name!r} cannot be made: {given}"
            raise RuntimeError(message)
        made: Start = pickle.loads(kept.read_bytes())  # noqa: S301 - our own
        return made

    def begin(self, start: Start) -> None:
        """The disk as the start has it."""
        self._layer.rest()
        start.copy(self.disk)

    def run(self, steps: Sequence[Step], arm: Callable[[], object]) -> tuple[int, str]:
        """Take the steps with the layer armed, in a process that ends without closing anything.

        Returns:
            How many states were acknowledged; and what went wrong, empty for nothing.
        """
        os.pwrite(self._counter, bytes(8), 0)

        def work() -> dict[str, Any]:
            world = World(self.disk, self.sources)
            self._layer.watch(self.disk)
            arm()
            for step in steps:
                step.run(world, self._acknowledge)
                self._acknowledge()
            self._layer.rest()
            os.kill(os.getpid(), signal.SIGKILL)
            return {}

        given, status = in_child(work)
        self._layer.rest()
        if given is not None:
            return self._acknowledged(), f"the steps fail: {given}"
        by_kill = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        return self._acknowledged(), "" if by_kill else f"the process ended with status {status}"

    def killed(
        self, start: Start, steps: Sequence[Step], arm: Callable[[], object], again: int = 0
    ) -> Outcome:
        """A trial that ends with a kill.

        Args:
            start: where it begins.
            steps: what is done.
            arm: tells the layer when to kill.
            again: kill whoever opens the folder then at this call; 0: nobody.
        """
        self.begin(start)
        acknowledged, problem = self.run(steps, arm)
        met, what = self._layer.met, self._layer.what
        if again:
            self._layer.arm(*_kill(again))
            given, _ = in_child(lambda: self._recover(again))
            self._layer.rest()
            met += given is None
        states = list(states_of(start.state, steps))[acknowledged : acknowledged + 2]
        found = self.check([state for state, _ in states], mixed=states[-1][1])
        wrong = [problem] * bool(problem) + found.wrong
        return Outcome(wrong, found.told, met, what, acknowledged)

    def _recover(self, again: int) -> dict[str, Any]:
        """Open the folder, with a kill waiting."""
        self._layer.watch(self.disk)
        self._layer.arm(*_kill(again))
        world = World(self.disk, self.sources)
        if COLLECTION in world.data.names():
            world.collection.verify(repair=True)
        world.close()
        return {}

    def faulted(
        self,
        start: Start,
        steps: Sequence[Step],
        arm: Callable[[], object],
        *,
        end: Literal["closed", "killed", "at once"],
    ) -> Outcome:
        """A trial in which calls fail.

        Args:
            start: where it begins.
            steps: what is done.
            arm: tells the layer what to let fail.
            end: of the process: after another write the folder is closed, or left as it is; or it
                is left right behind the failure.
        """
        self.begin(start)

        def work() -> dict[str, Any]:
            world = World(self.disk, self.sources)
            self._layer.watch(self.disk)
            arm()
            report = self._suffer(world, start.state, steps, go_on=end != "at once")
            if end == "closed":
                with suppress(IndexingError):
                    world.close()
            return asdict(report)

        given, status = in_child(work)
        self._layer.rest()
        met, what = self._layer.met, self._layer.what
        if given is None or "crashed" in given:
            reason = f"exit status {status}" if given is None else given["crashed"]
            return Outcome([f"the process died: {reason}"], [], met, what)
        report = Report(**given)
        step, possible = possible_after(start.state, steps, report)
        if report.errors and end == "at once":  # nothing was written behind it
            states = [state for state, _ in states_of(start.state, steps)]
            possible = states[report.acknowledged : report.acknowledged + 2]
        if report.probe:
            possible = [each.added([PROBE]) for each in possible]
        found = self.check(possible, mixed=step is not None and step.mixed)
        wrong = [*report.wrong, *found.wrong]
        return Outcome(wrong, found.told, met, what, report.acknowledged, report)

    def recorded(
        self, start: Start, steps: Sequence[Step], arm: Callable[[], object]
    ) -> tuple[Report | None, str]:
        """Take steps that may fail, with a log; the process ends without closing anything.

        Returns:
            What it told; and what went wrong, empty for nothing.
        """

        def work() -> dict[str, Any]:
            world = World(self.disk, self.sources)
            self._layer.watch(self.disk)
            arm()
            report = self._suffer(world, start.state, steps)
            self._layer.rest()
            return asdict(report)

        given, status = in_child(work)
        self._layer.rest()
        if given is None or "crashed" in given:
            return None, f"exit status {status}" if given is None else given["crashed"]
        return Report(**given), ""

    def _suffer(
        self, world: World, start: State, steps: Sequence[Step], *, go_on: bool = True
    ) -> Report:
        """Take steps until one fails, look at what is there, and go on writing."""
        report = Report()

        def acknowledge() -> None:
            report.acknowledged += 1
            self._layer.mark(report.acknowledged)

        for step in steps:
            try:
                step.run(world, acknowledge)
                acknowledge()
            except Exception as error:
                report.note(error)
                self._look(world, start, steps, report)
                if not go_on:
                    break
                _probe(world, report)
                self._layer.pass_all()
                if not report.probe:
                    _probe(world, report)
                if report.probe:
                    self._layer.mark(PROBED + report.acknowledged)
                break
        self._layer.rest()
        return report

    def _look(self, world: World, start: State, steps: Sequence[Step], report: Report) -> None:
        """What the process shows after a failure must be what was there before."""
        step, possible = possible_after(start, steps, report)
        if step is None or COLLECTION not in possible[0].collections:
            return
        try:
            findings = Findings()
            compare_documents(world.collection, possible, findings, mixed=step.mixed)
            report.wrong += [f"in the process: {each}" for each in findings.wrong]
        except Exception as error:
            report.note(error)

    def check(self, states: Sequence[State], *, mixed: bool) -> Findings:
        """Look at the disk in a process of its own."""
        given, status = in_child(lambda: asdict(check_disk(self.disk, states, mixed=mixed)))
        if given is None or "crashed" in given:
            reason = f"exit status {status}" if given is None else given["crashed"]
            return Findings([f"the folder cannot be opened or asked: {reason}"])
        return Findings(**given)

    def clear(self) -> None:
        """Remove the disk."""
        shutil.rmtree(self.disk, ignore_errors=True)

    def _acknowledge(self) -> None:
        """Count one more, where a killed process leaves it to its parent."""
        count = self._acknowledged() + 1
        os.pwrite(self._counter, count.to_bytes(8, "little"), 0)
        self._layer.mark(count)

    def _acknowledged(self) -> int:
        return int.from_bytes(os.pread(self._counter, 8, 0), "little")


def _probe(world: World, report: Report) -> None:
    """Write one document more."""
    try:
        if COLLECTION in world.data.names():
            world.collection.add([PROBE])
            report.probe = True
    except Exception as error:
        report.note(error)
        report.probe = False


def _kill(at: int) -> tuple[Any, int]:
    from benchmarks.reliability.durability.disk import Action

    return Action.KILL_BEFORE, at
