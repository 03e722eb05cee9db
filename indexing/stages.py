"""Who wants to know when each stage of a piece of work began and ended."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STAGE_WATCH: ContextVar[Callable[[str, float, float], None] | None] = ContextVar(
    "stage_watch", default=None
)
"""Told each stage's name, begin and end (of `time.perf_counter`) in the context that set it."""


def tell_stage(stage: str, began: float, ended: float) -> None:
    """Tell whoever wants to know of a stage that is over."""
    watch = STAGE_WATCH.get()
    if watch is not None:
        watch(stage, began, ended)
