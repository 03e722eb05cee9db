"""The data folder: who holds it, whether its collections can be read, and its keys."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from indexing.card import CARD_FILE, read_card
from indexing.errors import FolderLockedError, IndexingError
from indexing.lock import LOCK_FILE, FolderLock
from service.access.errors import KeysFileError
from service.access.hosts import is_loopback
from service.access.keyring import KEYS_FILE, read_keys
from service.diagnosis.findings import doubtful, fine, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.access.keys import ApiKey
    from service.diagnosis.findings import Finding
    from service.settings import Settings

_SOON_SECONDS = 7 * 86_400
_MOUNTS = Path("/proc/mounts")
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "ceph", "glusterfs", "lustre")


def examine(settings: Settings) -> Iterator[Finding]:
    """What is found in the data folder."""
    folder = settings.data.expanduser()
    yield (place := _place(folder))
    if folder.is_dir() and place.state != "wrong":
        yield _lock(folder)
        yield from _collections(folder)
    yield from _keys(settings, folder)


def _place(folder: Path) -> Finding:
    if not folder.exists():
        there = next(each for each in folder.absolute().parents if each.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            found = f"{folder} is not there and cannot be made in {there}"
            return wrong("data", found, "name another with --data or MEARI_DATA")
        return fine("data", f"{folder} is not there yet; the first command that writes makes it")
    if not folder.is_dir():
        return wrong("data", f"{folder} is a file", "name a folder with --data or MEARI_DATA")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        found = f"{folder} cannot be read and written by this user"
        return wrong("data", found, "give it to the user that serves (chown)")
    kind = _network_kind(folder)
    if kind is not None:
        found = (
            f"{folder} is on a network file system ({kind}), where locks and mapped files may lie"
        )
        return doubtful("data", found, "keep the data folder on a disk of this machine")
    return fine("data", f"{folder} can be read and written")


def _network_kind(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of file system that the folder is on, if it is one of a network."""
    try:
        lines = os.fsdecode(mounts.read_bytes()).splitlines()
    except OSError:
        return None
    place, best = folder.resolve(), (-1, "")
    for line in lines:
        _, mounted, kind, *_ = line.split(" ")
        where = Path(mounted.replace("\\040", " "))
        if place.is_relative_to(where):
            best = max(best, (len(where.parts), kind))
    return best[1] if best[1].startswith(_NETWORK) else None


def _lock(folder: Path) -> Finding:
    if not (folder / LOCK_FILE).exists():
        return fine("lock", "nobody uses the folder")
    try:
        FolderLock(folder, "read", owner="meari doctor").release()
    except FolderLockedError as error:
        return fine("lock", str(error).partition(";")[0])
    return fine("lock", "nobody writes to the folder")


def _collections(folder: Path) -> Iterator[Finding]:
    readable = 0
    for card in sorted(folder.glob(f"*/{CARD_FILE}")):
        if card.parent.name.startswith("."):
            continue
        try:
            read_card(card.parent)
            readable += 1
        except (IndexingError, OSError) as error:
            remedy = "restore it from a backup, or drop it and index its source again"
            yield wrong("collection", f"{card.parent.name}: {error}", remedy)
    yield fine("collections", f"{readable} can be opened, of the format this version reads")


def _keys(settings: Settings, folder: Path) -> Iterator[Finding]:
    try:
        keys = read_keys(folder)
    except KeysFileError as error:
        found, _, remedy = str(error).partition("; ")
        yield wrong("keys", found, remedy)
        return
    now = time.time()
    active = [each for each in keys if each.state(now) == "active"]
    if not keys:
        yield _without(settings)
    elif not active:
        found = f"all {len(keys)} keys are revoked or expired: every request is refused"
        yield wrong("keys", found, "make one with `meari keys create NAME`")
    else:
        yield fine("keys", f"{len(active)} in use")
    yield from _doubts(folder, active, now)


def _doubts(folder: Path, active: list[ApiKey], now: float) -> Iterator[Finding]:
    soon = [each.name for each in active if each.expires and each.expires - now < _SOON_SECONDS]
    if soon:
        remedy = "make others in time with `meari keys create`"
        yield doubtful("keys", f"expire within a week: {', '.join(soon)}", remedy)
    path = folder / KEYS_FILE
    if os.name != "nt" and path.exists() and path.stat().st_mode & 0o077:
        yield wrong("keys", f"{path} can be read by others", f"chmod 600 {path}")


def _without(settings: Settings) -> Finding:
    if is_loopback(settings.host):
        return fine("keys", "none, and none is asked for on this machine")
    if settings.open:
        found = f"none, and {settings.host} is open to whoever reaches it (MEARI_OPEN)"
        return doubtful("keys", found, "make one with `meari keys create NAME --scope admin`")
    found = f"none, and {settings.host} can be reached from other machines: it is not served"
    return wrong("keys", found, "`meari keys create NAME --scope admin`, or MEARI_OPEN=true")
