"""An index on disk: derived from the vectors, checked before use, thrown away at any doubt."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.files import checksum_file, replacing, write_atomically
from indexing.index import Effort, IndexFileError, VectorIndex, kind_of
from indexing.index.exact import comparable
from indexing.measuring import held_back, tune
from indexing.planner import IndexWish, possible_kinds
from indexing.tuning import Point, Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from embeddings.types import Vectors
    from indexing.types import Ids, Metric

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SealCard:
    """What a sealed index is, kept beside it as `index-N.json`.

    Attributes:
        kind: the index kind.
        rows: it answers for rows 0 to rows-1.
        held: vectors in it; rows deleted before it was built are not.
        trained: vectors it was built with; the others were put in later.
        dim: width of a vector.
        metric: how vectors are compared.
        wish: what was asked for.
        tuning: what it finds at which cost.
        bytes: size of the file, and of the index in memory.
        seconds: time that building, measuring and writing took.
        built: RFC 3339 time in UTC.
        crc32: of the index file.
    """

    kind: str
    rows: int
    held: int
    trained: int
    dim: int
    metric: str
    wish: IndexWish
    tuning: Tuning
    bytes: int
    seconds: float
    built: str
    crc32: int

    @property
    def point(self) -> Point:
        """The effort that reaches the recall wished for, and what it finds."""
        return self.tuning.at(self.wish.recall) or Point(Effort(1 << 20), 1.0, 0.0)

    @property
    def recall(self) -> float:
        """Measured recall@10, 0 to 1, at that effort."""
        return self.point.recall

    @property
    def bytes_per_vector(self) -> float:
        """Of the index, the vectors' own file not counted where it is read instead of copied."""
        return self.bytes / max(1, self.held)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, `from_json`'s inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The card of `to_json`.

        Raises:
            KeyError: a part is missing.
            TypeError: a part is unknown or of another type.
            ValueError: an impossible wish.
        """
        wish, tuning = IndexWish(**data["wish"]), Tuning.from_json(data["tuning"])
        return cls(**{**data, "wish": wish, "tuning": tuning})


@dataclass(frozen=True, slots=True)
class SealedIndex:
    """A loaded index and its card."""

    index: VectorIndex
    card: SealCard

    @property
    def rows(self) -> int:
        """It answers for rows 0 to rows-1."""
        return self.card.rows


def build_sealed(
    folder: Path,
    vectors: Vectors,
    live: Ids,
    metric: Metric,
    wish: IndexWish,
    *,
    asked: Vectors | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> SealedIndex | None:
    """Build, measure and write the index the planner chooses; older ones are removed.

    Rows to measure with are held back until it is measured. Where the kind preferred does not
    reach the recall wished for, the next one that memory allows is tried, and the best is kept.

    Args:
        folder: the collection's.
        vectors: float32 (n, dim), `comparable` under the metric.
        live: int64, ascending, the rows that are not deleted.
        metric: how vectors are compared.
        wish: recall, memory, kind.
        asked: float32 (m, dim): questions that were asked, to measure with.
        stop: asked now and then; True gives up.

    Returns:
        The index; None where comparing every vector is better, or if stopped.

    Raises:
        InvalidRequestError: the memory allowed is too little; older indexes stand.
        StorageFullError: no space for the file; older ones stand.
    """
    started = time.perf_counter()
    best: tuple[VectorIndex, Tuning] | None = None
    asked = None if asked is None else np.ascontiguousarray(comparable(asked, metric))
    back = held_back(live)
    kept = np.setdiff1d(live, back, assume_unique=True)
    queries = np.ascontiguousarray(vectors[back])
    for kind in possible_kinds(len(live), vectors.shape[1], wish):
        if kind == "flat":
            remove_sealed(folder)
            return None
        index = kind_of(kind).build(vectors, metric, rows=kept)
        if stop():
            return None
        tuning = tune(index, vectors, kept, queries, metric, asked=asked, stop=stop)
        if best is None or _recall(tuning, wish) > _recall(best[1], wish):
            best = (index, tuning)
        if _recall(tuning, wish) >= wish.recall:
            break
    if best is None or stop():
        return None
    index, tuning = best
    index.insert(vectors, back)
    card = SealCard(
        kind=index.kind,
        rows=len(vectors),
        held=index.rows,
        trained=index.rows,
        dim=int(vectors.shape[1]),
        metric=metric.value,
        wish=wish,
        tuning=tuning,
        bytes=0,
        seconds=time.perf_counter() - started,
        built="",
        crc32=0,
    )
    return _write(folder, index, card)


def extend_sealed(folder: Path, sealed: SealedIndex, vectors: Vectors, rows: Ids) -> SealedIndex:
    """A copy of the index with more rows in it, written; the old one may go on being searched.

    Args:
        folder: the collection's.
        sealed: the index.
        vectors: float32 (n, dim), the first `sealed.rows` unchanged.
        rows: int64, ascending, live rows from `sealed.rows` on.

    Raises:
        StorageFullError: no space for the file; the old one stands.
    """
    started = time.perf_counter()
    index = sealed.index.copy()
    index.insert(vectors, rows)
    seconds = sealed.card.seconds + time.perf_counter() - started
    card = replace(sealed.card, rows=len(vectors), held=index.rows, seconds=seconds)
    return _write(folder, index, card)


def _recall(tuning: Tuning, wish: IndexWish) -> float:
    point = tuning.at(wish.recall)
    return 1.0 if point is None else point.recall


def _write(folder: Path, index: VectorIndex, card: SealCard) -> SealedIndex:
    """Write index and card under the next number, and remove the others."""
    started = time.perf_counter()
    number = max((_number(path) for path in _cards(folder)), default=0) + 1
    path = folder / f"index-{number}.faiss"
    with replacing(path) as temporary:
        index.save(temporary)
        crc32 = checksum_file(temporary)
        size = temporary.stat().st_size
    card = replace(
        card,
        bytes=size,
        crc32=crc32,
        seconds=round(card.seconds + time.perf_counter() - started, 3),
        built=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    write_atomically(path.with_suffix(".json"), json.dumps(card.to_json(), indent=2).encode())
    remove_sealed(folder, keep=number)
    return SealedIndex(index, card)


def load_sealed(
    folder: Path, vectors: Vectors, metric: Metric, *, tidy: bool = False
) -> tuple[SealedIndex | None, list[str]]:
    """The newest sealed index, and what was found wrong on the way.

    Args:
        folder: the collection's.
        vectors: float32 (n, dim), its.
        metric: how they are compared.
        tidy: remove the files of others, which a crash left behind.

    Returns:
        The index, or None if there is none to trust; and one sentence for each that is not.
    """
    problems: list[str] = []
    for path in sorted(_cards(folder), key=_number, reverse=True):
        try:
            loaded = _load(path, vectors, metric)
            if tidy:
                remove_sealed(folder, keep=_number(path))
            return loaded, problems
        except IndexFileError as error:
            logger.warning("%s; it will be rebuilt", error)
            problems.append(str(error))
    return None, problems


def remove_sealed(folder: Path, *, keep: int | None = None) -> None:
    """Remove the files of sealed indexes but the kept number's.

    One that cannot be removed stays until the next time: the newest is the one that counts.
    """
    for path in [*folder.glob("index-*.faiss"), *_cards(folder)]:
        if _number(path) != keep:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("%s cannot be removed: %s", path, error)


def _load(path: Path, vectors: Vectors, metric: Metric) -> SealedIndex:
    try:
        card = SealCard.from_json(json.loads(path.read_bytes()))
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
    index = kind_of(card.kind).load(file, vectors[: card.rows], metric)
    if index.rows != card.held:
        message = f"{file.name} holds {index.rows} vectors, its card says {card.held}"
        raise IndexFileError(message)
    return SealedIndex(index, card)


def _cards(folder: Path) -> list[Path]:
    return [path for path in folder.glob("index-*.json") if path.stem[6:].isdecimal()]


def _number(path: Path) -> int:
    text = path.stem.partition("-")[2]
    return int(text) if text.isdecimal() else -1
