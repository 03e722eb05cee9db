"""The requests about backups; see `service.client.calls`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from service.client.calls import Call

if TYPE_CHECKING:
    from service.client import answers_backups, answers_structure


def backups() -> Call[answers_backups.BackupsAnswer]:
    """The backups in the server's folder for them, oldest first."""
    return Call("GET", "/v1/backups")


def back_up(name: str) -> Call[answers_structure.Job]:
    """A job that keeps a collection as it is; its result is the backup."""
    path = f"/v1/collections/{quote(name, safe='')}/backups"
    return Call("POST", path, works=True, repeats=False)


def restore_backup(id: str, name: str, *, rebuild: bool = False) -> Call[answers_structure.Job]:
    """A job that brings a backup back as a collection of a name that is free."""
    body = {"name": name, "rebuild": rebuild}
    return Call("POST", f"{_path(id)}/restore", body, works=True, repeats=False)


def drill_backup(id: str, *, queries: int = 50, seed: int = 0) -> Call[answers_structure.Job]:
    """A job that tries a backup; its result is the report."""
    body = {"queries": queries, "seed": seed}
    return Call("POST", f"{_path(id)}/drill", body, works=True, repeats=False)


def _path(id: str) -> str:
    return f"/v1/backups/{quote(id, safe='')}"
