"""Examples of each objective: a function of seed, epoch and row alone.

So a run that was killed and resumed, one whose batches were halved, and one with more processes
that prepare batches see the same examples; and each epoch sees other masks.
"""
# ruff: noqa: ANN401 - tokenizers and samplers are the libraries'

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.errors import RecipeError
from embeddings.training.pretraining.masking import IGNORED, mask_tokens
from embeddings.training.pretraining.spans import cut_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from embeddings.training.pretraining.recipe import PretrainRecipe
    from embeddings.training.pretraining.tokens import Tokens

Item = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Special token ids of a tokenizer.

    Attributes:
        pad: fills batches.
        first: stands before a text (`[CLS]`); None if nothing does.
        last: stands behind one (`[SEP]`, `</s>`).
        mask: stands for a masked token; None if there is none.
        sentinels: stand for cut-out spans, in their order.
        special: ids of all special tokens, int64.
        ordinary: ids of all others, int64.
    """

    pad: int
    first: int | None
    last: int
    mask: int | None
    sentinels: tuple[int, ...]
    special: np.ndarray
    ordinary: np.ndarray


def marks_of(tokenizer: Any, recipe: PretrainRecipe) -> Marks:
    """The special tokens that an objective needs.

    Raises:
        RecipeError: the tokenizer lacks one.
    """
    first = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else None
    last = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else None
    last = tokenizer.eos_token_id if last is None else last
    known = tokenizer.get_vocab()
    sentinels: list[int] = []
    while (token := known.get(f"<extra_id_{len(sentinels)}>")) is not None:
        sentinels.append(token)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else last
    special = np.unique([*tokenizer.all_special_ids, *sentinels]).astype(np.int64)
    needed: dict[str, object] = {"an end token (`[SEP]`, `</s>`)": last}
    if recipe.objective == "masked":
        needed |= {"a mask token": tokenizer.mask_token_id, "a first token (`[CLS]`)": first}
    if recipe.objective == "spans":
        needed |= {"sentinels (`<extra_id_0>`)": sentinels or None}
    absent = [name for name, value in needed.items() if value is None]
    if absent:
        style = {"masked": "bert", "causal": "gpt2", "spans": "t5"}[recipe.objective]
        message = (
            f"the tokenizer has not {' nor '.join(absent)}, which objective {recipe.objective!r} "
            f"needs; train one with `style = {style!r}`"
        )
        raise RecipeError(message)
    return Marks(
        pad=pad,
        first=first,
        last=last,
        mask=tokenizer.mask_token_id,
        sentinels=tuple(sentinels),
        special=special,
        ordinary=np.setdiff1d(np.arange(len(tokenizer)), special),
    )


class Examples:
    """Examples by a code, `epoch * len + row`; the trainer's sampler gives the codes.

    Args:
        tokens: the corpus.
        places: int64 (n, 2): parts of the corpus, tokens or, for pairs, units.
        recipe: the objective.
        marks: special tokens of its tokenizer.
    """

    def __init__(
        self,
        tokens: Tokens,
        places: np.ndarray,
        recipe: PretrainRecipe,
        marks: Marks,
    ) -> None:
        self._tokens = tokens
        self._places = places
        self._recipe = recipe
        self._marks = marks

    def __len__(self) -> int:
        return len(self._places)

    @property
    def lengths(self) -> np.ndarray:
        """int64 (n,): tokens of each example without special ones."""
        if not self._recipe.is_paired:
            return np.asarray(self._places[:, 1] - self._places[:, 0])
        units = self._tokens.units
        return np.asarray(units[self._places[:, 1]] - units[self._places[:, 0]])

    def __getitem__(self, code: int) -> Item:
        epoch, row = divmod(code, len(self._places))
        draw = np.random.default_rng([self._recipe.run.seed, epoch, row])
        if self._recipe.is_paired:
            return self._pair(row, draw)
        start, end = (int(place) for place in self._places[row])
        ids, begins = self._tokens.part(start, end)
        if self._recipe.objective == "causal":
            return self._causal(ids)
        if self._recipe.objective == "spans":
            return self._spans(ids, draw)
        return self._masked(*self._frame([(ids, begins)]), draw)

    def _causal(self, ids: np.ndarray) -> Item:
        """The next token at each place; none behind the last."""
        labels = np.append(ids[1:], IGNORED)
        return {"input_ids": ids, "labels": labels, "attention_mask": np.ones_like(ids)}

    def _spans(self, ids: np.ndarray, draw: np.random.Generator) -> Item:
        marks = self._marks
        options = self._recipe.spans
        kept, told = cut_spans(ids, options.share, options.length, marks.sentinels, draw)
        kept, told = np.append(kept, marks.last), np.append(told, marks.last)
        return {
            "input_ids": kept,
            "attention_mask": np.ones_like(kept),
            # A T5 begins with its padding token.
            "decoder_input_ids": np.concatenate([[marks.pad], told[:-1]]),
            "labels": told,
        }

    def _pair(self, row: int, draw: np.random.Generator) -> Item:
        """Two parts of a run of sentences; half the time another run's, or in the wrong order."""
        start, end = (int(place) for place in self._places[row])
        split = int(draw.integers(start + 1, end))
        wrong = bool(draw.integers(2))
        first, second = self._units(start, split), self._units(split, end)
        if wrong and self._recipe.sentences == "order":
            first, second = second, first
        elif wrong:
            another = (row + 1 + int(draw.integers(len(self._places) - 1))) % len(self._places)
            other, last = (int(place) for place in self._places[another])
            second = self._units(int(draw.integers(other, last)), last)
        room = self._recipe.max_tokens - 3 - len(first[0])
        second = (second[0][: max(room, 1)], second[1][: max(room, 1)])
        framed, begins = self._frame([first, second])
        made = self._masked(framed, begins, draw)
        types = np.zeros(len(framed), dtype=np.int64)
        types[len(first[0]) + 2 :] = 1
        label = np.asarray(int(wrong), dtype=np.int64)
        return {**made, "token_type_ids": types, "next_sentence_label": label}

    def _units(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        units = self._tokens.units
        return self._tokens.part(int(units[start]), int(units[end]))

    def _frame(
        self, parts: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """`[CLS] A [SEP] B [SEP]`: ids and where words begin, (n,) each."""
        marks = self._marks
        ids, begins = [np.asarray([marks.first])], [np.asarray([True])]
        for each, starts in parts:
            ids += [each, np.asarray([marks.last])]
            begins += [starts, np.asarray([True])]
        return np.concatenate(ids).astype(np.int64), np.concatenate(begins)

    def _masked(self, ids: np.ndarray, begins: np.ndarray, draw: np.random.Generator) -> Item:
        masked, labels = mask_tokens(ids, begins, self._recipe.masking, self._marks, draw)
        return {"input_ids": masked, "labels": labels, "attention_mask": np.ones_like(ids)}

    def collate(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """A batch: padded to the longest of it."""
        import torch

        fills = {"input_ids": self._marks.pad, "decoder_input_ids": self._marks.pad}
        fills |= {"labels": IGNORED, "attention_mask": 0, "token_type_ids": 0}
        made = {}
        for name in items[0]:
            values = [item[name] for item in items]
            if values[0].ndim == 0:
                made[name] = torch.from_numpy(np.stack(values))
                continue
            longest = max(len(value) for value in values)
            filled = np.full((len(values), longest), fills[name], dtype=np.int64)
            for row, value in enumerate(values):
                filled[row, : len(value)] = value
            made[name] = torch.from_numpy(filled)
        return made


class EpochOrder:
    """The order of an epoch's examples, a function of seed and epoch; gives codes for `Examples`.

    Args:
        lengths: of examples, to put like ones together; None shuffles.
        size: of a batch.
        total: how many examples there are.
        seed: of the order.
    """

    def __init__(self, lengths: np.ndarray | None, size: int, total: int, seed: int) -> None:
        self._lengths = lengths
        self._size = size
        self._total = total
        self._seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Told by the trainer at each start of an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[int]:
        from embeddings.training.batches import grouped_order

        lengths: Any = self._lengths
        order = grouped_order(lengths, self._size, self._total, self._seed * 1_000_003 + self.epoch)
        return iter((order + self.epoch * self._total).tolist())
