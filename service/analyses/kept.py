"""Results as they are kept beside a collection, read once and held while they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from analysis.results import Result, Results
from service.access.caller import CALLER
from service.jobs.types import collections_named

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from indexing.local import LocalCollection

T = TypeVar("T")

_MOST = 16


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
    """Results that were asked for last, and what was made of them; safe to use from threads.

    Args:
        most: values held; tables of results are mapped from disk.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._held: OrderedDict[tuple[str, str], tuple[Hashable, object]] = OrderedDict()

    def take(self, collection: LocalCollection, kind: str, read: Callable[[Result], T]) -> Kept[T]:
        """The last result of that kind.

        Args:
            collection: whose.
            kind: of the result.
            read: from the result to what it tells; not asked again for a result that is held.

        Raises:
            ResultNotFoundError: there is none, or its files are damaged.
            CollectionForbiddenError: it tells of a collection that whoever asks may not see.
        """
        results = Results(collection.folder)
        stamp = results.stamp(kind)

        def load() -> tuple[T, Mapping[str, Any]]:
            result = results.load(kind)
            header = dict(result.header)
            made = header.pop("made")
            return read(Result(header, result.tables)), made

        value, made = self.derive(collection, kind, stamp, load)
        for name in collections_named(made["request"]):
            CALLER.get().check_collection(name)
        return Kept(value, made, stamp, _is_stale(collection, made))

    def derive(
        self, collection: LocalCollection, what: str, of: Hashable, make: Callable[[], T]
    ) -> T:
        """What was made of something, held as long as that stays the same.

        Args:
            collection: whose.
            what: its name.
            of: what it is made of; another one makes it anew.
            make: makes it.
        """
        key = (str(collection.folder), what)
        with self._guard:
            held = self._held.get(key)
            if held is not None and held[0] == of:
                self._held.move_to_end(key)
                return cast("T", held[1])
        value = make()
        with self._guard:
            self._held[key] = (of, value)
            self._held.move_to_end(key)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return value


def _is_stale(collection: LocalCollection, made: Mapping[str, Any]) -> bool:
    now = collection.storage.documents.version(), collection.card.encoder.fingerprint
    return (made["version"], made["encoder"]) != now
