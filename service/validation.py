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
    param = first.get("ctx", {}).get("param") or _path(first["loc"])
    message = _sentence(first, param)
    if len(errors) > 1:
        message += f" (and {len(errors) - 1} more)"
    return Complaint(message, param)


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
    "request_rule": "{said}",
}
"""By pydantic's error type; other types get pydantic's own words."""


def _sentence(error: Mapping[str, Any], param: str | None) -> str:
    kind = error["type"]
    if kind == "missing" and param is None:
        return "the body is missing; send a JSON object"
    said = error["msg"]
    said = said.replace("Input should be", "it must be").replace("Value should", "it must")
    return _SENTENCES.get(kind, "{place} is {value}; {said}").format(
        place=param or "the body",
        value=quote(error.get("input")),
        expected=error.get("ctx", {}).get("expected"),
        said=said if kind == "request_rule" else said[:1].lower() + said[1:],
    )


def quote(value: object) -> str:
    """The value as it may be repeated in a message: at most some 80 characters."""
    if isinstance(value, list):
        return f"a list of {len(value):,} items"
    if isinstance(value, dict):
        return f"an object of {len(value):,} fields"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _path(location: Sequence[str | int]) -> str | None:
    """`("body", "documents", 3, "text")` as `documents[3].text`."""
    path = ""
    for part in location[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".") or None
