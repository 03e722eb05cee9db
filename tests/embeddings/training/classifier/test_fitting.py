"""The loss, the head's layers and how they learn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from embeddings.classifier import Head as TrainedHead
from embeddings.classifier import Layer
from embeddings.training.classifier.fitting import Labelled, dev_measures, fit_head
from embeddings.training.classifier.objective import (
    Objective,
    Standard,
    layer_count,
    make_layers,
    set_weights,
    weights_of,
)
from embeddings.training.classifier.recipe import ClassifierRecipe, Head
from embeddings.training.options import Optimiser
from embeddings.training.recipe import from_mapping
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from embeddings.training.classifier.fitting import Fitted


def recipe(**more: object) -> ClassifierRecipe:
    return from_mapping(ClassifierRecipe, {"train": [{"path": "x.csv"}], **more})


def truth_of(*counts: int) -> np.ndarray:
    classes = np.repeat(np.arange(len(counts)), counts)
    return np.eye(len(counts), dtype=np.bool_)[classes]


@pytest.mark.parametrize("balance", ["none", "root", "full"])
def test_a_guesser_has_ln_c_however_classes_are_weighed(balance: str) -> None:
    truth = truth_of(70, 20, 10)
    objective = Objective.of(truth, recipe(balance=balance))
    zeros = torch.zeros(100, 3)
    loss = objective.loss(zeros, torch.from_numpy(objective.targets(truth)))
    assert float(loss) == pytest.approx(math.log(3), rel=1e-5)
    assert objective.expected(from_scratch=True).value == pytest.approx(math.log(3))
    assert objective.expected(from_scratch=True).formula == "ln 3, one of 3 classes"


def test_balanced_classes_count_alike() -> None:
    truth = truth_of(80, 20)
    full = Objective.of(truth, recipe(balance="full"))
    assert (full.weights * truth.sum(axis=0)).tolist() == pytest.approx([50, 50])
    root = Objective.of(truth, recipe(balance="root"))
    assert root.weights[1] / root.weights[0] == pytest.approx(2)
    assert Objective.of(truth, recipe()).weights.tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("balance", ["none", "root", "full"])
def test_a_guesser_of_several_labels(balance: str) -> None:
    truth = np.zeros((50, 2), np.bool_)
    truth[:5, 0] = truth[:20, 1] = True
    objective = Objective.of(truth, recipe(task="multi", balance=balance))
    loss = objective.loss(torch.zeros(50, 2), torch.from_numpy(objective.targets(truth)))
    assert float(loss) == pytest.approx(objective.expected(from_scratch=True).value, rel=1e-5)
    if balance == "full":
        assert objective.weights.tolist() == pytest.approx([9, 1.5])


def test_the_loss_is_the_weighted_cross_entropy() -> None:
    objective = Objective.of(truth_of(3, 1), recipe(balance="full"))
    logits = torch.tensor([[2.0, 0.0], [0.5, 1.0]])
    shares = torch.softmax(logits, dim=1)
    wanted = -(
        objective.weights[0] * math.log(shares[0, 0])
        + objective.weights[1] * math.log(shares[1, 1])
    )
    found = objective.loss(logits, torch.tensor([0, 1]))
    assert float(found) == pytest.approx(wanted / 2, rel=1e-5)


def test_folding_takes_vectors_as_they_are() -> None:
    random = np.random.default_rng(0)
    vectors = (random.normal(size=(40, 6)) * 3 + 5).astype(np.float32)
    vectors[:, 2] = 1.5
    standard = Standard.of(vectors)
    moved = standard.apply(vectors)
    assert np.allclose(np.delete(moved, 2, axis=1).std(axis=0), 1, atol=1e-4)
    assert np.allclose(moved[:, 2], 0)
    layers = [
        Layer(random.normal(size=(4, 6)).astype(np.float32), np.ones(4, np.float32)),
        Layer(random.normal(size=(3, 4)).astype(np.float32), np.zeros(3, np.float32)),
    ]
    wanted = TrainedHead(tuple(layers)).logits(moved)
    found = TrainedHead(tuple(standard.fold(layers))).logits(vectors)
    assert np.allclose(found, wanted, atol=1e-4)


def test_numpy_computes_what_torch_learned() -> None:
    torch.manual_seed(1)
    head = Head(kind="mlp", hidden=7, dropout=0.2)
    layers = make_layers(head, 5, 3)
    assert len(layers) == layer_count(head) == 3
    model = torch.nn.Sequential(*layers).eval()
    vectors = torch.randn(4, 5)
    wanted = model({"sentence_embedding": vectors})["sentence_embedding"].detach().numpy()
    weights = weights_of(layers)
    assert np.allclose(TrainedHead(tuple(weights)).logits(vectors.numpy()), wanted, atol=1e-6)
    others = make_layers(head, 5, 3)
    set_weights(others, weights)
    assert all(
        np.array_equal(a, b)
        for one, two in zip(weights_of(others), weights, strict=True)
        for a, b in zip(one, two, strict=True)
    )


def clouds(rows: int, seed: int, spread: float) -> Labelled:
    random = np.random.default_rng(seed)
    centres = np.array([[2, 0, 0, 1], [0, 2, 0, 1], [0, 0, 2, 1]], np.float32)
    classes = random.integers(0, 3, rows)
    vectors = centres[classes] + random.normal(scale=spread, size=(rows, 4))
    return Labelled(vectors.astype(np.float32), np.eye(3, dtype=np.bool_)[classes])


def fit(head: Head, train: Labelled, dev: Labelled | None, seed: int = 0) -> Fitted:
    objective = Objective.of(train.truth, recipe())
    return fit_head(
        head,
        objective,
        train,
        dev,
        measure="accuracy",
        seed=seed,
        device="cpu",
        listener=Listener(),
    )


@pytest.mark.parametrize("kind", ["logistic", "mlp"])
def test_a_head_learns_what_can_be_told_apart(kind: str) -> None:
    head = Head(kind=kind, hidden=16, epochs=25, batch=16)
    fitted = fit(head, clouds(400, 0, 0.2), clouds(100, 1, 0.2))
    assert fitted.best is not None
    assert fitted.best >= 0.99
    first = fitted.history[1]
    assert first["step"] == 1
    assert first["loss"] == pytest.approx(math.log(3), rel=0.5)
    losses = [entry["loss"] for entry in fitted.history if "loss" in entry]
    assert losses[-1] < 0.4 * losses[0]


def test_the_best_weights_are_kept_and_waiting_ends() -> None:
    head = Head(epochs=60, patience=3, optimiser=Optimiser(learning_rate=0.03, weight_decay=0.0))
    dev = clouds(80, 3, 1.2)
    fitted = fit(head, clouds(40, 2, 1.2), dev)
    measured = {e["step"]: e["eval_accuracy"] for e in fitted.history if "eval_accuracy" in e}
    assert fitted.epochs < 60
    assert len(measured) == fitted.epochs + 1
    assert fitted.best == max(measured.values()) == measured[fitted.best_step or 0]
    logits = TrainedHead(fitted.layers).logits(dev.vectors)
    assert dev_measures(logits, dev.truth, "single")["accuracy"] == fitted.best


def test_a_seed_repeats_a_head_to_the_bit() -> None:
    head = Head(kind="mlp", hidden=8, dropout=0.3, epochs=3)
    train, dev = clouds(90, 4, 0.5), clouds(30, 5, 0.5)
    one, two, other = fit(head, train, dev), fit(head, train, dev), fit(head, train, dev, seed=1)
    assert np.array_equal(one.layers[0].weight, two.layers[0].weight)
    assert one.history == two.history
    assert not np.array_equal(one.layers[0].weight, other.layers[0].weight)


def test_without_a_dev_split_the_last_weights_stay() -> None:
    fitted = fit(Head(epochs=4), clouds(60, 6, 0.3), None)
    assert (fitted.best, fitted.best_step, fitted.epochs) == (None, None, 4)
    assert fitted.samples == 240


def test_measures_while_training_leave_out_texts_of_no_class() -> None:
    logits = np.array([[2, 0], [0, 2], [9, 0]], np.float32)
    truth = np.array([[1, 0], [1, 0], [0, 0]], np.bool_)
    found = dev_measures(logits, truth, "single")
    assert found["accuracy"] == 0.5
    several = dev_measures(logits, truth, "multi")
    assert set(several) == {"loss", "macro_f1", "micro_f1", "exact"}
    # All six are given, logits of 0 too; two are true.
    assert several["micro_f1"] == pytest.approx(2 * 2 / (6 + 2))
