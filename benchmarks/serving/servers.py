"""The servers that are measured side by side, each in a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from eval.load_process import ProcessWatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is started and asked.

    Attributes:
        name: of the row.
        command: with `{port}` where its port belongs.
        ready: path that answers 200 once it can work.
        path: of embeddings in OpenAI's shape.
        model: its name for the encoder.
        environment: added to this process's.
    """

    name: str
    command: tuple[str, ...]
    ready: str
    path: str
    model: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Running:
    """A server that is ready.

    Attributes:
        server: what it is.
        url: where it answers.
        ready_seconds: from its start to its being ready.
        pid: its process.
    """

    server: Server
    url: str
    ready_seconds: float
    pid: int

    def memory(self) -> int | None:
        """Bytes resident now, of the process and those it started."""
        usage = asyncio.run(ProcessWatch(self.pid).look())
        return None if usage is None else usage.memory_bytes


def find_servers(encoder: str, folder: Path, data: Path, infinity: Path | None) -> list[Server]:
    """Ours, the plain one, and infinity-emb if its environment is named.

    Args:
        encoder: a name of ours.
        folder: its model folder, for the others.
        data: our data folder.
        infinity: an environment that has `bin/infinity_emb`.
    """
    serve = ("serve", "--data", str(data), "--port", "{port}", "--encoder", encoder)
    plain = Path(__file__).with_name("plain_server.py")
    servers = [
        Server(
            "meari",
            (sys.executable, "-m", "service.cli", *serve),
            "/readyz",
            "/v1/embeddings",
            encoder,
        ),
        Server(
            "FastAPI + sentence-transformers",
            (sys.executable, str(plain), str(folder), "{port}"),
            "/health",
            "/v1/embeddings",
            encoder,
        ),
    ]
    if infinity is not None:
        given = ("--model-id", str(folder), "--served-model-name", encoder, "--engine", "torch")
        more = ("--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1", "--port", "{port}")
        quiet = ("--no-bettertransformer", "--log-level", "warning")
        servers.append(
            Server(
                "infinity-emb",
                (str(infinity / "bin/infinity_emb"), "v2", *given, *more, *quiet),
                "/health",
                "/embeddings",
                encoder,
                {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"},
            )
        )
    return servers


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start a server, wait until it is ready, and end it with the block.

    Raises:
        RuntimeError: it ends by itself, or is not ready in time; with the end of what it said.
    """
    port = _free_port()
    command = [part.replace("{port}", str(port)) for part in server.command]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=said,
            stderr=said,
            cwd=Path(__file__).parents[2],
            env={**os.environ, **server.environment},
        )
        try:
            while not _answers(url + server.ready):
                late = time.perf_counter() - begun > _PATIENCE
                if late or process.poll() is not None:
                    said.seek(0)
                    told = said.read().decode(errors="replace")[-2000:]
                    message = f"{server.name} did not start: {told}"
                    raise RuntimeError(message)
                time.sleep(0.02)
            yield Running(server, url, time.perf_counter() - begun, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
