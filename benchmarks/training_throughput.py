"""Texts a second and model FLOPs utilisation of training, beside sentence-transformers' defaults.

    python -m benchmarks.training_throughput            # base size on a GPU, tiny on a CPU
    python -m benchmarks.training_throughput --size base --batch 256 --compile

A Siamese BERT with the cosine loss learns random pairs. `full` are texts of exactly 128 tokens, on
which utilisation is told; `mixed` are texts of 8 to 128, on which the library's trainer runs too,
as it comes: its default arguments, one forward and backward pass of the same model. What counts as
a FLOP is told in `embeddings/training/flops.py`. The first steps are left out of all figures.
"""
# ruff: noqa: ANN401 - recipes and the library's callbacks

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import save

TOKENS = 128
WORDS = 4_000
_WARM = 3


@dataclass(frozen=True)
class Size:
    """A BERT: width, layers, heads; and how much of it a run does."""

    width: int
    layers: int
    heads: int
    batch: int
    steps: int


SIZES = {
    "base": Size(768, 12, 12, 256, 60),
    "small": Size(384, 6, 12, 64, 30),
    "tiny": Size(128, 2, 2, 32, 20),
}


def main() -> None:
    """Measure, print a table and write `results/training_throughput_DEVICE_SIZE.json`."""
    import torch

    has_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="base" if has_gpu else "tiny")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--no-save", action="store_true")
    asked = parser.parse_args()
    size = SIZES[asked.size]
    batch, steps = asked.batch or size.batch, asked.steps or size.steps
    result: dict[str, Any] = {"size": asked.size, "batch": batch, "steps": steps}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("full", "mixed"):
            data = write_pairs(Path(folder) / f"{name}.tsv", batch * steps, mixed=name == "mixed")
            recipe = recipe_for(size, data, batch, steps, asked)
            result[name] = ours(recipe, Path(folder) / f"out-{name}")
        result["defaults"] = defaults(size, data, steps, Path(folder) / "defaults")
    faster = result["mixed"]["samples_per_s"] / result["defaults"]["samples_per_s"]
    result["times_the_defaults"] = round(faster, 2)
    show(result)
    if not asked.no_save:
        device = "gpu" if has_gpu else "cpu"
        print(save(f"training_throughput_{device}_{asked.size}", result))


def write_pairs(path: Path, rows: int, *, mixed: bool) -> Path:
    """Pairs of random words scored at random; a word is one token, two more frame the text."""
    random = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(WORDS)])

    def text() -> str:
        length = int(np.clip(random.lognormal(3.3, 0.6), 6, TOKENS - 2)) if mixed else TOKENS - 2
        return " ".join(random.choice(words, length))

    lines = [f"{text()}\t{text()}\t{random.random():.3f}" for _ in range(rows)]
    path.write_text("\n".join(["sentence1\tsentence2\tscore", *lines]) + "\n", encoding="utf-8")
    return path


def recipe_for(size: Size, data: Path, batch: int, steps: int, asked: argparse.Namespace) -> Any:
    """The recipe of our run."""
    from embeddings.training.recipe import from_mapping
    from embeddings.training.siamese.recipe import SiameseRecipe

    return from_mapping(
        SiameseRecipe,
        {
            "body": "transformer",
            "shape": shape(size),
            "max_tokens": TOKENS,
            "train": [{"path": str(data)}],
            "run": {
                "batch": batch,
                "most_steps": steps,
                "epochs": 1,
                "evaluations": 1,
                "precision": asked.precision,
                "compile": asked.compile,
            },
        },
    )


def shape(size: Size) -> dict[str, Any]:
    """The recipe's table of the model."""
    return {
        "width": size.width,
        "layers": size.layers,
        "heads": size.heads,
        "vocabulary": WORDS + 1_000,
    }


def ours(recipe: Any, out: Path) -> dict[str, Any]:
    """Throughput of `train siamese` with the recipe, as its receipt tells it."""
    from embeddings.training.siamese.run import train_siamese
    from embeddings.training.trainer import Listener

    receipt = train_siamese(recipe, out, listener=Listener(note=print))
    hardware = receipt["hardware"]
    told = {key: hardware[key] for key in ("device", "name", "precision")}
    return {**receipt["throughput"], **told, "per_step": receipt["extra"]["per_step"]}


def defaults(size: Size, data: Path, steps: int, out: Path) -> dict[str, Any]:
    """Throughput of the library's trainer with its default arguments, the same model and pairs."""
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
    from transformers import TrainerCallback, set_seed

    from embeddings.training.bodies import Body, Shape, build_body
    from embeddings.training.siamese.forms import load_examples
    from embeddings.training.siamese.recipe import Examples

    class Clock(TrainerCallback):
        """When the steps that count began and ended."""

        begun = ended = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            del args, control, given
            synchronise()
            self.ended = time.perf_counter()
            if state.global_step == _WARM:
                self.begun = self.ended

    set_seed(0)
    loaded = load_examples(Examples(path=str(data)))
    body = Body(name="transformer", shape=Shape(**shape(size)), max_tokens=TOKENS)
    model = build_body(body, loaded.all_texts(), device=device())
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(out), max_steps=steps, save_strategy="no", report_to=[], disable_tqdm=True
    )
    clock = Clock()
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=loaded.to_dataset(),
        loss=CosineSimilarityLoss(model),
        callbacks=[clock],
    )
    trainer.train()
    batch = arguments.per_device_train_batch_size
    texts = 2 * batch * (steps - _WARM)
    return {"batch": batch, "samples_per_s": round(texts / (clock.ended - clock.begun), 2)}


def device() -> str:
    """`cuda` where there is a GPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def synchronise() -> None:
    """Until the GPU has done what it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def show(result: dict[str, Any]) -> None:
    """The figures as a table."""
    full, mixed = result["full"], result["mixed"]
    print(f"{full['name']}, {full['precision']}, {result['size']}, batch {result['batch']}")
    for name, told in (("128 tokens", full), ("8 to 128 tokens", mixed)):
        share = "unknown" if told["mfu"] is None else f"{100 * told['mfu']:.1f} %"
        print(
            f"{name:16} {told['samples_per_s']:>10,.0f} texts/s {told['tokens_per_s']:>12,.0f} "
            f"tokens/s  utilisation {share}"
        )
    plain = result["defaults"]
    print(
        f"{'library defaults':16} {plain['samples_per_s']:>10,.0f} texts/s, batch {plain['batch']}"
    )
    print(f"{result['times_the_defaults']} times the defaults on the same pairs")


if __name__ == "__main__":
    sys.exit(main())
