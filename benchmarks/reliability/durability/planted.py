"""Mistakes that can be planted, to see that the trials find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _vectors() -> None:
    """Vectors are acknowledged before they are flushed."""
    from indexing.vectors import VectorFile

    begin: Callable[..., None] = VectorFile.__init__

    def careless(self: VectorFile, *args: object, **how: object) -> None:
        begin(self, *args, **how | {"durable": False})

    _replace(VectorFile, "__init__", careless)


def _documents() -> None:
    """SQLite flushes nothing."""
    import indexing.documents

    connect = vars(indexing.documents)["connect"]

    def careless(*args: Any, **how: Any) -> Any:  # noqa: ANN401
        connection = connect(*args, **how)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    _replace(indexing.documents, "connect", careless)


def _log() -> None:
    """After a commit that failed SQLite's log is left as it is, and the vectors are cut off."""
    from indexing.committing import Commits

    def careless(self: Commits, _: object) -> None:
        self._unsettled = False

    _replace(Commits, "settle", careless)


def _journal() -> None:
    """A compaction's journal whose writing failed is left where it is, and writing goes on."""
    import indexing.compaction

    _replace(indexing.compaction, "withdraw", lambda _: True)


def _order() -> None:
    """Documents are committed before their vectors are written."""
    from indexing.documents import DocumentStore
    from indexing.vectors import VectorFile

    waiting: list[Callable[[], object]] = []
    append = VectorFile.append

    def later(self: VectorFile, first: int, vectors: Any) -> int:  # noqa: ANN401
        if not self._durable:
            return append(self, first, vectors)
        import zlib

        waiting.append(lambda: append(self, first, vectors))
        return zlib.crc32(vectors.tobytes())

    committed = DocumentStore.committed_rows

    def written(self: DocumentStore) -> int:
        while waiting and not self._connection.in_transaction:
            waiting.pop()()
        return committed(self)

    _replace(VectorFile, "append", later)
    _replace(DocumentStore, "committed_rows", written)


def _replace(where: object, name: str, careless: object) -> None:
    setattr(where, name, careless)


PLANTED: dict[str, Callable[[], None]] = {
    "vectors": _vectors,
    "documents": _documents,
    "log": _log,
    "journal": _journal,
    "order": _order,
}
"""By name; each docstring says what is wrong then."""
