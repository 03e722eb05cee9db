"""Results as they are kept beside a collection, read once and held while they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from analysis.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from analysis.results import Result
    from indexing.local import LocalCollection

T = TypeVar("T")

_MOST = 8


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A result and what it was made from.

    Attributes:
        value: what was found.
        made: of what, when and as asked how.
        stamp: another one for each result.
        stale: True if documents were written since, or the encoder is another.
    """

    value: T
    made: Mapping[str, Any]
    stamp: tuple[int, int]
    stale: bool


class Shelf:
    """The results that were asked for last; safe to use from several threads.

    Args:
        most: results held; their tables are mapped from disk.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._held: OrderedDict[tuple[str, str], tuple[tuple[int, int], object, Any]] = (
            OrderedDict()
        )

    def take(self, collection: LocalCollection, kind: str, read: Callable[[Result], T]) -> Kept[T]:
        """The last result of that kind.

        Args:
            collection: whose.
            kind: of the result.
            read: from the result to what it tells; not asked again for a result that is held.

        Raises:
            ResultNotFoundError: there is none, or its files are damaged.
        """
        results = Results(collection.folder)
        key, stamp = (str(collection.folder), kind), results.stamp(kind)
        with self._guard:
            held = self._held.get(key)
        if held is None or held[0] != stamp:
            result = results.load(kind)
            held = (stamp, read(result), result.header["made"])
            with self._guard:
                self._held[key] = held
                self._held.move_to_end(key)
                while len(self._held) > self._most:
                    self._held.popitem(last=False)
        return Kept(cast("T", held[1]), held[2], stamp, _is_stale(collection, held[2]))


def _is_stale(collection: LocalCollection, made: Mapping[str, Any]) -> bool:
    now = collection.storage.documents.version(), collection.card.encoder.fingerprint
    return (made["version"], made["encoder"]) != now
