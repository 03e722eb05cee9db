r"""Seconds of an AdamW step over MiniLM's weights on a CPU: the fused kernel and the plain one.

    python -m benchmarks.optimiser [--rounds 7]

Both in turn, over 46,522 rows of a table and 18 matrices of 384 x 1,536.
"""

from __future__ import annotations

import statistics
import time
from typing import Annotated

import torch
import typer

from benchmarks.record import save


def main(rounds: Annotated[int, typer.Option(min=1)] = 7) -> None:
    """Measure both in turn, print and save them."""
    torch.manual_seed(0)
    shapes = [(46_522, 384), *[(384, 1_536)] * 18]
    sides = {}
    for name in ("plain", "fused"):
        weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        sides[name] = torch.optim.AdamW(weights, lr=1e-4, fused=name == "fused")
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in list(sides)[:: 1 if number % 2 else -1]:
            begun = time.perf_counter()
            sides[name].step()
            times[name].append(time.perf_counter() - begun)
    # The first of each makes the moments.
    pairs = zip(times["plain"][1:], times["fused"][1:], strict=True)
    ratio = statistics.median(plain / fused for plain, fused in pairs)
    medians = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    print(f"plain {medians['plain']:.3f} s, fused {medians['fused']:.3f} s, x{ratio:.1f}")
    save("optimiser", {"rounds": rounds, "seconds": medians, "ratio": ratio})


if __name__ == "__main__":
    typer.run(main)
