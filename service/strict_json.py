"""JSON to the letter of RFC 8259, read so that other threads are kept waiting only briefly."""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

from service.errors import BadJsonError, BadTextError
from service.validation import quote

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_AT_ONCE = 1 << 20
"""Bytes decoded, or characters searched, at once: meanwhile no other thread of Python runs."""
_LONGEST_RUN = 1 << 22
"""Bytes without a quotation mark; a string is scanned in one go."""


def parse_json(body: bytes | bytearray, what: str = "the body") -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value in `body`.

    Raises:
        BadJsonError: not UTF-8, not JSON, NaN or infinity, a number beyond a float's range, a
            name twice in one object, or nesting too deep to read.
        BadTextError: a string holds half a surrogate pair (`param` is its path), or is longer
            than any text may be.
    """
    _check_runs(body, what)
    try:
        text = _decode(body)
        value = _DECODER.decode(text)
        if _escapes_surrogate(text):
            check_unicode(value)
    except UnicodeDecodeError as error:
        message = f"{what} is not UTF-8: byte {error.start} ({error.reason})"
    except json.JSONDecodeError as error:
        message = f"{what} is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
    except RecursionError:
        message = f"{what} is nested too deeply to be read"
    except _ContentError as error:
        message = f"{what} holds {error}"
    except ValueError:  # Python's own limit
        message = f"{what} holds a whole number of too many digits"
    else:
        return value
    raise BadJsonError(message)


def _check_runs(body: bytes | bytearray, what: str) -> None:
    for start in range(0, len(body) - _LONGEST_RUN, _LONGEST_RUN):
        if body.find(b'"', start, start + _LONGEST_RUN) < 0:
            message = (
                f"{what} holds a text of more than {_LONGEST_RUN:,} bytes, at byte {start:,}; "
                "cut it into several"
            )
            raise BadTextError(message)


def _decode(body: bytes | bytearray) -> str:
    """The text of the body, piece by piece.

    Raises:
        UnicodeDecodeError: not UTF-8; `start` counts from the body's first byte.
    """
    if len(body) <= _AT_ONCE:
        return body.decode("utf-8-sig")
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    view = memoryview(body)
    try:
        pieces = [
            decoder.decode(view[start : start + _AT_ONCE], start + _AT_ONCE >= len(body))
            for start in range(0, len(body), _AT_ONCE)
        ]
    except UnicodeDecodeError:
        return body.decode("utf-8-sig")  # fails as well, and knows where
    finally:
        view.release()
    return "".join(pieces)


def _escapes_surrogate(text: str) -> bool:
    """True if `text` holds the escape of half a surrogate pair, though perhaps of both halves."""
    longest = len(r"\ud8")
    return any(
        _SURROGATE_ESCAPE.search(text, start, start + _AT_ONCE + longest - 1)
        for start in range(0, len(text), _AT_ONCE)
    )


def check_unicode(value: Any, path: str = "") -> None:  # noqa: ANN401 - any JSON value
    """Refuse strings that UTF-8 has no bytes for; JSON can write them, nothing can store them.

    Raises:
        BadTextError: `param` is the path of the first.
    """
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            place = path or "the body"
            message = f"{place} holds half a surrogate pair; it is not valid Unicode"
            raise BadTextError(message, path or None)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            check_unicode(item, f"{path}[{position}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_unicode(key, path)
            check_unicode(item, f"{path}.{key}" if path else key)


class _ContentError(ValueError):
    """JSON that says nothing, or two things at once."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"the name {quote(twice)} twice in one object"
        raise _ContentError(message)
    return value


def _refuse_constant(name: str) -> float:
    message = f"{name}, which is not JSON; every number must be finite"
    raise _ContentError(message)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        message = f"the number {quote(text)}, beyond a 64-bit float"
        raise _ContentError(message)
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
)
"""One for all: making one takes longer than reading a small body."""
