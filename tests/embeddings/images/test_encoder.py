"""What every encoder of images promises, held against our network and a model of transformers."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from embeddings.errors import (
    EncoderRefusedError,
    InvalidImageError,
    InvalidInputError,
    ModalityError,
)
from embeddings.images.backbones.plan import BACKBONES, Plan, build
from embeddings.images.encoder import ImageEncoder
from embeddings.images.pictures import Prepared
from embeddings.load import load_encoder
from embeddings.types import Encoder, EncoderCard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Painted = Callable[..., Image.Image]
    InBytes = Callable[..., bytes]


@pytest.fixture(scope="module", params=["network", "vision"])
def encoder(request: pytest.FixtureRequest) -> ImageEncoder:
    found = load_encoder(request.getfixturevalue(f"{request.param}_folder"), device="cpu")
    assert isinstance(found, ImageEncoder)
    return found


def test_it_is_an_encoder(encoder: ImageEncoder) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.modalities == {"image"}
    assert encoder.max_tokens == encoder.card.max_tokens == 0
    assert encoder.card.dim == encoder.dim
    assert encoder.tokenizer_json() is None
    assert len(encoder.card.fingerprint) == 64
    assert EncoderCard.from_json(encoder.card.to_json()) == encoder.card
    assert encoder.least_side == 32


def test_nothing_gives_nothing(encoder: ImageEncoder) -> None:
    encoding = encoder.encode([], role="query")
    assert encoding.vectors.shape == (0, encoder.dim)
    assert encoding.vectors.dtype == np.float32
    assert encoder.count_tokens([], role="query").shape == (0,)


def test_batch_and_order_change_nothing(encoder: ImageEncoder, painted: Painted) -> None:
    pictures = [painted(20 + 3 * seed, 50 - seed, seed) for seed in range(encoder.batch + 3)]
    together = encoder.encode(pictures, role="document")
    assert together.vectors.flags.c_contiguous
    assert np.isfinite(together.vectors).all()
    assert not together.tokens.any()
    assert not together.truncated.any()
    backwards = encoder.encode(pictures[::-1], role="document")
    np.testing.assert_allclose(together.vectors, backwards.vectors[::-1], atol=1e-5)
    alone = encoder.encode(pictures[7:8], role="query")
    np.testing.assert_allclose(together.vectors[7], alone.vectors[0], atol=1e-5)
    assert np.abs(together.vectors[0] - together.vectors[1]).max() > 1e-4
    if encoder.card.normalised:
        np.testing.assert_allclose(np.linalg.norm(together.vectors, axis=1), 1, atol=1e-5)


def test_paths_bytes_and_images_are_alike(
    encoder: ImageEncoder, painted: Painted, in_bytes: InBytes, tmp_path: Path
) -> None:
    image = painted(70, 60, 2)
    path = tmp_path / "one.png"
    path.write_bytes(in_bytes(image))
    prepared = encoder.prepare(image)
    assert isinstance(prepared, Prepared)
    given = [image, in_bytes(image), path, prepared]
    vectors = encoder.encode(given, role="document").vectors
    np.testing.assert_allclose(vectors, np.tile(vectors[0], (4, 1)), atol=1e-5)


def test_bad_pictures_are_named_by_position(encoder: ImageEncoder, painted: Painted) -> None:
    with pytest.raises(InvalidImageError, match="input 1: the image is no picture"):
        encoder.encode([painted(), b"none", painted()], role="document")


@pytest.mark.parametrize("bare", ["photo.jpg", b"bytes"])
def test_one_in_place_of_a_list_is_refused(encoder: ImageEncoder, bare: str | bytes) -> None:
    with pytest.raises(TypeError, match="pass a list"):
        encoder.encode(bare, role="document")  # type: ignore[arg-type]


def test_texts_and_other_things_are_refused(encoder: ImageEncoder, painted: Painted) -> None:
    with pytest.raises(ModalityError, match=r"input 1 is a text.*by a Path"):
        encoder.encode([painted(), "photo.jpg"], role="document")
    with pytest.raises(TypeError, match="input 0 is int"):
        encoder.encode([3], role="document")  # type: ignore[list-item]


def test_one_pixel_has_a_vector(encoder: ImageEncoder) -> None:
    vectors = encoder.encode([Image.new("RGB", (1, 1)), Image.new("RGB", (1, 900))], role="query")
    assert np.isfinite(vectors.vectors).all()


def test_weights_and_processor_make_the_fingerprint(
    network_folder: Path, vision_folder: Path, tmp_path: Path
) -> None:
    for folder, name, key in (
        (network_folder, "config.json", "fit"),
        (vision_folder, "preprocessor_config.json", "crop_pct"),
    ):
        before = load_encoder(folder, device="cpu").card
        copy = tmp_path / folder.name
        shutil.copytree(folder, copy)
        assert load_encoder(copy, device="cpu").card.fingerprint == before.fingerprint
        said = json.loads((copy / name).read_bytes())
        said[key] = "stretch" if key == "fit" else 0.5
        (copy / name).write_text(json.dumps(said))
        assert load_encoder(copy, device="cpu").card.fingerprint != before.fingerprint


def test_no_code_comes_from_a_folder(network_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(network_folder, copy)
    assert not list(copy.rglob("*.py"))
    modules = json.loads((copy / "modules.json").read_bytes())
    for kind in ("mine.Network", "embeddings.images.network.Other", "os.system"):
        modules[0]["type"] = kind
        (copy / "modules.json").write_text(json.dumps(modules))
        (copy / "mine.py").write_text("raise SystemExit('it was run')")
        with pytest.raises(EncoderRefusedError, match="code from elsewhere"):
            load_encoder(copy, device="cpu")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"backbone": "inception"}, "backbone 'inception' is unknown"),
        ({"size": 4_000}, "32 to 224 pixels"),
        ({"width": 0.5}, "loading state_dict for ImageNetwork"),
        ({"run": "rm"}, "unexpected keyword argument 'run'"),
        ({"deviation": [1, 0, 1]}, "above 0"),
    ],
)
def test_impossible_networks_are_refused(
    network_folder: Path, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(network_folder, copy)
    said = json.loads((copy / "config.json").read_bytes()) | change
    (copy / "config.json").write_text(json.dumps(said))
    with pytest.raises(EncoderRefusedError, match=told):
        load_encoder(copy, device="cpu")


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize(("size", "side"), [(32, 4), (64, 4), (48, 6), (224, 7)])
def test_maps_keep_four_to_seven_pixels(backbone: str, size: int, side: int) -> None:
    torch.manual_seed(0)
    made, channels = build(Plan(backbone, size=size, width=0.125))  # type: ignore[arg-type]
    with torch.no_grad():
        maps = made.eval()(torch.randn(2, 3, size, size))
    assert maps.shape == (2, channels, *((1, 1) if backbone == "alexnet" else (side, side)))
    assert not torch.allclose(maps[0], maps[1])


@pytest.mark.parametrize(("backbone", "weights"), [("vgg", 9_223_232), ("resnet", 11_168_832)])
def test_weights_are_the_papers(backbone: str, weights: int) -> None:
    """VGG's eight convolutions with their normalisation, ResNet-18 with a small stem."""
    made, _ = build(Plan(backbone, size=32))  # type: ignore[arg-type]
    assert sum(each.numel() for each in made.parameters()) == weights


@pytest.mark.parametrize("backbone", BACKBONES)
def test_one_batch_does_not_decide_what_is_normal(backbone: str) -> None:
    torch.manual_seed(0)
    network, _ = build(Plan(backbone, 32, 0.125))
    norms = [each for each in network.modules() if isinstance(each, torch.nn.BatchNorm2d)]
    assert norms
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(8, 3, 32, 32))
        before = [norm.running_var.clone() for norm in norms]
        network(torch.zeros(8, 3, 32, 32))
    for norm, usual in zip(norms, before, strict=True):
        assert (norm.running_var / usual).min() > 0.85


def test_filters_and_maps_are_those_of_the_network(network_folder: Path, painted: Painted) -> None:
    from embeddings.images.filters import first_filters, maps_of

    encoder = ImageEncoder.from_folder(network_folder, device="cpu")
    first = next(each for each in encoder.model.modules() if isinstance(each, torch.nn.Conv2d))
    filters = first_filters(encoder)
    assert filters.shape == (first.out_channels, 3, 3, 3)
    assert filters.min() == 0.0
    assert filters.max() == 1.0
    layers = maps_of(encoder, painted(64, 64))
    assert len(layers) == 5
    assert layers[0].shape[0] == first.out_channels
    assert layers[0].shape[1:] > layers[-1].shape[1:]
    means = layers[2].maps.mean(axis=(1, 2))
    assert (np.diff(means) <= 1e-6).all()


def test_an_encoder_of_both_reads_texts_and_pictures(both_encoder: Path, painted: Painted) -> None:
    encoder: Any = load_encoder(both_encoder, device="cpu")
    assert encoder.modalities == {"image", "text"}
    assert encoder.card.modalities == ("image", "text")
    mixed = ["a red coat", painted(seed=1), "a hat", painted(seed=2)]
    encoding = encoder.encode(mixed, role="query")
    assert encoding.vectors.shape == (4, 12)
    assert (encoding.tokens > 0).tolist() == [True, False, True, False]
    for place, each in enumerate(mixed):
        alone = encoder.encode([each], role="query").vectors[0]
        np.testing.assert_allclose(alone, encoding.vectors[place], atol=1e-5)
    with pytest.raises(InvalidInputError, match="input 1 is empty"):
        encoder.encode([painted(), " "], role="query")
