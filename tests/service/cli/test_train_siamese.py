"""`meari train siamese`: what it prints, what it leaves, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from embeddings.load import load_encoder
from service.cli.command import Meari
from service.cli.train import VERBS, verbs

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

EXAMPLES = Path(__file__).parents[3] / "examples" / "recipes"
SMALL = [
    "shape.width=16",
    "shape.channels=8",
    "run.epochs=2",
    "run.evaluations=2",
    "run.device=cpu",
]


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Result]:
    """Runs `meari train ARGUMENTS`."""
    root = typer.Typer(cls=Meari, rich_markup_mode=None, pretty_exceptions_enable=False)
    root.callback()(lambda: None)
    root.add_typer(verbs(), name="train")

    def run(*arguments: object) -> Result:
        environment = {"MEARI_DATA": str(tmp_path / "data"), "MEARI_ENCODER": "hash:64"}
        runner = CliRunner(env={**environment, "NO_COLOR": "1"})
        return runner.invoke(root, ["train", *map(str, arguments)], prog_name="meari")

    return run


def sets(*more: str) -> list[str]:
    """`--set` for each."""
    return [part for each in (*SMALL, *more) for part in ("--set", each)]


def test_the_verbs_are_listed(train: Callable[..., Result]) -> None:
    shown = train("--help").stdout
    assert "siamese" in shown
    assert set(VERBS) >= {"words", "siamese"}


def test_an_example_trains_an_encoder(train: Callable[..., Result], tmp_path: Path) -> None:
    recipe, out = EXAMPLES / "scratch.toml", tmp_path / "model"
    ran = train("siamese", "--config", recipe, "--out", out, "--epochs", "4", *sets())
    assert ran.exit_code == 0, ran.stderr
    receipt = json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert receipt["recipe"]["run"]["epochs"] == 4
    assert receipt["data"]["train"][0]["rows"] == 180
    assert "pairs spearman_cosine" in ran.stdout
    assert f"{receipt['scores']['dev after']['pairs spearman_cosine']:.4g}" in ran.stdout
    assert "step 0 of 48: pairs_spearman_cosine" in ran.stderr
    assert load_encoder(out).card.languages == ("ko", "en")
    again = train("siamese", "--config", recipe, "--out", out, *sets())
    assert again.exit_code == 1
    assert "holds a model already; give another --out" in again.stderr


def test_json_is_the_receipt(train: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "model"
    ran = train(
        *("siamese", "--config", EXAMPLES / "scratch.toml", "--out", out, "--json"),
        *sets("body=bow", "dense=8"),
    )
    told = json.loads(ran.stdout)
    assert told["folder"] == str(out)
    assert told["training"] == json.loads((out / "training.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["similarity", "scratch", "search"])
def test_every_example_is_a_recipe_of_files_that_are_there(name: str) -> None:
    from embeddings.training.recipe import read_recipe
    from embeddings.training.siamese.forms import load_examples
    from embeddings.training.siamese.recipe import SiameseRecipe

    recipe = read_recipe(SiameseRecipe, EXAMPLES / f"{name}.toml")
    sources = [*recipe.train, *recipe.dev, *recipe.test]
    assert all(len(load_examples(source)) > 30 for source in sources)


@pytest.mark.parametrize(
    ("setting", "status", "message"),
    [
        ("optimizer.learning_rate=1", 2, "key 'optimizer' is unknown; did you mean 'optimiser'?"),
        ("learning_rate=1", 2, "did you mean 'optimiser.learning_rate'?"),
        ("run.batch=-1", 2, "recipe key 'run.batch' is -1; it must be at least 1"),
        ("train.0.range=[0, 4]", 1, "outside 0 to 4; say the scale of the file"),
        ("train.0.split=trian", 1, "no rows with split = 'trian'; there are split: dev, train"),
        ("train.0.columns={sentence1='a'}", 1, "has no column 'a'; there are"),
        ("loss.name=triplet", 2, "loss 'triplet' cannot learn from"),
        ("run.measure=f1", 2, "'run.measure' is 'f1'; possible: pairs_spearman_cosine, pairs_"),
        ("body=nowhere", 2, "recipe key 'body' is 'nowhere'"),
        ("body=bow", 2, "body 'bow' has no weights to train; put a layer behind it"),
        ("run.device=cuda", 1, "needs a GPU, and none is found here"),
    ],
)
def test_what_is_wrong_is_one_line(
    train: Callable[..., Result], tmp_path: Path, setting: str, status: int, message: str
) -> None:
    import torch

    if setting == "run.device=cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    ran = train(
        *("siamese", "--config", EXAMPLES / "scratch.toml", "--out", tmp_path / "out"),
        *sets(setting),
    )
    assert message in ran.stderr
    assert ran.exit_code == status
    assert ran.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "training.json").exists()
