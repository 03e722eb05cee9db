"""What a training counts, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.train import listening as module
from service.cli.train.listening import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from service.cli.progress import Amount


def test_each_stage_counts_its_own_things(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager

    told: list[tuple[str, int, int | None]] = []

    @contextmanager
    def metered(noun: str) -> Iterator[Callable[[Amount], None]]:
        yield lambda amount: told.append((noun, amount.done, amount.total))

    monkeypatch.setattr(module, "metered", metered)
    with listening() as listener:
        listener.progress("teach", 5, 10)
        listener.progress("train", 1, 3)
        listener.note("a line")
        listener.progress("train", 2, 3)
        listener.progress("search", 1, 1)
    assert told == [("text", 5, 10), ("step", 1, 3), ("step", 2, 3), ("query", 1, 1)]


def test_the_rate_is_of_what_is_counted_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sources of one size, read one behind the other in parts of one size."""
    from contextlib import contextmanager

    told: list[float] = []
    clock = iter([0.0, 0.0, 10.0, 1000.0, 1000.0, 1010.0])

    @contextmanager
    def metered(_noun: str) -> Iterator[Callable[[Amount], None]]:
        yield lambda amount: told.append(amount.rate)

    monkeypatch.setattr(module, "metered", metered)
    with listening(clock=lambda: next(clock)) as listener:
        for _ in range(2):
            listener.progress("teach", 2_000, 6_000)
            listener.progress("teach", 6_000, 6_000)
    assert told == [0.0, 400.0, 0.0, 400.0]
