"""Examples are a function of seed, epoch and row, and are what their objective says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from embeddings.training.errors import RecipeError
from embeddings.training.pretraining.examples import EpochOrder, Examples, marks_of
from embeddings.training.pretraining.masking import IGNORED
from embeddings.training.pretraining.tokens import Tokens, ranges_of, runs_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.training.pretraining.recipe import PretrainRecipe

    Make = Callable[..., PretrainRecipe]


def examples(recipe: PretrainRecipe, units: list[int], texts: list[int] | None = None) -> Examples:
    """Examples over ids 50, 51, 52, ... in units of those lengths."""
    tokenizer = AutoTokenizer.from_pretrained(str(recipe.tokenizer))
    borders = np.concatenate([[0], np.cumsum(units)]).astype(np.int64)
    ids = np.arange(50, 50 + borders[-1], dtype=np.uint32)
    tokens = Tokens(ids, borders, np.asarray(texts or range(len(borders)), dtype=np.int64))
    places = (
        runs_of(tokens, recipe.max_tokens - 3)
        if recipe.is_paired
        else ranges_of(tokens, recipe.max_tokens - 2, packed=recipe.packed)
    )
    return Examples(tokens, places, recipe, marks_of(tokenizer, recipe))


def equal(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_a_masked_example_is_framed_and_the_same_each_time(recipe: Make) -> None:
    made = examples(recipe(), [40, 20])
    assert len(made) == 2
    item = made[0]
    ids, labels = item["input_ids"], item["labels"]
    assert len(ids) == 32
    whole = np.where(labels == IGNORED, ids, labels)
    assert whole.tolist() == [2, *range(50, 80), 3]  # [CLS] ... [SEP]
    assert labels[0] == labels[-1] == IGNORED
    assert equal(made[0], item)
    assert equal(examples(recipe(), [40, 20])[0], item)
    assert not equal(made[len(made)], item)  # the same row in the next epoch
    other = examples(recipe(run={"seed": 1}), [40, 20])
    assert not equal(other[0], item)


def test_a_causal_example_tells_the_next_token(recipe: Make) -> None:
    item = examples(recipe("causal"), [70])[1]
    assert item["input_ids"].tolist() == list(range(80, 110))
    assert item["labels"].tolist() == [*range(81, 110), IGNORED]


def test_a_span_example_ends_both_halves(recipe: Make) -> None:
    item = examples(recipe("spans"), [30])[0]
    assert item["input_ids"][-1] == item["labels"][-1] == 1  # </s>
    assert item["decoder_input_ids"].tolist() == [0, *item["labels"][:-1].tolist()]
    assert item["labels"][0] == 3  # <extra_id_0>


@pytest.mark.parametrize("sentences", ["next", "order"])
def test_pairs_are_right_half_the_time(recipe: Make, sentences: str) -> None:
    chosen = recipe(sentences=sentences, masking={"share": 0.01})
    made = examples(chosen, [4, 5, 4, 6, 6], [0, 3, 5])
    assert len(made) == 2
    wrong = 0
    for code in range(0, 400, 2):  # the first row over many epochs
        item = made[code]
        types, label = item["token_type_ids"], int(item["next_sentence_label"])
        ids = np.where(item["labels"] == IGNORED, item["input_ids"], item["labels"])
        first, second = ids[types == 0].tolist(), ids[types == 1].tolist()
        assert (first[0], first[-1], second[-1]) == (2, 3, 3)
        follows = second[0] == first[-2] + 1
        assert follows == (label == 0)
        if label and sentences == "order":
            assert sorted(first[1:-1] + second[:-1]) == list(range(50, 63))
            assert first[1] > second[0]
        if label and sentences == "next":
            assert second[0] >= 63
        wrong += label
    assert 70 < wrong < 130


def test_a_batch_is_padded_to_its_longest(recipe: Make) -> None:
    made = examples(recipe(packed=False), [5, 2])
    batch = made.collate([made[0], made[1]])
    assert batch["input_ids"].shape == (2, 7)
    assert batch["attention_mask"].tolist() == [[1] * 7, [1] * 4 + [0] * 3]
    assert batch["input_ids"][1, 4:].tolist() == [0, 0, 0]
    assert batch["labels"][1, 4:].tolist() == [IGNORED] * 3
    assert made.lengths.tolist() == [5, 2]


def test_the_order_of_an_epoch_is_its_own_and_has_every_row() -> None:
    order = EpochOrder(None, 4, 10, seed=0)
    first = list(order)
    assert sorted(first) == list(range(10))
    order.set_epoch(3)
    later = list(order)
    assert sorted(later) == list(range(30, 40))
    assert [code - 30 for code in later] != first
    again = EpochOrder(None, 4, 10, seed=0)
    again.set_epoch(3)
    assert list(again) == later
    assert len(order) == 10


def test_a_tokenizer_without_the_tokens_needed_is_refused(
    recipe: Make, tokenizers: dict[str, Path]
) -> None:
    bpe = AutoTokenizer.from_pretrained(str(tokenizers["bpe"]))
    with pytest.raises(RecipeError, match=r"mask token.*style = 'bert'"):
        marks_of(bpe, recipe("masked"))
    with pytest.raises(RecipeError, match=r"sentinels.*style = 't5'"):
        marks_of(bpe, recipe("spans"))
