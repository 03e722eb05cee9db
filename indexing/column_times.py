"""Times as whole numbers that arrays can compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from indexing.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

Ticks = npt.NDArray[np.int64]

DIGITS = 7
"""Decimal digits of a second that a tick keeps: 100 ns, so that 9,999 years fit into int64."""
NO_INSTANT = -1

_FORMS = {
    19: "0000-00-00T00:00:00",
    20: "0000-00-00T00:00:00Z",
    24: "0000-00-00T00:00:00.000Z",
    25: "0000-00-00T00:00:00+00:00",
}
"""The forms that programs write, by length; other times are read one by one."""
_FEW = 64
_EPOCH = 719_163
"""Days to 1970-01-01 from the day before 0001-01-01."""


def to_ticks(text: str) -> tuple[int, bool]:
    """Ticks of a time, rounded down, and True if it has no finer digits; else NO_INSTANT, True."""
    instant = parse_instant(text)
    if instant is None:
        return NO_INSTANT, True
    digits = instant.fraction[:DIGITS].ljust(DIGITS, "0")
    return instant.seconds * 10**DIGITS + int(digits), len(instant.fraction) <= DIGITS


def read_ticks(texts: Sequence[str]) -> tuple[Ticks, bool]:
    """int64 ticks of each text as `to_ticks` has it, and True if none has finer digits."""
    ticks = np.full(len(texts), NO_INSTANT, dtype=np.int64)
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    slow = np.ones(len(texts), dtype=bool)
    for length, form in _FORMS.items():
        places = np.flatnonzero(lengths == length)
        if len(places) < _FEW:
            continue
        places = places[[texts[place].isascii() for place in places.tolist()]]
        joined = "".join([texts[place] for place in places.tolist()]).encode("ascii")
        chars = np.frombuffer(joined, dtype=np.uint8).reshape(-1, length)
        found, there = _read_form(chars, form)
        ticks[places[there]] = found[there]
        slow[places[there]] = False
    exact = True
    for place in np.flatnonzero(slow).tolist():
        ticks[place], whole = to_ticks(texts[place])
        exact &= whole
    return ticks, exact


def _read_form(chars: npt.NDArray[np.uint8], form: str) -> tuple[Ticks, npt.NDArray[np.bool_]]:
    """Ticks of texts of one form, uint8 (n, length), and which are times of that form.

    Leap seconds are left to `to_ticks`.
    """
    marks = np.frombuffer(form.encode("ascii"), dtype=np.uint8)
    digit = marks == ord("0")
    there = (chars[:, digit] - np.uint8(48) <= 9).all(axis=1)  # what is below "0" wraps around
    sign = digit | (marks == ord("+"))
    there &= (chars[:, ~sign] == marks[~sign]).all(axis=1)

    def number(start: int, stop: int) -> Ticks:
        value = np.zeros(len(chars), dtype=np.int64)
        for place in range(start, stop):
            value = value * 10 + (chars[:, place].astype(np.int64) - 48)
        return value

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    hour, minute, second = number(11, 13), number(14, 16), number(17, 19)
    there &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    there &= (hour <= 23) & (minute <= 59) & (second <= 59)
    months = np.where(there, (year - 1970) * 12 + month - 1, 0)
    first, after = (
        (months + more).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        for more in (0, 1)
    )
    there &= day <= after - first
    seconds = (first + _EPOCH + day - 1) * 86_400 + hour * 3600 + minute * 60 + second
    fraction = number(20, 23) * 10 ** (DIGITS - 3) if form.endswith("000Z") else 0
    if form.endswith("+00:00"):
        east, aside = number(20, 22), number(23, 25)
        plus, minus = chars[:, 19] == ord("+"), chars[:, 19] == ord("-")
        there &= (east <= 23) & (aside <= 59) & (plus | minus)
        seconds -= np.where(plus, 1, -1) * (east * 3600 + aside * 60)
    return seconds * 10**DIGITS + fraction, there
