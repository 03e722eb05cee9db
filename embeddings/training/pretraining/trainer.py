"""transformers' trainer for language models: exact losses, exact figures, codes for examples."""
# ruff: noqa: ANN401 - the signatures are the library's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.pretraining.examples import EpochOrder, Examples
from embeddings.training.pretraining.masking import IGNORED
from embeddings.training.pretraining.models import tells_chosen

if TYPE_CHECKING:
    from torch import Tensor

    from embeddings.training.options import Running


def language_trainer() -> type:
    """A trainer to give to `trainer_of`; its data sets are `Examples`."""
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import Trainer

    class LanguageTrainer(Trainer):
        """Losses are means over all told tokens of a step, also where gradients are added up."""

        def __init__(self, *args: Any, **given: Any) -> None:
            super().__init__(*args, **given)
            # Both say: count the labels of the whole step, and do not divide by its parts.
            self.model_accepts_loss_kwargs = True
            self.loss_is_scaled_for_ga = True

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            given: Any = train_dataset or self.train_dataset
            chosen: Examples = given
            running: Running = self.setup.running  # type: ignore[attr-defined]
            lengths = chosen.lengths if running.group_by_length else None
            # By the batch and not by its pieces: cut smaller, it has the same examples.
            return EpochOrder(lengths, running.batch, len(chosen), running.seed)

        def compute_loss(
            self,
            model: Any,
            inputs: dict[str, Tensor],
            return_outputs: bool = False,
            num_items_in_batch: Tensor | int | None = None,
        ) -> Any:
            """The loss; with outputs, also `counts` (n, 4): see `measure_counts`."""
            labels, pair = inputs["labels"], inputs.get("next_sentence_label")
            given = {
                name: value
                for name, value in inputs.items()
                if name not in {"labels", "next_sentence_label"}
            }
            if tells_chosen(self.accelerator.unwrap_model(model)):
                given["labels"] = labels
            outputs = model(**given)
            told = labels != IGNORED
            logits = outputs["logits"] if "logits" in outputs else outputs["prediction_logits"]
            logits = (logits if logits.dim() == 2 else logits[told]).float()
            targets = labels[told]
            losses = cross_entropy(logits, targets, reduction="none")
            items = len(targets) if num_items_in_batch is None else num_items_in_batch
            loss = losses.sum() / torch.as_tensor(items, device=losses.device).clamp(min=1)
            if num_items_in_batch is not None and self.args.average_tokens_across_devices:
                loss = loss * self.accelerator.num_processes
            if pair is not None:
                parts = self.current_gradient_accumulation_steps if model.training else 1
                loss = loss + cross_entropy(outputs["pair_logits"].float(), pair) / parts
            if not return_outputs:
                return loss
            counts = torch.zeros(len(labels), 4, device=labels.device)
            rows = told.nonzero()[:, 0]
            right = (logits.argmax(dim=-1) == targets).float()
            for column, values in enumerate((losses, right, torch.ones_like(losses))):
                counts[:, column].index_add_(0, rows, values)
            if pair is not None:
                counts[:, 3] = (outputs["pair_logits"].argmax(dim=-1) == pair).float()
            return loss, {"loss": loss, "counts": counts}

    return LanguageTrainer


def measure_counts(counts: np.ndarray, *, is_paired: bool) -> dict[str, float]:
    """Loss in nats of a told token, perplexity, accuracy; of pairs how many were told right.

    Args:
        counts: float (n examples, 4): sum of losses, tokens told right, tokens, pair told right.
        is_paired: whether examples are pairs.
    """
    sums = counts.astype(np.float64).sum(axis=0)
    tokens = max(float(sums[2]), 1.0)
    loss = float(sums[0]) / tokens
    made = {
        "loss": loss,
        "perplexity": float(np.exp(min(loss, 700.0))),
        "accuracy": float(sums[1]) / tokens,
    }
    if is_paired:
        made["pair_accuracy"] = float(sums[3]) / max(len(counts), 1)
    return made
