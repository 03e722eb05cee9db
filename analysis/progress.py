"""How long work tells where it stands, and how it is stopped."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work, from its own thread."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note, or stop the work.

        Args:
            stage: what is being done, one word or two (`neighbours`, `labels`).
            done: steps of this stage that are done.
            total: steps of this stage.

        Raises:
            CancelledError: the work shall stop; it must leave nothing half done.
        """


def unwatched(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""
    del stage, done, total
