"""Memory and disk are short before they run out: what writes is refused, what reads goes on."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import mmap
import os
import time
from typing import TYPE_CHECKING

import pytest

from service.errors import DiskShortError, MemoryShortError
from service.resources import (
    LARGE,
    Resources,
    allowed_memory,
    announced_size,
    machine_memory,
    need_of,
    private_memory,
    read_memory_limit,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

MIB = 1 << 20
DOCUMENTS = "/v1/collections/animals/documents"
SEARCH = "/v1/collections/animals/search"


def held_memory() -> int:
    """What this process holds when what earlier tests left behind is given back."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    return private_memory()


def write(client: Client, id_: str, size: int = 10) -> httpx.Response:
    return client.post(DOCUMENTS, {"documents": [{"id": id_, "text": "word " * (size // 5)}]})


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    return str(answer.json()["error"]["message"])


@pytest.mark.skipif(private_memory() == 0, reason="this system does not tell what a process takes")
def test_writes_are_refused_while_memory_is_short_and_taken_again(
    settings: Settings, started: Start
):
    allowed = held_memory() + 300 * MIB
    with started(settings.model_copy(update={"process_memory": allowed})) as client:
        client.post("/v1/collections", {"name": "animals"})
        assert write(client, "small").status_code == 200
        taken = mmap.mmap(-1, 600 * MIB)  # not what was freed before, and may be taken again
        taken.write(b"x" * (600 * MIB))
        time.sleep(0.1)
        answer = write(client, "refused")
        message = refused(answer, 429, "memory_short")
        assert answer.headers["retry-after"] == "1"
        assert f"of {allowed:,} bytes are taken" in message
        assert message.endswith("or allow more (MEARI_PROCESS_MEMORY)")
        for path in ("clusters", "optimize"):
            refused(client.post(f"/v1/collections/animals/{path}", {}), 429, "memory_short")
        large = {"model": "hash:64", "input": ["word " * 10_000, "word " * 10_000]}
        refused(client.post("/v1/embeddings", large), 429, "memory_short")

        assert client.post(SEARCH, {"query": "word"}).json()["matches"][0]["id"] == "small"
        assert client.post("/v1/embeddings", {"model": "hash:64", "input": "a"}).status_code == 200
        assert client.delete(f"{DOCUMENTS}/small").json() == {"deleted": 1}
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["missing"][0].startswith("memory is short: ")
        assert 'meari_refusals_total{code="memory_short"} 4.0' in client.get("/metrics").text

        taken.close()
        time.sleep(0.1)
        assert write(client, "small").json()["added"] == 1
        assert client.get("/readyz").json()["missing"] == []
        assert client.app.state.engine.resources.memory_held == 0


@pytest.mark.skipif(private_memory() == 0, reason="this system does not tell what a process takes")
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_might_take_too_much_is_refused_before_it_is_held(
    settings: Settings, started: Start, announced: bool
):
    allowed = held_memory() + 300 * MIB
    body = json.dumps({"documents": [{"id": "1", "text": "x" * (30 * MIB)}]}).encode()
    seen = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal seen
        for start in range(0, len(body), LARGE):
            seen += 1
            yield body[start : start + LARGE]

    headers = {"content-type": "application/json"}
    if announced:
        headers["content-length"] = str(len(body))
    with started(settings.model_copy(update={"process_memory": allowed})) as client:
        client.post("/v1/collections", {"name": "animals"})
        answer = client.request("POST", DOCUMENTS, content=pieces(), headers=headers)
        message = refused(answer, 429, "memory_short")
        assert "this may take" in message
        assert client.app.state.engine.resources.memory_held == 0
        assert seen < 480, "the rest is not read"


def test_writes_are_refused_while_the_disk_is_nearly_full(settings: Settings, started: Start):
    """A real disk: a file takes what has to stay free, and is removed again."""
    free = os.statvfs(settings.data.parent)
    free_bytes = free.f_frsize * free.f_bavail
    margin = 512 * MIB
    if free_bytes < 3 * margin or not hasattr(os, "posix_fallocate"):
        pytest.skip("too little disk to take some of it")
    floor = free_bytes - margin
    with started(settings.model_copy(update={"disk_floor": floor})) as client:
        client.post("/v1/collections", {"name": "animals"})
        assert write(client, "first").status_code == 200
        filler = settings.data.parent / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 2 * margin)
        message = refused(write(client, "second"), 507, "storage_full")
        assert f"{floor:,} have to stay" in message
        assert "MEARI_DISK_FLOOR" in message
        refused(client.post("/v1/collections", {"name": "plants"}), 507, "storage_full")
        assert client.post(SEARCH, {"query": "word"}).json()["matches"][0]["id"] == "first"
        assert client.post(f"{DOCUMENTS}/delete", {"ids": ["no"]}).json() == {"deleted": 0}
        [missing] = client.get("/readyz").json()["missing"]
        assert missing.startswith("the disk is nearly full: ")
        assert f"{floor:,} have to stay" in missing
        filler.unlink()
        assert write(client, "second").json()["added"] == 1
        assert client.get("/readyz").json()["missing"] == []


def test_what_is_held_adds_up_and_is_let_go(tmp_path: Path):
    room = private_memory() + 200 * MIB
    resources = Resources(tmp_path, memory=room, disk=0)
    with resources.weighing(MIB, writes=True) as first:
        assert resources.memory_held == 80 * MIB
        with pytest.raises(MemoryShortError, match="83,886,080 more are counted on"):
            first.grow(100 * MIB)
        with pytest.raises(MemoryShortError), resources.weighing(MIB * 11, writes=True):
            pytest.fail("it was let in")
        with resources.weighing(LARGE, writes=False):
            assert resources.memory_held == 80 * MIB, "what reads and is small is not weighed"
        first.grow(MIB)
        assert resources.memory_held == 90 * MIB
    assert resources.memory_held == 0


def test_work_for_this_process_counts(tmp_path: Path):
    alone = Resources(tmp_path, memory=None, disk=0)
    both = Resources(tmp_path, memory=None, disk=0, processes=lambda: [os.getpid(), 1 << 30])
    assert both.memory_used == pytest.approx(2 * alone.memory_used, rel=0.1)


def test_the_need_of_a_body():
    assert need_of(0) == 0
    assert need_of(100) == 8_000
    assert need_of(64 * MIB) == 80 * MIB + 63 * 10 * MIB


@pytest.mark.parametrize(("told", "size"), [(b"12", 12), (b"\xb2", None), (b"-1", None)])
def test_the_size_that_a_request_announces(told: bytes, size: int | None):
    headers = [(b"host", b"a"), (b"content-length", told)]
    assert announced_size({"type": "http", "headers": headers}) == size
    assert announced_size({"type": "http", "headers": headers[:1]}) is None


def test_a_folder_that_is_not_there_yet_is_on_its_parents_disk(tmp_path: Path):
    resources = Resources(tmp_path / "a" / "b", memory=None, disk=1 << 62)
    told = os.statvfs(tmp_path)
    assert resources.disk[0] == told.f_frsize * told.f_blocks
    with pytest.raises(DiskShortError, match="the disk is nearly full"):
        resources.check_disk(0)


def groups(tmp_path: Path, lines: str, **limits: str) -> tuple[Path, Path]:
    proc, found = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(lines)
    for name, text in limits.items():
        path = found / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return found, proc


def test_the_limit_of_a_container(tmp_path: Path):
    """Version 2 inside a container sees itself as the root; outside the least above counts."""
    inside = groups(tmp_path / "1", "0::/\n", memory_DOT_max="4294967296\n")
    assert read_memory_limit(*inside) == 4 << 30
    nested = groups(
        tmp_path / "2",
        "0::/a/b\n",
        memory_DOT_max="max",
        a__memory_DOT_max="1000",
        a__b__memory_DOT_max="2000",
    )
    assert read_memory_limit(*nested) == 1000
    version_1 = groups(
        tmp_path / "3",
        "4:memory:/docker/x\n3:cpu:/y\n",
        memory__memory_DOT_limit_in_bytes="9223372036854771712",
        memory__docker__x__memory_DOT_limit_in_bytes="3000",
    )
    assert read_memory_limit(*version_1) == 3000
    assert read_memory_limit(*groups(tmp_path / "4", "0::/\n", memory_DOT_max="max")) is None
    assert read_memory_limit(tmp_path, tmp_path) is None


def test_what_may_be_taken_unless_told(monkeypatch: pytest.MonkeyPatch):
    assert allowed_memory(5) == 5
    monkeypatch.setattr("service.resources.read_memory_limit", lambda: 1000)
    assert allowed_memory(None) == 900
    monkeypatch.setattr("service.resources.read_memory_limit", lambda: None)
    machine = machine_memory()
    assert machine is not None
    assert allowed_memory(None) == int(machine * 0.8)
