"""Pydantic's findings as one sentence that names the field, the value and the limit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHOWN = 80
"""Characters of a refused value that are quoted back."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The first thing wrong with a request.

    Attributes:
        message: names the field, the value and the limit, and how many more findings there are.
        param: path of the field (`documents[3].text`); None for the body as a whole.
    """

    message: str
    param: str | None


def describe_validation(errors: Sequence[Mapping[str, Any]]) -> Complaint:
    """The complaint for pydantic's error list, which holds at least one."""
    first = errors[0]
    param = _param(first)
    message = _sentence(first, param)
    if len(errors) > 1:
        message += f" (and {len(errors) - 1} more)"
    return Complaint(message, param)


def _param(error: Mapping[str, Any]) -> str | None:
    """Path of the field; a broken rule names it relative to the object it is a rule of."""
    location = error["loc"]
    named = error.get("ctx", {}).get("param")
    if named is None:
        return _path(location)
    of_a_field = isinstance(location[-1], str) and named.startswith(location[-1])
    place = _path(location[:-1] if of_a_field else location)
    return f"{place}.{named}" if place else str(named)


_NOT_AN_OBJECT = "{place} is {value}; it must be a JSON object"
_ONE_OF = "{place} is {value}; it must be {expected}"
_SENTENCES = {
    "missing": "{place} is missing",
    "extra_forbidden": "{place} is not a field here; leave it out or mend its name",
    "literal_error": _ONE_OF,
    "enum": _ONE_OF,
    "model_type": _NOT_AN_OBJECT,
    "model_attributes_type": _NOT_AN_OBJECT,
    "dict_type": _NOT_AN_OBJECT,
    "too_long": "{place} is {value}; at most {max_length:,} are taken",
    "too_short": "{place} is {value}; at least {min_length:,} {are} needed",
}
"""By pydantic's error type; other types get pydantic's own words."""


def _sentence(error: Mapping[str, Any], param: str | None) -> str:
    kind, limits = error["type"], error.get("ctx", {})
    if kind == "missing" and param is None:
        return "the body is missing; send a JSON object"
    if kind == "request_rule":
        entry, _, _ = (param or "").rpartition("].")
        return f"{entry}]: {error['msg']}" if entry else str(error["msg"])
    said = error["msg"]
    said = said.replace("Input should be", "it must be").replace("Value should", "it must")
    told = {
        **limits,
        "place": param or "the body",
        "value": quote(error.get("input")),
        "said": said[:1].lower() + said[1:],
        "are": "is" if limits.get("min_length") == 1 else "are",
    }
    return _SENTENCES.get(kind, "{place} is {value}; {said}").format_map(told)


def quote(value: object) -> str:
    """The value as it may be repeated in a message: at most some 80 characters."""
    if isinstance(value, list):
        return f"a list of {len(value):,} items"
    if isinstance(value, dict):
        return f"an object of {len(value):,} fields"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        text = f"{value:,}"
    else:
        text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _path(location: Sequence[str | int]) -> str | None:
    """`("body", "documents", 3, "text")` as `documents[3].text`."""
    path = ""
    for part in location[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".") or None
