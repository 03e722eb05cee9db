r"""Tokens a second a small Transformer learns from, by fused attention and by separate products.

    python -m benchmarks.attention [--rounds 5]

A body of all-MiniLM-L6-v2's shape with weights at random takes whole steps (forward, backward,
AdamW), both kinds of attention in turn, at several lengths, in fp32 and bf16.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Annotated, Any

import torch
import typer
from transformers import BertConfig, BertModel

from benchmarks.record import save

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKENS = 2_048
KINDS = ("sdpa", "eager")


def main(
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    dropout: Annotated[float, typer.Option(min=0, max=0.5)] = 0.0,
) -> None:
    """Measure both kinds in turn, print the table and save it."""
    torch.manual_seed(0)
    model = small_body(dropout)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    rows = []
    for length in (16, 32, 64, 128, 256):
        ids = torch.randint(0, 30_000, (TOKENS // length, length))
        for precision in ("fp32", "bf16"):
            times: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for kind in in_turn(rounds):
                model.set_attn_implementation(kind)
                begun = time.perf_counter()
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
                    made = model(ids).last_hidden_state.mean(1)
                made.float().square().mean().backward()
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                times[kind].append(time.perf_counter() - begun)
            # The first of each warms up.
            each = {kind: TOKENS / statistics.median(taken[1:]) for kind, taken in times.items()}
            pairs = zip(times["sdpa"][1:], times["eager"][1:], strict=True)
            ratio = statistics.median(fused / separate for fused, separate in pairs)
            rows.append({"length": length, "precision": precision, **each, "ratio": ratio})
            print(
                f"{length:4} tokens, {precision}: fused {each['sdpa']:7,.0f}, separate "
                f"{each['eager']:7,.0f} tokens/s, x{ratio:.2f}",
                flush=True,
            )
    save("attention", {"dropout": dropout, "rounds": rounds, "rows": rows})


def small_body(dropout: float = 0.0) -> Any:  # noqa: ANN401 - a library's
    """A body of all-MiniLM-L6-v2's shape, with weights at random."""
    config = BertConfig(
        vocab_size=30_522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1_536,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    return BertModel(config, add_pooling_layer=False)


def in_turn(rounds: int) -> Iterator[str]:
    """Both kinds once to warm up, then in turn, first one and then the other ahead."""
    for number in range(rounds + 1):
        yield from KINDS if number % 2 == 0 else KINDS[::-1]


if __name__ == "__main__":
    typer.run(main)
