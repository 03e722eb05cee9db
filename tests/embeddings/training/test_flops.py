"""FLOPs of a step by the formula, and the meter that counts them."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel

from embeddings.training.flops import cost_of, peak_of
from embeddings.training.meter import Meter
from embeddings.training.precision import Place


def test_a_layer_costs_six_times_its_weights() -> None:
    layer = torch.nn.Linear(10, 4, bias=False)
    assert cost_of(layer).flops(3, 9) == 6 * 40 * 3
    layer.requires_grad_(requires_grad=False)
    assert cost_of(layer).flops(3, 9) == 2 * 40 * 3


def test_tables_are_free_and_attention_grows_with_the_square() -> None:
    config = BertConfig(
        vocab_size=100,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    model = BertModel(config, add_pooling_layer=False)
    tables = (100 + 32 + 2) * 16
    weights = sum(p.numel() for p in model.parameters()) - tables
    cost = cost_of(model)
    assert cost.linear == 6 * weights
    assert cost.squared == 12 * 2 * 16
    assert cost.flops(10, 100) == 6 * weights * 10 + 12 * 2 * 16 * 100


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("NVIDIA H200", "bf16", 989e12),
        ("NVIDIA H100 80GB HBM3", "bf16", 989e12),
        ("NVIDIA H100 PCIe", "bf16", 756e12),
        ("NVIDIA A100-SXM4-80GB", "fp32", 19.5e12),
        ("NVIDIA L40S", "fp16", 362e12),
        ("Tesla T4", "fp16", 65e12),
        ("NVIDIA of next year", "bf16", None),
    ],
)
def test_peaks_are_looked_up_by_name(name: str, precision: str, peak: float | None) -> None:
    found = peak_of(Place("cuda", name, precision, 0))  # type: ignore[arg-type]
    assert (found[0] if found else None) == peak


def test_a_processor_is_measured() -> None:
    found = peak_of(Place("cpu", "some", "fp32", 0))
    assert found is not None
    assert 1e9 < found[0] < 1e14


def test_the_meter_counts_tokens_and_forgets_the_first_steps() -> None:
    layer = torch.nn.Linear(2, 2, bias=False)
    meter = Meter(cost_of(layer))
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    inputs = {"a_attention_mask": mask, "b_attention_mask": mask[:, :3], "label": torch.zeros(2)}
    for _ in range(2):
        meter.count(inputs)
        meter.step()
    early = meter.read()
    assert (early.samples, early.tokens, early.padded) == (8, 16, 28)
    for _ in range(3):
        meter.count(inputs)
        meter.step()
    with meter.paused():
        pass
    late = meter.read()
    assert (late.samples, late.tokens, late.padded) == (8, 16, 28)
    assert late.flops == 6 * 4 * 16
    told = late.to_json(peak=late.flops / late.seconds * 4)
    assert told["mfu"] == pytest.approx(0.25, abs=1e-4)
    assert told["padding_share"] == pytest.approx(1 - 16 / 28, abs=1e-4)


def test_a_bag_of_words_is_counted_by_its_vectors() -> None:
    meter = Meter(cost_of(torch.nn.Linear(2, 2)))
    meter.count(
        {"a_sentence_embedding": torch.zeros(3, 2), "b_sentence_embedding": torch.zeros(3, 2)}
    )
    assert meter.read().samples == 6


def test_texts_one_after_another_are_counted_by_where_they_begin() -> None:
    meter = Meter(cost_of(torch.nn.Linear(2, 2)))
    offsets, ids = torch.tensor([0, 2, 5]), torch.zeros(7, dtype=torch.long)
    meter.count({"source_input_ids": ids, "source_offsets": offsets})
    read = meter.read()
    assert (read.samples, read.tokens, read.padded) == (3, 7, 7)
