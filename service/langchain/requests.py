"""What is asked of a server for a vector store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.client.answers import JsonObject

_AT_ONCE = 100
"""Ids asked for in one request: they travel in the address."""


def deletion(ids: list[str] | None, kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """What the client's `delete` is told; None for no ids at all.

    Raises:
        ValueError: neither ids nor a filter, or both.
    """
    filter = kwargs.pop("filter", None)
    refuse(kwargs)
    if (ids is None) == (filter is None):
        message = "exactly one of ids and filter says what to delete"
        raise ValueError(message)
    if filter is not None:
        return {"filter": filter}
    return {"ids": ids} if ids else None


def having(ids: Sequence[str]) -> JsonObject:
    """The filter of documents with those ids."""
    return {"must": [{"has_id": list(ids)}]}


def parts(ids: Sequence[str]) -> list[list[str]]:
    """Different ids, as many together as one request names."""
    each = list(dict.fromkeys(ids))
    return [each[start : start + _AT_ONCE] for start in range(0, len(each), _AT_ONCE)]


def refuse(kwargs: dict[str, Any]) -> None:
    """Refuse arguments that nothing takes.

    Raises:
        TypeError: there are some.
    """
    if kwargs:
        message = f"{', '.join(kwargs)}: not taken here"
        raise TypeError(message)
