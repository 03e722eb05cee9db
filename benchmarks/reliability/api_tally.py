"""What was asked of the API, and what was wrong with its answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemathesis.engine.recorder import ScenarioRecorder

COUNTED = "positive_data_acceptance"
"""Counted, and no fault: a schema cannot say which fields go together or what an encoder reads."""
EXEMPT = {
    ("use_after_free", "GET /v1/jobs/{job}"): "DELETE calls a job off, and it stays to be seen",
    ("use_after_free", "GET /v1/jobs/{job}/events"): "as above",
    ("use_after_free", "POST /v1/jobs/{job}/resume"): "as above: it can be taken up again",
    ("use_after_free", "DELETE /v1/jobs/{job}"): "as above: calling it off twice is no error",
}
"""Checks that an operation does not have to pass, and why; counted like the others."""
_COMES_BACK = {"use_after_free"}
_SLACK = 1.0
"""Seconds by which moments that two threads tell may lie apart."""
KEPT = 20
"""Kinds of fault that are told in full."""


@dataclass(slots=True)
class Tally:
    """What was asked and what was wrong with the answers.

    Attributes:
        by_status: cases by operation and status.
        by_phase: cases by phase.
        checks: how often each check was made.
        faults: by check, operation and status: how often, and one of them told.
        meanwhile: times that something dropped was there again, made again by the run itself.
        broken: errors of the generator itself: operations it could not try.
    """

    by_status: Counter[tuple[str, int]] = field(default_factory=Counter)
    by_phase: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    faults: dict[tuple[str, str, int], list[Any]] = field(default_factory=dict)
    meanwhile: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many requests were answered."""
        return sum(self.by_status.values())

    @property
    def wrong(self) -> dict[tuple[str, str, int], list[Any]]:
        """The faults but for those that are only counted."""
        return {
            key: told
            for key, told in self.faults.items()
            if key[0] != COUNTED and key[:2] not in EXEMPT
        }

    @property
    def server_errors(self) -> int:
        """Answers of a 5xx status."""
        return sum(count for (_, status), count in self.by_status.items() if status >= 500)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """The counts of an earlier run, to go on from."""
        made = cls(by_phase=Counter(kept["by_phase"]), checks=Counter(kept["checks_made"]))
        for label, statuses in kept["by_operation"].items():
            made.by_status.update({(label, int(each)): n for each, n in statuses.items()})
        for each in [*kept["wrong"], *kept.get("exempt", [])]:
            key = (each["check"], each["operation"], each["status"])
            made.faults[key] = [each["times"], each["message"], each["again"]]
        refused = kept["refused_though_the_schema_allows"]
        made.faults[COUNTED, "before", 0] = [refused, "", ""]
        made.meanwhile = kept.get("made_again_meanwhile", 0)
        made.broken += kept["untried"]
        return made

    def add(
        self, phase: str, recorder: ScenarioRecorder, made_again: Sequence[tuple[float, float]] = ()
    ) -> None:
        """Count what a scenario asked.

        Args:
            phase: it belongs to.
            recorder: of the scenario.
            made_again: when what scenarios dropped was made again, from and to, in Unix time. The
                next scenario is under way then, and what it dropped may have come back.
        """
        moments = [each.timestamp for each in recorder.interactions.values()]
        overlaps = bool(moments) and any(
            begun <= max(moments) + _SLACK and min(moments) <= ended + _SLACK
            for begun, ended in made_again
        )
        for id_, asked in recorder.interactions.items():
            label = recorder.cases[id_].value.operation.label
            status = 0 if asked.response is None else asked.response.status_code
            self.by_status[label, status] += 1
            self.by_phase[phase] += 1
            for check in recorder.checks.get(id_, ()):
                self.checks[check.name] += 1
                if check.failure_info is not None and overlaps and check.name in _COMES_BACK:
                    self.meanwhile += 1
                elif check.failure_info is not None:
                    told = self.faults.setdefault((check.name, label, status), [0, "", ""])
                    told[0] += 1
                    told[1] = str(check.failure_info.failure.message)[:1000]
                    told[2] = check.failure_info.code_sample[:1000]

    def to_json(self) -> dict[str, Any]:
        """The counts, and what is wrong in full."""
        operations: dict[str, dict[str, int]] = {}
        for (label, status), count in sorted(self.by_status.items()):
            operations.setdefault(label, {})[str(status)] = count
        statuses: Counter[str] = Counter()
        for (_, status), count in sorted(self.by_status.items()):
            statuses[str(status)] += count
        return {
            "cases": self.cases,
            "operations": len(operations),
            "server_errors": self.server_errors,
            "wrong": [_told(key, told) for key, told in sorted(self.wrong.items())[:KEPT]],
            "exempt": [
                _told(key, told) | {"why": EXEMPT[key[:2]]}
                for key, told in sorted(self.faults.items())
                if key[:2] in EXEMPT
            ],
            "wrong_kinds": len(self.wrong),
            "refused_though_the_schema_allows": sum(
                told[0] for key, told in self.faults.items() if key[0] == COUNTED
            ),
            "made_again_meanwhile": self.meanwhile,
            "untried": self.broken,
            "by_phase": dict(self.by_phase),
            "by_status": dict(sorted(statuses.items())),
            "checks_made": dict(sorted(self.checks.items())),
            "by_operation": operations,
        }


def _told(key: tuple[str, str, int], told: list[Any]) -> dict[str, Any]:
    """A fault as JSON."""
    return {
        "check": key[0],
        "operation": key[1],
        "status": key[2],
        "times": told[0],
        "message": told[1],
        "again": told[2],
    }
