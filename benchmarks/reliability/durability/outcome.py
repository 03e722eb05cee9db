"""What a trial tells, and what it may leave."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.reliability.durability.world import states_of
from indexing.errors import IndexingError
from service.access.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.reliability.durability.state import State
    from benchmarks.reliability.durability.world import Step


@dataclass
class Report:
    """What the disturbed process had to tell before its end.

    Attributes:
        acknowledged: how many states were reached.
        errors: name and message of each, the first by a step.
        unclear: those that are none of this project's, with the place.
        probe: whether a document written afterwards was taken; None: not tried.
        wrong: what must not be.
    """

    acknowledged: int = 0
    errors: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    probe: bool | None = None
    wrong: list[str] = field(default_factory=list)

    def note(self, error: Exception) -> None:
        """Keep an error."""
        told = f"{type(error).__name__}: {error}"
        self.errors.append(told)
        if not isinstance(error, IndexingError | AccessError):
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.unclear.append(f"{told} ({place.filename.rpartition('/')[2]}: {place.name})")


@dataclass
class Outcome:
    """What became of a trial.

    Attributes:
        wrong: what must not be; empty is passed.
        told: what the collection said of itself, repairs with it.
        met: calls that were killed, failed or shortened.
        what: the first of them.
        acknowledged: states reached.
        report: what the process told, if it lived.
    """

    wrong: list[str]
    told: list[str] = field(default_factory=list)
    met: int = 0
    what: str = ""
    acknowledged: int = 0
    report: Report | None = None


def possible_after(
    start: State, steps: Sequence[Step], report: Report
) -> tuple[Step | None, list[State]]:
    """The step that failed, and the states that the folder may be in then."""
    states = [state for state, _ in states_of(start, steps)]
    place, last = report.acknowledged, 0
    if report.errors:
        for step in steps:
            last += len(step.states)
            if place < last:
                both = step.mixed or step.either
                return step, states[place : place + 2] if both else [states[place]]
    return None, [states[place]]
