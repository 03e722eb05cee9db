"""`meari collections`: what there is, how it is, and caring for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from service.cli.card import told_index, told_maintenance, write_card
from service.cli.errors import FAILED, MisuseError
from service.cli.output import (
    AsJson,
    counted,
    note,
    told_bytes,
    warn,
    write,
    write_json,
    write_table,
)
from service.cli.progress import waiting, watched
from service.cli.store import Data, Url, opened
from service.cli.verifying import is_path, show_report, verify_folder

if TYPE_CHECKING:
    from service.cli.store import Store
    from service.client.questions import OptimizeOptions

Name = Annotated[str, typer.Argument(metavar="NAME", help="The collection.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Recall = Annotated[
    float | None,
    typer.Option("--recall", metavar="R", help="To reach, above 0 to 1. [as before, or 0.98]"),
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="The index may keep in memory: 700M, 1.5GB."),
]
Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="flat, hnsw, hnsw-sq8 or ivf-pq. [chosen by size]"),
]
Repair = Annotated[
    bool, typer.Option("--repair", help="Mend what can be mended from the documents' texts.")
]
NameOrFolder = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The collection; or the path of any folder of a collection, of collections or of "
        "backups, with a / in it.",
    ),
]


def list_(data: Data = None, url: Url = None, as_json: AsJson = False) -> None:
    """List the collections."""
    with opened(data, url) as store:
        answer = store.collections()
    if as_json:
        write_json(answer)
        return
    rows = [
        (
            each["name"],
            each["documents"],
            each["encoder"]["name"],
            each["metric"],
            told_index(each),
            told_bytes(each["bytes"]),
        )
        for each in answer["collections"]
    ]
    if rows:
        columns = ("name", "documents", "encoder", "metric", "index", "size")
        write_table(columns, rows, numbers="documents size")
    elif not answer["unusable"]:
        note("no collections yet; `meari index FILE --into NAME` makes one")
    for each in answer["collections"]:
        for problem in each["problems"]:
            warn(f"{each['name']}: {problem}")
    for name, problem in answer["unusable"].items():
        warn(f"{name} cannot be opened: {problem}")


def show(name: Name, data: Data = None, url: Url = None, as_json: AsJson = False) -> None:
    """Show what a collection is and what it holds."""
    with opened(data, url) as store:
        answer = store.collection(name)
    if as_json:
        write_json(answer)
        return
    write_card(answer)
    for problem in answer["problems"]:
        warn(problem)


def drop(
    name: Name, yes: Yes = False, data: Data = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Remove a collection and all its documents, for good."""
    with opened(data, url, mode="write") as store:
        if not yes:
            _confirm(f"remove {name}{_contents(store, name)} for good?")
        answer = store.drop(name)
    if as_json:
        write_json(answer)
    else:
        documents = answer["documents"]
        held = f", {counted(documents, 'document')}" if documents else ""
        write(f"removed {answer['name']}{held}")


def optimize(
    name: Name,
    recall: Recall = None,
    memory: Memory = None,
    kind: Kind = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Build the search index and measure its recall.

    What is asked for holds from then on; what is left out stays as it was.
    """
    asked: OptimizeOptions = {"recall": recall, "memory_bytes": _size(memory), "kind": kind}
    wish = cast(
        "OptimizeOptions", {key: value for key, value in asked.items() if value is not None}
    )
    with (
        opened(data, url, mode="write") as store,
        waiting(f"optimising {name}") as say,
        watched(lambda: say(f"{name}: {told_maintenance(store.collection(name))}")),
    ):
        answer = store.optimize(name, **wish)
    if as_json:
        write_json(answer)
    else:
        write(f"{name}: {told_index(answer)}")


def verify(
    name: NameOrFolder,
    repair: Repair = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Check that documents, vectors and index agree, or that backups are whole.

    Exit status 1 if they do not.
    """
    if is_path(name):
        verify_folder(Path(name), (data, url), repair=repair, as_json=as_json)
        return
    with (
        opened(data, url, mode="write" if repair else "read") as store,
        waiting(f"checking {name}"),
    ):
        answer = store.verify(name, repair=repair)
        found_on_opening = store.collection(name)["problems"] if answer["ok"] else []
    for problem in found_on_opening:
        warn(problem)
    if as_json:
        write_json(answer)
    else:
        show_report(name, answer, repair=repair)
    if not answer["ok"]:
        raise typer.Exit(FAILED)


def _size(text: str | None) -> int | None:
    """Bytes of a size as it is written on the command line.

    Raises:
        MisuseError: it is none.
    """
    from service.sizes import parse_size

    try:
        return None if text is None else parse_size(text)
    except ValueError as error:
        message = f"--memory {error}"
        raise MisuseError(message) from error


def _contents(store: Store, name: str) -> str:
    """What would go with it; nothing for a collection that cannot be opened, or is not there."""
    held = [each for each in store.collections()["collections"] if each["name"] == name]
    return f" and its {counted(held[0]['documents'], 'document')}" if held else ""


def _confirm(question: str) -> None:
    """Ask on a terminal; elsewhere nobody can answer.

    Raises:
        MisuseError: there is no terminal.
        typer.Abort: the answer is no.
    """
    if not sys.stdin.isatty():
        message = f"{question} Nobody can be asked here; say --yes to do it"
        raise MisuseError(message)
    if not typer.confirm(question, err=True):
        note("nothing was removed")
        raise typer.Abort
