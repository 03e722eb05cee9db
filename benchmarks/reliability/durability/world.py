"""What steps are taken in: a disk with a data folder and a folder of backups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.reliability.durability.state import COLLECTION
from indexing.data_folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.reliability.durability.state import State
    from indexing.local import LocalCollection

DATA, BACKUPS = "data", "backups"


class World:
    """A disk with a data folder, which is opened, and a folder of backups.

    Args:
        disk: the folder both are in.
        sources: a folder for files to read from; not below `disk`.
    """

    def __init__(self, disk: Path, sources: Path) -> None:
        self.path = disk / DATA
        self.backups = disk / BACKUPS
        self.sources = sources
        self._data: DataFolder | None = None

    @property
    def data(self) -> DataFolder:
        """The folder, opened when first needed."""
        if self._data is None:
            self._data = DataFolder.open(self.path, maintain=False)
        return self._data

    @property
    def collection(self) -> LocalCollection:
        """The collection, opened when first needed."""
        return self.data.collection(COLLECTION)

    def close(self) -> None:
        """Close what is open."""
        data, self._data = self._data, None
        if data is not None:
            data.close()


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        name: what it is.
        run: does it; calls what it is given each time one of `states` but the last is reached.
        states: what the folder holds in turn; the last one when `run` returns.
        mixed: between the states before and after, documents may be as in either.
        either: after an error the folder holds what it did before, or what it should hold now.
    """

    name: str
    run: Callable[[World, Callable[[], None]], None]
    states: tuple[State, ...]
    mixed: bool = False
    either: bool = False


def states_of(start: State, steps: Sequence[Step]) -> Iterator[tuple[State, bool]]:
    """What the folder holds in turn, and whether the way to there may be half gone."""
    yield start, False
    for step in steps:
        for state in step.states:
            yield state, step.mixed
