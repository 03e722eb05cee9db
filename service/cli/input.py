"""What verbs read: standard input and files of lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

from service.cli.errors import FailedError, MisuseError

if TYPE_CHECKING:
    from pathlib import Path


def open_stdin() -> BinaryIO:
    """The bytes of standard input.

    Raises:
        FailedError: it is closed.
    """
    if sys.stdin is None:
        message = "standard input is closed; pipe something in"
        raise FailedError(message)
    return sys.stdin.buffer


def read_text() -> str:
    """All of standard input, without blanks around it and without byte order mark.

    Raises:
        FailedError: it is closed.
        UnicodeDecodeError: it is not UTF-8.
    """
    return open_stdin().read().decode("utf-8-sig").strip()


def read_lines(path: Path | None) -> list[str]:
    """The lines of a file, or of standard input for None, without their ends.

    Raises:
        FailedError: standard input is closed, or a line is not UTF-8.
        MisuseError: a line is blank.
        OSError: the file cannot be read.
    """
    from indexing.readers import lines as reading

    name = "stdin" if path is None else str(path)
    stream = open_stdin() if path is None else path.open("rb")
    found: list[str] = []
    with reading.as_text(stream, "utf-8", newline="\n") as text:
        for line in reading.read_lines(text, "utf-8"):
            if line.fault is not None:
                message = f"{name}:{line.number}: {line.fault}"
                raise FailedError(message)
            if not line.text.strip():
                message = f"{name}:{line.number}: the line is blank; there is nothing to encode"
                raise MisuseError(message)
            found.append(line.text.rstrip("\r\n"))
    return found
