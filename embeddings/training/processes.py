"""The processes of a run: one, or several that torchrun or accelerate started."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embeddings.training.precision import Place


def join_processes(place: Place) -> str:
    """Join the other processes, if there are some; the device of this one (`cuda:1`)."""
    from accelerate import PartialState

    state = PartialState(cpu=place.device == "cpu")
    return str(state.device)


def is_first() -> bool:
    """True in the process that writes files and speaks; a lone one does."""
    from accelerate import PartialState

    return bool(PartialState().is_main_process)


@contextmanager
def first_goes_first() -> Iterator[bool]:
    """The first process runs the block before the others, and is told True."""
    from accelerate import PartialState

    state = PartialState()
    with state.main_process_first():
        yield bool(state.is_main_process)


def wait_for_all() -> None:
    """Return when every process has come here."""
    from accelerate import PartialState

    PartialState().wait_for_everyone()
