"""An index on disk: derived from the vectors, checked before use, thrown away at any doubt."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from indexing.files import checksum_file, replacing, write_atomically
from indexing.index import IndexFileError, VectorIndex, kind_of
from indexing.planner import Tuning, tune

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.types import Vectors
    from indexing.types import Ids, Metric

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SealCard:
    """What a sealed index is, kept beside it as `index-N.json`.

    Attributes:
        kind: the index kind.
        rows: it covers rows 0 to rows-1.
        dim: width of a vector.
        metric: how vectors are compared.
        effort: how hard it looks.
        recall: measured recall@10, 0 to 1, at that effort, when it was built.
        curve: (effort, recall) pairs measured.
        crc32: of the index file.
    """

    kind: str
    rows: int
    dim: int
    metric: str
    effort: int
    recall: float
    curve: tuple[tuple[int, float], ...]
    crc32: int


@dataclass(frozen=True, slots=True)
class SealedIndex:
    """A loaded index and its card."""

    index: VectorIndex
    card: SealCard

    @property
    def rows(self) -> int:
        """It covers rows 0 to rows-1."""
        return self.card.rows


def build_sealed(
    folder: Path, kind: str, vectors: Vectors, live: Ids, metric: Metric
) -> SealedIndex:
    """Build, measure and write the index of the vectors; older ones are removed.

    Args:
        folder: the collection's.
        kind: the index kind.
        vectors: float32 (n, dim), `comparable` under the metric.
        live: int64, ascending, the rows that are not deleted.
        metric: how vectors are compared.

    Raises:
        StorageFullError: no space for the file; older ones stand.
    """
    index = kind_of(kind).build(vectors, metric)
    tuning: Tuning = tune(index, vectors, live, metric)
    number = max((int(path.stem.partition("-")[2]) for path in _cards(folder)), default=0) + 1
    path = folder / f"index-{number}.faiss"
    with replacing(path) as temporary:
        index.save(temporary)
        crc32 = checksum_file(temporary)
    card = SealCard(
        kind=kind,
        rows=len(vectors),
        dim=int(vectors.shape[1]),
        metric=metric.value,
        effort=tuning.effort,
        recall=tuning.recall,
        curve=tuning.curve,
        crc32=crc32,
    )
    write_atomically(path.with_suffix(".json"), json.dumps(asdict(card), indent=2).encode())
    remove_sealed(folder, keep=number)
    return SealedIndex(index, card)


def load_sealed(
    folder: Path, vectors: Vectors, metric: Metric
) -> tuple[SealedIndex | None, list[str]]:
    """The newest sealed index, and what was found wrong on the way.

    Returns:
        The index, or None if there is none to trust; and one sentence for each that is not.
    """
    problems: list[str] = []
    for path in sorted(_cards(folder), key=_number, reverse=True):
        try:
            return _load(path, vectors, metric), problems
        except IndexFileError as error:
            logger.warning("%s; it will be rebuilt", error)
            problems.append(str(error))
    return None, problems


def remove_sealed(folder: Path, *, keep: int | None = None) -> None:
    """Remove the files of sealed indexes but the kept number's."""
    for path in [*folder.glob("index-*.faiss"), *_cards(folder)]:
        if _number(path) != keep:
            path.unlink(missing_ok=True)


def _load(path: Path, vectors: Vectors, metric: Metric) -> SealedIndex:
    try:
        data = json.loads(path.read_bytes())
        card = SealCard(**{**data, "curve": tuple((e, r) for e, r in data["curve"])})
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path.name} is not the card of an index"
        raise IndexFileError(message) from error
    file = path.with_suffix(".faiss")
    if not file.is_file():
        message = f"{file.name} is missing"
        raise IndexFileError(message)
    if (card.dim, card.metric) != (vectors.shape[1], metric.value) or card.rows > len(vectors):
        message = f"{file.name} is of other vectors than this collection's"
        raise IndexFileError(message)
    if checksum_file(file) != card.crc32:
        message = f"{file.name} fails its checksum"
        raise IndexFileError(message)
    index = kind_of(card.kind).load(file, metric)
    if index.rows != card.rows:
        message = f"{file.name} holds {index.rows} rows, its card says {card.rows}"
        raise IndexFileError(message)
    return SealedIndex(index, card)


def _cards(folder: Path) -> list[Path]:
    return [path for path in folder.glob("index-*.json") if path.stem[6:].isdecimal()]


def _number(path: Path) -> int:
    text = path.stem.partition("-")[2]
    return int(text) if text.isdecimal() else -1
