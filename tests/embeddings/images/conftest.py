"""Pictures and small folders of image encoders, made here."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Painted = "Callable[..., Image.Image]"


def paint(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    """A picture of slopes and noise; no two seeds alike."""
    random = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width]
    slopes = random.uniform(-4, 4, (2, 3))
    pixels = 128 + down[..., None] * slopes[0] + across[..., None] * slopes[1]
    pixels = pixels + random.normal(0, 12, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def packed(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of a file."""
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


@pytest.fixture(scope="session")
def painted() -> Callable[..., Image.Image]:
    return paint


@pytest.fixture(scope="session")
def in_bytes() -> Callable[..., bytes]:
    return packed


@pytest.fixture(scope="session")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn MobileNet of 32 pixels with a layer and vectors of length 1 behind it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize
    from transformers import set_seed

    from embeddings.images.network import ImageNetwork, NetworkConfig

    set_seed(3)
    network = ImageNetwork(NetworkConfig("mobilenet", size=32, width=0.25))
    behind = Dense(network.get_embedding_dimension(), 24)
    folder = tmp_path_factory.mktemp("network")
    model = SentenceTransformer(modules=[network, behind, Normalize()], device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def vision_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn ResNet as hubs have it: weights, configuration and processor of transformers."""
    from transformers import ConvNextImageProcessorPil, ResNetConfig, ResNetModel, set_seed

    set_seed(4)
    folder = tmp_path_factory.mktemp("vision")
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(folder)
    processor = ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875)
    processor.save_pretrained(folder)
    return folder
