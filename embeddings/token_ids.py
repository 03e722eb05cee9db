"""Token ids: what an encoder's own tokenizer makes of texts, and texts of ids again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from embeddings.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenizers import Encoding, Tokenizer

    from embeddings.types import Encoder


_RESERVED = re.compile(r"[\[<]\|?(unused|reserved)[\w ]*\d+\|?[\]>]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text.

    Attributes:
        id: its number in the vocabulary.
        text: the part of the text that it stands for; its name, if it is special.
        special: True if the tokenizer put it there (`[CLS]`).
        start: first UTF-8 byte of that part; None if special.
        stop: one past the last; None if special.
    """

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class TokenIds:
    """A tokenizer read from Hugging Face JSON; use `of`. Any number of threads may ask.

    Attributes:
        size: how many ids there are; the largest is one less.
    """

    def __init__(self, text: str) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Tokenizer = Tokenizer.from_str(text)
        told = json.loads(text)
        self._left_out = _special_ids(told) - {_unknown_id(told)}
        self._prefix = _middle_prefix(told["model"])
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=True)
        self.size = max(vocabulary.values()) + 1
        self._known = np.zeros(self.size, dtype=bool)
        self._known[_given_ids(vocabulary, told)] = True

    @staticmethod
    def of(encoder: Encoder) -> TokenIds:
        """Those of the encoder's tokenizer, read once.

        Raises:
            InvalidInputError: its tokenizer has no ids.
        """
        kept = _READ.get(encoder)
        if kept is None:
            text = encoder.tokenizer_json()
            if text is None:
                message = f"encoder {encoder.card.name!r} cuts texts into words, without token ids"
                raise InvalidInputError(message)
            kept = _READ[encoder] = TokenIds(text)
        return kept

    def find_unknown(self, ids: Sequence[int]) -> int | None:
        """The position of the first id that the tokenizer gives for no text; None if there is none.

        It is not in the vocabulary, or a place kept free there (`[unused7]`). Vocabularies that
        have such keep them among the first ids, which other tokenizers give most often: so ids of
        another are found in nearly all sentences.
        """
        wanted = np.clip(np.array(ids, dtype=np.float64), -1, self.size)  # beyond 64 bits too
        inside = (wanted >= 0) & (wanted < self.size)
        inside[inside] = self._known[wanted[inside].astype(np.int64)]
        return None if inside.all() else int(np.argmin(inside))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of known ids; special ones say nothing, the unknown token is kept.

        What the tokenizer makes of it are these ids again, in as far as they came from it. A part
        of a word that stands first has lost its beginning, and is read as one.
        """
        kept = [number for number in ids if number not in self._left_out]
        text = self._tokenizer.decode(kept, skip_special_tokens=False)
        return text.removeprefix(self._prefix) if self._prefix else text

    def tokenize(self, texts: Sequence[str], *, special: bool = True) -> list[list[Token]]:
        """The tokens of each text, whole; `special` adds what the tokenizer puts around them."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=special)
        return [
            list(_tokens(text, encoding)) for text, encoding in zip(texts, encodings, strict=True)
        ]


_READ: WeakKeyDictionary[Encoder, TokenIds] = WeakKeyDictionary()


def _tokens(text: str, encoding: Encoding) -> Iterator[Token]:
    """Offsets come in characters, and leave in bytes."""
    places = np.zeros(len(text) + 1, dtype=np.int64)
    np.cumsum([len(char.encode()) for char in text], out=places[1:])
    for number, name, special, (start, stop) in zip(
        encoding.ids, encoding.tokens, encoding.special_tokens_mask, encoding.offsets, strict=True
    ):
        if special:
            yield Token(number, name, True, None, None)
        else:
            yield Token(number, text[start:stop], False, int(places[start]), int(places[stop]))


def _given_ids(vocabulary: dict[str, int], told: dict[str, Any]) -> list[int]:
    """Ids that a text can give: a reserved name is cut like any text, unless it was added."""
    added = {each["content"] for each in told.get("added_tokens") or ()}
    return [
        number
        for name, number in vocabulary.items()
        if name in added or not _RESERVED.fullmatch(name)
    ]


def _special_ids(told: dict[str, Any]) -> set[int]:
    return {each["id"] for each in told.get("added_tokens") or () if each.get("special")}


def _unknown_id(told: dict[str, Any]) -> int | None:
    """The id of the unknown token; models name it or number it."""
    model = told["model"]
    name = model.get("unk_token")
    if name is None:
        number: int | None = model.get("unk_id")
        return number
    added = {each["content"]: each["id"] for each in told.get("added_tokens") or ()}
    found: int | None = added.get(name)
    return found


def _middle_prefix(model: dict[str, Any]) -> str:
    """What marks a piece that is not the first of its word, in models that mark these."""
    return str(model.get("continuing_subword_prefix") or "") if model["type"] == "WordPiece" else ""
