"""What the modules of this floor share when they run as `python -m eval.NAME`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import typer

from embeddings.errors import EmbeddingError
from eval.errors import ChoiceError, EvalError, MeasureError
from indexing.errors import IndexingError, InvalidNameError

if TYPE_CHECKING:
    from collections.abc import Callable


class Report(Protocol):
    """What every evaluation gives."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""

    def to_markdown(self) -> str:
        """A page for people."""


def show(report: Report, *, as_json: bool) -> None:
    """The report on stdout: its page, or its JSON."""
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        typer.echo(report.to_markdown(), nl=False)


def run(command: Callable[..., None]) -> None:
    """Run a command with the process's arguments; this project's errors become one line.

    Raises:
        SystemExit: always; 0 done, 1 failed, 2 misuse.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(command)
    try:
        app()
    except (EvalError, IndexingError, EmbeddingError) as error:
        typer.echo(f"error: {error}", err=True)
        is_misuse = isinstance(error, ChoiceError | MeasureError | InvalidNameError)
        raise SystemExit(2 if is_misuse else 1) from None
