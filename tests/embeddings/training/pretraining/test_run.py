"""Pre-training from end to end: it learns, resumes to the same weights, and its folder goes on."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from embeddings.load import load_encoder
from embeddings.training.errors import DataError, RecipeError, TrainingError
from embeddings.training.pretraining.denoising import Deletion
from embeddings.training.pretraining.models import make_model, open_tokenizer
from embeddings.training.pretraining.recipe import PretrainRecipe
from embeddings.training.pretraining.run import pretrain
from embeddings.training.pretraining.trainer import measure_counts
from embeddings.training.recipe import from_mapping, read_recipe
from embeddings.training.siamese.recipe import SiameseRecipe
from embeddings.training.siamese.run import train_siamese
from embeddings.training.tokenizer.extension import extend_vocabulary
from embeddings.training.tokenizer.recipe import ExtensionRecipe
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., PretrainRecipe]

POOLING = {"masked": "mean", "causal": "lasttoken", "spans": "mean", "denoising": "cls"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of runs that later tests go on from, by objective."""
    return {"root": tmp_path_factory.mktemp("made")}


@pytest.mark.parametrize("objective", ["masked", "causal", "spans", "denoising"])
def test_each_objective_learns_and_its_folder_encodes(
    objective: str, recipe: Make, made: dict[str, Path]
) -> None:
    out = made["root"] / objective
    receipt = pretrain(recipe(objective), out)
    made[objective] = out
    before, after = receipt["scores"]["dev before"], receipt["scores"]["dev after"]
    assert after["perplexity"] < 0.6 * before["perplexity"]
    assert after["perplexity"] == pytest.approx(math.exp(after["loss"]))
    verdict, size = receipt["verdict"], receipt["extra"]["vocabulary"]
    assert verdict["expected_loss"] == pytest.approx(math.log(size))
    assert verdict["initial_loss"] == pytest.approx(math.log(size), rel=0.25)
    assert not verdict["initial_is_odd"]
    assert receipt["kind"] == "pretrain"
    assert receipt["data"]["train"][0]["rows"] == 300
    assert receipt["extra"]["corpus"]["dev_texts"] > 10
    assert not (out / "checkpoints").exists()
    assert {"learning_curves.png", "README.md", "tensorboard"} <= {p.name for p in out.iterdir()}
    encoder = load_encoder(out)
    assert (encoder.dim, encoder.card.pooling) == (32, POOLING[objective])
    assert encoder.max_tokens == 32
    assert encoder.card.languages == ("ko", "en")
    encoded = encoder.encode(["고양이가 잔다", "the cat"], role="document")
    assert np.isfinite(encoded.vectors).all()
    assert abs(encoded.vectors[0] - encoded.vectors[1]).max() > 1e-3


@pytest.mark.parametrize("sentences", ["next", "order"])
def test_pairs_of_sentences(sentences: str, recipe: Make, tmp_path: Path) -> None:
    receipt = pretrain(recipe(sentences=sentences, max_tokens=48), tmp_path / "out")
    verdict, size = receipt["verdict"], receipt["extra"]["vocabulary"]
    assert verdict["expected_loss"] == pytest.approx(math.log(size) + math.log(2))
    assert not verdict["initial_is_odd"]
    after = receipt["scores"]["dev after"]
    assert after["perplexity"] < 0.7 * receipt["scores"]["dev before"]["perplexity"]
    assert 0.2 < after["pair_accuracy"] <= 1
    assert load_encoder(tmp_path / "out").dim == 32


class KilledError(Exception):
    """Ends a run from outside."""


@pytest.mark.parametrize("objective", ["masked", "denoising"])
def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    objective: str, recipe: Make, tmp_path: Path
) -> None:
    chosen = recipe(objective, run={"most_steps": 34, "evaluations": 4}, packed=False)
    whole = pretrain(chosen, tmp_path / "whole")

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "train" and done == 21:
            raise KilledError

    with pytest.raises(KilledError):
        pretrain(chosen, tmp_path / "parts", listener=Listener(progress=stop))
    with pytest.raises(TrainingError, match="--resume"):
        pretrain(chosen, tmp_path / "parts")
    parts = pretrain(chosen, tmp_path / "parts", resume=True)
    assert parts["extra"]["resumed_from"] == 18
    assert parts["scores"] == whole["scores"]
    first = load_file(tmp_path / "whole" / "model.safetensors")
    second = load_file(tmp_path / "parts" / "model.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_batch_in_parts_is_the_same_batch(recipe: Make, tmp_path: Path) -> None:
    shared = {"most_steps": 3, "evaluations": 1}
    size = {"width": 32, "layers": 1, "heads": 2, "dropout": 0.0}
    losses = []
    for parts in (1, 4):
        run = shared | {"accumulate": parts}
        receipt = pretrain(recipe(run=run, size=size), tmp_path / str(parts))
        losses.append([value for _, value in receipt["curves"]["loss"]])
        assert receipt["extra"]["accumulated"] == parts
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_the_head_is_computed_where_it_is_asked_for(recipe: Make) -> None:
    chosen = recipe()
    tokenizer = open_tokenizer(chosen, None)
    torch.manual_seed(0)
    model = make_model(chosen, tokenizer, None).eval()
    ids = torch.randint(5, 100, (2, 9))
    labels = torch.full((2, 9), -100)
    labels[0, 3], labels[1, 5] = 7, 8
    mask = torch.ones_like(ids)
    told = model(labels=labels, input_ids=ids, attention_mask=mask)["logits"]
    whole = type(model).forward(model, input_ids=ids, attention_mask=mask).logits
    assert told.shape == (2, len(tokenizer))
    assert torch.allclose(told, torch.stack([whole[0, 3], whole[1, 5]]), atol=1e-5)


def test_figures_of_counts() -> None:
    counts = np.array([[2.0, 1, 2, 1], [4.0, 1, 1, 0]])
    assert measure_counts(counts, is_paired=True) == pytest.approx(
        {"loss": 2.0, "perplexity": math.exp(2), "accuracy": 2 / 3, "pair_accuracy": 0.5}
    )
    assert "pair_accuracy" not in measure_counts(counts, is_paired=False)


@pytest.mark.parametrize("objective", ["masked", "causal", "spans", "denoising"])
def test_a_siamese_run_goes_on_from_the_folder(
    objective: str, recipe: Make, made: dict[str, Path], tmp_path: Path
) -> None:
    if objective not in made:
        pretrain(recipe(objective, run={"most_steps": 4}), made["root"] / objective)
        made[objective] = made["root"] / objective
    scored = ["sentence1\tsentence2\tscore"]
    scored += [f"the cat {n}\tthe dog {n}\t{n % 6}" for n in range(24)]
    (tmp_path / "pairs.tsv").write_text("\n".join(scored) + "\n", encoding="utf-8")
    source = {"path": str(tmp_path / "pairs.tsv"), "form": "scores", "range": [0, 5]}
    chosen = from_mapping(
        SiameseRecipe,
        {
            "body": str(made[objective]),
            "train": [source],
            "dev": [source],
            "run": {"batch": 8, "epochs": 1, "evaluations": 1, "device": "cpu"},
        },
    )
    receipt = train_siamese(chosen, tmp_path / "out")
    encoder = load_encoder(tmp_path / "out")
    assert encoder.card.pooling == POOLING[objective]
    assert encoder.card.fingerprint != load_encoder(made[objective]).card.fingerprint
    assert receipt["recipe"]["body"] == str(made[objective])


def test_pre_training_goes_on_from_a_folder_and_from_an_extended_one(
    recipe: Make, made: dict[str, Path], corpus: Path, tmp_path: Path
) -> None:
    if "masked" not in made:
        pretrain(recipe("masked"), made["root"] / "masked")
        made["masked"] = made["root"] / "masked"
    before = json.loads((made["masked"] / "training.json").read_bytes())["scores"]["dev after"]
    again = pretrain(recipe(body=str(made["masked"]), run={"most_steps": 4}), tmp_path / "again")
    # The head was kept: it begins where it ended.
    assert again["scores"]["dev before"]["loss"] == pytest.approx(before["loss"], rel=1e-3)
    (tmp_path / "new.txt").write_text("강아지가 꼬리를 흔든다\n" * 40, encoding="utf-8")
    extension = ExtensionRecipe(pieces=20, syllables="seen")
    extend_vocabulary(str(made["masked"]), [str(tmp_path / "new.txt")], extension, tmp_path / "ext")
    size = again["extra"]["vocabulary"]
    grown = pretrain(recipe(body=str(tmp_path / "ext"), run={"most_steps": 4}), tmp_path / "grown")
    assert grown["extra"]["vocabulary"] == size + 20
    assert grown["scores"]["dev before"]["loss"] < before["loss"] + 1.5
    assert load_encoder(tmp_path / "grown").card.pooling == "mean"


def test_words_are_deleted_as_a_function_of_seed_epoch_and_text() -> None:
    text = " ".join(f"w{number}" for number in range(200))
    deletion = Deletion(0.6, seed=3)
    left = deletion.damage(text).split()
    assert len(left) == pytest.approx(80, abs=25)
    assert [word for word in text.split() if word in set(left)] == left
    assert Deletion(0.6, seed=3).damage(text).split() == left
    deletion.epoch = 1
    assert deletion.damage(text).split() != left
    rows = {"damaged": [text], "text": [text]}
    assert deletion(rows) == {"damaged": [deletion.damage(text)], "text": [text]}
    assert deletion({"damaged": ["one"]}) == {"damaged": ["one"]}
    assert len(Deletion(0.999, 0).damage(text).split()) >= 1


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"heldout": 0.999999}, DataError, "no text is left"),
    ({"heldout": 0.000001}, DataError, "keeps none of 300 texts out"),
    ({"sentences": "next", "max_tokens": 8}, DataError, "two sentences or more"),
    ({"run": {"measure": "ndcg"}}, RecipeError, "has perplexity, loss, accuracy"),
    ({"body": "cnn"}, RecipeError, "bert, gpt2, t5, a folder"),
    ({"tokenizer": "."}, RecipeError, "holds no tokenizer.json"),
]


@pytest.mark.parametrize(("more", "kind", "message"), BAD)
def test_what_cannot_be_trained_is_refused_before_any_step(
    more: dict[str, Any], kind: type[Exception], message: str, recipe: Make, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        pretrain(recipe(**more), tmp_path / "out")


def test_a_tokenizer_of_another_model_is_refused(
    recipe: Make, made: dict[str, Path], tokenizers: dict[str, Path], tmp_path: Path
) -> None:
    if "masked" not in made:
        pretrain(recipe("masked"), made["root"] / "masked")
        made["masked"] = made["root"] / "masked"
    chosen = recipe(body=str(made["masked"]), tokenizer=str(tokenizers["unigram"]))
    with pytest.raises(TrainingError, match=r"170 pieces, of which \d+ have the id.*--extend"):
        pretrain(chosen, tmp_path / "out")
    own = recipe(body=str(made["masked"]), tokenizer=str(tokenizers["wordpiece"]))
    assert len(open_tokenizer(own, made["masked"])) == 130
    torn = tmp_path / "torn"
    torn.mkdir()
    for path in made["masked"].iterdir():
        if path.is_file():
            (torn / path.name).write_bytes(path.read_bytes())
    (torn / "tokenizer.json").write_bytes((tokenizers["unigram"] / "tokenizer.json").read_bytes())
    with pytest.raises((TrainingError, RecipeError)):
        pretrain(recipe(body=str(torn)), tmp_path / "out")


def test_recipes_that_do_not_fit_together() -> None:
    base = {"train": [{"path": "a.txt"}]}
    with pytest.raises(RecipeError, match="'tokenizer' is missing"):
        from_mapping(PretrainRecipe, base)
    with pytest.raises(RecipeError, match="'train' is empty"):
        from_mapping(PretrainRecipe, {"train": []})
    with pytest.raises(RecipeError, match="goes with objective 'masked' alone"):
        from_mapping(PretrainRecipe, base | {"objective": "causal", "sentences": "next"})
    with pytest.raises(RecipeError, match="objective 'spans' needs 't5'"):
        from_mapping(PretrainRecipe, base | {"objective": "spans", "body": "bert"})
    with pytest.raises(RecipeError, match="more than all masked tokens"):
        from_mapping(PretrainRecipe, base | {"masking": {"mask": 0.8, "random": 0.3}})
    with pytest.raises(RecipeError, match=r"does not divide size\.width"):
        from_mapping(PretrainRecipe, base | {"tokenizer": "t", "size": {"width": 30}})
    with pytest.raises(RecipeError, match=r"did you mean .masking\.share."):
        read_recipe(PretrainRecipe, None, ["masking.shar=0.2"], **base)
