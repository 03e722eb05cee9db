"""Checking folders: of a collection, of collections, of backups."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import typer

from service.cli.backup_store import told
from service.cli.errors import FAILED, MisuseError
from service.cli.output import counted, warn, write, write_json
from service.cli.progress import waiting

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.backup.checking import BackupsReport
    from indexing.backup.folder import BackupFolder
    from service.client import JsonObject


def is_path(text: str) -> bool:
    """True for what can be no collection's name but a folder's."""
    return os.sep in text or "/" in text or text in {".", "..", "~"}


def verify_folder(
    path: Path, place: tuple[Path | None, str | None], *, repair: bool, as_json: bool
) -> None:
    """Check a folder for what it is, and tell.

    Args:
        path: the folder.
        place: data folder and server as they were named: neither goes with a path.
        repair: mend what can be mended.
        as_json: tell it as JSON.

    Raises:
        MisuseError: the folder is none of the three, or a place is named as well.
        typer.Exit: something is wrong.
    """
    from indexing.backup.folder import MARKER, BackupFolder
    from indexing.card import CARD_FILE

    path = path.expanduser()
    if place != (None, None):
        message = f"{path} says where to look; leave --data and --url out"
        raise MisuseError(message)
    if (path / MARKER).exists():
        ok = _check_backups(BackupFolder(path), repair=repair, as_json=as_json)
    elif (path / CARD_FILE).exists():
        answer = _check_collection(path, repair=repair)
        if as_json:
            write_json(answer)
        else:
            show_report(str(path), answer, repair=repair)
        ok = answer["ok"]
    elif any(path.glob(f"*/{CARD_FILE}")):
        ok = _check_all(path, repair=repair, as_json=as_json)
    else:
        message = f"{path} holds no collection, no collections and no backups"
        raise MisuseError(message)
    if not ok:
        raise typer.Exit(FAILED)


def show_report(name: str, answer: JsonObject, *, repair: bool) -> None:
    """What checking a collection found."""
    for done in answer["repaired"]:
        write(f"repaired: {done}")
    for problem in answer["problems"]:
        write(f"problem: {problem}")
    checked = counted(answer["documents"], "document")
    if answer["ok"]:
        write(f"{name}: {checked} checked, everything agrees")
        return
    remedy = (
        "what is left cannot be mended from the texts; restore a backup, or index the source again"
        if repair
        else f"`meari collections verify {name} --repair` mends what can be mended"
    )
    write(f"{name}: {counted(len(answer['problems']), 'problem')}, {checked} checked; {remedy}")


def _check_collection(path: Path, *, repair: bool) -> JsonObject:
    from indexing.local import LocalCollection
    from service.schemas.collections import VerifyAnswer

    mode: Literal["read", "write"] = "write" if repair else "read"
    with (
        LocalCollection.open(path, mode=mode, maintain=False) as collection,
        waiting(f"checking {path}"),
    ):
        for problem in collection.problems:
            warn(problem)
        return VerifyAnswer.of(collection.verify(repair=repair)).model_dump(mode="json")


def _check_all(path: Path, *, repair: bool, as_json: bool) -> bool:
    """Every collection of a data folder; one that cannot be opened keeps no other from it."""
    from indexing.data_folder import DataFolder
    from indexing.errors import IndexingError
    from service.schemas.collections import VerifyAnswer

    answers: dict[str, JsonObject] = {}
    mode: Literal["read", "write"] = "write" if repair else "read"
    with DataFolder.open(path, mode=mode, create=False, maintain=False) as folder:
        for name in folder.names():
            with waiting(f"checking {name}"):
                try:
                    report = folder.collection(name).verify(repair=repair)
                    answers[name] = VerifyAnswer.of(report).model_dump(mode="json")
                except (IndexingError, OSError) as error:
                    answers[name] = {
                        "ok": False,
                        "documents": 0,
                        "problems": [str(error)],
                        "repaired": [],
                    }
            if not as_json:
                show_report(name, answers[name], repair=repair)
    ok = all(answer["ok"] for answer in answers.values())
    if as_json:
        write_json({"ok": ok, "collections": answers})
    return ok


def _check_backups(folder: BackupFolder, *, repair: bool, as_json: bool) -> bool:
    from indexing.backup.checking import check

    with told("checking backups") as tell:
        report = check(folder, repair=repair, told=tell)
    if as_json:
        write_json(report.to_json())
    else:
        _show_backups(report, repair=repair)
    return report.ok


def _show_backups(report: BackupsReport, *, repair: bool) -> None:
    for done in report.repaired:
        write(f"repaired: {done}")
    for problem in report.problems:
        write(f"problem: {problem}")
    for id_, problems in report.broken.items():
        for problem in problems:
            write(f"{id_} is not whole: {problem}")
    whole = counted(len(report.whole), "backup")
    read = counted(report.blocks, "block")
    write(f"{whole} whole, {len(report.broken):,} not; {read} read")
    if report.broken:
        write(
            "the next backup of a collection that still has what was lost writes it again"
            if repair
            else "--repair takes damaged blocks out, so that the next backup writes them again"
        )
