"""What loads the servers: wrk, a compiled client, or the generator of `eval load` without it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.load_plan import LoadPlan
from eval.load_steps import Traffic, run_step
from eval.load_texts import read_questions

if TYPE_CHECKING:
    from benchmarks.serving.servers import Running
    from eval.load_plan import Kind
    from eval.load_wire import Wire

_SCRIPT = Path(__file__).with_name("questions.lua")


def find_wrk() -> str | None:
    """Where wrk is; None if it is not installed (Debian: `apt-get install wrk`)."""
    return shutil.which("wrk")


def load(
    running: Running,
    texts: Path,
    *,
    concurrency: int,
    seconds: float,
    collection: str | None = None,
) -> dict[str, Any]:
    """Rate, latencies in milliseconds and errors of so many requests at once.

    Args:
        running: the server.
        texts: a question a line, enough of them that none is asked twice.
        concurrency: requests at once.
        seconds: how long.
        collection: searched; None embeds.
    """
    wrk = find_wrk()
    if wrk is None:
        return _by_generator(running, texts, concurrency, seconds, collection)
    return _by_wrk(wrk, running, texts, concurrency, seconds, collection)


def _by_wrk(
    wrk: str,
    running: Running,
    texts: Path,
    concurrency: int,
    seconds: float,
    collection: str | None,
) -> dict[str, Any]:
    given = [wrk, "-t1", f"-c{concurrency}", f"-d{seconds:.0f}s", "--timeout", "60s"]
    path = running.server.path if collection is None else _search(collection)
    kind = "embed" if collection is None else "search"
    command = [*given, "-s", str(_SCRIPT), running.url, "--", str(texts), path, kind]
    ran = subprocess.run(
        [*command, running.server.model], capture_output=True, text=True, check=True
    )
    told = json.loads(ran.stdout.splitlines()[-1])
    failed = sum(told["errors"].values())
    return {
        "concurrency": concurrency,
        "requests_per_second": (told["requests"] - told["errors"]["status"]) / told["seconds"],
        "milliseconds": {name: told[name] for name in ("p50", "p95", "p99", "max")},
        "requests": told["requests"],
        "errors": told["errors"] if failed else {},
    }


class _OpenAiTraffic(Traffic):
    """Embedding requests for servers that have them elsewhere than ours."""

    def __init__(self, plan: LoadPlan, texts: Path, running: Running) -> None:
        super().__init__(plan, read_questions(texts), running.server.model)
        self._texts = read_questions(texts)
        self._server = running.server

    def write(self, kind: Kind, wire: Wire) -> bytes:
        if kind == "search":
            return super().write(kind, wire)
        body = {"model": self._server.model, "input": self._texts.take(1)}
        return wire.request("POST", self._server.path, body)


def _by_generator(
    running: Running, texts: Path, concurrency: int, seconds: float, collection: str | None
) -> dict[str, Any]:
    mix: dict[Kind, float] = {"embed" if collection is None else "search": 1.0}
    plan = LoadPlan(running.url, mix, collection, (concurrency,), seconds)
    step = asyncio.run(run_step(_OpenAiTraffic(plan, texts, running), plan, 0, None, None))
    return {
        "concurrency": concurrency,
        "requests_per_second": step.rate,
        "milliseconds": dict(step.whole.milliseconds),
        "requests": step.whole.requests,
        "errors": dict(step.errors),
        "generator_cpus": step.generator_cpus,
    }


def _search(collection: str) -> str:
    return f"/v1/collections/{collection}/search"
