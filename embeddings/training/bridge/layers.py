"""The layers of a bridge: learned on vectors that are computed once, then put behind the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.training.bridge.recipe import BridgeRecipe
    from embeddings.types import Vectors


def learn_layers(
    given: Vectors, aims: Vectors, recipe: BridgeRecipe, told: Callable[[int, int], None]
) -> tuple[list[Any], list[float]]:
    """Two dense layers, GELU between them, from one encoder's vectors to another's.

    The loss is that of `distillation_loss`: cosine distance from the aim, and the aim's
    likenesses to the others of the batch.

    Args:
        given: of the body, (n, width of the body).
        aims: of the teacher, (n, width of the teacher), row by row of the same texts.
        recipe: width, dropout, scale, optimiser, schedule, epochs, batch and seed.
        told: called with steps done and steps in all.

    Returns:
        The library's modules, ready to stand behind the body's pooling, and the mean loss of each
        epoch.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense
    from torch.nn.functional import dropout

    from embeddings.training.optimisation import make_optimiser, make_schedule
    from embeddings.training.siamese.distillation import direction_and_likeness

    torch.manual_seed(recipe.seed)
    mean, spread = given.mean(axis=0), np.maximum(given.std(axis=0), 1e-6)
    hidden = Dense(given.shape[1], recipe.width, activation_function=torch.nn.GELU())
    last = Dense(recipe.width, aims.shape[1], activation_function=torch.nn.Identity())
    modules = [hidden, last]
    optimiser = make_optimiser(modules, recipe.optimiser)
    texts = torch.from_numpy((given - mean) / spread)
    wanted = torch.from_numpy(np.ascontiguousarray(aims))
    batch = min(recipe.batch, len(texts))
    per_epoch = len(texts) // batch
    steps = per_epoch * recipe.epochs
    schedule = make_schedule(optimiser, recipe.schedule, steps)
    parameters = [each for module in modules for each in module.parameters()]
    losses: list[float] = []
    for epoch in range(recipe.epochs):
        total = 0.0
        order = torch.randperm(len(texts))
        for step in range(per_epoch):
            rows = order[step * batch : (step + 1) * batch]
            states = hidden({"sentence_embedding": texts[rows]})["sentence_embedding"]
            made = last({"sentence_embedding": dropout(states, recipe.dropout)})
            loss = direction_and_likeness(made["sentence_embedding"], wanted[rows], recipe.scale)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.optimiser.clip:
                torch.nn.utils.clip_grad_norm_(parameters, recipe.optimiser.clip)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
            told(epoch * per_epoch + step + 1, steps)
        losses.append(total / per_epoch)
    _take_raw(hidden, mean, spread)
    return modules, losses


def _take_raw(layer: Any, mean: Vectors, spread: Vectors) -> None:  # noqa: ANN401 - a library's
    """Fold the standardising of vectors into the layer that read standardised ones."""
    import torch

    with torch.no_grad():
        scaled = layer.linear.weight / torch.from_numpy(spread)
        layer.linear.bias -= scaled @ torch.from_numpy(mean)
        layer.linear.weight.copy_(scaled)
