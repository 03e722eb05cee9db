"""A server in a process of its own."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = "from service.server import serve; from service.settings import Settings; serve(Settings())"
ANSWERING = re.compile(r"service\.server answering at (http://127\.0\.0\.1:\d+)")


class Process:
    """A running server, its address and what it logged."""

    def __init__(self, data: Path, **environment: str) -> None:
        chosen = {"MEARI_DATA": str(data), "MEARI_PORT": "0", "MEARI_ENCODER": "hash:64"}
        self.popen = subprocess.Popen(
            [sys.executable, "-c", RUN],
            env={**os.environ, **chosen, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._addresses: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.popen.stderr:
            self.log.append(line)
            if match := ANSWERING.search(line):
                self._addresses.put(match[1])

    @property
    def url(self) -> str:
        return self._addresses.get(timeout=60)

    def stop(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        status = self.popen.wait(timeout=60)
        self._reader.join()
        self.popen.stderr.close()
        return status


@contextmanager
def running(data: Path, **environment: str) -> Iterator[tuple[Process, httpx.Client]]:
    process = Process(data, **environment)
    try:
        with httpx.Client(base_url=process.url, timeout=60, trust_env=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield process, client
    finally:
        if process.popen.poll() is None:
            process.popen.kill()
            process.wait()
