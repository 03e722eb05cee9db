"""One line for every fault: what a person reads, and the exit status a script reads."""

from __future__ import annotations

import errno
import sqlite3
import sys
import traceback
from dataclasses import dataclass

import typer

from service.cli.output import visible

FAILED = 1
MISUSE = 2
STOPPED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""


class FailedError(Exception):
    """What was asked could not be done; the message says why and what to do."""


class MisuseError(Exception):
    """What was asked makes no sense; the message says what would."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is said of an error.

    Attributes:
        message: one line.
        status: exit status, `FAILED` or `MISUSE`.
    """

    message: str
    status: int


def fault_of(error: BaseException) -> Fault:
    """The line and the status an error earns."""
    judges = (_of_the_verbs, _of_the_system, _of_the_floors, _of_access, _of_the_client)
    for judge in (*judges, _of_the_schemas):
        if fault := judge(error):
            return fault
    message = f"internal: {type(error).__name__}: {_line(error)}"
    return Fault(f"{message}; `meari --debug ...` shows where, please report it", FAILED)


def report(error: BaseException, *, debug: bool) -> int:
    """Say it on stderr and give the exit status; the traceback only with `debug`."""
    fault = fault_of(error)
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if fault.message:
        sys.stderr.write(f"error: {visible(fault.message)}\n")
    return fault.status


def _of_the_verbs(error: BaseException) -> Fault | None:
    """The fault of what the parser, or a verb, refused."""
    if isinstance(error, typer.TyperException):
        return Fault(_usage(error), error.exit_code)
    if isinstance(error, MisuseError):
        return Fault(_line(error), MISUSE)
    return Fault(_line(error), FAILED) if isinstance(error, FailedError) else None


def _of_the_system(error: BaseException) -> Fault | None:
    """The fault of a file, a pipe, the memory."""
    if isinstance(error, OSError):
        return Fault(_system(error), FAILED)
    if isinstance(error, UnicodeDecodeError):
        place = f"{error.reason} at byte {error.start:,}"
        return Fault(f"the input is not {error.encoding}: {place}; convert it first", FAILED)
    if isinstance(error, sqlite3.DatabaseError):
        message = f"the documents of a collection cannot be read or written: {_line(error)}"
        return Fault(f"{message}; if its file is damaged, restore it from a backup", FAILED)
    if isinstance(error, MemoryError):
        return Fault("out of memory; give less at once, or more memory to this process", FAILED)
    return None


def _of_the_floors(error: BaseException) -> Fault | None:
    """The fault of an error that a floor below, or the client, raised on purpose."""
    from analysis.errors import AnalysisError, InvalidAnalysisError
    from embeddings.errors import EmbeddingError, InvalidInputError
    from eval.errors import ChoiceError, EvalError, MeasureError
    from indexing.errors import (
        IndexingError,
        InvalidFilterError,
        InvalidNameError,
        InvalidRequestError,
    )

    if isinstance(error, InvalidFilterError):
        return Fault(f"filter {_line(error)}", MISUSE)
    impossible = InvalidInputError | InvalidNameError | InvalidRequestError | InvalidAnalysisError
    if isinstance(error, impossible | ChoiceError | MeasureError):
        return Fault(_line(error), MISUSE)
    if isinstance(error, EmbeddingError | IndexingError | EvalError | AnalysisError):
        return Fault(_line(error), FAILED)
    return None


def _of_access(error: BaseException) -> Fault | None:
    """The fault of keys or of their absence, and of traces that cannot be made."""
    from service.access.errors import KeysFileError, KeyWishError, OpenServiceError
    from service.tracing import TracesError

    if isinstance(error, KeyWishError):
        return Fault(_line(error), MISUSE)
    known = isinstance(error, KeysFileError | OpenServiceError | TracesError)
    return Fault(_line(error), FAILED) if known else None


def _of_the_client(error: BaseException) -> Fault | None:
    module = sys.modules.get("service.client")
    if module is None or not isinstance(error, module.ClientError):
        return None
    return Fault(_line(error), MISUSE if error.is_misuse else FAILED)


def _of_the_schemas(error: BaseException) -> Fault | None:
    module = sys.modules.get("pydantic")
    if module is None or not isinstance(error, module.ValidationError):
        return None
    from service.validation import describe_validation

    found = [{**each, "loc": (error.title, *each["loc"])} for each in error.errors()]
    return Fault(_line(describe_validation(found).message), MISUSE)


def _usage(error: typer.TyperException) -> str:
    """The parser's message with the command that explains the usage."""
    message = _line(error.format_message()).replace("Value error, ", "").rstrip(".")
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    see = " See" if message.endswith("?") else "; see"
    return f"{message[:1].lower()}{message[1:]}{see} `{context.command_path} --help`"


def _system(error: OSError) -> str:
    """What the system says, behind the files it speaks of."""
    if error.strerror is None:
        return _line(error)
    reason = f"{error.strerror[:1].lower()}{error.strerror[1:]}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        reason = f"{reason}; free some and repeat the command"
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return f"{' and '.join(names)}: {reason}" if names else reason


def _line(error: BaseException | str) -> str:
    """The message without line breaks; the type's name for an error that says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
