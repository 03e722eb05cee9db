"""Mixed traffic for minutes against a server in a process of its own, and what it then takes.

    python -m benchmarks.reliability soak --minutes 20 --picture docs/images/soak.svg

Exit status 1 if memory grew by more than `--growth`, or anything was answered that should not be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.record import save
from benchmarks.reliability.soak_traffic import Traffic
from benchmarks.serving.servers import Server, running

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
WARM_SHARE = 0.2
"""Of the time that is warm-up: caches fill, the first compaction happens."""
_EVERY = 0.5
_KEPT_SAMPLES = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """What the server takes at one moment.

    Attributes:
        second: since the start.
        memory: resident bytes of the server alone.
        private: of these, bytes that are no file's.
        files: open descriptors.
        threads: of the server.
    """

    second: float
    memory: int
    private: int
    files: int
    threads: int


@dataclass(frozen=True, slots=True)
class Growth:
    """How far a figure moved after the warm-up.

    Attributes:
        first: its median over the quarter after the warm-up.
        last: its median over the last quarter.
    """

    first: float
    last: float

    @property
    def share(self) -> float:
        """Grown by so much of the first."""
        return self.last / self.first - 1

    @classmethod
    def of(cls, samples: Sequence[Sample], figure: str) -> Growth:
        """That of a field of the samples."""
        values = [getattr(each, figure) for each in samples]
        warm = values[round(len(values) * WARM_SHARE) :]
        quarter = len(warm) // 4
        return cls(statistics.median(warm[:quarter]), statistics.median(warm[-quarter:]))


def look(pid: int, second: float) -> Sample:
    """A process as `/proc` tells of it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = {line.split(":")[0]: line.split()[1:] for line in lines}
    return Sample(
        round(second, 1),
        int(told["VmRSS"][0]) * 1024,
        int(told["RssAnon"][0]) * 1024,
        len(os.listdir(f"/proc/{pid}/fd")),  # noqa: PTH208 - no paths are wanted
        int(told["Threads"][0]),
    )


async def watch(pid: int, until: float) -> list[Sample]:
    """Looks at the process until that moment of `time.monotonic`."""
    began, samples = time.monotonic(), []
    while (now := time.monotonic()) < until:
        samples.append(await asyncio.to_thread(look, pid, now - began))
        await asyncio.sleep(_EVERY)
    return samples


def texts() -> list[str]:
    """Those of the bookshop, Korean and English."""
    lines = (ROOT / "examples" / "bookshop" / "corpus.jsonl").read_text().splitlines()
    return [json.loads(line)["text"] for line in lines]


def soak(
    minutes: float,
    *,
    encoder: str,
    ids: int = 2000,
    clients: int = 4,
    pause: float = 0.02,
    seed: int = 11,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Run it; samples, growth, latencies and what was unexpected."""
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "service.cli", "serve", "--data", folder)
        command += ("--port", "{port}", "--encoder", encoder)
        quiet = {"MEARI_LOG_LEVEL": "warning", **(environment or {})}
        server = Server("meari", command, "/readyz", "/v1/embeddings", encoder, quiet)
        with running(server) as under_test:
            traffic = Traffic(under_test.url, encoder, texts(), ids=ids, pause=pause, seed=seed)

            async def all_of_it() -> list[Sample]:
                await traffic.fill()
                until = time.monotonic() + minutes * 60
                samples, _ = await asyncio.gather(
                    watch(under_test.pid, until), traffic.run(clients, until)
                )
                return samples

            samples = asyncio.run(all_of_it())
    return {
        "settings": {
            "minutes": minutes,
            "encoder": encoder,
            "ids": ids,
            "clients": clients,
            "pause": pause,
            "environment": environment or {},
        },
        "requests": traffic.tally.requests,
        "unexpected": dict(traffic.tally.unexpected),
        "statuses": {kind: dict(each) for kind, each in sorted(traffic.tally.statuses.items())},
        "growth": {name: told(samples, name) for name in ("memory", "private", "files", "threads")},
        "milliseconds": latencies(traffic, minutes * 60),
        "samples": thinned(samples),
    }


def told(samples: Sequence[Sample], figure: str) -> dict[str, float]:
    """A figure's growth as it is kept."""
    growth = Growth.of(samples, figure)
    values = [getattr(each, figure) for each in samples]
    return {
        "first_quarter": growth.first,
        "last_quarter": growth.last,
        "share": round(growth.share, 5),
        "most": max(values),
    }


def latencies(traffic: Traffic, seconds: float) -> dict[str, dict[str, float]]:
    """Medians and 99th percentiles after the warm-up, by kind."""
    found = {}
    for kind, answers in sorted(traffic.tally.seconds.items()):
        warm = [took * 1000 for moment, took in answers if moment > seconds * WARM_SHARE]
        if len(warm) > 1:
            cuts = statistics.quantiles(warm, n=100)
            found[kind] = {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "n": len(warm)}
    return found


def thinned(samples: Sequence[Sample]) -> list[list[float]]:
    """Some of the samples, evenly: second, memory, private, files, threads."""
    step = max(1, len(samples) // _KEPT_SAMPLES)
    return [[s.second, s.memory, s.private, s.files, s.threads] for s in samples[::step]]


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--encoder", default="meari-ko-en")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--growth", type=float, default=0.02, help="largest share allowed")
    parser.add_argument("--name", default="reliability_soak", help="of the kept result")
    parser.add_argument("--picture", type=Path, help="SVG to draw")
    given = parser.parse_args(arguments)
    result = soak(given.minutes, encoder=given.encoder, clients=given.clients, pause=given.pause)
    print("kept", save(given.name, result))
    if given.picture:
        from benchmarks.reliability.soak_picture import draw

        draw(result, given.picture, WARM_SHARE)
    shown = {key: result[key] for key in ("requests", "unexpected", "growth", "milliseconds")}
    print(json.dumps(shown, ensure_ascii=False, indent=1))
    return int(bool(result["unexpected"]) or result["growth"]["memory"]["share"] > given.growth)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
