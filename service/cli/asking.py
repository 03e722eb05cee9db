"""The options that `search` and `recommend` share."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from service.cli.errors import MisuseError

Name = Annotated[str, typer.Argument(metavar="NAME", help="Collection to ask.")]
Limit = Annotated[int, typer.Option("-k", "--limit", metavar="K", help="Matches wanted.")]
Offset = Annotated[int, typer.Option("--offset", metavar="N", help="Matches left out first.")]
Cursor = Annotated[
    str | None,
    typer.Option("--cursor", metavar="C", help="Go on behind the page that named it."),
]
FilterJson = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="JSON",
        help='Only documents that satisfy it: {"must":[{"key":"language","match":{"value":"ko"}}]}',
    ),
]
Exact = Annotated[bool, typer.Option("--exact", help="Compare with every vector.")]
Recall = Annotated[
    float | None,
    typer.Option(
        "--recall",
        metavar="R",
        help="Share of the true nearest to find, above 0 to 1. [the collection's]",
    ),
]
Parents = Annotated[
    bool, typer.Option("--parents", help="Only the best chunk of each longer text.")
]


def parsed(filter_json: str | None) -> Any:  # noqa: ANN401 - any JSON; the grammar comes later
    """The filter as JSON; None for none.

    Raises:
        MisuseError: it is not JSON.
    """
    if filter_json is None:
        return None
    try:
        return json.loads(filter_json)
    except ValueError as error:
        message = (
            f"--filter is not JSON ({error}); quote it for the shell: "
            """--filter '{"must":[{"key":"language","match":{"value":"ko"}}]}'"""
        )
        raise MisuseError(message) from error
