"""The work of a job in a process of its own: it can be stopped at once, and slows nobody here.

The process reads the files of collections that this one owns. It opens one only while nothing is
written there and no compaction changes files, which it asks for first; what it holds open from
then on stays what it was. Messages are JSON arrays, one a frame:

| from the process | answer |
|---|---|
| `["open", name]` | `["folder", path]`, then the process says `["opened"]` |
| `["progress", stage, done, total, eta_s]` | |
| `["keep"]` | `["go"]` |
| `["adopt", path, name]` | `["go"]`, or `["exists", message]` |
| `["done", result]` or `["failed", fault, traceback]` | |
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.errors import CancelledError
from embeddings.processors import usable_processors
from indexing.data_folder import ASIDE
from indexing.errors import CollectionExistsError
from service.jobs.errors import TaskFailedError, TaskLostError
from service.jobs.types import Fault, JobProgress
from service.resources import private_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from indexing.local import LocalCollection
    from service.jobs.types import Job
    from service.resources import Resources

    Opening = Callable[[str], AbstractContextManager[LocalCollection]]
    """Gives a collection that nobody drops until the block ends."""

logger = logging.getLogger(__name__)

_OPENING_SECONDS = 120.0
_LOOK_SECONDS = 0.1
"""Between two looks at the memory that is taken."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_START = """\
import json, os, sys
given = json.loads(sys.argv[1])
os.nice(given["niceness"])
os.environ.update(given["environment"])
sys.path[:] = given["path"]
from service.jobs.worker import main
main(given["descriptor"], given["lifeline"], given["job"])
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where jobs are done.

    Attributes:
        opening: gives collections.
        threads: that compute at the same time; None leaves one processor to others.
        niceness: by which they give way to all others.
        processes: numbers of those that run.
        data: the data folder.
        backups: the folder for backups; None: there is none.
        disk_floor: bytes of a disk that have to stay free while backups are written and restored.
        resources: say when this process and those of jobs take more memory than they may; the
            job is ended then. None: never.
        adopt: makes a folder beside the collections one of them; see `DataFolder.adopt`.
    """

    opening: Opening
    threads: int | None = None
    niceness: int = 0
    processes: set[int] = field(default_factory=set)
    data: Path | None = None
    backups: Path | None = None
    disk_floor: int = 0
    adopt: Callable[[Path, str], None] | None = None
    resources: Resources | None = None

    def begin(self, job: Job) -> ProcessTask:
        """The work of that job."""
        return ProcessTask(job, self)


class ProcessTask:
    """The work of one job, done by a process that ends with it; see `Task`."""

    def __init__(self, job: Job, place: Place) -> None:
        self._job = job
        self._place = place
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(
        self, told: Callable[[JobProgress], None], permitted: Callable[[], None]
    ) -> Mapping[str, Any]:
        """Do it and wait for the result; see `Task.run`.

        Raises:
            CancelledError: it was stopped.
            TaskFailedError: the process says why not.
            TaskLostError: the process ended without a word.
        """
        with self._started() as connection:
            try:
                return self._listen(connection, told, permitted)
            except (EOFError, OSError) as error:
                raise self._lost() from error

    def stop(self) -> None:
        """End the process; see `Task.stop`."""
        with self._guard:
            self._stopped = True
            process = self._process
        if process is not None:
            process.kill()
            process.wait()

    @contextmanager
    def _started(self) -> Iterator[Connection]:
        """The process, which is gone when the block ends."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs_alive, lifeline = os.pipe()
            try:
                with self._guard:
                    if self._stopped:
                        message = "the job was stopped before it began"
                        raise CancelledError(message)
                    self._process = self._start(theirs.fileno(), theirs_alive)
                    self._place.processes.add(self._process.pid)
                os.close(theirs_alive)
                theirs_alive = -1
                theirs.close()
                with Connection(ours.detach()) as connection:
                    yield connection
            finally:
                os.close(lifeline)
                if theirs_alive >= 0:
                    os.close(theirs_alive)
                if self._process is not None:
                    self._process.kill()
                    self._process.wait()
                    self._place.processes.discard(self._process.pid)
                    self._tidy(self._process.pid)

    def _tidy(self, pid: int) -> None:
        """Remove what a process that was killed had begun to restore."""
        if self._place.data is not None:
            for left in self._place.data.glob(f"{ASIDE}*-{pid}-{'?' * 8}"):
                shutil.rmtree(left, ignore_errors=True)

    def _start(self, descriptor: int, lifeline: int) -> subprocess.Popen[bytes]:
        threads = self._place.threads or max(1, usable_processors() - 1)
        given = {
            "niceness": self._place.niceness,
            "environment": dict.fromkeys(_THREADS, str(threads)),
            "path": sys.path,
            "descriptor": descriptor,
            "lifeline": lifeline,
            "job": {
                "kind": self._job.kind,
                "collection": self._job.collection,
                "request": dict(self._job.request),
                "data": str(self._place.data),
                "backups": None if self._place.backups is None else str(self._place.backups),
                "disk_floor": self._place.disk_floor,
            },
        }
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", _START, json.dumps(given)],
            stdin=subprocess.DEVNULL,
            pass_fds=(descriptor, lifeline),
        )

    def _listen(
        self,
        connection: Connection,
        told: Callable[[JobProgress], None],
        permitted: Callable[[], None],
    ) -> Mapping[str, Any]:
        keeping = False
        while True:
            while not connection.poll(_LOOK_SECONDS):
                if not keeping:
                    self._check_memory()
            word, *rest = _received(connection)
            if word == "open":
                self._let_open(connection, *rest)
            elif word == "progress":
                told(JobProgress(*rest))
            elif word == "keep":
                permitted()
                keeping = True
                send(connection, "go")
            elif word == "adopt":
                permitted()
                keeping = True
                self._adopt(connection, *rest)
            elif word == "done":
                result: Mapping[str, Any] = rest[0]
                return result
            elif word == "failed":
                fault, traceback = rest
                if traceback:
                    logger.error("job %s failed:\n%s", self._job.id, traceback)
                raise TaskFailedError(Fault(**fault))

    def _check_memory(self) -> None:
        """Let the job fail rather than the system choose what it kills for want of memory."""
        resources = self._place.resources
        if resources is None or self._process is None:
            return
        if over := resources.overdrawn:
            message = (
                f"the job was ended: it takes {private_memory(self._process.pid):,} bytes of "
                f"memory, and {over}; look at part of the documents by a filter, or allow more "
                "(MEARI_PROCESS_MEMORY)"
            )
            raise TaskFailedError(Fault(message, "server_error", None, "memory_short"))

    def _let_open(self, connection: Connection, name: str) -> None:
        """Have the process open a collection while its files stay as they are."""
        with self._place.opening(name) as collection, collection.storage.writing:
            collection.storage.lexicon.settle_quickly()
            send(connection, "folder", str(collection.folder))
            if not connection.poll(_OPENING_SECONDS):
                message = f"the job did not open collection {name!r} in {_OPENING_SECONDS:g} s"
                raise TaskLostError(message)
            word, *rest = _received(connection)
        if word == "failed":
            raise TaskFailedError(Fault(**rest[0]))

    def _adopt(self, connection: Connection, path: str, name: str) -> None:
        """Let what the process restored be a collection, if its name is still free."""
        if self._place.adopt is None:
            message = "nothing can be restored here: there is no data folder"
            raise TaskLostError(message)
        try:
            self._place.adopt(Path(path), name)
        except CollectionExistsError as error:
            send(connection, "exists", str(error))
        else:
            send(connection, "go")

    def _lost(self) -> Exception:
        """Why there is nobody to listen to any more."""
        if self._stopped:
            return CancelledError("the job was stopped")
        status = self._process.wait() if self._process is not None else 0
        if status == -signal.SIGKILL:
            why = "it was killed, as a system does that runs out of memory"
        elif status < 0:
            why = f"signal {-status} ended it"
        else:
            why = f"it ended with status {status}; the log may tell more"
        return TaskLostError(f"the job's process is gone: {why}")


def send(connection: Connection, *message: object) -> None:
    """One message."""
    connection.send_bytes(json.dumps(message, ensure_ascii=False).encode())


def _received(connection: Connection) -> list[Any]:
    message: list[Any] = json.loads(connection.recv_bytes())
    return message
