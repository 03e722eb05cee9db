"""The API key that verbs send to a server: from a file or the environment, never from an argument.

What stands on a command line is seen by every user of the machine, and kept by the shell.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from service.cli.errors import MisuseError
from service.cli.output import warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE: ContextVar[Path | None] = ContextVar("api_key_file", default=None)
_MOST_BYTES = 1024


@contextmanager
def keyed_by(file: Path | None) -> Iterator[None]:
    """Have verbs send the key of this file until the block ends; None leaves it to the settings."""
    token = _FILE.set(file)
    try:
        yield
    finally:
        _FILE.reset(token)


def api_key() -> str | None:
    """The key to send; None if there is none.

    Raises:
        MisuseError: the file holds none.
        OSError: it cannot be read.
    """
    from service.cli.store import settings

    chosen = settings()
    file = _FILE.get() or chosen.api_key_file
    if file is not None:
        return _read(file.expanduser())
    key = None if chosen.api_key is None else chosen.api_key.get_secret_value().strip()
    return key or None


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(_MOST_BYTES)
    key = content.decode("ascii", "replace").strip()
    if not key or not key.isprintable() or " " in key:
        message = f"{file} holds no API key; it must hold one and nothing else"
        raise MisuseError(message)
    if os.name != "nt" and file.stat().st_mode & 0o077:
        warn(f"other users may read the API key in {file}; `chmod 600 {file}` keeps it yours")
    return key
