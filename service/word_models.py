"""The word vectors of the data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.models import FOLDER, Models

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.words.model import Words

__all__ = ["FOLDER", "WordModels"]


class WordModels(Models["Words"]):
    """Word vectors by name; see `Models`.

    Args:
        folder: of the models; may be missing.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, marker="words.json", what="word vectors", opening=_open)


def _open(folder: Path) -> Words:
    from embeddings.words.model import Words

    return Words.open(folder)
