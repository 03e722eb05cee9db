"""A corpus with something to learn, tokenizers of three styles, and a recipe of seconds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from embeddings.training.pretraining.recipe import PretrainRecipe
from embeddings.training.recipe import from_mapping
from embeddings.training.tokenizer.recipe import TokenizerRecipe
from embeddings.training.tokenizer.run import train_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STORIES = [
    *("the cat sleeps in the warm house", "the dog runs through the green garden"),
    *("고양이가 따뜻한 집에서 잠을 잔다", "개가 푸른 정원에서 뛰어 논다"),
    *("a train leaves the old station", "버스가 낡은 정류장을 떠난다"),
]
SIZES = {"wordpiece": 130, "bpe": 340, "unigram": 170}


def make_texts(count: int, seed: int = 1) -> list[str]:
    """Paragraphs of three sentences, each told by its first words."""
    draw = random.Random(seed)
    return [f"{'. '.join(draw.choices(STORIES, k=3))}. {number % 10}." for number in range(count)]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small are multiplied faster by one thread, above all beside other work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 paragraphs in a file."""
    path = tmp_path_factory.mktemp("corpus") / "stories.txt"
    path.write_text("\n".join(make_texts(300)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tokenizers(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tokenizers by algorithm."""
    root = tmp_path_factory.mktemp("tokenizers")
    for algorithm, size in SIZES.items():
        recipe = TokenizerRecipe(algorithm=algorithm, vocabulary=size)  # type: ignore[arg-type]
        train_tokenizer([str(corpus)], recipe, root / algorithm)
    return {algorithm: root / algorithm for algorithm in SIZES}


@pytest.fixture
def recipe(corpus: Path, tokenizers: dict[str, Path]) -> Callable[..., PretrainRecipe]:
    """Makes a recipe: `recipe("masked", packed=False, run={...})`."""
    algorithms = {"masked": "wordpiece", "causal": "bpe", "spans": "unigram"}

    def make(objective: str = "masked", **more: Any) -> PretrainRecipe:  # noqa: ANN401
        algorithm = algorithms.get(objective, "wordpiece")
        given: dict[str, Any] = {
            "train": [{"path": str(corpus)}],
            "objective": objective,
            "heldout": 0.1,
            "max_tokens": 32,
            "size": {"width": 32, "layers": 1, "heads": 2},
            "optimiser": {"learning_rate": 5e-3},
            "languages": ["ko", "en"],
        }
        if "body" not in more:
            given["tokenizer"] = str(tokenizers[algorithm])
        run = {"batch": 16, "most_steps": 40, "evaluations": 2, "device": "cpu"}
        given["run"] = run | more.pop("run", {})
        return from_mapping(PretrainRecipe, given | more)

    return make
