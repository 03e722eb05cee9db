"""The disk after a power cut, rebuilt from the log of what a process did to it.

Two disks are kept in step with the log: what the process sees, and what is certainly on the
platter. What was written since a file was last flushed, and names that were made, changed or
removed since their folder was, may be there or not:

- `bare`: only what was flushed is there.
- `torn`: every name is as the process saw it; of what was not flushed each block of 512 bytes is
  there or not, and a file is as long as the last that is.
- `early`: as `torn`, but only a first part of the names that were not flushed is there, as a
  journal of names has it.

A flush that failed leaves what it was to bring to the disk in doubt for good: a later one that
succeeds says nothing of it (Rebello et al., Can applications recover from fsync failures?, 2020).
"""

from __future__ import annotations

import random
import shutil
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from benchmarks.reliability.durability.disk import Kind

if TYPE_CHECKING:
    from pathlib import Path

Loss = Literal["bare", "torn", "early"]
LOSSES: tuple[Loss, ...] = ("bare", "torn", "early")
_SECTOR = 512
_HEAD = struct.Struct("<iiqqqqiiii")


@dataclass(frozen=True, slots=True)
class Record:
    """One call that happened; kind 0 is an acknowledgement, `first` its number."""

    kind: int
    failed: bool
    inode: int
    first: int
    second: int
    path: str
    other: str
    data: bytes


def read_log(path: Path) -> list[Record]:
    """The records of a log, a torn last one left out."""
    content, at, found = path.read_bytes(), 0, []
    while at + _HEAD.size <= len(content):
        kind, failed, inode, first, second, _, *sizes, _ = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        parts = []
        for size in sizes:
            parts.append(content[at : at + size])
            at += size
        if at > len(content):
            break
        named, other, data = parts
        record = Record(
            kind, bool(failed), inode, first, second, named.decode(), other.decode(), data
        )
        found.append(record)
    return found


_Change = tuple[int, bytes | int]
"""An offset with bytes, or -1 with a length to which the file is cut or filled."""


@dataclass(slots=True)
class _File:
    """A file.

    Attributes:
        safe: bytes that are on the platter.
        later: changes behind one that a failed flush left in doubt: flushed since, or in doubt.
        pending: changes since the last flush.
    """

    safe: bytearray = field(default_factory=bytearray)
    later: list[tuple[_Change, bool]] = field(default_factory=list)
    pending: list[_Change] = field(default_factory=list)

    def flushed(self, *, failed: bool) -> None:
        if failed or self.later:
            self.later += [(change, not failed) for change in self.pending]
        else:
            for change in self.pending:
                _apply(self.safe, *change)
        self.pending.clear()

    def content(self, chance: random.Random | None) -> bytes:
        """What was flushed, and by chance some of what was not; None: none of it."""
        made = bytearray(self.safe)
        for change, sure in [*self.later, *((each, False) for each in self.pending)]:
            if sure:
                _apply(made, *change)
            elif chance is not None:
                _apply_some(made, *change, chance)
        return bytes(made)


def _apply_some(
    content: bytearray, offset: int, change: bytes | int, chance: random.Random
) -> None:
    """By chance each block of a change."""
    if isinstance(change, int):
        if chance.random() < 0.5:
            _apply(content, offset, change)
        return
    for start in range(0, len(change), _SECTOR):
        if chance.random() < 0.5:
            _apply(content, offset + start, change[start : start + _SECTOR])


def _apply(content: bytearray, offset: int, change: bytes | int) -> None:
    if isinstance(change, int):
        del content[change:]
        content.extend(bytes(max(0, change - len(content))))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(change)] = change


_FOLDER = -1
_Names = dict[str, int]
"""Numbers of files by path; `_FOLDER` for folders."""


class PowerCut:
    """The disk of a moment.

    Args:
        disk: the folder that is watched, as it is when the log begins: all of it flushed.
    """

    def __init__(self, disk: Path) -> None:
        self._root = str(disk.resolve())
        self._files: list[_File] = []
        self._by_inode: dict[int, int] = {}
        self._names: _Names = {self._root: _FOLDER}
        self._waiting: list[tuple[Record, int]] = []
        self.acknowledged = 0
        for path in sorted(disk.resolve().rglob("*")):
            self._names[str(path)] = _FOLDER
            if path.is_file():
                made = self._make_file(path.stat().st_ino, bytearray(path.read_bytes()))
                self._names[str(path)] = made
        self._safe = dict(self._names)

    def follow(self, record: Record) -> None:
        """Take the next record into account."""
        if record.kind == 0:
            self.acknowledged = record.first
        elif record.kind == Kind.SYNC:
            self._flush(record)
        elif record.kind in {Kind.WRITE, Kind.TRUNCATE}:
            place = self._by_inode.get(record.inode)
            if place is not None:
                is_write = record.kind == Kind.WRITE
                change: _Change = (record.first, record.data) if is_write else (-1, record.first)
                self._files[place].pending.append(change)
        else:
            made = _FOLDER
            if record.kind == Kind.CREATE:
                made = self._make_file(record.inode, bytearray())
            elif record.kind == Kind.MKDIR:
                self._by_inode.pop(record.inode, None)
            self._waiting.append((record, made))
            _rename(self._names, record, made)

    def _make_file(self, inode: int, content: bytearray) -> int:
        self._files.append(_File(content))
        self._by_inode[inode] = len(self._files) - 1
        return len(self._files) - 1

    def _flush(self, record: Record) -> None:
        place = self._by_inode.get(record.inode)
        if place is not None:
            self._files[place].flushed(failed=record.failed)
        elif not record.failed:
            # Journals of names are in order: flushing a folder flushes all names changed before.
            self._safe = dict(self._names)
            self._waiting.clear()

    def make(self, folder: Path, loss: Loss, seed: int) -> None:
        """Put the disk that a power cut now would leave into the folder, which is emptied."""
        chance = random.Random(seed)
        names = dict(self._names)
        if loss == "bare":
            names = self._safe
        elif loss == "early":
            names = self._early(chance)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path, place in sorted(names.items()):
            target = folder / path[len(self._root) + 1 :]
            if place == _FOLDER:
                target.mkdir(parents=True, exist_ok=True)
            elif not path.endswith("-shm"):  # made anew by whoever opens the database first
                target.parent.mkdir(parents=True, exist_ok=True)
                kept = None if loss == "bare" else chance
                target.write_bytes(self._files[place].content(kept))

    def _early(self, chance: random.Random) -> _Names:
        """Names after a first part of what was not flushed."""
        names = dict(self._safe)
        for record, made in self._waiting[: chance.randint(0, len(self._waiting))]:
            _rename(names, record, made)
        return names


def _rename(names: _Names, record: Record, made: int) -> None:
    """Change names as the record says."""
    below = f"{record.path}/"
    if record.kind in {Kind.CREATE, Kind.MKDIR}:
        names[record.path] = made
    elif record.kind in {Kind.UNLINK, Kind.RMDIR}:
        names.pop(record.path, None)
    elif record.kind == Kind.RENAME:
        moved = {record.path: record.other} | {
            path: record.other + path[len(record.path) :]
            for path in names
            if path.startswith(below)
        }
        gone = f"{record.other}/"
        for path in [path for path in names if path == record.other or path.startswith(gone)]:
            del names[path]
        for old, new in moved.items():
            if old in names:
                names[new] = names.pop(old)
