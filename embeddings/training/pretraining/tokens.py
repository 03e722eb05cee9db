"""A corpus as token ids on disk: written once as a stream, then read at any place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tokenizers import Tokenizer

WORD = np.uint32(1 << 31)
"""Set in an id with which a word begins, where words were asked for."""
_BATCH = 512
_SENTENCE_END = re.compile(r"(?<=[.!?。…])\s+|\n+")


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Token ids of a corpus.

    Attributes:
        ids: uint32 (n tokens,), mapped from disk; the highest bit is `WORD`.
        units: int64 (n units + 1,), where each text (or sentence) begins in `ids`.
        documents: int64 (n texts + 1,), where each text begins in `units`.
    """

    ids: np.ndarray
    units: np.ndarray
    documents: np.ndarray

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return len(self.documents) - 1

    def part(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids, int64 (n,), and where words begin, bool (n,)."""
        found = np.asarray(self.ids[start:end])
        return (found & ~WORD).astype(np.int64), (found & WORD) != 0


def write_tokens(
    folder: Path,
    texts: Iterable[str],
    tokenizer: Tokenizer,
    *,
    sentences: bool,
    end: int | None,
    words: bool,
    key: dict[str, Any],
) -> None:
    """Write a corpus as ids.

    Args:
        folder: made if absent; what is in it is written over.
        texts: the corpus.
        tokenizer: without truncation and padding.
        sentences: whether a unit is a sentence; else it is a text.
        end: a token put behind each unit; None puts none.
        words: whether to mark where words begin.
        key: what this was made from; `is_written` asks for the same.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key.json").unlink(missing_ok=True)
    units, documents = [0], [0]
    done = 0
    with (folder / "ids.u32").open("wb") as file:
        for batch in _batched(texts):
            parts = [_sentences(text) if sentences else [text] for text in batch]
            flat = [unit for each in parts for unit in each]
            for encoding in tokenizer.encode_batch(flat, add_special_tokens=False):
                ids = np.asarray(encoding.ids, dtype=np.uint32)
                if words and len(ids):
                    ids |= _word_starts(encoding.word_ids)
                if end is not None:
                    ids = np.append(ids, np.uint32(end))
                file.write(ids.tobytes())
                done += len(ids)
                units.append(done)
            for each in parts:
                documents.append(documents[-1] + len(each))
    np.save(folder / "units.npy", np.asarray(units, dtype=np.int64), allow_pickle=False)
    np.save(folder / "documents.npy", np.asarray(documents, dtype=np.int64), allow_pickle=False)
    (folder / "key.json").write_text(json.dumps(key, ensure_ascii=False), encoding="utf-8")


def is_written(folder: Path, key: dict[str, Any]) -> bool:
    """True if the same corpus was written there to its end."""
    path = folder / "key.json"
    return path.is_file() and json.loads(path.read_bytes()) == json.loads(json.dumps(key))


def open_tokens(folder: Path) -> Tokens:
    """What `write_tokens` wrote, mapped and not read."""
    path = folder / "ids.u32"
    ids = (
        np.memmap(path, dtype=np.uint32, mode="r")
        if path.stat().st_size
        else np.empty(0, dtype=np.uint32)
    )
    units = np.load(folder / "units.npy", allow_pickle=False)
    return Tokens(ids, units, np.load(folder / "documents.npy", allow_pickle=False))


def ranges_of(tokens: Tokens, size: int, *, packed: bool) -> np.ndarray:
    """Where examples of at most `size` tokens begin and end in `ids`, int64 (n, 2).

    Packed, they follow one another through the whole corpus, the last one being shorter; else
    each unit is cut into pieces of its own.
    """
    total = len(tokens.ids)
    if packed:
        starts = np.arange(0, total, size, dtype=np.int64)
        return np.stack([starts, np.minimum(starts + size, total)], axis=1)
    firsts, lasts = tokens.units[:-1], tokens.units[1:]
    pieces = -(-(lasts - firsts) // size)
    unit = np.repeat(np.arange(len(firsts)), pieces)
    number = np.arange(len(unit)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = firsts[unit] + number * size
    return np.stack([starts, np.minimum(starts + size, lasts[unit])], axis=1)


def runs_of(tokens: Tokens, size: int) -> np.ndarray:
    """Runs of at least two units of one text with at most `size` tokens, int64 (n, 2) of units.

    A sentence that is too long for any run ends one and is left out.
    """
    lengths = np.diff(tokens.units)
    found: list[tuple[int, int]] = []
    for first, last in zip(tokens.documents[:-1], tokens.documents[1:], strict=True):
        start, filled = int(first), 0
        for unit in range(int(first), int(last)):
            length = int(lengths[unit])
            if filled + length > size:
                if unit - start > 1:
                    found.append((start, unit))
                start, filled = unit, 0
                if length > size:
                    start = unit + 1
                    continue
            filled += length
        if last - start > 1:
            found.append((start, int(last)))
    return np.asarray(found, dtype=np.int64).reshape(-1, 2)


def _batched(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE_END.split(text) if part and not part.isspace()] or [text]


def _word_starts(words: list[int | None]) -> np.ndarray:
    """`WORD` where a word begins, uint32 (n,)."""
    numbers = np.asarray([-1 if word is None else word for word in words])
    begins = np.ones(len(numbers), dtype=bool)
    begins[1:] = numbers[1:] != numbers[:-1]
    return np.where(begins, WORD, np.uint32(0))
