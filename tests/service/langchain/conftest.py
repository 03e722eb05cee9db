"""A server in a process of its own, and clients of it."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from typing import TYPE_CHECKING

import pytest

from service.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Know the marks of LangChain's suites, whose plugins are not loaded."""
    for mark in ("benchmark", "vcr"):
        config.addinivalue_line("markers", f"{mark}: of plugins that are not loaded")


COMMAND = [sys.executable, "-m", "service.cli", "serve", "--port", "0", "--encoder", "hash:64"]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("langchain")
    with subprocess.Popen(
        [*COMMAND, "--data", str(data)], stderr=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(300, process.kill)
        watchdog.start()
        assert process.stderr is not None
        said = next(line for line in process.stderr if line.startswith("Meari answers at "))
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield said.split()[3]
        process.terminate()
        process.wait(timeout=60)
        watchdog.cancel()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture
def collection(client: Client) -> Iterator[str]:
    """The name of an empty collection."""
    name = f"c{uuid.uuid4().hex}"
    client.create(name)
    yield name
    client.drop(name)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
