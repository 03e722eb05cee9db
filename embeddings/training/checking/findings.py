"""What a check found, in a sentence with its value, its limit and the remedy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["passed", "warned", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: which (`leaks`, `learning rate`, ...).
        state: `failed` stops a run that is worth its time; `warned` is worth a look.
        sentence: what was found, with the value and its limit, and what to do about it.
        value: the figure that decides; None where there is none.
        limit: what it was compared with.
        details: more of it, JSON values.
    """

    check: str
    state: State
    sentence: str
    value: float | None = None
    limit: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what is no finite number is null."""
        return {
            "check": self.check,
            "state": self.state,
            "sentence": self.sentence,
            "value": _finite(self.value),
            "limit": _finite(self.limit),
            "details": _finite(self.details),
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings about a recipe.

    Attributes:
        kind: of recipe.
        findings: in the order of the checks.
        seconds: taken by all.
    """

    kind: str
    findings: list[Finding]
    seconds: float

    @property
    def failed(self) -> list[Finding]:
        """The findings that a run should not be begun with."""
        return [finding for finding in self.findings if finding.state == "failed"]

    def of(self, check: str) -> list[Finding]:
        """The findings of one check."""
        return [finding for finding in self.findings if finding.check == check]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": self.kind,
            "passed": not self.failed,
            "findings": [finding.to_json() for finding in self.findings],
            "seconds": round(self.seconds, 1),
        }


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
