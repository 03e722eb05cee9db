"""Do gradients flow: none missing, none dead, none too small or too large."""
# ruff: noqa: ANN401 - models are the libraries'

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from embeddings.training.checking.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.training.checking.stepping import Stepper

DEAD = 0.5
"""Share of the trained weight matrices that may have a gradient of exactly zero."""
DEAD_UNITS = 0.9
"""Share of a layer's rectified units that may be zero for every text."""
VANISHED = 1e-8
"""Root mean square of a gradient below which nothing moves."""
APART = 1e-6
"""The least layer's gradient over the greatest, below which only some layers learn."""
EXPLODED = 1e4
"""Norm of the whole gradient from which on steps are leaps."""


def check_gradients(stepper: Stepper, batches: Sequence[Any]) -> list[Finding]:
    """Findings on the gradients of the fresh model over some batches.

    Args:
        stepper: of a fresh trainer; nothing is learned.
        batches: one or more.
    """
    squares: dict[str, float] = {}
    norms, losses = [], []
    units = watch_units(stepper.model)
    for batch in batches:
        losses.append(stepper.backward(batch))
        whole = 0.0
        for name, parameter in _trained(stepper):
            grad = parameter.grad
            if grad is None:
                squares.setdefault(name, 0.0)
                continue
            square = float(grad.detach().double().square().sum())
            squares[name] = squares.get(name, 0.0) + square / grad.numel()
            whole += square
        norms.append(math.sqrt(whole))
    dead_units = units.close()
    roots = {name: math.sqrt(value / len(batches)) for name, value in squares.items()}
    unused = {name for name, parameter in _trained(stepper) if parameter.grad is None}
    return [
        _check_numbers(losses, norms),
        _check_flow({name: root for name, root in roots.items() if name not in unused}, unused),
        _check_size(roots, norms),
        *([_check_units(dead_units)] if dead_units else []),
    ]


class Units:
    """Watches which rectified units are zero for every text; see `watch_units`."""

    def __init__(self) -> None:
        self._alive: dict[str, Any] = {}
        self._hooks: list[Any] = []

    def watch(self, name: str, module: Any) -> None:
        """Look at what a module gives."""

        def look(_: Any, __: Any, given: Any) -> None:
            alive = (given.detach() > 0).flatten(0, -2).any(dim=0)
            known = self._alive.get(name)
            self._alive[name] = alive if known is None else known | alive

        self._hooks.append(module.register_forward_hook(look))

    def close(self) -> dict[str, float]:
        """Share of dead units by layer; the watching ends."""
        for hook in self._hooks:
            hook.remove()
        return {name: 1 - float(alive.float().mean()) for name, alive in self._alive.items()}


def watch_units(model: Any) -> Units:
    """Watch every ReLU of a model that is a module of its own."""
    from torch import nn

    units = Units()
    for name, module in model.named_modules():
        if isinstance(module, nn.ReLU):
            units.watch(name, module)
    return units


def _trained(stepper: Stepper) -> list[tuple[str, Any]]:
    """Weights that an optimiser moves: of the model and of its losses, each once."""
    moved = {id(p) for group in stepper.optimiser.param_groups for p in group["params"]}
    found: dict[int, tuple[str, Any]] = {}
    for part in (stepper.model, *stepper.trainer._losses().values()):
        for name, parameter in part.named_parameters():
            if id(parameter) in moved:
                found.setdefault(id(parameter), (name, parameter))
    return list(found.values())


def _check_numbers(losses: list[float], norms: list[float]) -> Finding:
    broken = sum(not math.isfinite(value) for value in [*losses, *norms])
    sentence = f"{broken} of {len(losses) + len(norms)} losses and gradients are no numbers"
    if broken:
        sentence += (
            " (limit 0) before anything was learned: look for a loss that divides by zero, weights "
            "that are no numbers, or compute in fp32"
        )
    return Finding(
        check="numbers",
        state="failed" if broken else "passed",
        sentence=sentence,
        value=float(broken),
        limit=0.0,
    )


def _check_flow(roots: dict[str, float], unused: set[str]) -> Finding:
    """Biases are left out: some are without effect by construction (attention's keys)."""
    weights = {name: root for name, root in roots.items() if "bias" not in name}
    dead = [name for name, root in weights.items() if root == 0]
    share = len(dead) / len(weights) if weights else 1.0
    is_dead = share > DEAD or not weights
    sentence = (
        f"{len(dead)} of {len(weights)} trained weight matrices ({100 * share:.0f} %, limit "
        f"{100 * DEAD:.0f} %) have a gradient of exactly zero"
    )
    if is_dead:
        first = f" (such as {dead[0]})" if dead else ""
        sentence += (
            f"{first}: they will never learn. Weights that begin as zeros do that, and so do "
            'dead ReLUs: take initialisation = "kaiming" or "xavier"'
        )
    elif unused:
        sentence += f"; {len(unused)} are no part of the loss and stay as they are"
    return Finding(
        check="gradients",
        state="failed" if is_dead else "passed",
        sentence=sentence,
        value=share,
        limit=DEAD,
        details={"dead": dead[:20], "unused": sorted(unused)[:20]},
    )


def _check_size(roots: dict[str, float], norms: list[float]) -> Finding:
    moving = {name: root for name, root in roots.items() if root > 0 and "bias" not in name}
    norm = max(norms)
    largest = max(moving.values(), default=0.0)
    least, name = min(((root, name) for name, root in moving.items()), default=(0.0, ""))
    ratio = least / largest if largest else 0.0
    sentence = f"the gradient's norm is {norm:.3g} (limit {EXPLODED:g})"
    state = "passed"
    if not norm < EXPLODED:
        state = "failed"
        sentence += (
            ": it explodes. Lower the scale of the first weights or of the loss, normalise layers, "
            "or clip (optimiser.clip = 1)"
        )
    elif largest < VANISHED:
        state = "failed"
        sentence += (
            f", and that of the layer with most {largest:.1e} each weight (limit {VANISHED:g}): it "
            'vanishes. Take initialisation = "xavier" or "kaiming", or fewer layers'
        )
    elif ratio < APART:
        state = "warned"
        sentence += (
            f"; {name} gets {ratio:.1e} of the most that a layer gets (limit {APART:g}): it "
            "hardly learns. Normalise layers, take fewer of them, or another initialisation"
        )
    return Finding(
        check="gradient size",
        state=state,  # type: ignore[arg-type]
        sentence=sentence,
        value=norm,
        limit=EXPLODED,
        details={"least": ratio, "layer": name, "norms": norms},
    )


def _check_units(dead: dict[str, float]) -> Finding:
    name, share = max(dead.items(), key=lambda item: item[1])
    state = "failed" if share > DEAD_UNITS else "passed"
    sentence = (
        f"{100 * share:.0f} % of the rectified units of {name} are zero for every text (limit "
        f"{100 * DEAD_UNITS:.0f} %)"
    )
    if state == "failed":
        sentence += (
            ": dead ReLUs pass no gradient. Take kaiming initialisation, a lower learning rate, "
            "or look for weights that begin as zeros"
        )
    return Finding(
        check="units",
        state=state,  # type: ignore[arg-type]
        sentence=sentence,
        value=share,
        limit=DEAD_UNITS,
        details={"layers": dead},
    )
