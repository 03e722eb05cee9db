"""Whether a JSON value is of the type that hints say."""

from __future__ import annotations

import types
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints


def mismatch(value: object, hint: object, place: str = "answer") -> str | None:
    """Where a value is not of the type; None if it is."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return mismatch(value, inner[0], place)
    if origin in {Union, types.UnionType}:
        found = [mismatch(value, each, place) for each in inner]
        return None if None in found else found[-2 if inner[-1] is type(None) else -1]
    if origin is Literal:
        return None if value in inner else f"{place} is {value!r}"
    if origin in {list, dict} or hasattr(hint, "__required_keys__"):
        return _mismatch_within(value, hint, place)
    kinds = (int, float) if hint is float else (hint,)
    is_of = hint is Any or (isinstance(value, kinds) and isinstance(value, bool) == (hint is bool))
    return None if is_of else f"{place} is {value!r}, not {hint}"


def _mismatch_within(value: object, hint: Any, place: str) -> str | None:  # noqa: ANN401
    origin, inner = get_origin(hint) or dict, get_args(hint)
    if not isinstance(value, origin):
        return f"{place} is {value!r}, not {hint}"
    if isinstance(value, list):
        parts = [(each, inner[0], f"{place}[{n}]") for n, each in enumerate(value)]
    elif inner:
        parts = [(each, inner[1], f"{place}[{key!r}]") for key, each in value.items()]
    else:
        known = get_type_hints(hint, include_extras=True)
        required = {key for key, each in known.items() if get_origin(each) is not NotRequired}
        if not required <= value.keys() <= known.keys():
            return f"{place} has {sorted(set(value) ^ set(known))} too many or too few"
        parts = [(each, known[key], f"{place}.{key}") for key, each in value.items()]
    return next(filter(None, (mismatch(*part) for part in parts)), None)
