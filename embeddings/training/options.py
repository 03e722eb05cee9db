"""What every recipe says of a run: optimiser, schedule, batches, precision, evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from embeddings.training.errors import RecipeError
from embeddings.training.recipe import Above0, Count, Share, Weight, Within

Beta = Annotated[float, Within(least=0, below=1)]
Initialisation = Literal["default", "xavier", "kaiming", "orthogonal", "normal", "zeros"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """How weights move.

    Attributes:
        name: `sgd` (with `momentum`, `nesterov`), `adagrad` (Duchi et al. 2011), `rmsprop`
            (Tieleman and Hinton 2012), `adam` (Kingma and Ba, arXiv:1412.6980) or `adamw`
            (Loshchilov and Hutter, arXiv:1711.05101).
        learning_rate: at the top of the schedule.
        momentum: of sgd and rmsprop.
        nesterov: look ahead (sgd with momentum alone).
        beta1: decay of the mean of gradients (adam, adamw).
        beta2: decay of the mean of squared gradients (adam, adamw, rmsprop).
        epsilon: added to the root of the second moment.
        weight_decay: L2; in the gradient for all but adamw, where it is apart from it. Biases
            and normalisation layers are left out.
        l1: after each step every weight is drawn towards zero by `l1` times the learning rate
            and stops there (soft threshold), so that weights become exactly zero. With
            `weight_decay` it is the elastic net (Zou and Hastie 2005).
        clip: longest norm of the whole gradient; 0 leaves it.
    """

    name: Literal["adamw", "adam", "sgd", "adagrad", "rmsprop"] = "adamw"
    learning_rate: Above0 = 2e-5
    momentum: Beta = 0.0
    nesterov: bool = False
    beta1: Beta = 0.9
    beta2: Beta = 0.999
    epsilon: Above0 = 1e-8
    weight_decay: Weight = 0.01
    l1: Weight = 0.0
    clip: Weight = 1.0

    def __post_init__(self) -> None:
        if self.nesterov and (self.name != "sgd" or not self.momentum):
            message = (
                "recipe key 'optimiser.nesterov' needs optimiser.name = \"sgd\" and a momentum "
                f"above 0; name is {self.name!r}, momentum {self.momentum:g}"
            )
            raise RecipeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the learning rate moves over the run.

    Attributes:
        name: `linear` to `floor`, half a `cosine` to `floor`, in `step`s, or `constant`.
        warmup: share of the run in which it rises linearly from 0.
        steps: how many times `step` lowers it, evenly over the run.
        factor: what each step multiplies it by.
        floor: the share of the learning rate where linear and cosine end.
    """

    name: Literal["linear", "cosine", "step", "constant"] = "linear"
    warmup: Annotated[float, Within(least=0, below=1)] = 0.1
    steps: Count = 3
    factor: Annotated[float, Within(above=0, most=1)] = 0.1
    floor: Share = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How long, how large and where.

    Attributes:
        epochs: times the data are read; may be a fraction.
        most_steps: optimiser steps at most; None for no limit.
        batch: examples of one optimiser step and process.
        accumulate: parts a batch is computed in; its gradients are added up.
        seed: of weights, order and dropout.
        precision: what is multiplied in; `auto` is bf16 where the GPU has it, fp16 on older
            ones and fp32 on a CPU. Weights and optimiser stay fp32.
        device: `auto` takes a GPU where there is one.
        compile: compile the model by torch.compile; pays after minutes on a GPU.
        workers: processes that tokenise; None is 0 on a CPU, with a GPU half of the
            processors, 8 at most.
        group_by_length: put texts of like length into a batch, so that little is padding.
        evaluations: times the dev split is measured, evenly over the run; a checkpoint is
            written each time.
        measure: the measure that decides which checkpoint is best; None is the trainer's own.
        patience: stop after so many measurements without a better one; None never stops.
    """

    epochs: Above0 = 1.0
    most_steps: Count | None = None
    batch: Count = 32
    accumulate: Count = 1
    seed: Annotated[int, Within(least=0, below=1 << 31)] = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    compile: bool = False
    workers: Annotated[int, Within(least=0)] | None = None
    group_by_length: bool = True
    evaluations: Annotated[int, Within(least=1, most=1000)] = 10
    measure: str | None = None
    patience: Count | None = None

    def __post_init__(self) -> None:
        if self.batch % self.accumulate:
            message = (
                f"recipe key 'run.accumulate' is {self.accumulate}, which does not divide "
                f"run.batch ({self.batch}) into equal parts"
            )
            raise RecipeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The sections that recipes of all trainers share; put into a recipe field by field.

    Attributes:
        optimiser: see `Optimiser`.
        schedule: see `Schedule`.
        run: see `Running`.
    """

    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    run: Running = field(default_factory=Running)
