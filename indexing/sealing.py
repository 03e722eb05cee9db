"""Building, extending and loading the index of a collection as it is wished to be."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import InvalidRequestError
from indexing.files import write_atomically
from indexing.planner import IndexWish, possible_kinds
from indexing.sealed import build_sealed, extend_sealed, load_sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.sampling import RecallSampler
    from indexing.sealed import SealedIndex
    from indexing.snapshot import Snapshot
    from indexing.types import Metric

logger = logging.getLogger(__name__)

_FILE = "wish.json"


class Sealer:
    """Makes sealed indexes.

    Args:
        folder: the collection's.
        metric: how vectors are compared.
        sampler: knows questions that were asked.

    Attributes:
        wish: what the next index shall be like.
    """

    def __init__(self, folder: Path, metric: Metric, sampler: RecallSampler) -> None:
        self._folder = folder
        self._metric = metric
        self._sampler = sampler
        self.wish = self._read_wish()

    def demand(self, wish: IndexWish, snapshot: Snapshot) -> None:
        """Let the next index, and those after it, be like that.

        Raises:
            InvalidRequestError: the memory allowed is too little for the vectors of the
                snapshot; all stays as it was.
        """
        possible_kinds(snapshot.documents, snapshot.vectors.shape[1], wish)
        write_atomically(self._folder / _FILE, json.dumps(asdict(wish)).encode())
        self.wish = wish

    def _read_wish(self) -> IndexWish:
        """What was demanded last, also where it led to no index; the default where nothing was."""
        path = self._folder / _FILE
        try:
            return IndexWish(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return IndexWish()
        except (ValueError, TypeError, InvalidRequestError) as error:
            logger.warning("%s is no wish for an index (%s); it is left out", path, error)
            return IndexWish()

    def planned(self, snapshot: Snapshot) -> str:
        """The kind of index there should be; the one there is where nothing speaks against it."""
        sealed = snapshot.sealed
        try:
            kinds = possible_kinds(snapshot.documents, snapshot.vectors.shape[1], self.wish)
        except InvalidRequestError as error:
            logger.warning("%s: no index can be built: %s", self._folder, error)
            return "flat" if sealed is None else sealed.card.kind
        if sealed is None or sealed.card.kind not in kinds:
            return kinds[0]
        return sealed.card.kind

    def load(self, vectors: Vectors, *, tidy: bool = False) -> tuple[SealedIndex | None, list[str]]:
        """The index of the folder; see `load_sealed`."""
        return load_sealed(self._folder, vectors, self._metric, tidy=tidy)

    def build(
        self,
        vectors: Vectors,
        live: npt.NDArray[np.bool_],
        *,
        folder: Path | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> SealedIndex | None:
        """The index the planner chooses; None where comparing every vector is better.

        Args:
            vectors: float32 (n, dim), `comparable`.
            live: bool (n,), False for tombstones.
            folder: where its files go; None: the collection's.
            stop: asked now and then; True gives up.

        Raises:
            InterruptedError: it was given up.
            InvalidRequestError: the memory allowed is too little; an old index stands.
            StorageFullError: the disk is full; an old index stands.
        """
        sealed = build_sealed(
            self._folder if folder is None else folder,
            vectors,
            np.flatnonzero(live),
            self._metric,
            self.wish,
            asked=self._sampler.queries(),
            stop=stop,
        )
        if stop():
            message = "building the index was given up"
            raise InterruptedError(message)
        return sealed

    def extend(self, snapshot: Snapshot) -> SealedIndex | None:
        """A copy of the snapshot's index with all its live rows in it; None where there is none.

        Raises:
            StorageFullError: the disk is full; the old index stands.
        """
        sealed = snapshot.sealed
        if sealed is None:
            return None
        rows = np.flatnonzero(snapshot.live[sealed.rows :]) + sealed.rows
        return extend_sealed(self._folder, sealed, snapshot.vectors, rows)
