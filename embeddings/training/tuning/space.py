"""The space that is searched: a TOML file of recipe keys and what they may be."""

from __future__ import annotations

import itertools
import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.errors import RecipeError
from embeddings.training.recipe import from_mapping
from embeddings.training.subjects.subject import read_any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from optuna.distributions import BaseDistribution

Value = str | int | float | bool
Point = dict[str, Value]
"""A value for each dimension, by recipe key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What one key may be, as the file has it: `choices`, or `low` and `high`.

    Attributes:
        choices: the values themselves.
        low: the least number.
        high: the greatest number.
        log: even in the logarithm: for rates and penalties.
        step: numbers between are left out.
        points: of a grid; choices are all on it.
    """

    choices: tuple[str | int | float | bool, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    points: int = 3


@dataclass(frozen=True, slots=True)
class Dimension:
    """A recipe key and its range.

    Attributes:
        key: dotted (`optimiser.learning_rate`).
        range: what it may be.
        whole: True if it takes whole numbers alone.
    """

    key: str
    range: Range
    whole: bool = False

    def distribution(self) -> BaseDistribution:
        """For optuna."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        given = self.range
        if given.choices:
            return CategoricalDistribution(given.choices)
        low, high = _ends(given)
        if self.whole:
            step = 1 if given.step is None else int(given.step)
            return IntDistribution(int(low), int(high), log=given.log, step=step)
        return FloatDistribution(low, high, log=given.log, step=given.step)

    def grid(self) -> list[Value]:
        """The values on a grid, in order, each once."""
        given = self.range
        if given.choices:
            return list(given.choices)
        low, high = _ends(given)
        if given.step is not None:
            count = int((high - low) / given.step + 1e-9) + 1
            values = [low + at * given.step for at in range(count)]
        elif given.log:
            values = np.geomspace(low, high, given.points).tolist()
        else:
            values = np.linspace(low, high, given.points).tolist()
        # geomspace may end a rounding error beyond its end, which optuna refuses.
        clipped = [min(max(value, low), high) for value in values]
        made: list[Value] = [round(value) if self.whole else value for value in clipped]
        return list(dict.fromkeys(made))


@dataclass(frozen=True, slots=True)
class Space:
    """All dimensions, in the order of the file."""

    dimensions: tuple[Dimension, ...]

    def distributions(self) -> dict[str, BaseDistribution]:
        """For optuna, by key."""
        return {each.key: each.distribution() for each in self.dimensions}

    def grid(self) -> list[Point]:
        """Every combination of the values on the grid."""
        keys = [each.key for each in self.dimensions]
        columns = [each.grid() for each in self.dimensions]
        return [dict(zip(keys, values, strict=True)) for values in itertools.product(*columns)]


def read_space(path: Path, recipe: Path, overrides: list[str], kind: str | None) -> Space:
    """The space in a file, its keys and ends tried on the recipe.

    A table is a dimension if it has `choices` or `low`; `[optimiser.learning_rate]` names the key.

    Args:
        path: of the space.
        recipe: what it is searched for.
        overrides: of the recipe.
        kind: of the recipe; None guesses it.

    Raises:
        RecipeError: a file that is no TOML, a table that is no range, a key that the recipe does
            not have, or an end that it does not take.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"space {path} cannot be read: {error.strerror or error}"
        raise RecipeError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"space {path} is not TOML: {error}"
        raise RecipeError(message) from error
    found = list(_ranges(data, ""))
    if not found:
        message = (
            f"space {path} has no dimension; add one such as\n[optimiser.learning_rate]\n"
            "low = 1e-5\nhigh = 1e-3\nlog = true"
        )
        raise RecipeError(message)

    def takes(key: str, value: Value) -> None:
        read_any(recipe, [*overrides, override_of(key, value)], kind)

    return Space(tuple(_dimension(key, given, takes) for key, given in found))


def override_of(key: str, value: Value) -> str:
    """`key=value` as `--set` takes it."""
    # JSON writes texts, numbers and truth as TOML does.
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _ranges(data: Mapping[str, Any], at: str) -> Iterator[tuple[str, Range]]:
    for key, value in data.items():
        path = f"{at}.{key}" if at else key
        if not isinstance(value, dict):
            message = f"space key {path!r} is {value!r}; a table with `choices` or `low` is needed"
            raise RecipeError(message)
        if not {"choices", "low", "high"} & set(value):
            yield from _ranges(value, path)
            continue
        try:
            given = from_mapping(Range, value)
        except RecipeError as error:
            message = f"space [{path}]: {error}"
            raise RecipeError(message) from error
        _check(path, given)
        yield path, given


def _check(path: str, given: Range) -> None:
    has_ends = given.low is not None and given.high is not None
    if bool(given.choices) == has_ends:
        fault = "needs either `choices`, or `low` and `high`"
    elif has_ends and not _ends(given)[0] < _ends(given)[1]:
        fault = f"has low {given.low:g}, which is not below high {given.high:g}"
    elif given.log and not given.choices and _ends(given)[0] <= 0:
        fault = f"has low {given.low:g}; `log = true` needs one above 0"
    elif given.log and given.step is not None:
        fault = "has both `log` and `step`; leave one of them out"
    elif given.step is not None and given.step <= 0:
        fault = f"has step {given.step:g}; it must be above 0"
    elif given.points < 2:
        fault = f"has points {given.points}; two are the least of a grid"
    else:
        return
    message = f"space [{path}] {fault}"
    raise RecipeError(message)


def _dimension(key: str, given: Range, takes: Any) -> Dimension:  # noqa: ANN401 - a function
    """The dimension, once the recipe took its values."""
    if given.choices:
        for choice in given.choices:
            takes(key, choice)
        return Dimension(key, given)
    low, high = _ends(given)
    try:
        takes(key, low + (high - low) * 0.3819)
        whole = False
    except RecipeError as error:
        if "whole number" not in str(error):
            raise
        whole = True
    if whole and any(end is not None and end != int(end) for end in (low, high, given.step)):
        message = f"space [{key}]: the recipe takes whole numbers; so must its ends and step be"
        raise RecipeError(message)
    for end in (low, high):
        takes(key, int(end) if whole else end)
    return Dimension(key, given, whole)


def _ends(given: Range) -> tuple[float, float]:
    return float(given.low or 0), float(given.high or 0)
