"""Trained models of the data folder: opened once, by name."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Generic, TypeVar

from embeddings.errors import EmbeddingError
from service.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

FOLDER = "models"
"""In the data folder; every folder in it is a model of that name."""


class Models(Generic[T]):
    """Opens models of one kind when they are first asked for; safe to use in threads.

    A folder that was written anew is opened anew. Only names are taken, never paths.

    Args:
        folder: of the models of all kinds; may be missing.
        marker: the file that every model of the kind has.
        what: what the kind is called in messages, in the plural.
        opening: opens the folder of a model.
    """

    def __init__(
        self, folder: Path, *, marker: str, what: str, opening: Callable[[Path], T]
    ) -> None:
        self._folder = folder
        self._marker = marker
        self._what = what
        self._opening = opening
        self._opened: dict[str, tuple[int, T]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()

    def names(self) -> list[str]:
        """Names of the models there are, sorted."""
        found = self._folder.glob(f"*/{self._marker}")
        return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))

    def get(self, name: str) -> T:
        """The model of that name.

        Raises:
            ModelNotFoundError: there is none; the message lists those there are.
            EncoderRefusedError: it is damaged.
        """
        names = self.names()
        if name not in names:
            there = ", ".join(names) or "none"
            message = f"no {self._what} {name[:80]!r} in the data folder's {FOLDER}; there: {there}"
            raise ModelNotFoundError(message)
        written = (self._folder / name / self._marker).stat().st_mtime_ns
        with self._guard:
            lock = self._locks[name]
        with lock:  # who wants another model does not wait for this one
            held = self._opened.get(name)
            if held is None or held[0] != written:
                held = self._opened[name] = (written, self._opening(self._folder / name))
            return held[1]

    def all(self) -> tuple[list[T], dict[str, str]]:
        """Every model that can be opened, by name, and why others cannot."""
        opened, problems = [], {}
        for name in self.names():
            try:
                opened.append(self.get(name))
            except (EmbeddingError, OSError) as error:
                problems[name] = str(error)
        return opened, problems
