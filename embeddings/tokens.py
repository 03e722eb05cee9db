"""Texts to tokens for sentence-transformers models, counted once and cut where they must be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

    from embeddings.types import Counts


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Tokens of texts.

    Attributes:
        tokens: int32 (n,), before any cut, special tokens counted.
        unknown: int32 (n,), unknown tokens among those kept.
        ids: the token ids kept, or empty where the model makes its own features.
    """

    tokens: Counts
    unknown: Counts
    ids: list[list[int]]


@dataclass(frozen=True, slots=True)
class Marks:
    """What some ids of a tokenizer mean.

    Attributes:
        padding: the id of no token.
        unknown: the id of the unknown token; None if there is none.
        segments: True if the model is told which segment each token belongs to.
    """

    padding: int
    unknown: int | None
    segments: bool


class Tokens(Protocol):
    """How a model's texts become features.

    Attributes:
        is_padded: True if each text of a batch costs as much as its longest.
    """

    is_padded: bool

    def count(self, texts: Sequence[str]) -> Counted:
        """Token counts (and ids) of texts, prompt included."""

    def features(
        self, counted: Counted, rows: np.ndarray, texts: Sequence[str], prompt: str
    ) -> dict[str, torch.Tensor]:
        """The model's input for the rows; `texts` are theirs without the prompt."""

    def to_json(self) -> str | None:
        """The tokenizer as Hugging Face JSON, or None if it is of another kind."""


def tokens_of(model: SentenceTransformer, max_tokens: int) -> Tokens:
    """The fast way where the model allows it, the model's own otherwise."""
    tokenizer: Any = getattr(model[0], "tokenizer", None)
    backend = getattr(tokenizer, "backend_tokenizer", None) or _rust_tokenizer(tokenizer)
    if backend is None:
        return ModelTokens(model, max_tokens)
    plain = _copy_without_limits(backend)
    if _is_plain_transformer(model):
        return FastTokens(plain, _marks(tokenizer), max_tokens, _prompt_is_pooled(model))
    if type(model[0]).__name__ == "StaticEmbedding" and _is_cut_behind(backend):
        return BagTokens(plain, max_tokens)
    return ModelTokens(model, max_tokens, plain)


class FastTokens:
    """Token ids from the Rust tokenizer, cut and padded here: each text is tokenised once.

    Args:
        tokenizer: without truncation and padding; not shared, so threads do not disturb it.
        marks: what its ids mean.
        max_tokens: tokens kept, special tokens counted.
        pools_prompt: False leaves a prompt's tokens out of the pooling.
    """

    is_padded = True

    def __init__(
        self, tokenizer: Tokenizer, marks: Marks, max_tokens: int, pools_prompt: bool = True
    ) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self.pools_prompt = pools_prompt
        self.marks = marks
        mask = tokenizer.encode("a").special_tokens_mask
        self._suffix = next((n for n, special in enumerate(reversed(mask)) if not special), 0)

    def count(self, texts: Sequence[str]) -> Counted:
        """Counts and kept ids; the cut falls before the closing special tokens."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        whole = [encoding.ids for encoding in encodings]
        tokens = np.array([len(ids) for ids in whole], dtype=np.int32)
        kept = [ids if len(ids) <= self._max_tokens else self._cut(ids) for ids in whole]
        if self.marks.unknown is None:
            unknown = np.zeros_like(tokens)
        else:
            unknown = np.array([ids.count(self.marks.unknown) for ids in kept], dtype=np.int32)
        return Counted(tokens, unknown, kept)

    def features(
        self, counted: Counted, rows: np.ndarray, texts: Sequence[str], prompt: str
    ) -> dict[str, torch.Tensor]:
        """int64 (n, longest) ids and mask, padded on the right."""
        import torch

        del texts
        ids = [counted.ids[row] for row in rows]
        longest = max(len(row) for row in ids)
        padded = np.full((len(ids), longest), self.marks.padding, dtype=np.int64)
        mask = np.zeros((len(ids), longest), dtype=np.int64)
        for position, row in enumerate(ids):
            padded[position, : len(row)] = row
            mask[position, : len(row)] = 1
        features: dict[str, Any] = {
            "input_ids": torch.from_numpy(padded),
            "attention_mask": torch.from_numpy(mask),
        }
        if self.marks.segments:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        if prompt and not self.pools_prompt:
            features["prompt_length"] = len(self._tokenizer.encode(prompt).ids) - self._suffix
        return features

    def to_json(self) -> str:
        """The tokenizer as Hugging Face JSON."""
        text: str = self._tokenizer.to_str()
        return text

    def _cut(self, ids: list[int]) -> list[int]:
        kept = ids[: self._max_tokens - self._suffix]
        return kept + ids[len(ids) - self._suffix :]


class BagTokens:
    """Token ids one after another, for a table whose rows are averaged: no padding, no frame.

    Args:
        tokenizer: without truncation and padding; not shared, so threads do not disturb it.
        max_tokens: tokens kept.
    """

    is_padded = False

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._unknown = _unknown_id(tokenizer)

    def count(self, texts: Sequence[str]) -> Counted:
        """Counts and kept ids; there are no special tokens."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        whole = [encoding.ids for encoding in encodings]
        tokens = np.fromiter(map(len, whole), dtype=np.int32, count=len(whole))
        kept = [ids[: self._max_tokens] for ids in whole] if self._cuts(tokens) else whole
        unknown = np.zeros_like(tokens)
        if self._unknown is not None:
            unknown[:] = [ids.count(self._unknown) for ids in kept]
        return Counted(tokens, unknown, kept)

    def features(
        self, counted: Counted, rows: np.ndarray, texts: Sequence[str], prompt: str
    ) -> dict[str, torch.Tensor]:
        """int64 ids of all rows (tokens,) and where each row begins (n,)."""
        import torch

        del texts, prompt
        kept = [counted.ids[row] for row in rows]
        lengths = np.fromiter(map(len, kept), dtype=np.int64, count=len(kept))
        ends = np.cumsum(lengths)
        ids = np.fromiter(chain.from_iterable(kept), dtype=np.int64, count=int(lengths.sum()))
        return {"input_ids": torch.from_numpy(ids), "offsets": torch.from_numpy(ends - lengths)}

    def to_json(self) -> str:
        """The tokenizer as Hugging Face JSON."""
        text: str = self._tokenizer.to_str()
        return text

    def _cuts(self, tokens: Counts) -> bool:
        return bool(len(tokens)) and int(tokens.max()) > self._max_tokens


class ModelTokens:
    """Features by the model's own `preprocess`; counts by its tokenizer beside it.

    Args:
        model: the model.
        max_tokens: tokens kept.
        tokenizer: a Rust tokenizer to count with; None counts with the model's word tokenizer.
    """

    is_padded = True

    def __init__(
        self, model: SentenceTransformer, max_tokens: int, tokenizer: Tokenizer | None = None
    ) -> None:
        self._model = model
        self._max_tokens = max_tokens
        self._tokenizer = tokenizer

    def count(self, texts: Sequence[str]) -> Counted:
        """Counts; word tokenizers drop words they do not know, which are not counted."""
        if self._tokenizer is not None:
            counted = [len(e.ids) for e in self._tokenizer.encode_batch_fast(list(texts))]
        else:
            tokenizer: Any = getattr(self._model[0], "tokenizer", None)
            counted = [len(tokenizer.tokenize(text)) for text in texts]
        tokens = np.array(counted, dtype=np.int32)
        return Counted(tokens, np.zeros_like(tokens), [])

    def features(
        self, counted: Counted, rows: np.ndarray, texts: Sequence[str], prompt: str
    ) -> dict[str, torch.Tensor]:
        """Whatever the model's first module makes of the texts."""
        del counted, rows
        return dict(self._model.preprocess(list(texts), prompt=prompt or None))

    def to_json(self) -> str | None:
        """The tokenizer as Hugging Face JSON, or None for a word tokenizer."""
        return None if self._tokenizer is None else str(self._tokenizer.to_str())


def _marks(tokenizer: PreTrainedTokenizerBase) -> Marks:
    return Marks(
        padding=tokenizer.pad_token_id or 0,
        unknown=tokenizer.unk_token_id,
        segments="token_type_ids" in tokenizer.model_input_names,
    )


def _rust_tokenizer(tokenizer: object) -> Tokenizer | None:
    from tokenizers import Tokenizer

    return tokenizer if isinstance(tokenizer, Tokenizer) else None


def _copy_without_limits(tokenizer: Tokenizer) -> Tokenizer:
    copy = type(tokenizer).from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _is_cut_behind(tokenizer: Tokenizer) -> bool:
    """True if its truncation, if it has one, keeps the beginning of a text."""
    truncation = tokenizer.truncation
    return truncation is None or truncation["direction"] == "right"


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id of the unknown token; models name it or number it."""
    model = json.loads(tokenizer.to_str())["model"]
    named = model.get("unk_token")
    found: int | None = tokenizer.token_to_id(named) if named else model.get("unk_id")
    return found


def _is_plain_transformer(model: SentenceTransformer) -> bool:
    """True if token ids padded on the right are all that the first module needs."""
    first: Any = model[0]
    if type(first).__name__ != "Transformer" or first.query_expansion is not None:
        return False
    tokenizer = first.tokenizer
    plain = tokenizer.padding_side == "right" and tokenizer.truncation_side == "right"
    return plain and set(first.modality_config) == {"text"} and not first.processing_kwargs


def _prompt_is_pooled(model: SentenceTransformer) -> bool:
    return all(getattr(module, "include_prompt", True) for module in model)
