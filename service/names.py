"""Lists of hosts and origins as settings write them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\]", re.ASCII)


def split(text: str) -> tuple[str, ...]:
    """The parts between commas, in lower case, without blanks around them."""
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def check_hosts(text: str) -> str:
    """The list, if each part is the name of a host without a port.

    Raises:
        ValueError: one is none.
    """
    for part in split(text):
        if not _HOST.fullmatch(part):
            message = f"{part!r} is not the name of a host; write search.example, without a port"
            raise ValueError(message)
    return text


def check_origins(text: str) -> str:
    """The list, if each part is an origin as browsers write it.

    Raises:
        ValueError: one is none; `*` is none either.
    """
    for part in split(text):
        found = urlsplit(part)
        port = "" if found.port is None else f":{found.port}"
        exact = f"{found.scheme}://{found.hostname or ''}{port}"
        if found.scheme not in {"http", "https"} or not found.hostname or exact != part:
            message = f"{part!r} is not an origin; write https://search.example or http://HOST:PORT"
            raise ValueError(message)
    return text
