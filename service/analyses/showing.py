"""Documents beside what was found of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.schemas.analysis import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexing.local import LocalCollection


class Texts:
    """Titles and short texts of some documents; of those that are gone, nothing.

    Args:
        collection: whose.
        ids: of the documents, read at once.
    """

    def __init__(self, collection: LocalCollection, ids: Iterable[str]) -> None:
        wanted = list(dict.fromkeys(ids))
        self._found = {
            stored.document.id: stored.document
            for stored in collection.get(wanted)
            if stored is not None
        }

    def __contains__(self, id: str) -> bool:
        return id in self._found

    def of(self, id: str) -> dict[str, Any]:
        """`id`, `title` and `text`; the last two empty for a document that is gone."""
        document = self._found.get(id)
        if document is None:
            return {"id": id, "title": "", "text": ""}
        return {"id": id, "title": document.title, "text": shortened(document.text)}
