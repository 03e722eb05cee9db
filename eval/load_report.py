"""What a load run found: rates, latencies, errors, and what they took; as JSON and as a page."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from eval.markdown import facts, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.load_plan import Kind, LoadPlan
    from eval.provenance import Provenance

FORMAT = 1
_BUSY = 0.8
"""Share of a processor from which on the generator itself may hold figures down."""
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long requests took that were answered well.

    Attributes:
        requests: how many there were.
        milliseconds: `p50`, `p95`, `p99`, `mean` and `max`; empty for no requests. A percentile
            is the time of one request: the smallest that so many of them did not exceed.
    """

    requests: int
    milliseconds: Mapping[str, float]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Of so many seconds each."""
        if not seconds:
            return cls(0, {})
        ordered = sorted(1000 * each for each in seconds)
        told = {
            name: ordered[max(0, math.ceil(share * len(ordered)) - 1)]
            for name, share in _QUANTILES.items()
        }
        return cls(len(ordered), {**told, "mean": sum(ordered) / len(ordered), "max": ordered[-1]})


@dataclass(frozen=True, slots=True)
class Step:
    """Some requests at once for some time.

    Attributes:
        concurrency: how many at once.
        seconds: from the first request to the last answer.
        kinds: latencies by kind.
        whole: of all kinds together.
        texts: asked in the requests that were answered well.
        errors: how many failed, by HTTP status, `timeout`, `refused` or `broken`.
        server_cpus: processors the server kept busy; None where that cannot be told.
        memory_bytes: its resident memory: the most where its process was watched, else the last.
        generator_cpus: processors this process kept busy.
    """

    concurrency: int
    seconds: float
    kinds: Mapping[Kind, Latencies]
    whole: Latencies
    texts: int
    errors: Mapping[str, int]
    server_cpus: float | None
    memory_bytes: int | None
    generator_cpus: float

    @property
    def rate(self) -> float:
        """Requests answered well a second."""
        return self.whole.requests / self.seconds

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "concurrency": self.concurrency,
            "seconds": self.seconds,
            "requests": self.whole.requests,
            "requests_per_second": self.rate,
            "texts_per_second": self.texts / self.seconds,
            "milliseconds": dict(self.whole.milliseconds),
            "kinds": {kind: asdict(each) for kind, each in self.kinds.items()},
            "errors": dict(self.errors),
            "server_cpus": self.server_cpus,
            "memory_bytes": self.memory_bytes,
            "generator_cpus": self.generator_cpus,
        }


@dataclass(frozen=True, slots=True)
class LoadReport:
    """A load run.

    Attributes:
        plan: what was asked for.
        server: what the server says of itself.
        watched: where processor time and memory come from; None if nothing tells.
        distinct: different texts there were; None for the built-in ones, which never repeat.
        steps: in the order they were run.
        provenance: versions, machine and time; of the generator.
    """

    plan: LoadPlan
    server: Mapping[str, Any]
    watched: str | None
    distinct: int | None
    steps: Sequence[Step]
    provenance: Provenance

    @property
    def warnings(self) -> list[str]:
        """What a reader should know before believing the figures."""
        found = []
        busy = [step.concurrency for step in self.steps if step.generator_cpus > _BUSY]
        if busy:
            told = ", ".join(map(str, busy))
            found.append(
                f"at {told} at once the generator itself was busy more than {100 * _BUSY:.0f} % "
                "of a processor: the server may be able to do more (load it with wrk)"
            )
        asked = sum(step.texts for step in self.steps)
        if self.distinct is not None and asked > 2 * self.distinct:
            found.append(
                f"{self.distinct:,} texts were asked {asked / self.distinct:.0f} times each: what "
                "the server keeps of earlier answers counts"
            )
        if any(step.errors for step in self.steps):
            found.append("some requests failed; rates and latencies are of those that did not")
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": "load",
            "format": FORMAT,
            "plan": self.plan.to_json(),
            "server": dict(self.server),
            "watched": self.watched,
            "distinct_texts": self.distinct,
            "steps": [step.to_json() for step in self.steps],
            "warnings": self.warnings,
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: a table of the steps and the facts."""
        columns = ("at once", "of", "requests", "req/s", "p50 ms", "p95 ms", "p99 ms")
        more = ("errors", "server CPUs", "memory MB")
        mix = ", ".join(f"{kind} {share:.0%}" for kind, share in self.plan.mix.items())
        told = "built-in, each asked once" if self.distinct is None else f"{self.distinct:,}"
        made = self.provenance
        parts = [
            f"# Load: {self.plan.url}",
            table((*columns, *more), self._rows(), numbers={*columns, *more} - {"of", "errors"}),
            *(f"**{each[:1].upper()}{each[1:]}.**" for each in self.warnings),
            facts(
                [
                    ("mix", mix.replace("%", " %")),
                    ("texts", told),
                    ("texts in an embedding request", self.plan.batch),
                    ("server", ", ".join(f"{k} {v}" for k, v in self.server.items())),
                    ("processor time and memory from", self.watched),
                    ("generator", f"Python {made.python}, {made.processor}, {made.cpus} CPUs"),
                    ("run", made.created),
                ]
            ),
        ]
        return "\n\n".join(parts) + "\n"

    def _rows(self) -> list[tuple[object, ...]]:
        rows = []
        for step in self.steps:
            parts: list[tuple[str, Latencies]] = [("all", step.whole)]
            if len(step.kinds) > 1:
                parts += step.kinds.items()
            for name, taken in parts:
                times = (_told(taken.milliseconds.get(each)) for each in _QUANTILES)
                rate = f"{taken.requests / step.seconds:,.1f}"
                row = (step.concurrency, name, taken.requests, rate, *times)
                rows.append((*row, *(self._costs(step) if name == "all" else ("", "", ""))))
        return rows

    def _costs(self, step: Step) -> tuple[str, str, str]:
        errors = ", ".join(f"{count:,} × {what}" for what, count in step.errors.items())
        memory = None if step.memory_bytes is None else step.memory_bytes / 1e6
        return errors or "none", _told(step.server_cpus, 2), _told(memory, 0)


def _told(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
