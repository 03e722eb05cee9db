"""How a training tells of itself: a bar with rate and time left, and a line a measurement."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from service.cli.output import note
from service.cli.progress import Amount, metered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embeddings.training.trainer import Listener


@contextmanager
def listening(noun: str = "step") -> Iterator[Listener]:
    """A listener for a trainer; its bar goes when the block ends.

    Args:
        noun: what is counted, in the singular.
    """
    from embeddings.training.trainer import Listener

    first, begun, stage = 0, 0.0, ""
    with ExitStack() as bars:
        tell = bars.enter_context(metered(noun))

        def progress(name: str, done: int, total: int) -> None:
            nonlocal first, begun, stage
            if name != stage or done < first:
                stage, first, begun = name, done, time.monotonic()
            timed = Amount.after(time.monotonic() - begun, done - first, total - first)
            tell(Amount(done, total, timed.rate, timed.eta_s))

        def say(sentence: str) -> None:
            nonlocal tell
            # Two consoles do not share a terminal: the bar steps aside for a line.
            bars.close()
            note(sentence)
            tell = bars.enter_context(metered(noun))

        yield Listener(progress=progress, note=say)
