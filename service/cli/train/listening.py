"""How a training tells of itself: a bar with rate and time left, and a line a measurement."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from service.cli.output import note
from service.cli.progress import Amount, metered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from embeddings.training.trainer import Listener


_NOUNS = {
    "encode": "text",
    "decode": "picture",
    "teach": "text",
    "head": "text",
    "read": "byte",
    "words": "word",
    "trial": "trial",
    "search": "query",
    "analogies": "question",
}
"""What is counted in stages that count something else than the rest of the run."""


@contextmanager
def listening(
    noun: str = "step", *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Listener]:
    """A listener for a trainer; its bar goes when the block ends.

    Args:
        noun: what is counted, in the singular.
        clock: seconds.
    """
    from embeddings.training.trainer import Listener

    first, last, begun, stage, counted = 0, 0, 0.0, ("", 0), noun
    with ExitStack() as bars:
        tell = bars.enter_context(metered(noun))

        def progress(name: str, done: int, total: int) -> None:
            nonlocal first, last, begun, stage, counted, tell
            if (name, total) != stage or done < last:  # the next of its kind begins anew
                stage, first, begun = (name, total), done, clock()
            last = done
            if _NOUNS.get(name, noun) != counted:
                counted = _NOUNS.get(name, noun)
                bars.close()
                tell = bars.enter_context(metered(counted))
            timed = Amount.after(clock() - begun, done - first, total - first)
            tell(Amount(done, total, timed.rate, timed.eta_s))

        def say(sentence: str) -> None:
            nonlocal tell
            # Two consoles do not share a terminal: the bar steps aside for a line.
            bars.close()
            note(sentence)
            tell = bars.enter_context(metered(counted))

        yield Listener(progress=progress, note=say)
