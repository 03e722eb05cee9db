"""What holds for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Several processes share the machine: how long an example took says nothing about the code.
settings.register_profile("meari", deadline=None)
settings.load_profile("meari")


@pytest.fixture(autouse=True, scope="session")
def compiled_in_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Encoders that tests compile are not left in the home of whoever runs them."""
    from embeddings.load import Computing, choose_computing

    # One folder for all processes of a run, so that each encoder is compiled once.
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    choose_computing(Computing(cache=shared / "compiled"))
    yield
    choose_computing(Computing())


@pytest.fixture(scope="session")
def image_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn network of 32 pixels, to which pictures of like colours are alike."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize
    from transformers import set_seed

    from embeddings.images.network import ImageNetwork, NetworkConfig

    set_seed(11)
    network = ImageNetwork(NetworkConfig("vgg", size=32, width=0.125))
    folder = tmp_path_factory.mktemp("encoder") / "pictures"
    model = SentenceTransformer(modules=[network, Normalize()], device="cpu")
    model.save(str(folder), create_model_card=False)
    return folder


COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (40, 50, 210)}


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder for each of three colours, four pictures in each."""
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("gallery") / "photos"
    random = np.random.default_rng(5)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(4):
            noise = random.normal(0, 14, (40 + number, 60, 3))
            pixels = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def both_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn CLIP that reads letters and pictures of 32 pixels, as hubs have them."""
    from transformers import (
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPModel,
        CLIPProcessor,
        CLIPTokenizer,
        set_seed,
    )

    set_seed(3)
    letters = [chr(ord("a") + number) for number in range(26)]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    count = len(pieces)
    layers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    layers["num_attention_heads"] = 2
    text = {"vocab_size": count, "max_position_embeddings": 24, "bos_token_id": count - 2}
    text |= {"eos_token_id": count - 1, "pad_token_id": count - 1, **layers}
    config = CLIPConfig(
        text_config=text,
        vision_config={"image_size": 32, "patch_size": 8, **layers},
        projection_dim=12,
    )
    folder = tmp_path_factory.mktemp("both") / "clip"
    CLIPModel(config).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    tokenizer = CLIPTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}, merges=[])
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=size)
    CLIPProcessor(image_processor=processor, tokenizer=tokenizer).save_pretrained(folder)
    return folder
