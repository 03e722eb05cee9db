"""The libraries' trainers with this project's optimisers, schedules, meter and checkpoints.

`trainer_of(SentenceTransformerTrainer)` or `trainer_of(transformers.Trainer)` gives a class that
is made with a further argument, `setup`.
"""
# ruff: noqa: ANN401 - the signatures are the libraries'

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.training.curves import told_measure
from embeddings.training.flops import cost_of
from embeddings.training.loss_weights import (
    LOSS_WEIGHTS,
    load_own_weights,
    own_weights,
    save_own_weights,
)
from embeddings.training.meter import Meter
from embeddings.training.optimisation import make_optimiser, make_schedule
from embeddings.training.precision import separate_attention

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn
    from transformers import Trainer as _Trainer
    from transformers import TrainingArguments

    from embeddings.training.batches import Batches
    from embeddings.training.options import Optimiser, Running, Schedule
    from embeddings.training.precision import Place
else:
    _Trainer = object

logger = logging.getLogger(__name__)

SECONDS = "seconds.txt"
"""How long the run had taken at a checkpoint, in all its pieces."""


def _silent(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told how a run goes.

    Attributes:
        progress: called with the stage (`train`), steps done and steps in all.
        note: called with a sentence worth reading: a measurement, a batch that was halved.
        measured: called with steps done, steps in all and the measure that decides; what it
            raises ends the run.
    """

    progress: Callable[[str, int, int], None] = _silent
    note: Callable[[str], None] = _silent
    measured: Callable[[int, int, float], None] = _silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a run needs beside model, data and loss.

    Attributes:
        folder: where checkpoints go while it runs.
        optimiser: see `Optimiser`.
        schedule: see `Schedule`.
        running: see `Running`.
        place: where it computes.
        measure: the trainer's name of the measure that decides (`dev_spearman_cosine`); None
            keeps the last weights.
        higher_is_better: of the measure.
        listener: who is told.
    """

    folder: Path
    optimiser: Optimiser
    schedule: Schedule
    running: Running
    place: Place
    measure: str | None = None
    higher_is_better: bool = True
    listener: Listener = field(default_factory=Listener)


class Loop(_Trainer):
    """Goes before a library's trainer in the order of its methods; see `trainer_of`."""

    def __init__(self, *args: Any, setup: Setup, **given: Any) -> None:
        self.setup = setup
        self.begun = time.perf_counter()
        self.spent_before = 0.0
        super().__init__(*args, **given)
        own: Any = self.model
        separate_attention(own, setup.place)
        self.meter = Meter(cost_of(own))
        _silence(self)
        for callback in _callbacks(self):
            self.add_callback(callback)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """No card of the library's: ours is written from the receipt."""

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The recipe's optimiser, over the model and the weights that losses have."""
        if self.optimizer is None:
            own: Any = self.model if model is None else model
            parts = [own, *self._losses().values()]
            self.optimizer = make_optimiser(parts, self.setup.optimiser)
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """The recipe's schedule."""
        if self.lr_scheduler is None:
            chosen: Any = optimizer or self.optimizer
            self.lr_scheduler = make_schedule(chosen, self.setup.schedule, num_training_steps)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(
        self, model: nn.Module, inputs: Any, *args: Any, **given: Any
    ) -> torch.Tensor:
        """One forward and backward pass, metered."""
        self.meter.count(inputs)
        return super().training_step(model, inputs, *args, **given)

    def evaluate(self, *args: Any, **given: Any) -> dict[str, float]:
        """The measures, with the meter standing still and nothing shuffled by them."""
        with self.meter.paused():
            return super().evaluate(*args, **given)

    def _save_checkpoint(self, *args: Any, **given: Any) -> None:
        with self.meter.paused():
            super()._save_checkpoint(*args, **given)
        if self.args.should_save:
            folder = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"
            spent = self.spent_before + time.perf_counter() - self.begun
            (folder / SECONDS).write_text(f"{spent:.3f}\n", encoding="utf-8")

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Weights as safetensors, those of the loss beside them; no pickled arguments."""
        folder = Path(output_dir or str(self.args.output_dir))
        model: Any = self.model
        if hasattr(model, "encode"):
            model.save_pretrained(str(folder), create_model_card=False)
        else:
            model.save_pretrained(str(folder), state_dict=state_dict)
            if self.processing_class is not None:
                self.processing_class.save_pretrained(str(folder))
        save_own_weights(self._losses(), model, folder / LOSS_WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, *args: Any, **given: Any) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, *args, **given)
        load_own_weights(self._losses(), Path(resume_from_checkpoint) / LOSS_WEIGHTS)

    def average_own_gradients(self) -> None:
        """Make the gradients of weights that losses have the same in all processes.

        The library's DistributedDataParallel wraps the model alone.
        """
        import torch.distributed as dist

        if not (dist.is_available() and dist.is_initialized()):
            return
        model: Any = self.model
        for parameter in own_weights(self._losses(), model).values():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= dist.get_world_size()

    def _losses(self) -> dict[str, nn.Module]:
        """The losses that are modules, by data set; `` where there is one loss."""
        loss: Any = getattr(self, "loss", None)
        losses = loss if isinstance(loss, dict) else {"": loss}
        return {name: each for name, each in losses.items() if hasattr(each, "named_parameters")}


def trainer_of(base: type) -> type:
    """A library's trainer that runs as a recipe says; made with a further argument `setup`."""
    return type(f"Recipe{base.__name__}", (Loop, base), {})


def training_arguments(
    kind: type, setup: Setup, batches: Batches, **more: Any
) -> TrainingArguments:
    """A library's arguments, out of what a recipe says.

    Args:
        kind: `TrainingArguments` or `SentenceTransformerTrainingArguments`.
        setup: the run.
        batches: how a batch is cut.
        more: arguments of that kind alone; they win.
    """
    running, place = setup.running, setup.place
    # The library takes 1 for every step; of so many steps this share is all of them.
    share = min(1 / running.evaluations, 1 - 1e-9)
    given: dict[str, Any] = {
        "output_dir": str(setup.folder),
        "num_train_epochs": running.epochs,
        "max_steps": running.most_steps or -1,
        "per_device_train_batch_size": batches.per_step,
        "per_device_eval_batch_size": batches.per_step,
        "gradient_accumulation_steps": batches.parts,
        "max_grad_norm": setup.optimiser.clip,
        "seed": running.seed,
        "data_seed": running.seed,
        "bf16": place.precision == "bf16",
        "fp16": place.precision == "fp16",
        "use_cpu": place.device == "cpu",
        "torch_compile": running.compile,
        "dataloader_num_workers": place.workers,
        "dataloader_persistent_workers": place.workers > 0,
        "dataloader_pin_memory": place.device == "cuda",
        "logging_strategy": "steps",
        "logging_steps": 0.01,
        "logging_first_step": True,
        # A loss that is no number is told as such, and no step waits for the GPU to look.
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": share,
        "save_total_limit": 2,
        "eval_strategy": "steps" if setup.measure else "no",
        "eval_steps": share,
        "eval_on_start": bool(setup.measure),
        "load_best_model_at_end": bool(setup.measure),
        "metric_for_best_model": setup.measure,
        "greater_is_better": setup.higher_is_better,
        "restore_callback_states_from_checkpoint": True,
        "report_to": [],
        "disable_tqdm": True,
        "log_level": "error",
    }
    arguments: TrainingArguments = kind(**given | more)
    # Several GPUs are for torchrun; without it the library would fall back on DataParallel.
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def _silence(trainer: _Trainer) -> None:
    """Nothing of the library's is printed; the listener is told."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _callbacks(trainer: Loop) -> list[Any]:
    from transformers import EarlyStoppingCallback, TrainerCallback

    setup = trainer.setup

    class Telling(TrainerCallback):
        """Tells the listener of steps and measurements, and the meter of steps."""

        def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
            trainer.average_own_gradients()

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            del args, control, given
            trainer.meter.step()
            if not state.is_world_process_zero:
                return
            setup.listener.progress("train", state.global_step, state.max_steps)

        def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            del args, control
            value = (given.get("metrics") or {}).get(f"eval_{setup.measure}")
            if value is not None and state.is_world_process_zero:
                setup.listener.note(
                    f"step {state.global_step:,} of {state.max_steps:,}: "
                    f"{told_measure(setup.measure or '')} {value:.4f}"
                )
                setup.listener.measured(state.global_step, state.max_steps, value)

    made: list[Any] = [Telling()]
    if setup.measure and setup.running.patience:
        made.append(EarlyStoppingCallback(early_stopping_patience=setup.running.patience))
    return made
