"""The manners all verbs share: plain help, one line for an error, an exit status."""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from service.cli.errors import FAILED, STOPPED, report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Verb(TyperCommand):
    """A verb whose help names arguments as people write them, without Python's types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer's base is not public
        """Arguments without braces: `NAME QUERY`, `[SOURCE]...`."""
        return [re.sub("[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the sections `Arguments` and `Options`."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                sections["Arguments"].append((record[0].partition(" <")[0], record[1]))
            else:
                sections["Options"].append(record)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Meari(TyperGroup):
    """The root of the verbs; turns whatever a verb raises into one line and an exit status."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - passed through
        super().__init__(**given)
        self.debug = False
        self.ending = ExitStack()

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401 - passed through
    ) -> Any:  # noqa: ANN401 - never returns where `standalone_mode`
        """Run a verb.

        Raises:
            SystemExit: always; its code is the exit status.
        """
        with ExitStack() as self.ending:
            self.ending.enter_context(_logging_to(logging.NullHandler(), logging.WARNING))
            status = self._status(
                args=args,
                prog_name=prog_name,
                complete_var=complete_var,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        sys.exit(status)

    def start_debugging(self) -> None:
        """Write every log record, and the traceback of an error, until the verb ends."""
        self.debug = True
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self.ending.enter_context(_logging_to(handler, logging.DEBUG))

    def _status(self, **given: Any) -> int:  # noqa: ANN401 - passed through
        try:
            returned = super().main(standalone_mode=False, **given)
            sys.stdout.flush()
        except typer.Abort:
            return FAILED
        except BrokenPipeError:
            _leave_pipe()
            return FAILED
        except Exception as error:
            return report(error, debug=self.debug)
        status = returned if isinstance(returned, int) else 0
        if status == STOPPED:
            sys.stderr.write("stopped\n")
        return status


@contextmanager
def _logging_to(handler: logging.Handler, level: int) -> Iterator[None]:
    """A handler at the root; without one Python would write warnings between a verb's lines."""
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


def _leave_pipe() -> None:
    """Let nothing more be written to a pipe whose reader has gone (`meari ... | head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
