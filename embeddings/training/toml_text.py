"""Recipes back to TOML: the standard library reads it and does not write it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def to_toml(recipe: object) -> str:
    """The resolved recipe as TOML, every default written out; None is left out.

    `read_recipe` of the text gives an equal recipe.

    Args:
        recipe: a dataclass.
    """
    data = dataclasses.asdict(recipe)  # type: ignore[call-overload]
    return "\n".join(_table(data, "")).strip() + "\n"


def plain(recipe: object) -> dict[str, Any]:
    """The resolved recipe as JSON values, None left out, tuples as lists."""
    made: dict[str, Any] = json.loads(json.dumps(_plain(dataclasses.asdict(recipe))))  # type: ignore[call-overload]
    return made


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    return value


def _table(data: Mapping[str, Any], path: str) -> Iterator[str]:
    tables: list[tuple[str, Any]] = []
    for key, value in data.items():
        if value is None or value == {}:
            continue
        if isinstance(value, dict) or _is_tables(value):
            tables.append((key, value))
        else:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables:
        name = f"{path}.{_key(key)}" if path else _key(key)
        for each in [value] if isinstance(value, dict) else value:
            yield ""
            yield f"[{name}]" if isinstance(value, dict) else f"[[{name}]]"
            yield from _table(each, name)


def _is_tables(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(each, dict) for each in value)
    )


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _value(key)


def _value(value: Any) -> str:  # noqa: ANN401 - any plain value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    return repr(value)
