"""How quick searches stay while a job runs: latencies of a real server, quiet and beside each job.

    python -m benchmarks.structure_service prepare --texts FILE.jsonl --data DIR [--rows 50000]
    python -m benchmarks.structure_service run --texts FILE.jsonl --data DIR [--jobs clusters map]

FILE holds one object a line with `text`. `prepare` indexes the first rows into the collection
`large` by `--encoder`. `run` starts the server of this checkout over the folder, as `meari serve`
does, and asks it by texts (hybrid search, 10 matches) at a fixed rate, whether or not earlier
answers have come, so that waiting counts. It asks for `--seconds` before the jobs, and as long
while each job runs, which is asked for anew with another seed where it ends before.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from benchmarks.record import save
from embeddings.processors import usable_processors
from indexing.data_folder import DataFolder
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "large"
SEARCH = f"/v1/collections/{NAME}/search"
SERVE = "from service.server import serve; from service.settings import Settings; serve(Settings())"
ANSWERING = re.compile(r"answering at (http://\S+)")
_BATCH = 2_000
_CLIENTS = 16
_WARM_SECONDS = 8.0
BODIES: dict[str, dict[str, Any]] = {
    "clusters": {},
    "outliers": {},
    "duplicates": {},
    "map": {},
}


def prepare(texts: Path, data: Path, rows: int, encoder: str) -> None:
    """A collection of the first texts, its index built."""
    with DataFolder.open(data, maintain=False) as folder:
        collection = folder.create(NAME, encoder=encoder)
        lines = _texts(texts, rows)
        for first in range(0, len(lines), _BATCH):
            part = lines[first : first + _BATCH]
            collection.add([Document(f"d{first + n}", text) for n, text in enumerate(part)])
            print(f"{first + len(part):,} documents", flush=True)
        collection.optimize()


def _texts(path: Path, most: int) -> list[str]:
    with path.open(encoding="utf-8") as file:
        found = (json.loads(line)["text"] for line in file)
        return list(islice((text for text in found if text.strip()), most))


@contextmanager
def serving(data: Path, encoder: str) -> Iterator[str]:
    """A server over the folder; its address."""
    chosen = {"MEARI_DATA": str(data), "MEARI_PORT": "0", "MEARI_ENCODER": encoder}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env={**os.environ, **chosen},
        stderr=subprocess.PIPE,
        text=True,
    )
    address: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in process.stderr or ():
            if match := ANSWERING.search(line):
                address.put(match[1])

    threading.Thread(target=read, daemon=True).start()
    try:
        url = address.get(timeout=120)
        while httpx.get(f"{url}/readyz").status_code != 200:
            time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def asked(url: str, texts: list[str], rate: float, seconds: float) -> list[float]:
    """Milliseconds of each search, from when it was due."""
    start = time.perf_counter()
    due: queue.Queue[tuple[float, str] | None] = queue.Queue()
    took: list[float] = []

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            while (given := due.get()) is not None:
                when, text = given
                client.post(SEARCH, json={"query": text, "limit": 10}).raise_for_status()
                took.append(1e3 * (time.perf_counter() - when))

    threads = [threading.Thread(target=ask) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for number, text in enumerate(cycle(texts)):
        when = start + number / rate
        if when - start >= seconds:
            break
        time.sleep(max(0.0, when - time.perf_counter()))
        due.put((when, text))
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    return took


def told(took: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile and the longest, in milliseconds."""
    names = {"p50": 50, "p95": 95, "p99": 99, "longest": 100}
    found = {name: round(float(np.percentile(took, share)), 2) for name, share in names.items()}
    return {"searches": len(took), **found}


class Running:
    """A job that is asked for again, with another seed, whenever it ends; tended in a thread."""

    def __init__(self, url: str, kind: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self._kind = kind
        self._seed = 0
        self._id = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tend)
        self.done: list[float] = []

    def begin(self) -> None:
        """Ask for it, and wait until it runs and has told of its first stage."""
        self._seed += 1
        body = {**BODIES[self._kind], "seed": self._seed}
        answer = self._client.post(f"/v1/collections/{NAME}/{self._kind}", json=body)
        self._id = answer.raise_for_status().json()["id"]
        while not self._job()["progress"]["stage"]:
            time.sleep(0.05)
        if not self._thread.is_alive():
            self._thread.start()

    def _tend(self) -> None:
        while not self._over.wait(0.5):
            if (job := self._job())["state"] == "done":
                self.done.append(_seconds(job))
                self.begin()

    def end(self) -> None:
        """Call it off."""
        self._over.set()
        self._thread.join()
        self._client.delete(f"/v1/jobs/{self._id}")
        self._client.close()

    def _job(self) -> dict[str, Any]:
        job: dict[str, Any] = self._client.get(f"/v1/jobs/{self._id}").json()
        if job["state"] == "failed":
            raise SystemExit(job["error"]["message"])
        return job


def _seconds(job: dict[str, Any]) -> float:
    return round(sum(job["result"]["milliseconds"].values()) / 1e3, 2)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Quiet, then beside each kind of job."""
    texts = _texts(options.texts, options.rows + 2_000)[options.rows :]
    result: dict[str, Any] = {
        "rows": options.rows,
        "encoder": options.encoder,
        "rate": options.rate,
        "seconds": options.seconds,
        "processors": usable_processors(),
    }
    with serving(options.data, options.encoder) as url:
        asked(url, texts, options.rate, _WARM_SECONDS)
        quiet = asked(url, texts, options.rate, options.seconds)
        result["quiet"] = told(quiet)
        print("quiet", result["quiet"], flush=True)
        for kind in options.jobs:
            running = Running(url, kind)
            running.begin()
            took = asked(url, texts, options.rate, options.seconds)
            running.end()
            figures = told(took)
            figures["p99_times_quiet"] = round(figures["p99"] / result["quiet"]["p99"], 2)
            result[kind] = {**figures, "jobs_done": len(running.done)}
            print(kind, result[kind], flush=True)
    return result


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("prepare", "run"))
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--encoder", default="meari-static")
    parser.add_argument("--rate", type=float, default=20.0, help="searches a second")
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--jobs", nargs="+", default=["clusters"], choices=list(BODIES))
    options = parser.parse_args()
    if options.what == "prepare":
        prepare(options.texts, options.data, options.rows, options.encoder)
    else:
        print(save("structure_service", run(options)))


if __name__ == "__main__":
    main()
