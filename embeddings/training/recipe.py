"""Recipes: TOML and `--set key=value` to frozen dataclasses, checked before any compute.

A recipe is a dataclass of plain fields: `str`, `int`, `float`, `bool`, `Literal`, `X | None`,
`tuple[X, ...]`, `dict[str, X]`, dataclasses, and `Annotated[X, Within(...)]` for ranges. Fields
that name files are `Annotated[str, FileName()]`; those in a recipe file are relative to it.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from embeddings.training.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Within:
    """The range of a number.

    Attributes:
        least: the smallest possible value; None for no limit.
        most: the largest possible value; None for no limit.
        above: an open lower limit.
        below: an open upper limit.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """True if the value lies in the range."""
        return not (
            (self.least is not None and value < self.least)
            or (self.most is not None and value > self.most)
            or (self.above is not None and value <= self.above)
            or (self.below is not None and value >= self.below)
        )

    def __str__(self) -> str:
        limits = [
            (self.least, "at least"),
            (self.above, "above"),
            (self.most, "at most"),
            (self.below, "below"),
        ]
        return " and ".join(f"{word} {limit:g}" for limit, word in limits if limit is not None)


@dataclasses.dataclass(frozen=True, slots=True)
class FileName:
    """A file or folder; a relative one in a recipe file is meant from that file's folder.

    Attributes:
        or_name: True if the field may also hold a name that is no path (`minilm`): only values
            that start with `.` or exist beside the recipe are then taken for paths.
    """

    or_name: bool = False


Above0 = Annotated[float, Within(above=0)]
Count = Annotated[int, Within(least=1)]
Share = Annotated[float, Within(least=0, most=1)]
Weight = Annotated[float, Within(least=0)]


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


def from_mapping(kind: type[T], data: Mapping[str, Any], *, at: str = "") -> T:
    """A dataclass made from nested mappings, as `read_recipe` makes it.

    Args:
        kind: a frozen dataclass.
        data: its fields; tables are mappings.
        at: the path of `data` in the whole recipe, for messages.

    Raises:
        RecipeError: see `read_recipe`.
    """
    hints = _hints(kind)
    for key in data:
        if key not in hints:
            raise RecipeError(_unknown(kind, key, at))
    values = {key: _convert(value, hints[key], _join(at, key)) for key, value in data.items()}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if field.name not in values and not has_default:
            message = f"recipe key {_join(at, field.name)!r} is missing; it has no default"
            raise RecipeError(message)
    return kind(**values)


def keys_of(kind: type, at: str = "") -> Iterator[str]:
    """Every dotted key a recipe of that kind may hold, tables before what is in them."""
    for name, hint in _hints(kind).items():
        path = _join(at, name)
        yield path
        for inner in _dataclasses_in(hint):
            yield from keys_of(inner, path)


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
    hints = _hints(kind)
    return {
        key: _absolute_value(value, hints[key], folder) if key in hints else value
        for key, value in data.items()
    }


def _absolute_value(value: Any, hint: Any, folder: Path) -> Any:  # noqa: ANN401 - any field
    if isinstance(value, dict):
        inner = next(iter(_dataclasses_in(hint)), None)
        return value if inner is None else _absolute(value, inner, folder)
    if isinstance(value, list):
        return [_absolute_value(each, hint, folder) for each in value]
    marks = [mark for mark in _annotations(hint) if isinstance(mark, FileName)]
    if not marks or not isinstance(value, str) or Path(value).is_absolute():
        return value
    found = folder / Path(value).expanduser()
    if marks[0].or_name and not value.startswith(".") and not found.exists():
        return value
    return str(found)


def _convert(value: Any, hint: Any, path: str) -> Any:  # noqa: ANN401 - any field
    converters: dict[Any, Any] = {
        Annotated: _convert_limited,
        Union: _convert_union,
        types.UnionType: _convert_union,
        Literal: _convert_choice,
        tuple: _convert_list,
        dict: _convert_table,
    }
    converter = converters.get(get_origin(hint))
    if converter is not None:
        return converter(value, get_args(hint), path)
    if not dataclasses.is_dataclass(hint):
        return _convert_plain(value, hint, path)
    if isinstance(value, hint):  # type: ignore[arg-type]
        return value
    if not isinstance(value, dict):
        raise _wrong(value, f"a table ([{path}])", path)
    return from_mapping(hint, value, at=path)  # type: ignore[arg-type]


def _convert_limited(value: Any, hints: tuple[Any, ...], path: str) -> Any:  # noqa: ANN401
    made = _convert(value, hints[0], path)
    for limit in hints[1:]:
        if isinstance(limit, Within) and not limit.holds(made):
            message = f"recipe key {path!r} is {_told(made)}; it must be {limit}"
            raise RecipeError(message)
    return made


def _convert_list(value: Any, hints: tuple[Any, ...], path: str) -> Any:  # noqa: ANN401
    if not isinstance(value, list | tuple):
        raise _wrong(value, "a list", path)
    if hints[1:] == (Ellipsis,):
        return tuple(_convert(each, hints[0], f"{path}.{n}") for n, each in enumerate(value))
    if len(value) != len(hints):
        raise _wrong(value, f"a list of {len(hints)}", path)
    pairs = enumerate(zip(value, hints, strict=True))
    return tuple(_convert(each, hint, f"{path}.{n}") for n, (each, hint) in pairs)


def _convert_table(value: Any, hints: tuple[Any, ...], path: str) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        raise _wrong(value, "a table", path)
    return {key: _convert(each, hints[1], _join(path, key)) for key, each in value.items()}


def _convert_plain(value: Any, hint: Any, path: str) -> Any:  # noqa: ANN401 - any field
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    named = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise _wrong(value, named.get(hint, str(hint)), path)
    return value


def _convert_union(value: Any, hints: tuple[Any, ...], path: str) -> Any:  # noqa: ANN401
    if type(None) in hints and (value is None or value == "none"):
        return None
    errors: list[RecipeError] = []
    for hint in hints:
        if hint is type(None):
            continue
        try:
            return _convert(value, hint, path)
        except RecipeError as error:
            errors.append(error)
    raise errors[-1]


def _convert_choice(value: Any, choices: tuple[Any, ...], path: str) -> Any:  # noqa: ANN401
    if value in choices:
        return value
    near = get_close_matches(str(value), [str(choice) for choice in choices], n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(map(str, choices))
    message = f"recipe key {path!r} is {_told(value)}; {hint}possible: {listed}"
    raise RecipeError(message)


def _wrong(value: object, needed: str, path: str) -> RecipeError:
    return RecipeError(f"recipe key {path!r} is {_told(value)}; {needed} is needed")


def _unknown(kind: type, key: str, at: str) -> str:
    """The refusal of a key, with the nearest right one here, else of that name elsewhere."""
    here = list(_hints(kind))
    near = get_close_matches(key, here, n=1, cutoff=0.6)
    hint = f"did you mean {_join(at, near[0])!r}?" if near else ""
    if not near:
        # `learning_rate` at the top is `optimiser.learning_rate` put in the wrong table.
        below = {path.rpartition(".")[2]: path for path in keys_of(kind, at)}
        near = get_close_matches(key, list(below), n=1, cutoff=0.75)
        hint = f"did you mean {below[near[0]]!r}?" if near else f"possible: {', '.join(here)}"
    return f"recipe key {_join(at, key)!r} is unknown; {hint}"


def _hints(kind: type) -> dict[str, Any]:
    from typing import get_type_hints

    names = {field.name for field in dataclasses.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    return {name: hint for name, hint in hints.items() if name in names}


def _dataclasses_in(hint: Any) -> Iterator[type]:  # noqa: ANN401 - any annotation
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for argument in get_args(hint):
        yield from _dataclasses_in(argument)


def _annotations(hint: Any) -> Iterator[object]:  # noqa: ANN401 - any annotation
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    for argument in get_args(hint):
        yield from _annotations(argument)


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value!r}" if isinstance(value, str) else f"{value}"
