"""Sizes as people write them: `700M`, `1.5 GB`, `512MiB`."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Bytes; K, M, G and T are powers of 1,000, Ki, Mi, Gi and Ti of 1,024.

    Raises:
        ValueError: not a size, or below one byte.
    """
    found = _SIZE.fullmatch(text.strip())
    unit = "" if found is None else found[2].lower()
    size = (
        0
        if found is None
        else round(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[unit])
    )
    if found is None or size < 1 or (found[3] and not unit):
        message = f"{text!r} is not a size; write 700M, 1.5GB or 512MiB"
        raise ValueError(message)
    return size
