"""Where a page ended, as one opaque word, so that the next begins strictly behind it."""

from __future__ import annotations

import base64
import json
import math
import zlib
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from indexing.errors import InvalidRequestError
from indexing.filters import Filter
from indexing.types import MAX_PAGED, SearchRequest

_PARTS = (
    *("query", "vector", "document_id", "positive", "negative", "mode", "filter"),
    *("score_threshold", "exact", "group", "recall", "image"),
)
"""Fields that decide which matches come in which order; the rest may change from page to page."""
_values = attrgetter(*_PARTS)
_DEFAULTS = _values(SearchRequest())
_DIGITS = 8
"""Hexadecimal digits of each part's CRC-32, which tells mistakes, not forgeries."""
_UNSET = "0" * _DIGITS
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last match of a page.

    Attributes:
        score: its score.
        id: its document's id.
        rank: its rank in the whole answer, from 1.
    """

    score: float
    id: str
    rank: int

    def is_before(self, score: float, id_: str) -> bool:
        """True for a match that stands strictly behind: a lower score, or the same and a later id.

        The document itself never does: encoding the query again may move its score by a rounding.
        """
        return id_ != self.id and (score < self.score or (score == self.score and id_ > self.id))


def write_cursor(cursor: Cursor, request: SearchRequest) -> str:
    """Base64url of a CRC-32 and of fingerprint, rank, score (hexadecimal) and id, by blanks."""
    data = f"{_fingerprint(request)} {cursor.rank} {cursor.score.hex()} {cursor.id}".encode()
    return base64.urlsafe_b64encode(zlib.crc32(data).to_bytes(4) + data).decode().rstrip("=")


def read_cursor(text: str, request: SearchRequest) -> Cursor:
    """The inverse of `write_cursor`, for the same request (`limit` and what is shown aside).

    Raises:
        InvalidRequestError: a damaged cursor, one of another request (the message names the
            fields that differ), or one that stands at rank `MAX_PAGED`.
    """
    fingerprint, cursor = _parse(text)
    wanted = _fingerprint(request)
    if fingerprint != wanted:
        other = [
            name
            for place, name in enumerate(_PARTS)
            if fingerprint[place * _DIGITS :][:_DIGITS] != wanted[place * _DIGITS :][:_DIGITS]
        ]
        message = (
            f"cursor belongs to a request with another {', '.join(other)}; only limit, "
            "with_vectors and with_snippets may change from page to page"
        )
        raise InvalidRequestError(message, "cursor")
    if cursor.rank >= MAX_PAGED:
        message = (
            f"cursor stands at rank {cursor.rank:,}, and pages end at {MAX_PAGED:,}; narrow the "
            "search by a filter or score_threshold, or go through all documents with scan"
        )
        raise InvalidRequestError(message, "cursor")
    return cursor


def _parse(text: str) -> tuple[str, Cursor]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        checksum, data = int.from_bytes(data[:4]), data[4:]
        if zlib.crc32(data) != checksum:
            raise ValueError("its checksum is wrong")
        fingerprint, rank, score, id_ = data.decode().split(" ", 3)
        cursor = Cursor(float.fromhex(score), id_, int(rank))
        if not math.isfinite(cursor.score) or len(fingerprint) != len(_PARTS) * _DIGITS:
            raise ValueError("it is of another version")
    except (ValueError, TypeError, OverflowError) as error:
        message = f"cursor {text[:_SHOWN]!r} is damaged ({error}); begin again without one"
        raise InvalidRequestError(message, "cursor") from error
    return fingerprint, cursor


def _fingerprint(request: SearchRequest) -> str:
    """Hashes of the parts, one behind the other; that of a default is 0."""
    return "".join(map(_hash, _values(request), _DEFAULTS))


def _hash(value: Any, default: Any) -> str:  # noqa: ANN401 - any field of a request
    if value is default:
        return _UNSET
    if isinstance(value, np.ndarray):
        data = value.astype(np.float32).tobytes()
    elif isinstance(value, Filter):
        data = json.dumps(value.to_json(), sort_keys=True).encode()
    else:
        data = repr(value).encode("utf-8", "surrogatepass")
    return format(zlib.crc32(data), "08x")
