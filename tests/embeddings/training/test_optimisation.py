"""Optimisers, schedules, penalties and first weights, against figures worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from embeddings.training.errors import TrainingError
from embeddings.training.initialisation import initialise, set_dropout
from embeddings.training.optimisation import make_optimiser, make_schedule, rate_at
from embeddings.training.options import Optimiser, Schedule


class Small(torch.nn.Module):
    """Two weights, a bias and a normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
        self.norm = torch.nn.LayerNorm(2)
        self.drop = torch.nn.Dropout(0.3)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([[1.0, -2.0]]))
            self.layer.bias.fill_(0.5)


def stepped(options: Optimiser, gradient: tuple[float, float], times: int = 1) -> list[float]:
    """The weights after steps with the same gradient."""
    model = Small()
    optimiser = make_optimiser([model, model], options)
    for _ in range(times):
        model.layer.weight.grad = torch.tensor([gradient])
        optimiser.step()
    weights: list[float] = model.layer.weight.detach().flatten().tolist()
    return weights


@pytest.mark.parametrize(
    ("given", "times", "expected"),
    [
        ({"name": "sgd"}, 1, [1 - 0.1 * 3, -2 + 0.1 * 4]),
        # v1 = g, v2 = 0.9 g + g
        ({"name": "sgd", "momentum": 0.9}, 2, [1 - 0.1 * 3 * 2.9, -2 + 0.1 * 4 * 2.9]),
        # g + 0.9 v, with v1 = g and v2 = 1.9 g
        (
            {"name": "sgd", "momentum": 0.9, "nesterov": True},
            2,
            [1 - 0.3 * (1.9 + 2.71), -2 + 0.4 * (1.9 + 2.71)],
        ),
        # Adagrad and Adam first move by the rate, whatever the gradient
        ({"name": "adagrad"}, 1, [0.9, -1.9]),
        ({"name": "adam"}, 1, [0.9, -1.9]),
        # g / sqrt(0.01 g^2) = 10
        ({"name": "rmsprop", "beta2": 0.99}, 1, [0.0, -1.0]),
        # decay apart from the gradient: w - 0.1 * 0.5 w, then the step
        ({"name": "adamw", "weight_decay": 0.5}, 1, [0.95 - 0.1, -1.9 + 0.1]),
        # decay in the gradient: 3 + 0.5, -4 - 1
        ({"name": "sgd", "weight_decay": 0.5}, 1, [1 - 0.35, -2 + 0.5]),
    ],
)
def test_steps_are_those_of_the_papers(
    given: dict[str, object], times: int, expected: list[float]
) -> None:
    options = Optimiser(learning_rate=0.1, **{"weight_decay": 0.0, **given})  # type: ignore[arg-type]
    assert stepped(options, (3.0, -4.0), times) == pytest.approx(expected, abs=1e-6)


def test_l1_draws_weights_to_zero_and_stops_there() -> None:
    options = Optimiser(name="sgd", learning_rate=0.1, weight_decay=0.0, l1=15.0)
    assert stepped(options, (0.0, 0.0)) == pytest.approx([0.0, -0.5])
    elastic = Optimiser(name="sgd", learning_rate=0.1, weight_decay=1.0, l1=5.0)
    # L2 first: 0.9 and -1.8; then 0.5 nearer to zero
    assert stepped(elastic, (0.0, 0.0)) == pytest.approx([0.4, -1.3])


def test_biases_and_normalisation_do_not_decay() -> None:
    groups = make_optimiser([Small()], Optimiser(weight_decay=0.1)).param_groups
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [
        (0.1, 1),
        (0.0, 3),
    ]


def test_nothing_to_train_is_an_error() -> None:
    model = Small().requires_grad_(requires_grad=False)
    with pytest.raises(TrainingError, match="no weights to train"):
        make_optimiser([model], Optimiser())


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(name="constant", warmup=0), [1, 1, 1, 1, 1]),
        (Schedule(name="linear", warmup=0), [1, 0.75, 0.5, 0.25, 0]),
        (Schedule(name="linear", warmup=0, floor=0.2), [1, 0.8, 0.6, 0.4, 0.2]),
        (
            Schedule(name="cosine", warmup=0),
            [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0],
        ),
        (Schedule(name="step", warmup=0, steps=3, factor=0.1), [1, 0.1, 0.01, 0.001, 0.001]),
        (Schedule(name="linear", warmup=0.5), [1 / 3, 2 / 3, 1, 0.5, 0]),
    ],
)
def test_schedules_have_their_shapes(schedule: Schedule, expected: list[float]) -> None:
    assert [rate_at(step, 4, schedule) for step in range(5)] == pytest.approx(expected)


def test_a_schedule_moves_the_rate() -> None:
    optimiser = make_optimiser([Small()], Optimiser(name="sgd", learning_rate=2.0))
    schedule = make_schedule(optimiser, Schedule(warmup=0), 4)
    rates = []
    for _ in range(4):
        rates.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    assert rates == pytest.approx([2.0, 1.5, 1.0, 0.5])


def test_first_weights_are_as_asked_for() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(300, 200)
    initialise(layer, "xavier")
    assert layer.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 500), rel=0.01)
    assert layer.bias.abs().max().item() == 0
    initialise(layer, "kaiming")
    assert layer.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 300), rel=0.01)
    initialise(layer, "normal")
    assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
    initialise(layer, "orthogonal")
    assert torch.allclose(layer.weight @ layer.weight.T, torch.eye(200), atol=1e-4)
    before = layer.weight.clone()
    initialise(layer, "default")
    assert torch.equal(layer.weight, before)
    initialise(layer, "zeros")
    assert layer.weight.abs().max().item() == 0


def test_normalisation_keeps_its_scale_and_dropout_is_set() -> None:
    model = Small()
    initialise(model, "zeros")
    assert model.norm.weight.tolist() == [1.0, 1.0]
    assert set_dropout(model, 0.5) == 1
    assert model.drop.p == 0.5
