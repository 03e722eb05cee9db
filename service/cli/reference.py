"""The help blocks of `docs/cli.md`, kept the same as what `--help` prints.

`python -m service.cli.reference docs/cli.md` fills in every block; the text around them is
written by hand. `python -m service.cli.reference` prints the blocks of all verbs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from service.cli.app import command

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 80
"""Columns of the terminal whose help is shown."""

_BLOCK = re.compile(r"```console\n\$ (meari(?: [a-z]+)*) --help\n.*?```\n", re.DOTALL)


def help_texts() -> dict[str, str]:
    """What `--help` prints on a terminal of `WIDTH` columns, by command line, in help's order."""
    return dict(_walk("meari", command(), None))


def filled(page: str) -> str:
    """The page with every help block as it is today.

    Raises:
        KeyError: a block of a command that does not exist.
    """
    texts = help_texts()
    return _BLOCK.sub(lambda found: block(found[1], texts[found[1]]), page)


def shown(page: str) -> set[str]:
    """The command lines whose help the page shows."""
    return {found[1] for found in _BLOCK.finditer(page)}


def block(line: str, text: str) -> str:
    """A command line and its help as Markdown."""
    return f"```console\n$ {line} --help\n{text}```\n"


def _walk(line: str, verb: Any, parent: typer.Context | None) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - typer's commands are not public
    context = typer.Context(
        verb,
        info_name=line.rpartition(" ")[2],
        parent=parent,
        terminal_width=WIDTH,
        **verb.context_settings,
    )
    with context:
        rows = verb.get_help(context).rstrip().splitlines()
        yield line, "".join(f"{row.rstrip()}\n" for row in rows)
        for name, each in getattr(verb, "commands", {}).items():
            yield from _walk(f"{line} {name}", each, context)


def main(arguments: list[str]) -> None:
    """Fill the pages named, or print all blocks."""
    if not arguments:
        sys.stdout.writelines(f"{block(*item)}\n" for item in help_texts().items())
    for name in arguments:
        path = Path(name)
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
