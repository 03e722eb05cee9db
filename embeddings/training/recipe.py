"""Recipes: TOML and `--set key=value` to frozen dataclasses, checked before any compute.

A recipe is a dataclass of plain fields: `str`, `int`, `float`, `bool`, `Literal`, `X | None`,
`tuple[X, ...]`, `dict[str, X]`, dataclasses, and `Annotated[X, Within(...)]` for ranges. Fields
that name files are `Annotated[str, FileName()]`; those in a recipe file are relative to it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from embeddings.training.errors import RecipeError
from embeddings.training.fields import (
    Above0,
    Count,
    FileName,
    Share,
    Weight,
    Within,
    annotations_of,
    dataclasses_in,
    from_mapping,
    hints_of,
    keys_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

__all__ = [
    "Above0",
    "Count",
    "FileName",
    "Share",
    "Weight",
    "Within",
    "from_mapping",
    "keys_of",
    "read_recipe",
]


def read_recipe(
    kind: type[T], path: Path | None = None, overrides: Sequence[str] = (), **given: object
) -> T:
    """The recipe in a TOML file, with single values replaced.

    Args:
        kind: a frozen dataclass.
        path: the file; None starts from the defaults.
        overrides: `a.b=value` each, the value as TOML; what is no TOML is a string.
        given: top-level values that replace both, where not None.

    Raises:
        RecipeError: an unknown key (the message has the nearest right one), a value of the wrong
            type or outside its range, a missing one, or a file that is no TOML.
    """
    data: dict[str, Any] = {}
    if path is not None:
        data = _absolute(_read_toml(path), kind, path.parent)
    for override in overrides:
        _set(data, override)
    for key, value in given.items():
        if value is not None:
            data[key] = value
    return from_mapping(kind, data)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"recipe {path} cannot be read: {error.strerror or error}"
        raise RecipeError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"recipe {path} is not TOML: {error}"
        raise RecipeError(message) from error


def _set(data: dict[str, Any], override: str) -> None:
    """Put the value of `a.b=value` into nested dictionaries; `a.0.b` is in a list's first table."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        message = f"--set {override!r} is not of the form key=value (optimiser.learning_rate=1e-4)"
        raise RecipeError(message)
    place: Any = data
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        index: str | int = part
        if isinstance(place, list):
            if not part.isdigit() or int(part) >= len(place):
                message = (
                    f"--set {key}: {'.'.join(parts[:number])} is a list of {len(place)} tables; "
                    f"{part!r} is not one of 0 to {len(place) - 1}"
                )
                raise RecipeError(message)
            index = int(part)
        elif not isinstance(place, dict):
            message = f"--set {key}: {'.'.join(parts[:number])} is a value and holds no keys"
            raise RecipeError(message)
        if last:
            place[index] = _toml_value(text.strip())
        else:
            place = place.setdefault(index, {}) if isinstance(place, dict) else place[index]


def _toml_value(text: str) -> Any:  # noqa: ANN401 - any TOML
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _absolute(data: dict[str, Any], kind: type, folder: Path) -> dict[str, Any]:
    """`data` with the file names in it made relative to the working folder."""
    hints = hints_of(kind)
    return {
        key: _absolute_value(value, hints[key], folder) if key in hints else value
        for key, value in data.items()
    }


def _absolute_value(value: Any, hint: Any, folder: Path) -> Any:  # noqa: ANN401 - any field
    if isinstance(value, dict):
        inner = next(iter(dataclasses_in(hint)), None)
        return value if inner is None else _absolute(value, inner, folder)
    if isinstance(value, list):
        return [_absolute_value(each, hint, folder) for each in value]
    marks = [mark for mark in annotations_of(hint) if isinstance(mark, FileName)]
    if not marks or not isinstance(value, str) or Path(value).is_absolute():
        return value
    found = folder / Path(value).expanduser()
    if marks[0].or_name and not value.startswith(".") and not found.exists():
        return value
    return str(found)
