"""Recipe fields: ranges, file names, and plain mappings to frozen dataclasses."""

from __future__ import annotations

import dataclasses
import types
from difflib import get_close_matches
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from embeddings.training.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        or_name: True if the field may also hold a name that is no path (`meari-ko-en`): only values
            that start with `.` or exist beside the recipe are then taken for paths.
    """

    or_name: bool = False


Above0 = Annotated[float, Within(above=0)]
Count = Annotated[int, Within(least=1)]
Share = Annotated[float, Within(least=0, most=1)]
Weight = Annotated[float, Within(least=0)]


def from_mapping(kind: type[T], data: Mapping[str, Any], *, at: str = "") -> T:
    """A dataclass made from nested mappings, as `read_recipe` makes it.

    Args:
        kind: a frozen dataclass.
        data: its fields; tables are mappings.
        at: the path of `data` in the whole recipe, for messages.

    Raises:
        RecipeError: see `read_recipe`.
    """
    hints = hints_of(kind)
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
    for name, hint in hints_of(kind).items():
        path = _join(at, name)
        yield path
        for inner in dataclasses_in(hint):
            yield from keys_of(inner, path)


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
    here = list(hints_of(kind))
    near = get_close_matches(key, here, n=1, cutoff=0.6)
    hint = f"did you mean {_join(at, near[0])!r}?" if near else ""
    if not near:
        # `learning_rate` at the top is `optimiser.learning_rate` put in the wrong table.
        below = {path.rpartition(".")[2]: path for path in keys_of(kind, at)}
        near = get_close_matches(key, list(below), n=1, cutoff=0.75)
        hint = f"did you mean {below[near[0]]!r}?" if near else f"possible: {', '.join(here)}"
    return f"recipe key {_join(at, key)!r} is unknown; {hint}"


def hints_of(kind: type) -> dict[str, Any]:
    """The fields of a dataclass and their annotations, what is in `Annotated` included."""
    names = {field.name for field in dataclasses.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    return {name: hint for name, hint in hints.items() if name in names}


def dataclasses_in(hint: Any) -> Iterator[type]:  # noqa: ANN401 - any annotation
    """The dataclasses in an annotation."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for argument in get_args(hint):
        yield from dataclasses_in(argument)


def annotations_of(hint: Any) -> Iterator[object]:  # noqa: ANN401 - any annotation
    """What `Annotated` says in an annotation, at any depth."""
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    for argument in get_args(hint):
        yield from annotations_of(argument)


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value!r}" if isinstance(value, str) else f"{value}"
