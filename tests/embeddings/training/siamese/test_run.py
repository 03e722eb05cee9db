"""`train_siamese` from recipe to folder: bodies, forms, receipts, halved batches, resume."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from embeddings.load import load_encoder
from embeddings.training.errors import DataError, RecipeError, TrainingError
from embeddings.training.siamese import losses
from embeddings.training.siamese.assembly import mean_direction
from embeddings.training.siamese.run import train_siamese
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.training.siamese.recipe import SiameseRecipe

    Recipes = Callable[..., SiameseRecipe]

SPEARMAN = "dev spearman_cosine"


@pytest.mark.parametrize(
    ("given", "gain"),
    [
        ({"body": "words"}, 0.1),
        ({"body": "bow", "dense": 12}, 0.05),
        ({"body": "cnn"}, 0.03),
        ({"body": "lstm"}, 0.03),
        ({"body": "static", "normalise": True}, 0.1),
        ({"body": "transformer", "loss": {"name": "cosent", "matryoshka": [4]}}, 0.03),
    ],
)
def test_every_body_learns_and_is_served(
    recipe: Recipes, tmp_path: Path, given: dict[str, Any], gain: float
) -> None:
    receipt = train_siamese(recipe(**given), tmp_path / "out")
    before, after = (receipt["scores"][f"dev {when}"][SPEARMAN] for when in ("before", "after"))
    assert after > before + gain
    assert receipt["curves"]["measures"]["dev_spearman_cosine"][0] == [0, pytest.approx(before)]
    encoder = load_encoder(tmp_path / "out")
    vectors = encoder.encode(["책 쪽", "서가 작가"], role="document").vectors
    assert vectors.shape == (2, encoder.dim)
    assert not (tmp_path / "out" / "checkpoints").exists()


@pytest.fixture(scope="module")
def trained(
    data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[str]]:
    """A folder trained on scores, its receipt, and what was said meanwhile."""
    from embeddings.training.recipe import from_mapping
    from embeddings.training.siamese.recipe import SiameseRecipe

    out = tmp_path_factory.mktemp("trained") / "topics"
    values = {
        "languages": ["ko", "en"],
        "body": "words",
        "shape": {"width": 16, "heads": 1},
        "train": [{"path": str(data / "train.tsv"), "range": [0, 5], "licence": "CC0"}],
        "dev": [{"path": str(data / "dev.tsv"), "range": [0, 5]}],
        "test": [{"path": str(data / "dev.tsv"), "range": [0, 5], "name": "again"}],
        "optimiser": {"learning_rate": 0.01},
        "run": {"epochs": 3, "batch": 16, "evaluations": 3, "device": "cpu", "seed": 4},
    }
    said: list[str] = []
    steps: list[tuple[str, int, int]] = []
    listener = Listener(lambda *step: steps.append(step), said.append)
    receipt = train_siamese(from_mapping(SiameseRecipe, values), out, listener=listener)
    assert steps == [("train", step, 30) for step in range(1, 31)]
    return out, receipt, said


def test_the_receipt_says_what_was_done(trained: tuple[Path, dict[str, Any], list[str]]) -> None:
    out, receipt, said = trained
    assert json.loads((out / "training.json").read_text(encoding="utf-8")) == receipt
    assert receipt["kind"] == "siamese"
    assert receipt["seed"] == 4
    assert receipt["recipe"]["optimiser"]["learning_rate"] == 0.01
    (source,) = receipt["data"]["train"]
    assert (source["rows"], source["licence"], len(source["sha256"])) == (160, "CC0", 64)
    assert receipt["hardware"]["device"] == "cpu"
    assert {"python", "torch", "sentence-transformers"} <= set(receipt["versions"])
    assert receipt["throughput"]["tokens"] > 0
    assert receipt["throughput"]["mfu"] is not None
    assert receipt["extra"]["losses"] == {"train": "cosine"}
    assert [step for step, _ in receipt["curves"]["measures"]["dev_spearman_cosine"]] == [
        0,
        10,
        20,
        30,
    ]
    assert len(receipt["curves"]["dev_loss"]) == 4
    assert set(receipt["scores"]) == {"dev before", "dev after", "test before", "test after"}
    assert len(said) == 4
    assert said[0].startswith("step 0 of 30: dev_spearman_cosine 0.")


def test_the_folder_speaks_for_itself(trained: tuple[Path, dict[str, Any], list[str]]) -> None:
    out, receipt, _ = trained
    card = json.loads((out / "encoder_card.json").read_text(encoding="utf-8"))
    encoder = load_encoder(out)
    assert card["fingerprint"] == encoder.card.fingerprint
    assert encoder.card.languages == ("ko", "en")
    assert card["training"]["scores"] == receipt["scores"]
    page = (out / "README.md").read_text(encoding="utf-8")
    assert "# topics" in page
    assert "| train | train | 160 | CC0 |" in page
    assert f"{receipt['scores']['test after']['again spearman_cosine']:.4f}" in page
    assert "![learning curves](learning_curves.png)" in page
    assert (out / "learning_curves.png").stat().st_size > 10_000
    assert list((out / "tensorboard").glob("events*"))
    kinds = {path.suffix for path in out.rglob("*") if path.is_file()}
    assert not kinds & {".bin", ".pt", ".pth", ".pkl"}
    with pytest.raises(TrainingError, match="holds a model already"):
        train_siamese(receipt_recipe(receipt), out)


def receipt_recipe(receipt: dict[str, Any]) -> SiameseRecipe:
    from embeddings.training.recipe import from_mapping
    from embeddings.training.siamese.recipe import SiameseRecipe

    return from_mapping(SiameseRecipe, receipt["recipe"])


def test_the_receipt_s_recipe_gives_the_same_weights(
    trained: tuple[Path, dict[str, Any], list[str]], tmp_path: Path
) -> None:
    out, receipt, _ = trained
    train_siamese(receipt_recipe(receipt), tmp_path / "again")
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (
        out / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("train", "more", "expected"),
    [
        ([{"path": "triplets.tsv", "form": "triplets"}], {}, np.log(16 * 2)),
        (
            [{"path": "triplets.tsv", "form": "triplets"}],
            {"loss": {"name": "triplet"}},
            None,
        ),
        ([{"path": "nli.jsonl", "form": "nli"}], {}, np.log(3)),
        (
            [{"path": "search", "form": "retrieval", "negatives": {"count": 1, "margin": 1.0}}],
            {"loss": {"name": "cached-ranking", "at_once": 4}, "prompts": {"query": "책: "}},
            np.log(16 * 2),
        ),
        ([{"path": "parallel.tsv", "form": "parallel"}], {}, np.log(16)),
        (
            [
                {"path": "train.tsv", "range": [0, 5], "weight": 0.5},
                {"path": "nli.jsonl", "form": "nli", "loss": "ranking"},
                {"path": "nli.jsonl", "form": "nli", "loss": "cosine"},
            ],
            {},
            None,
        ),
    ],
)
def test_every_form_is_learned(
    recipe: Recipes,
    data: Path,
    tmp_path: Path,
    train: list[dict[str, Any]],
    more: dict[str, Any],
    expected: float | None,
) -> None:
    sources = [{**source, "path": str(data / source["path"])} for source in train]
    run = {"epochs": 1, "batch": 16, "evaluations": 1, "device": "cpu"}
    receipt = train_siamese(recipe(train=sources, run=run, **more), tmp_path / "out")
    assert receipt["scores"]["dev after"][SPEARMAN] > 0.1
    assert len(receipt["curves"]["measures"]["dev_spearman_cosine"]) == 2, "begin and end"
    found = receipt["verdict"]["expected_loss"]
    assert (found is None) if expected is None else found == pytest.approx(expected)
    if "prompts" in more:
        assert load_encoder(tmp_path / "out").card.prompts == {"query": "책: "}


@pytest.mark.parametrize("name", ["mse", "distil"])
def test_a_teacher_is_followed(
    name: str,
    recipe: Recipes,
    data: Path,
    tmp_path: Path,
    trained: Any,  # noqa: ANN401
) -> None:
    parallel = [{"path": str(data / "parallel.tsv"), "form": "parallel"}]
    loss = {"teacher": str(trained[0]), "name": name}
    given = {"train": parallel, "dev": [], "loss": loss}
    with pytest.raises(RecipeError, match="teacher's vectors have 16 numbers, this body's 12"):
        train_siamese(recipe(**given, body="bow", dense=12), tmp_path / "narrow")
    receipt = train_siamese(
        recipe(**given, run={"epochs": 8, "batch": 16, "device": "cpu"}), tmp_path / "out"
    )
    losses_then = [value for _, value in receipt["curves"]["loss"]]
    assert np.mean(losses_then[-5:]) < 0.6 * losses_then[0]
    assert receipt["extra"]["losses"] == {"parallel": name}


def test_translations_alone_follow_a_teacher(
    recipe: Recipes,
    data: Path,
    tmp_path: Path,
    trained: Any,  # noqa: ANN401
) -> None:
    path = str(data / "parallel.tsv")
    parallel = [
        {"path": path, "form": "parallel", "learn": "target"},
        {"path": path, "form": "parallel", "columns": {"target": "source"}, "learn": "target"},
    ]
    given = {"train": parallel, "dev": [], "loss": {"teacher": str(trained[0])}}
    run = {"epochs": 8, "batch": 16, "device": "cpu"}
    receipt = train_siamese(recipe(**given, run=run), tmp_path / "out")
    losses_then = [value for _, value in receipt["curves"]["loss"]]
    assert np.mean(losses_then[-5:]) < 0.6 * losses_then[0]
    with pytest.raises(RecipeError, match="needs a teacher"):
        recipe(train=parallel, dev=[])
    scored = {"path": str(data / "dev.tsv"), "learn": "target"}
    with pytest.raises(RecipeError, match="it is for parallel sentences"):
        recipe(train=[scored])


def test_a_source_follows_teachers_of_its_own(
    recipe: Recipes,
    data: Path,
    tmp_path: Path,
    trained: Any,  # noqa: ANN401
) -> None:
    """The mean direction of several; the card tells of the stages of each."""
    other = tmp_path / "other"
    train_siamese(recipe(run={"epochs": 1, "batch": 16, "seed": 7, "device": "cpu"}), other)
    teachers = [str(trained[0]), str(other)]
    source = {
        "path": str(data / "parallel.tsv"),
        "form": "texts",
        "columns": {"text": "source"},
        "loss": "distil",
    }
    run = {"epochs": 8, "batch": 16, "device": "cpu"}
    out = tmp_path / "out"
    made = recipe(train=[source | {"teachers": teachers}], dev=[], run=run)
    receipt = train_siamese(made, out)
    assert [each["kind"] for each in receipt["extra"]["stages"]] == ["siamese", "siamese"]
    texts = [line.split("\t")[0] for line in (data / "parallel.tsv").read_text().splitlines()[1:]]
    aims = [load_encoder(each).encode(texts, role="document").vectors for each in teachers]
    mean = mean_direction(aims)
    units = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in aims]
    np.testing.assert_allclose(mean, (units[0] + units[1]) / 2, atol=1e-6)
    assert mean_direction(aims[:1]) is aims[0]
    found = load_encoder(str(out)).encode(texts, role="document").vectors
    cosines = (found * mean).sum(axis=1) / np.linalg.norm(found, axis=1)
    assert (cosines / np.linalg.norm(mean, axis=1)).mean() > 0.9
    with pytest.raises(RecipeError, match=r"loss distil needs loss\.teacher"):
        recipe(train=[source], dev=[])
    with pytest.raises(RecipeError, match="it is distil or mse that follows teachers"):
        recipe(train=[{"path": str(data / "dev.tsv"), "teachers": teachers}])


def test_several_dev_sources_decide_by_their_mean(
    recipe: Recipes, data: Path, tmp_path: Path
) -> None:
    dev = [
        {"path": str(data / "dev.tsv"), "range": [0, 5]},
        {"path": str(data / "search"), "form": "retrieval", "split": "dev"},
        {"path": str(data / "triplets.tsv"), "form": "triplets"},
    ]
    receipt = train_siamese(recipe(dev=dev), tmp_path / "out")
    scores = receipt["scores"]["dev after"]
    parts = [scores[f"dev {name}"] for name in ("spearman_cosine",)]
    parts += [scores["search cosine_ndcg@10"], scores["triplets cosine_accuracy"]]
    assert scores["mean"] == pytest.approx(np.mean(parts))
    assert receipt["extra"]["measure"] == "mean"
    assert receipt["curves"]["measures"]["mean"][-1] == [20, pytest.approx(scores["mean"])]


def test_a_run_that_gains_nothing_stops_early(recipe: Recipes, tmp_path: Path) -> None:
    run = {"epochs": 2, "batch": 16, "evaluations": 10, "patience": 1, "device": "cpu"}
    receipt = train_siamese(recipe(optimiser={"learning_rate": 1e-12}, run=run), tmp_path / "out")
    # 20 steps, measured every second one: the first sets the mark, the second does not pass it.
    assert receipt["curves"]["measures"]["dev_spearman_cosine"][-1][0] == 4
    assert receipt["extra"]["best_step"] == 2
    assert receipt["verdict"]["fit"] in {"underfit", "unknown"}


def test_a_batch_that_does_not_fit_is_halved(
    recipe: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory ends with more than 4 examples at once; the real loss runs below that."""
    make = losses.make_loss

    def limited(*given: Any) -> torch.nn.Module:  # noqa: ANN401 - passed through
        loss = make(*given)
        forward = loss.forward

        def narrow(features: Any, labels: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
            if len(labels) > 4:
                message = "CUDA out of memory. Tried to allocate 2.00 GiB"
                raise torch.OutOfMemoryError(message)
            made: torch.Tensor = forward(features, labels)
            return made

        loss.forward = narrow
        return loss

    monkeypatch.setattr(losses, "make_loss", limited)
    said: list[str] = []
    chosen = recipe(dev=[])
    receipt = train_siamese(chosen, tmp_path / "out", listener=Listener(note=said.append))
    assert said == receipt["notes"]
    assert said == [
        "out of memory with 16 examples at once; going on with 8, their gradients added up over "
        "2 parts, so that a step still has 16 examples",
        "out of memory with 8 examples at once; going on with 4, their gradients added up over "
        "4 parts, so that a step still has 16 examples",
    ]
    assert (receipt["extra"]["per_step"], receipt["extra"]["accumulated"]) == (4, 4)
    assert receipt["curves"]["loss"][-1][0] == 20


def test_what_does_not_fit_one_by_one_is_an_error(
    recipe: Recipes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = losses.make_loss

    def full(*given: Any) -> torch.nn.Module:  # noqa: ANN401 - passed through
        loss = make(*given)

        def forward(*_: object) -> torch.Tensor:
            message = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"
            raise RuntimeError(message)

        loss.forward = forward
        return loss

    monkeypatch.setattr(losses, "make_loss", full)
    run = {"batch": 2, "device": "cpu"}
    with pytest.raises(TrainingError, match="out of memory with one example at a time"):
        train_siamese(recipe(dev=[], run=run), tmp_path / "out")


def test_what_is_wrong_is_told_before_any_step(recipe: Recipes, data: Path, tmp_path: Path) -> None:
    steps: list[object] = []
    listener = Listener(progress=lambda *step: steps.append(step))
    out = tmp_path / "out"
    train = [{"path": str(data / "train.tsv")}]
    with pytest.raises(DataError, match=r"train\.tsv, line \d+: score is [35], outside 0 to 1"):
        train_siamese(recipe(train=train), out, listener=listener)
    with pytest.raises(DataError, match="no column 'anchor'"):
        train_siamese(recipe(train=[{**train[0], "form": "pairs"}]), out, listener=listener)
    with pytest.raises(DataError, match="is not there"):
        train_siamese(recipe(dev=[{"path": "nowhere.tsv"}]), out, listener=listener)
    run = {"precision": "fp16", "device": "cpu"}
    with pytest.raises(TrainingError, match="fp16, which cpu cannot train in"):
        train_siamese(recipe(run=run), out, listener=listener)
    assert steps == []
    assert not out.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from embeddings.training.recipe import read_recipe
from embeddings.training.siamese.recipe import SiameseRecipe
from embeddings.training.siamese.run import train_siamese
from embeddings.training.trainer import Listener

def progress(stage, done, total):
    if done == 8:
        os.kill(os.getpid(), signal.SIGKILL)

recipe = read_recipe(SiameseRecipe, Path(sys.argv[1]))
train_siamese(recipe, Path(sys.argv[2]), listener=Listener(progress=progress))
"""


def test_a_killed_run_goes_on_to_the_same_weights(
    recipe: Recipes, data: Path, tmp_path: Path
) -> None:
    """Dropout, a loss with weights of its own, momentum and warm-up: all must be carried over."""
    from embeddings.training.toml_text import to_toml

    chosen = recipe(
        body="transformer",
        dropout=0.2,
        train=[{"path": str(data / "nli.jsonl"), "form": "nli"}],
        run={"epochs": 2, "batch": 16, "evaluations": 4, "device": "cpu"},
    )
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(chosen), encoding="utf-8")
    killed = tmp_path / "killed"
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(killed)],
        check=False,
        env=environment,
        cwd=Path(__file__).parents[4],
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not (killed / "training.json").exists()
    start = (killed / "checkpoints" / "start" / "model.safetensors").read_bytes()
    with pytest.raises(TrainingError, match="stopped at step 6; go on with --resume"):
        train_siamese(chosen, killed)
    other = recipe(body="transformer", dropout=0.2, train=chosen.train)
    with pytest.raises(TrainingError, match=r"had another recipe \(`evaluations = 4` then"):
        train_siamese(other, killed, resume=True)
    # The whole run begins from the same weights: vocabularies learned twice may differ.
    whole = tmp_path / "whole"
    folder = whole / "checkpoints"
    shutil.copytree(killed / "checkpoints" / "start", folder / "start")
    shutil.copy(killed / "checkpoints" / "recipe.toml", folder)
    assert (folder / "start" / "model.safetensors").read_bytes() == start
    receipt = train_siamese(chosen, killed, resume=True)
    straight = train_siamese(chosen, whole)
    assert receipt["extra"]["resumed_from"] == 6
    assert straight["extra"]["resumed_from"] is None
    went_on, at_once = (load_file(str(each / "model.safetensors")) for each in (killed, whole))
    assert all((went_on[name] == at_once[name]).all() for name in at_once)
    assert receipt["curves"] == straight["curves"]
    assert receipt["scores"] == straight["scores"]
    assert list(receipt["scores"]) == ["dev before", "dev after"]


@pytest.mark.slow
def test_two_processes_train_one_encoder(recipe: Recipes, data: Path, tmp_path: Path) -> None:
    """The same recipe under torchrun: each process has half of the examples, one folder is left."""
    from embeddings.training.toml_text import to_toml

    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from embeddings.training.recipe import read_recipe\n"
        "from embeddings.training.siamese.recipe import SiameseRecipe\n"
        "from embeddings.training.siamese.run import train_siamese\n"
        "print(train_siamese(read_recipe(SiameseRecipe, Path(sys.argv[1])), Path(sys.argv[2]))\n"
        "      ['scores']['dev after'])\n",
        encoding="utf-8",
    )
    path = tmp_path / "recipe.toml"
    nli = [{"path": str(data / "nli.jsonl"), "form": "nli"}]
    path.write_text(to_toml(recipe(body="cnn", train=nli)), encoding="utf-8")
    subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *(str(script), str(path), str(tmp_path / "out")),
        ],
        check=True,
        cwd=Path(__file__).parents[4],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": "."},
        timeout=300,
    )
    receipt = json.loads((tmp_path / "out" / "training.json").read_bytes())
    assert receipt["hardware"]["processes"] == 2
    # 90 examples are five whole batches of 16 and a part: two for each process, twice over.
    assert receipt["curves"]["loss"][-1][0] == 4
    assert receipt["verdict"]["expected_loss"] == pytest.approx(np.log(3))
    assert load_encoder(tmp_path / "out").dim == 24
