"""The layer of `disk.c`: compiled when needed, loaded before everything else, told what to do."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
from enum import IntEnum, IntFlag
from pathlib import Path

_SOURCE = Path(__file__).with_name("disk.c")
_LOADED = "LD_PRELOAD"


class Kind(IntFlag):
    """Calls that change files."""

    WRITE = 1
    SYNC = 2
    RENAME = 4
    TRUNCATE = 8
    UNLINK = 16
    CREATE = 32
    MKDIR = 64
    RMDIR = 128


ALL = Kind(255)


class Action(IntEnum):
    """What a call meets."""

    PASS = 0
    KILL_BEFORE = 1
    KILL_HALF = 2
    """Half of a write is written; other calls happen whole."""
    KILL_AFTER = 3
    FAIL = 4
    FAIL_ON = 5
    """This call fails and all after it."""
    FAIL_HALF = 6
    """Half of a write is written before it fails."""
    SHORT = 7
    """Half of a write is written, and so it is told."""
    FULL = 8
    """So many bytes may still be written; there is no space for more."""


class _Plan(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("calls", "at", "action", "error", "kinds")),
        *((name, ctypes.c_int64) for name in ("space", "met", "log", "active")),
        ("what", ctypes.c_char * 200),
    )


class DiskUnavailableError(Exception):
    """There is no compiler, or no system that loads the layer."""


def compile_layer(folder: Path) -> Path:
    """The layer as a shared library in the folder.

    Raises:
        DiskUnavailableError: it cannot be made here.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if sys.platform != "linux" or compiler is None:
        message = "the layer needs Linux and a C compiler (cc, gcc or clang)"
        raise DiskUnavailableError(message)
    made = folder / "disk.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(made), str(_SOURCE)]
    done = subprocess.run([*command, "-ldl", "-lpthread"], capture_output=True, check=False)
    if done.returncode:
        message = f"{_SOURCE} does not compile: {done.stderr.decode(errors='replace')[:500]}"
        raise DiskUnavailableError(message)
    return made


def environment(layer: Path) -> dict[str, str]:
    """The environment of a process that runs on the layer, with one thread for arithmetic."""
    return {**os.environ, _LOADED: str(layer), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


class Disk:
    """What this process and those forked from it are told of the disk, and what became of it.

    Raises:
        DiskUnavailableError: the process was not started with `environment`.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, max(4096, ctypes.sizeof(_Plan)))
        self._plan = _Plan.from_buffer(self._shared)
        library = ctypes.CDLL(None)
        try:
            self._watch, self._mark = library.disk_watch, library.disk_mark
        except AttributeError as error:
            message = f"this process runs without the layer: start it with {_LOADED}"
            raise DiskUnavailableError(message) from error
        self._plan.log = -1

    def watch(self, folder: Path) -> None:
        """Count what happens below the folder, from `arm` on; in this process."""
        self._watch(ctypes.byref(self._plan), ctypes.c_char_p(os.fsencode(folder.resolve())))

    def arm(
        self,
        action: Action = Action.PASS,
        at: int = 0,
        *,
        error: int = 0,
        kinds: int = ALL,
        space: int = 0,
        log: int = -1,
    ) -> None:
        """Count from nothing, and let it happen at the call of that number among the kinds."""
        plan = self._plan
        plan.active = 0
        plan.calls, plan.met, plan.what = 0, 0, b""
        plan.at, plan.action, plan.error, plan.kinds, plan.space = at, action, error, kinds, space
        plan.log = log
        plan.active = 1

    def pass_all(self) -> None:
        """Let everything pass from here on, still logged."""
        self._plan.action = Action.PASS

    def rest(self) -> None:
        """Let everything pass, uncounted."""
        self._plan.active = 0

    def mark(self, number: int) -> None:
        """Note in the log that so many operations were acknowledged."""
        self._mark(ctypes.c_int64(number), None)

    @property
    def calls(self) -> int:
        """Calls counted since `arm`."""
        return int(self._plan.calls)

    @property
    def met(self) -> int:
        """Calls that were failed, shortened or killed since then."""
        return int(self._plan.met)

    @property
    def what(self) -> str:
        """The first of them: its name and the path below the folder."""
        return bytes(self._plan.what).decode(errors="replace")
