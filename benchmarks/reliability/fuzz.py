"""Bytes of strangers for whatever reads bytes, led by the branches they reach.

    python -m benchmarks.reliability fuzz --target all --executions 1000000

Atheris (libFuzzer) runs every target in a process of its own; executions are libFuzzer's count.
A crash is an exception that no docstring promises, an answer that contradicts itself, an input
that takes more than 20 seconds, or more than 2 GB. The input is printed in base64.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.record import save
from benchmarks.reliability.fuzzing.table import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNT = re.compile(rb"stat::number_of_executed_units:\s*(\d+)")
_PEAK = re.compile(rb"stat::peak_rss_mb:\s*(\d+)")
_COVERED = re.compile(rb"cov: (\d+)")
_MEMORY = Path("/dev/shm")  # noqa: S108 - files that are written a thousand times a second


def fuzz(name: str, executions: int, seed: int) -> dict[str, Any]:
    """Counts of one target: executions, seconds, branches reached, crashes with their inputs."""
    target = TARGETS[name]
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place, prefix="meari-fuzz-") as scratch:
        folder, corpus, words = (Path(scratch, each) for each in ("files", "corpus", "words"))
        folder.mkdir()
        corpus.mkdir()
        for number, content in enumerate(target.seeds(folder)):
            (corpus / f"seed-{number}").write_bytes(content)
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        options = [f"-runs={executions}", f"-seed={seed}", f"-max_len={target.longest}"]
        options += ["-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]
        options += [f"-artifact_prefix={scratch}/", str(corpus)]
        options += [f"-dict={words}"] if target.words else []
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.reliability.fuzzing", name, str(folder), *options],
            capture_output=True,
            cwd=Path(__file__).parents[2],
            check=False,
        )
        seconds = time.perf_counter() - begun
        inputs = [each.read_bytes() for each in sorted(Path(scratch).glob("*-*")) if each.is_file()]
    told = done.stdout + done.stderr
    counted, peak = _COUNT.search(told), _PEAK.search(told)
    covered = _COVERED.findall(told)
    result: dict[str, Any] = {
        "executions": int(counted[1]) if counted else 0,
        "seconds": round(seconds, 1),
        "branches": int(covered[-1]) if covered else 0,
        "peak_rss_mb": int(peak[1]) if peak else None,
        "crashes": [],
    }
    if done.returncode != 0 or not counted:
        result["crashes"] = [base64.b64encode(each).decode() for each in inputs] or ["no input"]
        result["told"] = _fault(told)
    return result


def _escaped(word: str) -> str:
    return word.replace('"', '\\"')


def _fault(told: bytes) -> str:
    lines = [line for line in told.decode(errors="replace").splitlines() if "INFO:" not in line]
    text = "\n".join(lines)
    starts = [text.find(each) for each in ("Uncaught Python exception", "ERROR: libFuzzer")]
    return text[min((start for start in starts if start >= 0), default=0) :][:3000]


def share(names: Sequence[str], executions: int) -> dict[str, int]:
    """Executions of each target, by weight, at least as many as asked for together."""
    whole = sum(TARGETS[name].weight for name in names)
    return {name: -(-executions * TARGETS[name].weight // whole) for name in names}


def _save(name: str, found: dict[str, dict[str, Any]], seed: int) -> None:
    """Keep the counts up to now; a run that is stopped leaves what it did."""
    result = {
        "executions": sum(each["executions"] for each in found.values()),
        "crashes": sum(len(each["crashes"]) for each in found.values()),
        "seed": seed,
        "targets": found,
        "atheris": version("atheris"),
    }
    save(name, result)


def main(arguments: list[str]) -> int:
    """Try the targets one by one, tell of crashes, and keep the counts."""
    parser = argparse.ArgumentParser(prog="benchmarks.reliability fuzz", description=__doc__)
    parser.add_argument("--target", action="append", choices=["all", *TARGETS], default=None)
    parser.add_argument("--executions", type=int, default=1_000_000, help="of all together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="reliability_fuzz", help="of the file of results")
    chosen = parser.parse_args(arguments)
    names = chosen.target or ["all"]
    names = list(TARGETS) if "all" in names else list(dict.fromkeys(names))
    found: dict[str, dict[str, Any]] = {}
    for name, executions in share(names, chosen.executions).items():
        found[name] = fuzz(name, executions, chosen.seed)
        told = found[name]
        print(
            f"{name:<12} {told['executions']:>9,} in {told['seconds']:>7.1f} s, "
            f"{told['branches']:>5} branches, {len(told['crashes'])} crashes",
            flush=True,
        )
        for each in told["crashes"]:
            print(f"  {each[:2000]}\n{told['told']}", flush=True)
        _save(chosen.name, found, chosen.seed)
    whole = sum(each["executions"] for each in found.values())
    crashes = sum(len(each["crashes"]) for each in found.values())
    print(f"{whole:,} executions, {crashes} crashes")
    return 0 if not crashes and whole >= chosen.executions else 1
