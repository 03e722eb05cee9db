"""What is answered about backups."""

from __future__ import annotations

from typing import TypedDict


class BackupAnswer(TypedDict):
    """A backup of a collection."""

    id: str
    collection: str
    created: str
    documents: int
    encoder: str
    fingerprint: str
    metric: str
    bytes: int
    written: int
    seconds: float


class BackupsAnswer(TypedDict):
    """The backups there are, oldest first; by id why others cannot be read."""

    backups: list[BackupAnswer]
    unreadable: dict[str, str]
