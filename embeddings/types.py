"""The words every floor shares about encoding: vectors, roles, cards and the protocol."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from embeddings.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Vectors: TypeAlias = npt.NDArray[np.float32]
"""float32 (n, dim), C-contiguous, finite."""

Counts: TypeAlias = npt.NDArray[np.int32]
"""int32 (n,), zero or more."""

Role = Literal["query", "document"]
Modality = Literal["text", "image"]


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """Vectors and the truncation receipt of the inputs they came from, in input order.

    Attributes:
        vectors: float32 (n, dim).
        tokens: int32 (n,), tokens of the whole input with prompt and special tokens,
            before any cut.
        truncated: bool (n,), True where the encoder read only its first `max_tokens` tokens.
        unknown: int32 (n,), how many of the tokens read were the unknown token.
    """

    vectors: Vectors
    tokens: Counts
    truncated: npt.NDArray[np.bool_]
    unknown: Counts

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, slots=True)
class EncoderCard:
    """The identity of an encoder: two encoders of one fingerprint give the same vectors.

    Attributes:
        name: what `load_encoder` was asked for (`meari-ko-en`, a folder, a hub name).
        kind: `hash`, `words` or `sentence-transformers`.
        dim: width of a vector.
        max_tokens: tokens read of one text, special tokens counted; the rest is cut. 0 for an
            encoder of images alone.
        pooling: how token states become one vector (`mean`, `cls`, ...).
        normalised: True if every vector has length 1; that of a text of which no token is left
            (control characters alone, in a model without special tokens) has 0.
        prompts: text put before an input, by role.
        dtype: the type computed in; vectors always come back as float32.
        languages: ISO 639-1 codes the encoder was made for; empty if nobody said.
        fingerprint: sha256 (hex) over weights, tokenizer, pooling and prompts; not over what
            computes: runtimes of one fingerprint agree within the bounds of their parity.
        runtime: what computes and its version (`openvino 2026.4.1`); empty if it is numpy.
        parity: how near the vectors are to those of the library, from a compiled runtime.
        fallback: why a faster runtime or precision is not used; empty if none was tried.
        modalities: what it reads, sorted: `text`, `image` or both.
    """

    name: str
    kind: str
    dim: int
    max_tokens: int
    pooling: str
    normalised: bool
    dtype: str
    fingerprint: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    runtime: str = ""
    parity: Mapping[str, float] = field(default_factory=dict)
    fallback: str = ""
    modalities: tuple[Modality, ...] = ("text",)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, `from_json`'s inverse."""
        return asdict(self) | {
            "prompts": dict(self.prompts),
            "languages": list(self.languages),
            "parity": dict(self.parity),
            "modalities": list(self.modalities),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EncoderCard:
        """The card written by `to_json`; unknown keys are an error.

        A card without `modalities` is of a time when every encoder read texts.

        Raises:
            TypeError: a key is missing or unknown.
        """
        listed = {
            "languages": tuple(data.get("languages", ())),
            "modalities": tuple(data.get("modalities", ("text",))),
        }
        return cls(**{**data, **listed})


@runtime_checkable
class Encoder(Protocol):
    """Turns a batch of inputs into vectors.

    Every implementation keeps this: batch size and order do not change a row beyond float
    rounding (1e-5); zero inputs give shape (0, dim); a bare `str` is a TypeError; an empty or
    blank text is an `InvalidInputError` naming its position. One that reads images takes more; see
    `embeddings.images.pictures.ImageReader`.
    """

    @property
    def card(self) -> EncoderCard:
        """The identity of this encoder."""

    @property
    def dim(self) -> int:
        """Width of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens read of one input, special tokens counted."""

    @property
    def modalities(self) -> frozenset[Modality]:
        """What kinds of input `encode` takes."""

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        """Vectors of the inputs, in order, with their truncation receipt.

        Raises:
            TypeError: `inputs` is a bare string, or holds something that is not one.
            InvalidInputError: an input is empty or blank.
        """

    def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
        """int32 (n,): what `encode` would report as `tokens`, without computing vectors."""

    def tokenizer_json(self) -> str | None:
        """The tokenizer as Hugging Face `tokenizers` JSON, or None if it is of another kind."""


@runtime_checkable
class Streamed(Protocol):
    """An encoder that computes several calls of `encode` at the same time, without sharing."""

    @property
    def streams(self) -> int:
        """How many: more calls wait for one of them to end."""


def as_vectors(values: npt.ArrayLike, *, dim: int | None = None, what: str = "vectors") -> Vectors:
    """`values` as float32 (n, dim), C-contiguous and finite; (dim,) becomes (1, dim).

    Raises:
        InvalidInputError: another rank, another width than `dim`, or NaN or infinity in it
            (the message names the row).
    """
    try:
        array = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        message = f"no numbers of equal length in {what}: {error}"
        raise InvalidInputError(message) from error
    if array.ndim == 1:
        array = array[None, :]
    if array.ndim != 2:
        message = f"{array.ndim} dimensions in {what}; 2 are needed: (n, dim)"
        raise InvalidInputError(message)
    if dim is not None and array.shape[1] != dim:
        message = f"{array.shape[1]} numbers a row in {what}; this needs {dim}"
        raise InvalidInputError(message)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        message = f"NaN or infinity in {what}, first in row {row}; every number must be finite"
        raise InvalidInputError(message)
    return array


def as_texts(inputs: Sequence[str]) -> list[str]:
    """`inputs` as a list of non-blank strings.

    Raises:
        TypeError: a bare string, or an item that is not a string.
        InvalidInputError: an item is empty, blank, or holds a lone surrogate.
    """
    if isinstance(inputs, str | bytes):
        message = f"inputs is one {type(inputs).__name__}; pass a list of strings"
        raise TypeError(message)
    return [_as_text(item, position) for position, item in enumerate(inputs)]


def _as_text(item: object, position: int) -> str:
    if not isinstance(item, str):
        message = f"input {position} is {type(item).__name__}; a string is needed"
        raise TypeError(message)
    if not item.strip():
        message = f"input {position} is empty or blank; there is nothing to encode"
        raise InvalidInputError(message)
    try:
        item.encode()
    except UnicodeEncodeError as error:
        message = f"input {position} holds half a surrogate pair at character {error.start}"
        raise InvalidInputError(message) from error
    return item
