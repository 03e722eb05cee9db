"""Requests under way, a fixed number of them at once, until a step's time or number is over.

The load is a closed loop: whoever has its answer asks again at once, so a slow server is asked
less. A latency is that of a request at that concurrency, not at a rate of arrivals.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from eval.errors import TargetError
from eval.load_report import Latencies, Step
from eval.load_wire import Wire, WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eval.load_plan import Kind, LoadPlan
    from eval.load_process import Watch
    from eval.load_texts import Questions
    from eval.target import Progress

_PAUSE = 0.05
"""Seconds a connection rests after a failure: refusals are quick, and not what is measured."""
_TICK = 0.25


@dataclass(slots=True)
class Counts:
    """What came of the requests of a step.

    Attributes:
        seconds: of each request that was answered well, by kind.
        errors: how many were not, by HTTP status or by what broke.
        texts: in the requests that were answered well.
        sent: requests begun.
    """

    seconds: dict[Kind, list[float]]
    errors: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    sent: int = 0


class Traffic:
    """Makes requests in the shares of a plan and sends them.

    Args:
        plan: what is asked.
        questions: the texts.
        model: encoder named in embedding requests.
    """

    def __init__(self, plan: LoadPlan, questions: Questions, model: str) -> None:
        self._plan = plan
        self._questions = questions
        self._model = model
        self._random = random.Random(plan.seed)  # noqa: S311 - the order of kinds, no secret
        self._kinds = tuple(plan.mix)
        self._shares = tuple(plan.mix.values())

    def choose(self) -> Kind:
        """The kind of the next request."""
        return self._random.choices(self._kinds, self._shares)[0]

    def write(self, kind: Kind, wire: Wire) -> bytes:
        """A request of that kind with the next texts."""
        if kind == "search":
            (query,) = self._questions.take(1)
            body: dict[str, Any] = {"query": query}
            if self._plan.mode is not None:
                body["mode"] = self._plan.mode
            path = f"/v1/collections/{quote(self._plan.collection or '', safe='')}/search"
            return wire.request("POST", path, body)
        texts = self._questions.take(self._plan.batch)
        body = {"input": texts, "model": self._model, "encoding_format": "base64"}
        return wire.request("POST", "/v1/embeddings", body)

    def open(self) -> Wire:
        """A connection to the server."""
        plan = self._plan
        return Wire(
            plan.host,
            plan.port,
            secure=plan.secure,
            timeout=plan.timeout,
            api_key=plan.api_key,
        )

    async def try_each(self) -> None:
        """Ask once for each kind, so that nothing is loaded while it is measured.

        Raises:
            TargetError: a request is not answered well; the message is the server's.
        """
        wire = self.open()
        try:
            for kind in self._kinds:
                try:
                    reply = await wire.send(self.write(kind, wire))
                except WireError as error:
                    message = f"{self._plan.url} cannot be asked ({error}); is a server there?"
                    raise TargetError(message) from error
                if reply.status != 200:
                    told = " ".join(reply.body.decode(errors="replace").split())[:500]
                    message = f"{self._plan.url} answered a {kind} with {reply.status}: {told}"
                    raise TargetError(message)
        finally:
            wire.close()


async def run_step(
    traffic: Traffic, plan: LoadPlan, number: int, watch: Watch | None, progress: Progress | None
) -> Step:
    """The step of that number, from 0: its requests, and what they took of both sides."""
    concurrency = plan.concurrency[number]
    counts = Counts({kind: [] for kind in plan.mix})
    over = asyncio.Event()
    before = None if watch is None else await watch.look()
    peak = None if watch is None else asyncio.create_task(watch.peak(over))
    own, begun = time.process_time(), time.perf_counter()
    workers = [
        asyncio.create_task(_work(traffic, plan, counts, begun + plan.seconds))
        for _ in range(concurrency)
    ]
    teller = asyncio.create_task(_tell(plan, number, begun, progress))
    try:
        await asyncio.gather(*workers)
        seconds, own = time.perf_counter() - begun, time.process_time() - own
    finally:
        over.set()
        for task in (*workers, teller):
            task.cancel()
        await asyncio.gather(*workers, teller, return_exceptions=True)
    after = None if watch is None else await watch.look()
    most = None if peak is None else await peak
    cpu = None if before is None or after is None else after.cpu_seconds - before.cpu_seconds
    return Step(
        concurrency=concurrency,
        seconds=seconds,
        kinds={kind: Latencies.of(taken) for kind, taken in counts.seconds.items()},
        whole=Latencies.of([each for taken in counts.seconds.values() for each in taken]),
        texts=counts.texts,
        errors=dict(sorted(counts.errors.items())),
        server_cpus=None if cpu is None else cpu / seconds,
        memory_bytes=most or (None if after is None else after.memory_bytes),
        generator_cpus=own / seconds,
    )


async def _work(traffic: Traffic, plan: LoadPlan, counts: Counts, until: float) -> None:
    wire = traffic.open()
    try:
        while time.perf_counter() < until and counts.sent < (plan.requests or counts.sent + 1):
            counts.sent += 1
            kind = traffic.choose()
            request = traffic.write(kind, wire)
            begun = time.perf_counter()
            try:
                status = (await wire.send(request)).status
            except WireError as error:
                fault: str | None = error.kind
            else:
                fault = None if status == 200 else str(status)
            if fault is None:
                counts.seconds[kind].append(time.perf_counter() - begun)
                counts.texts += 1 if kind == "search" else plan.batch
            else:
                counts.errors[fault] += 1
                await asyncio.sleep(_PAUSE)
    finally:
        wire.close()


async def _tell(plan: LoadPlan, number: int, begun: float, progress: Progress | None) -> None:
    """Tell the seconds that are over, of those of all steps."""
    total = plan.seconds * len(plan.concurrency)
    while progress is not None:
        done = plan.seconds * number + min(plan.seconds, time.perf_counter() - begun)
        progress("load", round(done), round(total))
        await asyncio.sleep(_TICK)


def facts_of(health: Mapping[str, Any]) -> dict[str, Any]:
    """What a report tells of the server, from its `/health`."""
    return {name: health.get(name) for name in ("version", "encoder", "status")}
