"""What a word training says while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Stage = Literal["check", "analyse", "train", "save"]


@dataclass(frozen=True, slots=True)
class WordProgress:
    """How far the work is.

    Attributes:
        stage: `check` and `analyse` count bytes of the sources, `train` words of all epochs,
            `save` steps.
        done: so many of `total`.
        total: of the stage.
        seconds: since the stage began.
        epoch: epochs ended (`train` alone).
        loss: of held-out lines after the last one, in nats a pair; None where nothing is held out.
        ranking: share of noise words that rank below the true one, 0 to 1; None likewise.
    """

    stage: Stage
    done: int
    total: int
    seconds: float
    epoch: int = 0
    loss: float | None = None
    ranking: float | None = None


Tell: TypeAlias = Callable[[WordProgress], None]


def tell_nobody(_: WordProgress) -> None:
    """For callers who do not want to know."""
