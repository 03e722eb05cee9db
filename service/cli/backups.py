"""`meari collections backup|restore|drill` and `meari backups`: copies that can be relied on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.backup_store import opened_backups
from service.cli.errors import FAILED, MisuseError
from service.cli.output import (
    AsJson,
    counted,
    note,
    told_bytes,
    told_time,
    warn,
    write,
    write_json,
    write_table,
)
from service.cli.store import Data, Url  # noqa: TC001 - typer reads them

if TYPE_CHECKING:
    from service.client import JsonObject

Name = Annotated[str, typer.Argument(metavar="NAME", help="The collection.")]
Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        help="Of the backups. [default: $MEARI_BACKUPS; with --url the server's own]",
    ),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="FOLDER", help="Takes the backup; made if missing. [$MEARI_BACKUPS]"
    ),
]
Drill = Annotated[bool, typer.Option("--drill", help="Try the backup at once.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Of the collection it becomes.")]
Backup = Annotated[str | None, typer.Option("--backup", metavar="ID", help="Which. [the latest]")]
Of = Annotated[
    str | None,
    typer.Option("--of", metavar="NAME", help="The latest of this collection, where of several."),
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Take documents and vectors alone; make indexes anew.")
]
Queries = Annotated[
    int, typer.Option("--queries", metavar="N", help="Documents sampled to ask with.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the sample.")]
Keep = Annotated[
    int, typer.Option("--keep", metavar="N", help="How many stay of each collection, 1 or more.")
]
OnlyOf = Annotated[
    str | None, typer.Option("--of", metavar="NAME", help="Only backups of this collection go.")
]


def backup(
    name: Name,
    to: To = None,
    drill: Drill = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Keep a collection as it is now; what the folder holds already is not written again."""
    with opened_backups(to, data, url, creates=True) as backups:
        made = backups.back_up(name)
        report = backups.drill(made["id"]) if drill else None
    if as_json:
        write_json(made if report is None else {"backup": made, "drill": report})
    else:
        size, new = told_bytes(made["bytes"]), told_bytes(made["written"])
        documents = counted(made["documents"], "document")
        write(
            f"{made['id']}: {documents}, {size} of {name}, {new} written in "
            f"{told_time(made['seconds'])}"
        )
    if report is not None:
        _tell_drill(report, as_json=as_json)


def restore(
    as_: As,
    folder: Folder = None,
    backup: Backup = None,
    of: Of = None,
    rebuild: Rebuild = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Bring a collection back under a name that is free, once everything was checked."""
    with opened_backups(folder, data, url, mode="write") as backups:
        answer = backups.restore(backups.chosen(backup, of), as_, rebuild=rebuild)
    for warning in answer["warnings"]:
        warn(warning)
    if as_json:
        write_json(answer)
    else:
        documents = counted(answer["documents"], "document")
        write(f"{answer['name']}: {documents} restored from {answer['backup']}")


def drill(
    folder: Folder = None,
    backup: Backup = None,
    of: Of = None,
    queries: Queries = 50,
    seed: Seed = 0,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup aside, compare it and its answers with the collection, and remove it.

    Exit status 1 if it cannot be relied on.
    """
    with opened_backups(folder, data, url) as backups:
        report = backups.drill(backups.chosen(backup, of), queries=queries, seed=seed)
    if as_json:
        write_json(report)
    _tell_drill(report, as_json=as_json)


def list_(
    folder: Folder = None, url: Url = None, of: OnlyOf = None, as_json: AsJson = False
) -> None:
    """List backups, oldest first."""
    with opened_backups(folder, None, url, reads_data=False) as backups:
        answer = backups.list()
    shown = [each for each in answer["backups"] if of in {None, each["collection"]}]
    if as_json:
        write_json({**answer, "backups": shown})
        return
    rows = [
        (
            each["id"],
            each["collection"],
            each["documents"],
            each["encoder"],
            told_bytes(each["bytes"]),
            told_bytes(each["written"]),
        )
        for each in shown
    ]
    if rows:
        columns = ("backup", "collection", "documents", "encoder", "size", "written")
        write_table(columns, rows, numbers="documents size written")
    else:
        note("no backups yet; `meari collections backup NAME --to FOLDER` makes one")
    for problem in answer["unreadable"].values():
        warn(problem)


def prune(
    keep: Keep,
    folder: Folder = None,
    of: OnlyOf = None,
    as_json: AsJson = False,
) -> None:
    """Remove all backups but the newest of each collection, and what only those needed."""
    from dataclasses import asdict

    from indexing.backup.pruning import prune as pruned
    from service.cli.backup_store import backups_folder

    if keep < 1:
        message = f"--keep is {keep}; at least 1 backup of each collection stays"
        raise MisuseError(message)
    done = pruned(backups_folder(folder), keep, name=of)
    if as_json:
        write_json(asdict(done))
        return
    for id_ in done.removed:
        write(f"removed {id_}")
    left = counted(len(done.kept), "backup")
    write(f"{left} left, {told_bytes(max(0, done.freed))} freed")


def _tell_drill(report: JsonObject, *, as_json: bool) -> None:
    """What a drill found.

    Raises:
        typer.Exit: it failed.
    """
    if not as_json:
        _write_drill(report)
    if not report["ok"]:
        raise typer.Exit(FAILED)


def _write_drill(report: JsonObject) -> None:
    rows: list[tuple[Any, ...]] = [
        (
            each["mode"],
            each["queries"],
            each["agreeing"],
            f"{each['overlap']:.1%}",
            f"{each['difference']:.2g}",
            "yes" if each["judged"] else each["note"],
        )
        for each in report["replays"]
    ]
    if rows:
        columns = ("mode", "queries", "the same", "overlap@10", "scores differ by", "judged")
        write_table(columns, rows, numbers="queries overlap@10", folds="judged")
    for problem in report["problems"]:
        write(f"problem: {problem}")
    held = counted(report["documents"], "document")
    against = (
        "there is no such collection to compare with"
        if report["changed"] is None
        else f"{report['compared']:,} compared with {report['collection']}"
        + (", which was written to since" if report["changed"] else "")
    )
    spent = told_time(sum(report["seconds"].values()))
    verdict = "passed" if report["ok"] else "FAILED"
    write(f"drill of {report['backup']} {verdict}: {held} restored, {against}, in {spent}")
