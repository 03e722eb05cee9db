"""Where a run of word training stands, so that it goes on after kill -9."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from embeddings.errors import EmbeddingError
from embeddings.training.errors import TrainingError
from embeddings.words.tensors import map_tensors, write_tensors, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from embeddings.types import Vectors

FOLDER = "checkpoint"
_STATE_FILE = "state.json"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One time through the corpus.

    Attributes:
        epoch: from 1; 0 is before training.
        seconds: of training.
        words_per_s: words gone through each second, those left out at random among them.
        alpha: learning rate at its end.
        loss: of the held-out lines after it; None without any.
        ranking: likewise.
    """

    epoch: int
    seconds: float
    words_per_s: float
    alpha: float
    loss: float | None
    ranking: float | None


@dataclass(frozen=True, slots=True)
class State:
    """Where a run stands.

    Attributes:
        recipe: the resolved recipe.
        corpus: key of the corpus.
        epoch: epochs ended.
        part: parts ended of the next one.
        seconds: of training so far.
        part_seconds: of those, in the epoch that has not ended.
        curve: of the epochs ended, from epoch 0.
    """

    recipe: dict[str, Any]
    corpus: str
    epoch: int = 0
    part: int = 0
    seconds: float = 0.0
    part_seconds: float = 0.0
    curve: tuple[Epoch, ...] = field(default=())


def write_checkpoint(folder: Path, state: State, arrays: Mapping[str, Vectors]) -> None:
    """Write a checkpoint into a model folder; the one before it stands until this one is whole."""
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    name = f"arrays-{state.epoch:05}-{state.part:05}.safetensors"
    write_tensors(place / name, arrays)
    write_text(place / _STATE_FILE, json.dumps({**asdict(state), "arrays": name}, indent=2) + "\n")
    for old in place.glob("arrays-*.safetensors"):
        if old.name != name:
            old.unlink()


def read_checkpoint(folder: Path) -> tuple[State, dict[str, Vectors]] | None:
    """The checkpoint in a model folder; None if there is none.

    Raises:
        TrainingError: it is damaged.
    """
    path = folder / FOLDER / _STATE_FILE
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_bytes())
        arrays = map_tensors(path.with_name(str(data.pop("arrays"))))
        curve = tuple(Epoch(**each) for each in data.pop("curve"))
        return State(**data, curve=curve), arrays
    except (ValueError, KeyError, TypeError, EmbeddingError) as error:
        message = f"{path.parent} is damaged ({error}); remove it and train without --resume"
        raise TrainingError(message) from error


def remove_checkpoint(folder: Path) -> None:
    """Remove the checkpoint of a finished run, and the corpus if it was kept there."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
