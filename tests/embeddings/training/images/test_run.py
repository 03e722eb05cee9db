"""`train_images` from recipe to folder: bodies, losses, data, bad pictures, resume, checks."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from embeddings.images.encoder import ImageEncoder
from embeddings.load import load_encoder
from embeddings.training.errors import DataError, RecipeError
from embeddings.training.images.augmentation import augment
from embeddings.training.images.batches import class_order
from embeddings.training.images.losses import contrastive, in_batch
from embeddings.training.images.measures import rank_measures, search_measures
from embeddings.training.images.recipe import Augment
from embeddings.training.images.run import train_images
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.training.images.recipe import ImageRecipe

    Recipes = Callable[..., ImageRecipe]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> tuple[Path, dict[str, Any]]:
    """A network that learned the three kinds, and its receipt."""
    from embeddings.training.images.recipe import ImageRecipe
    from embeddings.training.recipe import from_mapping

    data = {
        "body": "resnet",
        "shape": {"size": 32, "width": 0.125},
        "train": [{"path": str(photos / "train")}],
        "dev": [{"path": str(photos / "dev")}],
        "optimiser": {"learning_rate": 5e-3},
        "run": {"epochs": 12, "batch": 16, "evaluations": 2, "device": "cpu"},
        "augment": {"crop": 0.8},
        "loss": {"smoothing": 0.05},
    }
    folder = tmp_path_factory.mktemp("trained") / "kinds"
    return folder, train_images(from_mapping(ImageRecipe, data), folder)


def test_it_learns_what_was_planted(trained: tuple[Path, dict[str, Any]], photos: Path) -> None:
    folder, receipt = trained
    assert receipt["scores"]["dev after"]["accuracy"] >= 0.8  # .89; a guess is right in .33
    assert receipt["scores"]["dev after"]["map"] > receipt["scores"]["dev before"]["map"]
    assert receipt["verdict"]["initial_is_odd"] is False
    assert receipt["extra"]["classes"] == ["disc", "noise", "stripes"]
    assert receipt["throughput"]["samples"] > 0
    assert receipt["throughput"]["model_flops_per_s"] > 0
    encoder = load_encoder(folder, device="cpu")
    assert isinstance(encoder, ImageEncoder)
    paths = sorted((photos / "dev").rglob("*.png"))
    vectors = encoder.encode(paths, role="document").vectors
    labels = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    found = search_measures(vectors, labels)
    assert found["map"] == pytest.approx(receipt["scores"]["dev after"]["map"], abs=0.02)


def test_the_folder_says_what_it_is(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = trained
    card = json.loads((folder / "encoder_card.json").read_bytes())
    assert card["modalities"] == ["image"]
    assert card["training"]["kind"] == "images"
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert "pictures at 32 x 32 pixels" in page
    assert "search photos --image" in page
    assert (folder / "learning_curves.png").is_file()
    assert not (folder / "checkpoints").exists()


def test_a_trained_body_is_taken_on(
    trained: tuple[Path, dict[str, Any]], recipe: Recipes, tmp_path: Path
) -> None:
    """Frozen features, a head on a frozen body with a layer of its own, and all weights."""
    folder, _ = trained
    before = load_file(str(folder / "model.safetensors"))
    features = train_images(recipe(body=str(folder), learn="features"), tmp_path / "features")
    assert features["scores"]["dev"]["accuracy"] >= 0.8  # .89
    cards = [load_encoder(each, device="cpu").card for each in (tmp_path / "features", folder)]
    assert cards[0].fingerprint == cards[1].fingerprint
    run = {"epochs": 1}
    train_images(recipe(body=str(folder), learn="head", dense=16, run=run), tmp_path / "head")
    after = load_file(str(tmp_path / "head" / "model.safetensors"))
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert load_encoder(tmp_path / "head", device="cpu").dim == 16
    train_images(recipe(body=str(folder), run=run), tmp_path / "full")
    moved = load_file(str(tmp_path / "full" / "model.safetensors"))
    assert any(not np.array_equal(before[name], moved[name]) for name in before)


@pytest.mark.parametrize("loss", ["contrastive", "triplet", "in-batch"])
def test_vectors_learn_against_each_other(recipe: Recipes, tmp_path: Path, loss: str) -> None:
    run = {"epochs": 12, "batch": 16}
    chosen = recipe(body="resnet", loss={"name": loss}, run=run, optimiser={"learning_rate": 5e-3})
    receipt = train_images(chosen, tmp_path / "out")
    # .62 to .95 from .50: hardest triplets are slow.
    assert receipt["scores"]["dev before"]["map"] < 0.52 < receipt["scores"]["dev after"]["map"]
    assert "accuracy" not in receipt["scores"]["dev after"]
    assert receipt["extra"]["measure"] == "map"


def test_parquet_and_csv_are_read(photos: Path, recipe: Recipes, tmp_path: Path) -> None:
    files = sorted((photos / "train").rglob("*.png"))
    table = {
        "image": [path.read_bytes() for path in files],
        "label": [path.parent.name for path in files],
    }
    pq.write_table(pa.table(table), tmp_path / "train.parquet")
    lines = ["picture,kind"]
    for path in sorted((photos / "dev").rglob("*.png")):
        shutil.copy(path, tmp_path / f"{path.parent.name}-{path.name}")
        lines.append(f"{path.parent.name}-{path.name},{path.parent.name}")
    (tmp_path / "dev.csv").write_text("\n".join(lines), encoding="utf-8")
    chosen = recipe(
        train=[{"path": str(tmp_path / "train.parquet")}],
        dev=[{"path": str(tmp_path / "dev.csv"), "columns": {"image": "picture", "label": "kind"}}],
        run={"most_steps": 1},
    )
    receipt = train_images(chosen, tmp_path / "out")
    assert receipt["extra"]["pictures"] == {"train": 72, "dev": 18}
    assert receipt["data"]["train"][0]["rows"] == 72


def test_bad_pictures_are_left_out_and_told(photos: Path, recipe: Recipes, tmp_path: Path) -> None:
    folder = tmp_path / "train"
    shutil.copytree(photos / "train", folder)
    (folder / "disc" / "fake.jpg").write_bytes(b"no picture")
    whole = (folder / "noise" / "00.png").read_bytes()
    (folder / "noise" / "cut.png").write_bytes(whole[: len(whole) // 2])
    chosen = recipe(train=[{"path": str(folder)}], run={"most_steps": 1})
    receipt = train_images(chosen, tmp_path / "out")
    told = next(note for note in receipt["notes"] if "could not be read" in note)
    assert told.startswith("2 train pictures could not be read and were left out")
    assert "fake.jpg: the image is no picture" in told
    assert "cut.png: the image cannot be decoded" in told
    assert receipt["extra"]["pictures"]["train"] == 72


def test_data_that_teach_nothing_are_refused(photos: Path, recipe: Recipes, tmp_path: Path) -> None:
    one = tmp_path / "one"
    shutil.copytree(photos / "train" / "disc", one / "disc")
    with pytest.raises(DataError, match="two classes are the least"):
        train_images(recipe(train=[{"path": str(one)}]), tmp_path / "out")
    (one / "noise").mkdir()
    shutil.copy(photos / "train" / "noise" / "00.png", one / "noise")
    with pytest.raises(DataError, match=r"too few pictures of noise \(1\)"):
        train_images(recipe(train=[{"path": str(one)}]), tmp_path / "out")
    shutil.copy(photos / "train" / "noise" / "01.png", one / "noise")
    with pytest.raises(DataError, match=r"label 'stripes' is not among the 2 classes"):
        train_images(recipe(train=[{"path": str(one)}]), tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no pictures in folders of classes"):
        train_images(recipe(train=[{"path": str(tmp_path / "empty")}]), tmp_path / "out")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"learn": "head"}, "made from scratch and knows nothing while it is frozen"),
        ({"shape": {"size": 16}}, "at least 32"),
        ({"loss": {"name": "in-batch"}, "run": {"measure": "accuracy"}}, "precision@10, map"),
        ({"loss": {"name": "triplet", "smoothing": 0.1}}, "smoothing is of cross-entropy"),
        ({"loss": {"name": "triplet", "together": 20}}, "do not fit"),
        ({"body": "lenet"}, "neither a folder nor one made from scratch"),
        ({"train": []}, "no data to learn from"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(
    recipe: Recipes, tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(RecipeError, match=told):
        train_images(recipe(**given), tmp_path / "out")


def test_a_stopped_run_goes_on_as_if_it_had_not(recipe: Recipes, tmp_path: Path) -> None:
    """Augmentation, order, dropout and the head's weights are those of a run of one piece."""
    chosen = recipe(run={"epochs": 2, "evaluations": 3}, dropout=0.2, augment={"erase": 0.5})
    straight = train_images(chosen, tmp_path / "straight")

    class StopError(Exception):
        """As Ctrl-C would."""

    def stop(done: int, total: int, value: float) -> None:
        del value
        if 0.5 < done / total < 0.9:
            raise StopError

    stopped = tmp_path / "stopped"
    with pytest.raises(StopError):
        train_images(chosen, stopped, listener=Listener(measured=stop))
    resumed = train_images(chosen, stopped, resume=True)
    assert resumed["extra"]["resumed_from"] == 2
    went_on, at_once = (
        load_file(str(folder / "model.safetensors")) for folder in (stopped, tmp_path / "straight")
    )
    assert all(np.array_equal(went_on[name], at_once[name]) for name in at_once)
    assert resumed["scores"] == straight["scores"]


def test_recipes_are_checked(recipe: Recipes, tmp_path: Path) -> None:
    from embeddings.training.checking.run import check_recipe
    from embeddings.training.subjects.subject import guess_kind, open_subject
    from embeddings.training.toml_text import to_toml

    chosen = recipe(augment={"crop": 1.0, "colour": 0.0, "flip": 0.0})
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(chosen), encoding="utf-8")
    assert guess_kind(path) == "images"
    subject = open_subject("images", chosen, tmp_path / "out", Listener())
    only = ("data", "leaks", "first-loss", "gradients")
    report = check_recipe("images", subject, tmp_path, Listener(), only=only)
    states = {(each.check, each.state) for each in report.findings}
    assert ("leaks", "passed") in states
    assert ("first loss", "passed") in states
    assert not [each for each in report.findings if each.state == "failed"]


def test_losses_by_hand() -> None:
    """Two classes of two vectors: mates at right angles, others opposite."""
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    labels = torch.tensor([0, 0, 1, 1])
    # Alike pairs have d^2 = 2. Of the four others, two have d = sqrt 2 and two d = 2.
    gaps = [1.8 - math.sqrt(2)] * 2 + [0.0] * 2
    expected = (2 + sum(gap**2 for gap in gaps) / 4) / 2
    assert float(contrastive(vectors, labels, 1.8)) == pytest.approx(expected, abs=1e-5)
    # Cosines of the first with the others: 0, -1, 0.
    shares = [1.0, math.exp(-2), 1.0]
    assert float(in_batch(vectors, labels, 0.5)) == pytest.approx(
        -math.log(shares[0] / sum(shares)), abs=1e-5
    )
    alone = torch.tensor([0, 1, 2, 3])
    assert float(in_batch(vectors, alone, 0.5)) == 0.0


def test_losses_have_finite_gradients_for_equal_vectors() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    for loss in (lambda v: contrastive(v, labels, 1.0), lambda v: in_batch(v, labels, 0.1)):
        vectors = torch.ones(4, 3, requires_grad=True)
        loss(torch.nn.functional.normalize(vectors, dim=1)).backward()
        assert torch.isfinite(vectors.grad).all()


def test_measures_by_hand() -> None:
    """One query among four: right, wrong, right, wrong."""
    angles = np.radians([0, 11, 23, 36, 50])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = np.array([0, 0, 1, 0, 1])
    found = rank_measures(vectors[:1], labels[:1], vectors[1:], labels[1:])
    assert found["precision@10"] == pytest.approx(0.5)
    assert found["map"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found["neighbour_accuracy"] == 1.0
    all_of_them = search_measures(vectors, labels)
    assert 0 < all_of_them["map"] < 1
    shuffled = np.random.default_rng(0).permutation(5)
    again = search_measures(vectors[shuffled], labels[shuffled])
    assert again["map"] == pytest.approx(all_of_them["map"])


def test_batches_hold_several_of_a_class() -> None:
    labels = np.repeat([0, 1, 2], [8, 7, 2])
    order = class_order(labels, 4, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(17))
    runs = labels[order]
    assert int((np.diff(runs) != 0).sum()) <= 5 - 1


def test_augmentation_is_drawn_from_its_generator() -> None:
    image = Image.effect_noise((50, 40), 60).convert("RGB")
    options = Augment(crop=0.3, flip=0.5, turn=20, colour=0.4, erase=1.0)

    def made(seed: int) -> np.ndarray:
        return np.asarray(augment(image, 32, options, np.random.default_rng(seed)))

    assert made(1).shape == (32, 32, 3)
    assert np.array_equal(made(1), made(1))
    assert not np.array_equal(made(1), made(2))
    plain = Augment(crop=1.0, flip=0.0, colour=0.0)
    assert plain.changes_nothing
    square = image.crop((5, 0, 45, 40)).resize((32, 32), Image.Resampling.BILINEAR)
    same = np.asarray(augment(image, 32, plain, np.random.default_rng(0)), np.int16)
    assert np.abs(same - np.asarray(square, np.int16)).mean() < 4
