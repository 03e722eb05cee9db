r"""Seconds of a training step with memory that is given back after each tensor, and with it kept.

    python -m benchmarks.allocator [--rounds 3]

A body of all-MiniLM-L6-v2's shape with weights at random takes whole steps of 128 texts (forward,
backward, AdamW) at several lengths, in fp32 and bf16. How a process allocates is decided once, so
that each side is a process of its own, in turn.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import Annotated

import typer

from benchmarks.record import save

TEXTS = 128
LENGTHS = (32, 64, 128, 200)
SIDES = ("given back", "kept")


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    steps: Annotated[int, typer.Option(min=2)] = 4,
    side: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure both sides in turn, print the table and save it."""
    if side is not None:
        print(json.dumps(measure(steps, kept=side == "kept")))
        return
    times: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        for name in SIDES[:: 1 if number % 2 == 0 else -1]:
            command = [sys.executable, "-m", "benchmarks.allocator", "--side", name]
            run = subprocess.run(
                [*command, "--steps", str(steps)], check=True, capture_output=True, text=True
            )
            for key, seconds in json.loads(run.stdout.splitlines()[-1]).items():
                times.setdefault(key, {each: [] for each in SIDES})[name].append(seconds)
    rows = []
    for key, taken in times.items():
        given, kept = (statistics.median(taken[name]) for name in SIDES)
        ratio = statistics.median(a / b for a, b in zip(*(taken[n] for n in SIDES), strict=True))
        rows.append({"what": key, "given_back": given, "kept": kept, "ratio": ratio})
        print(f"{key}: given back {given:.3f} s, kept {kept:.3f} s, x{ratio:.2f}")
    save("allocator", {"rounds": rounds, "steps": steps, "texts": TEXTS, "rows": rows})


def measure(steps: int, *, kept: bool) -> dict[str, float]:
    """The median seconds of a step, by precision and length."""
    import torch

    from benchmarks.attention import small_body
    from embeddings.training.memory import keep_freed_memory

    if kept and not keep_freed_memory():
        message = "nothing to compare: this system or its environment allocates in its own way"
        raise SystemExit(message)
    torch.manual_seed(0)
    model = small_body()
    model.set_attn_implementation("eager")
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    found = {}
    for precision in ("fp32", "bf16"):
        for length in LENGTHS:
            ids = torch.randint(0, 30_000, (TEXTS, length))
            taken = []
            for _ in range(steps + 1):
                begun = time.perf_counter()
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
                    made = model(ids).last_hidden_state.mean(1)
                made.float().square().mean().backward()
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                taken.append(time.perf_counter() - begun)
            found[f"{precision}, {length} tokens"] = statistics.median(taken[1:])
    return found


if __name__ == "__main__":
    typer.run(main)
