"""Recipes: what is read, and what is refused with the path and the nearest right key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import pytest

from embeddings.training.errors import RecipeError
from embeddings.training.options import Optimiser, Running, Schedule
from embeddings.training.recipe import FileName, Within, keys_of, read_recipe
from embeddings.training.siamese.recipe import SiameseRecipe
from embeddings.training.toml_text import plain, to_toml

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Part:
    path: Annotated[str, FileName()]
    weight: Annotated[float, Within(least=0)] = 1.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    body: Annotated[str, FileName(or_name=True)] = "minilm"
    kind: Literal["small", "large"] = "small"
    widths: tuple[int, ...] = ()
    span: tuple[float, float] = (0.0, 1.0)
    names: dict[str, str] = field(default_factory=dict)
    limit: int | None = None
    share: Annotated[float, Within(above=0, most=1)] = 0.5
    parts: tuple[Part, ...] = ()
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    run: Running = field(default_factory=Running)


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_and_its_values_replaced(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        kind = "large"
        widths = [8, 16]
        span = [0, 5]
        names = { ours = "theirs" }
        [[parts]]
        path = "a.tsv"
        [optimiser]
        name = "sgd"
        learning_rate = 1
        """,
    )
    recipe = read_recipe(
        Recipe,
        path,
        ["optimiser.momentum=0.9", "parts.0.weight=2", "limit=7", "run.device=cpu", "share=1"],
    )
    assert recipe.kind == "large"
    assert recipe.widths == (8, 16)
    assert recipe.span == (0.0, 5.0)
    assert recipe.names == {"ours": "theirs"}
    assert recipe.limit == 7
    assert recipe.share == 1.0
    assert recipe.optimiser == Optimiser(name="sgd", learning_rate=1.0, momentum=0.9)
    assert recipe.parts == (Part(path=str(tmp_path / "a.tsv"), weight=2.0),)
    assert recipe.run.device == "cpu"


def test_none_takes_a_value_back(tmp_path: Path) -> None:
    path = written(tmp_path, "limit = 3")
    assert read_recipe(Recipe, path).limit == 3
    assert read_recipe(Recipe, path, ["limit=none"]).limit is None


def test_names_beside_the_recipe_are_files_and_others_stay_names(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert read_recipe(Recipe, written(tmp_path, 'body = "mine"')).body == str(tmp_path / "mine")
    assert read_recipe(Recipe, written(tmp_path, 'body = "minilm"')).body == "minilm"
    assert read_recipe(Recipe, written(tmp_path, 'body = "./no"')).body == str(tmp_path / "no")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "optimiser.learning_rat=1",
            "recipe key 'optimiser.learning_rat' is unknown; "
            "did you mean 'optimiser.learning_rate'?",
        ),
        (
            "learning_rate=1",
            "recipe key 'learning_rate' is unknown; did you mean 'optimiser.learning_rate'?",
        ),
        (
            "zebra=1",
            "recipe key 'zebra' is unknown; possible: body, kind, widths, span, names, limit, "
            "share, parts, optimiser, schedule, run",
        ),
        ("kind=smal", "recipe key 'kind' is 'smal'; did you mean 'small'? possible: small, large"),
        ("run.batch=0", "recipe key 'run.batch' is 0; it must be at least 1"),
        ("share=0", "recipe key 'share' is 0.0; it must be above 0 and at most 1"),
        ("run.batch=many", "recipe key 'run.batch' is 'many'; a whole number is needed"),
        ("run.batch=1.5", "recipe key 'run.batch' is 1.5; a whole number is needed"),
        ("run.batch=true", "recipe key 'run.batch' is true; a whole number is needed"),
        ("run.compile=1", "recipe key 'run.compile' is 1; true or false is needed"),
        ("widths=8", "recipe key 'widths' is 8; a list is needed"),
        ("widths=[8, 'x']", "recipe key 'widths.1' is 'x'; a whole number is needed"),
        ("span=[1]", "recipe key 'span' is [1]; a list of 2 is needed"),
        ("names=1", "recipe key 'names' is 1; a table is needed"),
        ("optimiser=adam", "recipe key 'optimiser' is 'adam'; a table ([optimiser]) is needed"),
        ("parts=[{weight = 1}]", "recipe key 'parts.0.path' is missing; it has no default"),
        (
            "parts=[{path = 'a', weight = -1}]",
            "recipe key 'parts.0.weight' is -1.0; it must be at least 0",
        ),
        (
            "run.accumulate=5",
            "recipe key 'run.accumulate' is 5, which does not divide run.batch (32) into equal "
            "parts",
        ),
        ("optimiser.nesterov=true", "recipe key 'optimiser.nesterov' needs optimiser.name"),
        ("kind", "--set 'kind' is not of the form key=value"),
        ("kind.x=1", "recipe key 'kind' is {'x': 1}"),
        ("parts.0.path=a", "recipe key 'parts' is {'0': {'path': 'a'}}; a list is needed"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(setting: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(Recipe, None, [setting])
    assert str(caught.value).startswith(message)


def test_a_list_names_its_tables_by_number(tmp_path: Path) -> None:
    path = written(tmp_path, '[[parts]]\npath = "a"')
    with pytest.raises(RecipeError, match="parts is a list of 1 tables; '1' is not one of 0 to 0"):
        read_recipe(Recipe, path, ["parts.1.path=b"])


@pytest.mark.parametrize(
    ("text", "message"),
    [("kind = ", "is not TOML"), (None, "cannot be read: No such file")],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "recipe.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        read_recipe(Recipe, path)


def test_a_recipe_written_out_reads_as_the_same_recipe(tmp_path: Path) -> None:
    recipe = read_recipe(
        Recipe,
        None,
        ["widths=[1, 2]", "names={a = 'b \"c\" \\\\', 'd e' = '가'}", "parts=[{path = '/x'}]"],
    )
    text = to_toml(recipe)
    assert read_recipe(Recipe, written(tmp_path, text)) == recipe
    assert "limit" not in text
    assert plain(recipe)["widths"] == [1, 2]
    assert plain(recipe)["optimiser"]["name"] == "adamw"


def test_keys_of_every_table_are_known() -> None:
    keys = set(keys_of(SiameseRecipe))
    assert {"body", "train.path", "train.negatives.count", "loss.scale", "run.batch"} <= keys
