"""How far long work is: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.cli.output import counted, notices, told_rate, told_time, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Progress as Bars

LOOK_EVERY = 0.5
"""Seconds between two looks at work that goes on elsewhere."""
PLAIN_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What is known of running work.

    Attributes:
        done: things dealt with.
        total: things there are; None while nobody knows.
        rate: things a second.
        eta_s: seconds left; None while nobody knows.
        rejected: things refused so far.
        stage: what is being done where the work has stages; steps are counted then.
    """

    done: int
    total: int | None = None
    rate: float = 0.0
    eta_s: float | None = None
    rejected: int = 0
    stage: str = ""

    @classmethod
    def after(cls, seconds: float, done: int, total: int) -> Amount:
        """The amount done after that time, at a steady pace."""
        if not done or seconds <= 0:
            return cls(done, total)
        rate = done / seconds
        return cls(done, total, rate, (total - done) / rate)


@contextmanager
def metered(
    noun: str, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Amount], None]]:
    """A function to be told how far the work is; the bar goes when the block ends.

    Args:
        noun: what is counted, in the singular (`document`).
        clock: seconds that never go back; for tests.
    """
    console = notices()
    if not console.is_terminal:
        yield _plain(console, noun, clock)
        return
    with _bars(console) as bars:
        task = bars.add_task(f"{noun}s", total=None, note="")
        yield lambda amount: bars.update(
            task,
            description=amount.stage or f"{noun}s",
            completed=amount.done,
            total=amount.total,
            note=", ".join(_notes(amount, noun)),
        )


@contextmanager
def waiting(for_what: str) -> Iterator[Callable[[str], None]]:
    """A spinner on a terminal while the block runs; nothing elsewhere.

    Gives a function that says something else beside it.
    """
    console = notices()
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(f"{for_what} ...") as status:
        yield lambda text: status.update(f"{visible(text)} ...")


@contextmanager
def watched(look: Callable[[], None], *, every: float = LOOK_EVERY) -> Iterator[None]:
    """Calls `look` in a thread while the block runs on a terminal; what it raises is forgotten.

    Args:
        look: asks how far the block's work is, and tells.
        every: seconds between two calls.
    """
    if not notices().is_terminal:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every):
            with suppress(Exception):  # the block's own errors are the ones to tell
                look()

    watcher = threading.Thread(target=watch, name="watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def line(amount: Amount, noun: str) -> str:
    """`1,200 of 10,000 documents (12 %), 55 documents/s, 2 min 40 s left, 3 rejected`."""
    if amount.stage:
        part = f" {100 * amount.done // amount.total} %" if amount.total else ""
        return ", ".join([f"{noun}: {amount.stage}{part}", *_notes(amount, noun)])
    done = counted(amount.done, noun)
    if amount.total:
        share = 100 * amount.done // amount.total
        done = f"{amount.done:,} of {counted(amount.total, noun)} ({share} %)"
    return ", ".join([done, *_notes(amount, noun)])


def _notes(amount: Amount, noun: str) -> list[str]:
    notes = []
    if amount.rate:
        notes.append(told_rate(amount.rate, noun))
    if amount.eta_s:
        left = max(round(amount.eta_s), 1)
        notes.append(f"{f'{left} s' if left < 60 else told_time(left)} left")
    if amount.rejected:
        notes.append(f"{amount.rejected:,} rejected")
    return notes


def _plain(console: Console, noun: str, clock: Callable[[], float]) -> Callable[[Amount], None]:
    said = clock()

    def tell(amount: Amount) -> None:
        nonlocal said
        if clock() - said >= PLAIN_EVERY:
            said = clock()
            console.print(line(amount, noun), soft_wrap=True)

    return tell


def _bars(console: Console) -> Bars:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
    )
