"""Right answers against mismatched ones, by the model and by words alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.training.checking.answers import standard_errors
from embeddings.training.checking.probe import probe
from embeddings.training.checking.stepping import mismatch
from embeddings.training.subjects.table import Table
from tests.embeddings.training.checking.conftest import draw_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence


def pairs_table(scores: Sequence[float] | None) -> Table:
    pairs = draw_pairs(300, 4)
    return Table(
        part="train",
        name="pairs",
        texts={"a": [pair[0] for pair in pairs], "b": [pair[1] for pair in pairs]},
        place=str,
        identity=("a", "b"),
        scores=scores,
    )


def texts_table(labels: Sequence[str]) -> Table:
    random = np.random.default_rng(8)
    kinds = {"good": "love great fine happy", "bad": "hate poor broken sad"}
    texts = []
    for number in range(len(labels)):
        own = kinds["good" if number % 2 else "bad"].split()
        texts.append(" ".join([*random.choice(own, 2), *random.choice(["film", "day", "cat"], 2)]))
    return Table(
        part="train",
        name="texts",
        texts={"text": texts},
        place=str,
        identity=("text",),
        labels=labels,
    )


def test_standard_errors_of_differences() -> None:
    assert standard_errors([1.0, 1.0, 1.0], [2.0, 2.0, 2.0]) == np.inf
    assert standard_errors([1.0, 1.0], [1.0, 1.0]) == 0
    assert standard_errors([1.0], [9.0]) == 0
    # t = 1 / (0.5 / sqrt 4) = 4 with 3 degrees of freedom is as rare as z = 2.20 (p = 0.028).
    values = np.array([0.5, 0.5, 1.5, 1.5])
    scaled = 1 + (values - 1) * 0.5 / values.std(ddof=1)
    assert standard_errors([0.0] * 4, scaled.tolist()) == pytest.approx(2.20, abs=0.06)
    assert standard_errors(scaled.tolist(), [0.0] * 4) == pytest.approx(-2.20, abs=0.06)


def test_words_in_common_go_with_scores_until_they_are_shuffled() -> None:
    scores = [pair[2] / 6 for pair in draw_pairs(300, 4)]
    sound = probe([pairs_table(scores)], seed=0)
    assert sound is not None
    assert sound > 10
    shuffled = probe([pairs_table(np.random.default_rng(1).permutation(scores).tolist())], seed=0)
    assert shuffled is not None
    assert abs(shuffled) < 3
    paired = probe([pairs_table(None)], seed=0)
    assert paired is not None
    assert paired > 5


def test_words_go_with_labels_until_they_are_shuffled() -> None:
    labels = ["good" if number % 2 else "bad" for number in range(200)]
    # Every second row is learned from: rows are drawn in another order than the labels' pattern.
    order = np.random.default_rng(2).permutation(200)
    table = texts_table(labels)
    mixed = Table(
        part="train",
        name="texts",
        texts={"text": [table.texts["text"][row] for row in order]},
        place=str,
        identity=("text",),
        labels=[labels[row] for row in order],
    )
    sound = probe([mixed], seed=0)
    assert sound is not None
    assert sound > 8
    shuffled = probe([texts_table(np.random.default_rng(3).permutation(labels).tolist())], seed=0)
    assert shuffled is not None
    assert abs(shuffled) < 3


def test_a_table_without_answers_to_find_gives_none() -> None:
    table = Table(part="train", name="x", texts={"a": ["one"]}, place=str, identity=("a",))
    assert probe([table], seed=0) is None


def test_mismatching_rolls_labels_or_the_first_texts() -> None:
    import torch

    labels = torch.tensor([1, 2, 3])
    texts = torch.arange(6).reshape(3, 2)
    rolled = mismatch({"a_input_ids": texts, "label": labels})
    assert rolled["label"].tolist() == [3, 1, 2]
    assert rolled["a_input_ids"] is texts
    pair = {"a_input_ids": texts, "a_attention_mask": texts + 1, "b_input_ids": texts}
    rolled = mismatch(pair)
    assert rolled["a_input_ids"].tolist() == [[4, 5], [0, 1], [2, 3]]
    assert rolled["a_attention_mask"].tolist() == [[5, 6], [1, 2], [3, 4]]
    assert rolled["b_input_ids"] is texts
