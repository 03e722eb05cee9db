"""The load generator against servers that count, refuse, stall and break off, and a real one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from eval.errors import ChoiceError, DatasetError, EvalError, TargetError
from eval.load import Outputs, run_load
from eval.load_plan import LoadPlan, is_loopback, read_mix
from eval.load_process import ProcessWatch
from eval.load_report import Latencies
from eval.load_texts import Questions, read_questions
from eval.load_wire import Wire, WireError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

HEALTH = {"status": "ok", "version": "1.2.3", "encoder": "hash:64"}
URL = "http://127.0.0.1:8080"


@dataclass
class Script:
    """What a server does, and what it saw."""

    seconds: float = 0.0
    statuses: Callable[[int], int] = lambda _: 200
    health: object = field(default_factory=lambda: HEALTH)
    metrics: str | None = None
    now: int = 0
    most: int = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/health":
            return 200, json.dumps(self.health).encode()
        if path == "/metrics":
            return (404, b"") if self.metrics is None else (200, self.metrics.encode())
        self.asked.append((path, json.loads(body)))
        number = len(self.asked)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.seconds)
        self.now -= 1
        status = self.statuses(number)
        return status, b'{"error": {"message": "told"}}' if status != 200 else b"{}"


async def converse(
    script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
        status, content = await script.answer(head.split()[1], body)
        told = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(told.encode() + content)


@contextmanager
def serving(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> Iterator[int]:
    """A loopback server in a thread of its own; gives its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def converse_to_the_end(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        gone = (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError)
        with suppress(*gone):
            await handle(reader, writer)
        writer.close()
        with suppress(*gone):
            await writer.wait_closed()

    async def open_server() -> asyncio.Server:
        return await asyncio.start_server(converse_to_the_end, "127.0.0.1", 0)

    async def end() -> None:
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(open_server(), loop).result()
    yield server.sockets[0].getsockname()[1]
    asyncio.run_coroutine_threadsafe(end(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    with serving(lambda reader, writer: converse(script, reader, writer)) as port:
        yield f"http://127.0.0.1:{port}"


# -- what is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"concurrency": (0,)}, "concurrency is 0; 1 to 1024 are possible"),
        ({"concurrency": (2000,)}, "concurrency is 2000; 1 to 1024"),
        ({"concurrency": ()}, "concurrency steps is 0; 1 to 20"),
        ({"seconds": 0.0}, r"seconds is 0; 0\.1 to 600"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"seconds": 601.0}, "seconds is 601"),
        ({"requests": 0}, r"requests is 0; 1 to 1e\+06"),
        ({"batch": 2049}, "batch is 2049; 1 to 2048"),
        ({"timeout": 0.0}, "timeout is 0"),
        ({"mode": "fuzzy"}, "mode is 'fuzzy'; hybrid, dense, lexical are possible"),
        ({"mix": {"search": 1.0}}, "no collection to search; name one"),
        ({"url": "localhost:8080"}, "is not of the form http://HOST:PORT"),
        ({"url": "http://127.0.0.1:99999"}, "is not of the form"),
        ({"url": "http://127.0.0.1/v1"}, "is not of the form"),
        ({"url": "http://example.com"}, "example.com is another machine; .* --remote"),
    ],
)
def test_what_is_out_of_bounds_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ChoiceError, match=told):
        LoadPlan(**{"url": URL, "mix": {"embed": 1.0}, **wrong})


def test_another_machine_is_loaded_on_purpose_only() -> None:
    plan = LoadPlan("https://example.com", {"embed": 1.0}, remote=True)
    assert (plan.host, plan.port, plan.secure) == ("example.com", 443, True)
    hosts = ("127.0.0.1", "127.8.8.8", "::1", "localhost", "10.0.0.1", "localhost.evil.org")
    assert [is_loopback(host) for host in hosts] == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("text", "collection", "mix"),
    [
        (None, None, {"embed": 1.0}),
        (None, "faq", {"search": 0.5, "embed": 0.5}),
        ("search=3,embed=1", "faq", {"search": 0.75, "embed": 0.25}),
        ("search", "faq", {"search": 1.0}),
        ("search=0,embed=2", None, {"embed": 1.0}),
    ],
)
def test_shares_sum_to_one(text: str | None, collection: str | None, mix: dict) -> None:
    assert read_mix(text, collection) == mix


@pytest.mark.parametrize(
    "text", ["", "find=1", "embed=x", "embed=-1", "embed=1,embed=2", "embed=inf"]
)
def test_a_mix_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ChoiceError, match="is not of the form search=3,embed=1"):
        read_mix(text, "faq")
    with pytest.raises(ChoiceError, match="no share above 0"):
        read_mix("embed=0", "faq")


def test_the_built_in_questions_never_repeat_and_come_in_both_languages() -> None:
    questions = Questions()
    taken = questions.take(5000)
    assert len(set(taken)) == 5000
    assert sum(any("가" <= letter <= "힣" for letter in text) for text in taken) == 2500
    assert questions.distinct is None


def test_the_questions_of_a_file_are_asked_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("하나\n\n two \n하나\n", encoding="utf-8")
    questions = read_questions(path)
    assert questions.take(5) == ["하나", "two", "하나", "하나", "two"]
    assert questions.distinct == 2
    path.write_text("\n \n", encoding="utf-8")
    with pytest.raises(DatasetError, match="no line with text"):
        read_questions(path)
    with pytest.raises(DatasetError, match="there is no such file"):
        read_questions(tmp_path / "nothing.txt")


# -- what is measured --------------------------------------------------------------------------


def test_percentiles_are_times_of_requests() -> None:
    taken = Latencies.of([n / 1000 for n in range(100, 0, -1)])
    assert taken.requests == 100
    assert dict(taken.milliseconds) == pytest.approx(
        {"p50": 50, "p95": 95, "p99": 99, "mean": 50.5, "max": 100}
    )
    assert Latencies.of([0.002]).milliseconds["p99"] == 2
    assert Latencies.of([]) == Latencies(0, {})


def test_so_many_requests_are_under_way_and_no_more() -> None:
    script = Script(seconds=0.05)
    with scripted(script) as url:
        report = run_load(url, concurrency=(1, 5), seconds=0.4)
    one, five = report.steps
    assert script.most == 5
    assert (one.errors, five.errors) == ({}, {})
    assert 1 <= one.whole.requests <= 9
    assert 5 <= five.whole.requests <= 45
    assert one.whole.milliseconds["p50"] >= 50
    assert one.rate == pytest.approx(one.whole.requests / one.seconds)
    assert len(script.asked) == 1 + one.whole.requests + five.whole.requests
    assert report.watched is None
    assert one.memory_bytes is None


def test_a_step_ends_with_its_requests() -> None:
    script = Script()
    with scripted(script) as url:
        report = run_load(url, concurrency=(3,), seconds=60, requests=20, batch=4)
    (step,) = report.steps
    assert (step.whole.requests, step.texts) == (20, 80)
    assert step.seconds < 30
    path, body = script.asked[-1]
    assert path == "/v1/embeddings"
    assert (len(body["input"]), body["model"]) == (4, "hash:64")


def test_kinds_come_in_their_shares() -> None:
    script = Script()
    with scripted(script) as url:
        report = run_load(
            url,
            collection="질문 1",
            mix="search=3,embed=1",
            concurrency=(2,),
            requests=400,
            seconds=60,
            mode="lexical",
        )
    (step,) = report.steps
    assert 260 < step.kinds["search"].requests < 340
    assert step.kinds["search"].requests + step.kinds["embed"].requests == 400
    searches = [body for path, body in script.asked if path.endswith("/search")]
    assert {body["mode"] for body in searches} == {"lexical"}
    assert script.asked[0][0] == "/v1/collections/%EC%A7%88%EB%AC%B8%201/search"
    page = report.to_markdown()
    assert "| search |" in page
    assert "search 75 %, embed 25 %" in page


def test_refusals_are_counted_by_status() -> None:
    script = Script(statuses=lambda n: 200 if n == 1 else (429, 503)[n % 2])
    with scripted(script) as url:
        report = run_load(url, concurrency=(2,), requests=10, seconds=60)
    (step,) = report.steps
    assert step.errors == {"429": 5, "503": 5}
    assert (step.whole.requests, step.rate) == (0, 0)
    assert "5 × 429, 5 × 503" in report.to_markdown()
    assert any("some requests failed" in each for each in report.warnings)


def test_a_request_that_takes_too_long_has_failed() -> None:
    script = Script()
    with scripted(script) as url:
        script.statuses = lambda n: setattr(script, "seconds", 5.0) or 200
        report = run_load(url, concurrency=(2,), requests=2, timeout=0.2)
    assert report.steps[0].errors == {"timeout": 2}


def test_few_texts_asked_often_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("하나\n", encoding="utf-8")
    with scripted(Script()) as url:
        report = run_load(url, concurrency=(1,), requests=10, seconds=60, texts=path)
    assert any("1 texts were asked 10 times each" in each for each in report.warnings)


def test_what_a_server_says_of_itself_is_told() -> None:
    metrics = (
        "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n"
        "process_resident_memory_bytes 1.25e+08\n"
    )
    with scripted(Script(metrics=metrics)) as url:
        report = run_load(url, concurrency=(1,), requests=3)
    assert (report.watched, report.steps[0].memory_bytes) == ("/metrics", 125_000_000)
    assert report.steps[0].server_cpus == 0
    assert report.server == {"version": "1.2.3", "encoder": "hash:64", "status": "ok"}


# -- servers that cannot be loaded -------------------------------------------------------------


def test_no_server_is_told() -> None:
    with scripted(Script()) as url:
        pass
    with pytest.raises(TargetError, match=r"cannot be asked .* start a server"):
        run_load(url, requests=1)


@pytest.mark.parametrize(
    ("health", "told"),
    [
        ({"status": "starting", "reason": "soon", "encoder": "e"}, "is starting: soon"),
        ({"hello": 1}, "is it a Meari server"),
        ([], "is it a Meari server"),
    ],
)
def test_a_server_that_is_not_ready_is_not_loaded(health: object, told: str) -> None:
    script = Script(health=health)
    with scripted(script) as url, pytest.raises(TargetError, match=told):
        run_load(url, requests=1)
    assert script.asked == []


def test_a_refused_kind_is_told_in_the_servers_words_before_the_run() -> None:
    script = Script(statuses=lambda _: 404)
    with scripted(script) as url, pytest.raises(TargetError, match=r"embed with 404: .*told"):
        run_load(url, requests=1)
    assert len(script.asked) == 1


# -- the wire ----------------------------------------------------------------------------------


def exchanged(answer: bytes, *, close: bool = False, times: int = 1) -> list[tuple[int, bytes]]:
    """What a wire reads of a server that answers with those bytes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(answer)
            if close:
                writer.close()
                return

    async def work(port: int) -> list[tuple[int, bytes]]:
        wire = Wire("127.0.0.1", port, secure=False, timeout=5)
        try:
            replies = [await wire.send(wire.request("GET", "/")) for _ in range(times)]
        finally:
            wire.close()
        return [(each.status, each.body) for each in replies]

    with serving(handle) as port:
        return asyncio.run(work(port))


def test_bodies_end_where_their_length_says() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    assert exchanged(answer, times=3) == [(200, b"hello")] * 3


def test_bodies_may_come_in_chunks() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    )
    assert exchanged(answer, times=2) == [(200, b"hello")] * 2


def test_a_connection_that_the_server_ends_is_opened_again() -> None:
    answer = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    assert exchanged(answer, close=True, times=2) == [(503, b"")] * 2


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", b"no\r\n\r\n"]
)
def test_an_answer_that_breaks_off_is_broken(answer: bytes) -> None:
    with pytest.raises(WireError) as caught:
        exchanged(answer, close=True)
    assert caught.value.kind == "broken"


# -- a real server -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def meari(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A server with the collection `faq`: its address and its process."""
    from indexing.data_folder import DataFolder
    from indexing.types import Document

    data = tmp_path_factory.mktemp("data")
    with DataFolder.open(data) as folder:
        folder.create("faq", encoder="hash:64").add(
            [Document("a", "배송 문의"), Document("b", "x")]
        )
    command = [sys.executable, "-m", "service.cli", "serve", "--data", str(data)]
    with subprocess.Popen(
        [*command, "--port", "0", "--encoder", "hash:64"], stderr=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        assert process.stderr is not None
        said = next(line for line in process.stderr if line.startswith("Meari answers at "))
        threading.Thread(target=process.stderr.read, daemon=True).start()
        url = said.split()[3]
        wait_until_ready(url)
        yield url, process.pid
        process.terminate()
        process.wait(timeout=60)
        watchdog.cancel()


def wait_until_ready(url: str) -> None:
    from service.client import Client

    with Client(url) as client:
        client.search("faq", "x")  # asked again while the server says that it is not ready


def test_a_real_server_is_loaded_by_both_kinds(meari: tuple[str, int], tmp_path: Path) -> None:
    url, pid = meari
    report = run_load(
        url,
        collection="faq",
        concurrency=(1, 4),
        seconds=60,
        requests=40,
        pid=pid,
        outputs=Outputs(tmp_path / "out", plot=True),
    )
    assert [step.whole.requests for step in report.steps] == [40, 40]
    assert all(step.errors == {} for step in report.steps)
    assert report.watched == f"process {pid}"
    assert all((step.memory_bytes or 0) > 20e6 for step in report.steps)
    assert sum(step.server_cpus or 0 for step in report.steps) > 0
    assert (tmp_path / "out" / "load.png").read_bytes()[:4] == b"\x89PNG"
    written = json.loads((tmp_path / "out" / "load.json").read_text())
    assert written == report.to_json()
    assert (tmp_path / "out" / "load.md").read_text().startswith(f"# Load: {url}\n")


def test_a_real_server_tells_what_it_takes(meari: tuple[str, int]) -> None:
    report = run_load(meari[0], concurrency=(2,), requests=10)
    assert report.watched == "/metrics"
    assert (report.steps[0].memory_bytes or 0) > 20e6


def test_a_collection_that_is_not_there_is_told(meari: tuple[str, int]) -> None:
    with pytest.raises(TargetError, match=r"search with 404: .*no collection 'nothing'"):
        run_load(meari[0], collection="nothing", requests=1)


def test_a_process_and_its_children_count_together() -> None:
    work = "x = bytearray(80_000_000); x[::4096] = b'1' * len(x[::4096])"
    parent = f"import subprocess, sys; {work}; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    child = f"{work}; print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", parent, child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        usage = asyncio.run(ProcessWatch(process.pid).look())
        process.communicate(b"\n", timeout=30)
    assert usage is not None
    assert usage.memory_bytes > 160e6
    assert usage.cpu_seconds > 0


def test_a_process_that_is_not_there_is_refused() -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    with pytest.raises(ChoiceError, match="is no process on this machine"):
        ProcessWatch(int(gone.stdout))


# -- as a command ------------------------------------------------------------------------------


def test_the_module_runs_by_itself() -> None:
    command = [sys.executable, "-m", "eval.load", "http://example.com"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: example.com is another machine")


def test_a_picture_needs_matplotlib_and_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ChoiceError, match="a picture needs a folder"):
        run_load(URL, outputs=Outputs(plot=True))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EvalError, match=r"pip install 'meari\[train\]'"):
        run_load(URL, outputs=Outputs(tmp_path, plot=True))


def test_importing_it_is_cheap() -> None:
    script = "import sys, eval.load; print(*sorted({n.partition('.')[0] for n in sys.modules}))"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = {"torch", "faiss", "fastapi", "matplotlib", "httpx", "transformers", "pyarrow"}
    assert heavy & set(ran.stdout.split()) == set()
    assert os.sep not in ran.stdout
