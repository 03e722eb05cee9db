"""The word vectors of the data folder: opened once, by name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from embeddings.errors import EmbeddingError
from service.errors import ModelNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.words.model import Words

FOLDER = "models"
"""In the data folder; every folder in it is a model of that name."""
_FACTS = "words.json"


class WordModels:
    """Opens folders of word vectors when they are first asked for; safe to use in threads.

    A folder that was written anew is opened anew. Only names are taken, never paths.

    Args:
        folder: of the models; may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[str, tuple[int, Words]] = {}
        self._opening = threading.Lock()

    def names(self) -> list[str]:
        """Names of the word vectors there are, sorted."""
        found = self._folder.glob(f"*/{_FACTS}")
        return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))

    def get(self, name: str) -> Words:
        """The word vectors of that name.

        Raises:
            ModelNotFoundError: there are none; the message lists those there are.
            EncoderRefusedError: they are damaged.
        """
        names = self.names()
        if name not in names:
            there = ", ".join(names) or "none"
            message = f"no word vectors {name[:80]!r} in the data folder's {FOLDER}; there: {there}"
            raise ModelNotFoundError(message)
        from embeddings.words.model import Words

        written = (self._folder / name / _FACTS).stat().st_mtime_ns
        with self._opening:
            held = self._opened.get(name)
            if held is None or held[0] != written:
                held = self._opened[name] = (written, Words.open(self._folder / name))
            return held[1]

    def all(self) -> tuple[list[Words], dict[str, str]]:
        """Every model that can be opened, by name, and why others cannot."""
        opened, problems = [], {}
        for name in self.names():
            try:
                opened.append(self.get(name))
            except (EmbeddingError, OSError) as error:
                problems[name] = str(error)
        return opened, problems
