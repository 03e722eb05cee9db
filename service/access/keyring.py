"""The file of keys in a data folder: the command line changes it, the server reads it.

It belongs to nobody: keys are made and revoked while a server owns the folder.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.files import remove_temporary, replacing
from indexing.validation import check_name
from service.access.errors import KeysFileError, KeyWishError
from service.access.keys import ApiKey, PresentedKey, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS_FILE = "keys.json"
_LOCK_FILE = ".keys.lock"
FORMAT = 1
_MOST_NAME = 64
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What a new key shall be.

    Attributes:
        name: what people call it; no other active key has it.
        scope: what it may do.
        collections: those it may see; empty: all.
        rate: requests a minute, 1 or more; None: no bound.
        max_bytes: of a request's body; None: the service's bounds alone.
        days: until it expires, above 0; None: never.
    """

    name: str
    scope: Scope = "read"
    collections: tuple[str, ...] = ()
    rate: int | None = None
    max_bytes: int | None = None
    days: float | None = None

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            KeyWishError: naming the value, the limit and the remedy.
            InvalidNameError: a collection that cannot be.
        """
        if not self.name.strip() or len(self.name) > _MOST_NAME or not self.name.isprintable():
            message = f"name is {self.name!r}; a key's name has 1 to {_MOST_NAME} characters"
            raise KeyWishError(message)
        for name, value in (("rate", self.rate), ("expires", self.days), ("size", self.max_bytes)):
            if value is not None and value <= 0:
                raise KeyWishError(f"{name} is {value}; it must be above 0, or be left out")
        for collection in self.collections:
            check_name(collection)


def read_keys(folder: Path) -> tuple[ApiKey, ...]:
    """The keys of a data folder, oldest first; empty where there is no file of them.

    Raises:
        KeysFileError: the file cannot be read.
    """
    path = folder / KEYS_FILE
    try:
        told = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            message = (
                f"{path} has format {told['format']}, this version reads {FORMAT}; update Meari"
            )
            raise KeysFileError(message)
        return tuple(ApiKey.from_json(each) for each in told["keys"])
    except (FileNotFoundError, NotADirectoryError):  # of a folder that is none others tell
        return ()
    except OSError as error:
        reason = f"{path} cannot be read: {error.strerror or error}"
        message = f"{reason}; give it to the user that serves (chown), mode 600"
        raise KeysFileError(message) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        reason = f"{path} is no file of keys ({type(error).__name__}: {error})"
        message = f"{reason}; restore it from a backup, or remove it and make the keys anew"
        raise KeysFileError(message) from error


def create_key(folder: Path, wish: KeyWish) -> tuple[ApiKey, str]:
    """A new key in the folder, which is made if it is missing.

    Returns:
        What is kept of it, and the key as it is written: kept nowhere, never to be seen again.

    Raises:
        KeyWishError: an impossible wish, or an active key has the name.
        KeysFileError: the file cannot be read.
    """
    wish.check()
    folder.mkdir(parents=True, exist_ok=True)
    with _changing(folder) as keys:
        now = int(time.time())
        if same := [
            each for each in keys if each.name == wish.name and each.state(now) == "active"
        ]:
            remedy = f"revoke it first (`meari keys revoke {same[0].id}`), or choose another name"
            raise KeyWishError(f"a key named {wish.name!r} is in use ({same[0].id}); {remedy}")
        taken = {each.id for each in keys}
        presented = next(key for key in iter(PresentedKey.new, None) if key.id not in taken)
        made = ApiKey.of(
            presented,
            wish.name,
            scope=wish.scope,
            created=now,
            collections=wish.collections or None,
            rate=wish.rate,
            max_bytes=wish.max_bytes,
            expires=None if wish.days is None else now + round(wish.days * _DAY_SECONDS),
        )
        _write(folder, [*keys, made])
    return made, presented.write()


def revoke_key(folder: Path, named: str) -> ApiKey:
    """Take a key's effect; it stays in the file, so that an empty file never opens the service.

    Args:
        folder: the data folder.
        named: the key's id, or the name of an active one.

    Raises:
        KeyWishError: there is no such key.
        KeysFileError: the file cannot be read.
    """
    if not folder.is_dir():
        raise KeyWishError(f"no data folder {folder}; --data names another")
    with _changing(folder) as keys:
        now = int(time.time())
        by_id = [each for each in keys if each.id == named]
        by_name = [each for each in keys if each.name == named and each.state(now) == "active"]
        if not (found := by_id or by_name):
            there = ", ".join(each.name for each in keys if each.state(now) == "active") or "none"
            raise KeyWishError(f"no key {named!r} is in use (in use: {there})")
        revoked = found[0].revoke(now)
        _write(folder, [revoked if each is found[0] else each for each in keys])
    return revoked


@contextmanager
def _changing(folder: Path) -> Iterator[list[ApiKey]]:
    """The keys, while nobody else changes them."""
    import fcntl

    lock = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield list(read_keys(folder))
    finally:
        os.close(lock)


def _write(folder: Path, keys: list[ApiKey]) -> None:
    """Replace the file; its owner alone may read it, which is the folder's where root writes."""
    told = {"format": FORMAT, "keys": [each.to_json() for each in keys]}
    content = json.dumps(told, ensure_ascii=False, indent=1).encode()
    path = folder / KEYS_FILE
    remove_temporary(folder, KEYS_FILE)
    with replacing(path) as temporary:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as opened:
            os.fchmod(file, 0o600)
            if os.geteuid() == 0:
                owner = folder.stat()
                os.fchown(file, owner.st_uid, owner.st_gid)
            opened.write(content)
