"""Points in time as filters compare them: RFC 3339 times and plain dates, offsets normalised."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

_MAX_CHARACTERS = 64
_DAY = 86_400
_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?([Zz]|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)


class Instant(NamedTuple):
    """A point in time; instants compare in the order of time, to the last digit written.

    Attributes:
        seconds: whole seconds in UTC since the day before 0001-01-01 began, leap seconds left out.
        fraction: decimal digits of the rest of the second without trailing zeros.
    """

    seconds: int
    fraction: str


def parse_instant(text: str) -> Instant | None:
    """The instant of an RFC 3339 time or date, or None if `text` is not one.

    Wider than RFC 3339 (https://www.rfc-editor.org/rfc/rfc3339) in three places: a date alone is
    its midnight in UTC, a time without an offset is in UTC, seconds may be left out. A leap
    second (`23:59:60` in UTC) is the midnight after it. Years 0001 to 9999, 64 characters.
    """
    return _parse(text) if len(text) <= _MAX_CHARACTERS else None


@lru_cache(maxsize=4096)  # chunks of one text, and texts of one day, share theirs
def _parse(text: str) -> Instant | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        return None
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    offset = _offset_seconds(zone or "Z")
    if hours > 23 or minutes > 59 or seconds > 60 or offset is None:
        return None
    total = days * _DAY + hours * 3600 + minutes * 60 + seconds - offset
    if seconds == 60 and total % _DAY:
        return None
    return Instant(total, (fraction or "").rstrip("0"))


def _offset_seconds(zone: str) -> int | None:
    """Seconds east of UTC; None for an hour beyond 23 or a minute beyond 59."""
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        return None
    return (-1 if zone[0] == "-" else 1) * (hours * 3600 + minutes * 60)
