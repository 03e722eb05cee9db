"""All checks, in the order in which they are told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from service.settings import Settings

State = Literal["fine", "doubtful", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: its name, one word.
        state: `wrong` keeps something from working, `doubtful` may surprise later.
        found: a fact.
        remedy: what to do; empty where nothing is to be done.
    """

    check: str
    state: State
    found: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def fine(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "fine", found)


def doubtful(check: str, found: str, remedy: str) -> Finding:
    """Something that may surprise later."""
    return Finding(check, "doubtful", found, remedy)


def wrong(check: str, found: str, remedy: str) -> Finding:
    """Something that keeps from working."""
    return Finding(check, "wrong", found, remedy)


def examine(settings: Settings) -> list[Finding]:
    """What all checks find; reads the weights once, for their checksums."""
    from service.diagnosis import folder, installation, machine

    return [
        *installation.examine(settings),
        *machine.examine(settings),
        *folder.examine(settings),
    ]
