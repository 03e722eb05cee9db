"""Spaces read from TOML, their grids, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from embeddings.training.errors import RecipeError
from embeddings.training.tuning.space import Space, override_of, read_space

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = '[[train]]\npath = "pairs.tsv"\n'


def read(folder: Path, text: str) -> Space:
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (folder / "space.toml").write_text(text, encoding="utf-8")
    return read_space(folder / "space.toml", folder / "recipe.toml", [], "siamese")


def test_a_space_of_every_kind(tmp_path: Path) -> None:
    space = read(
        tmp_path,
        "[optimiser.learning_rate]\nlow = 1e-5\nhigh = 1e-3\nlog = true\n"
        "[optimiser.l1]\nlow = 0\nhigh = 1\npoints = 5\n"
        "[run.batch]\nlow = 8\nhigh = 32\nstep = 12\n"
        '[loss.name]\nchoices = ["cosine", "cosent"]\n',
    )
    rate, l1, batch, loss = space.dimensions
    assert rate.grid() == pytest.approx([1e-5, 1e-4, 1e-3])
    assert (batch.whole, batch.grid()) == (True, [8, 20, 32])
    assert loss.grid() == ["cosine", "cosent"]
    # The ends are whole numbers in the file; the recipe takes what lies between.
    assert (l1.whole, l1.grid()) == (False, [0, 0.25, 0.5, 0.75, 1])
    assert len(space.grid()) == 3 * 3 * 2 * 5
    assert space.grid()[1] == {
        "optimiser.learning_rate": pytest.approx(1e-5),
        "optimiser.l1": 0,
        "run.batch": 8,
        "loss.name": "cosent",
    }


def test_points_of_a_grid_lie_within_its_ends(tmp_path: Path) -> None:
    text = "[optimiser.learning_rate]\nlow = 3e-6\nhigh = 7e-3\nlog = true\npoints = 7\n"
    (rate,) = read(tmp_path, text).dimensions
    values = rate.grid()
    assert (values[0], values[-1]) == (3e-6, 7e-3)
    assert all(rate.distribution()._contains(value) for value in values)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"has no dimension; add one such as"),
        ("[optimiser.learning_rat]\nlow = 1e-5\nhigh = 1e-3", r"did you mean 'optimiser.learning"),
        ("[run.batch]\nlow = 0\nhigh = 8", r"recipe key 'run.batch' is 0; it must be at least 1"),
        ("[run.batch]\nlow = 1.5\nhigh = 8", r"takes whole numbers; so must its ends"),
        ("[run.batch]\nlow = 9\nhigh = 8", r"\[run.batch\] has low 9, which is not below high 8"),
        ("[run.batch]\nlow = 8", r"needs either `choices`, or `low` and `high`"),
        ('[loss.name]\nchoices = ["cosin"]', r"did you mean 'cosine'"),
        ("[optimiser.l1]\nlow = 0\nhigh = 1\nlog = true", r"`log = true` needs one above 0"),
        ("[optimiser.l1]\nlow = 1\nhigh = 2\nlog = true\nstep = 0.5", r"both `log` and `step`"),
        ("[optimiser.l1]\nlow = 0\nhigh = 1\npoint = 4", r"did you mean 'points'"),
        ("batch = 3", r"space key 'batch' is 3; a table with `choices` or `low` is needed"),
        ("[run.batch\n", r"is not TOML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        read(tmp_path, text)


def test_a_space_that_is_absent_is_told(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_space(tmp_path / "none.toml", tmp_path / "recipe.toml", [], "siamese")


def test_values_are_written_as_toml() -> None:
    written = [override_of("a", value) for value in ('say "x"', True, 1e-5, 3)]
    assert written == ['a="say \\"x\\""', "a=true", "a=1e-05", "a=3"]
