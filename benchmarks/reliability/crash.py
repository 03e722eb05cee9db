"""Kills, failing calls, full disks and power cuts under everything that writes.

    python -m benchmarks.reliability crash --kills 600 --faults 2000 --full 150 --cuts 600

A process takes steps in a data folder (upserts, deletions, indexes, compactions beside writes,
words, ingests, jobs, keys, results, backups and their restoring) on a layer that numbers every
call that changes a file (`durability/disk.c`). What is left is opened by another process and held
against a model in memory: every acknowledged document is there with its text, metadata and vector,
what was under way is wholly there or not at all, nothing deleted is back; exact, indexed and
lexical answers are those of the model, `verify` is clean or says what it repaired, writing goes on,
and nothing half-written is left. Exit status 1: something was wrong.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.record import save
from benchmarks.reliability.durability.disk import (
    Disk,
    DiskUnavailableError,
    compile_layer,
    environment,
)
from benchmarks.reliability.durability.planted import PLANTED

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMS = ("kills", "faults", "full", "cuts", "flushes")
_MARK = "MEARI_RELIABILITY_DISK"
_SHOWN = 20


def main(arguments: Sequence[str]) -> int:
    """Run the trials; 1 if something was wrong, 2 where the layer cannot be made."""
    chosen = _parse(arguments)
    if _MARK in os.environ:
        print(json.dumps(_run(chosen), ensure_ascii=False))
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            layer = compile_layer(Path(folder))
        except DiskUnavailableError as error:
            print(error, file=sys.stderr)
            return 2
        results = _divided(chosen, layer)
    if not results:
        return 2
    result = _together(results)
    result |= {"seed": chosen.seed, "processes": len(results)}
    result["seconds"] = round(time.monotonic() - began, 1)
    forms = [name for name in FORMS if name in result]
    for name in forms:
        _tell(name, result[name], quiet=chosen.json)
    if chosen.json:
        print(json.dumps(result, ensure_ascii=False))
    if chosen.name:
        print(save(chosen.name, result))
    return int(any(result[name]["wrong"] or result[name]["unclear"] for name in forms))


def _divided(chosen: argparse.Namespace, layer: Path) -> list[dict[str, Any]]:
    """What so many processes find, each with a seed and a share of the trials of its own."""
    running = []
    for number in range(chosen.processes):
        command = [sys.executable, "-m", "benchmarks.reliability", "crash"]
        command += ["--seed", str(chosen.seed + number), "--seconds", str(chosen.seconds)]
        for name in FORMS:
            share = (getattr(chosen, name) + number) // chosen.processes
            command += [f"--{name}", str(share)]
        command += [f"--only={name}" for name in chosen.only]
        command += [f"--planted={chosen.planted}"] * bool(chosen.planted)
        command += [f"--folder={chosen.folder}"] * bool(chosen.folder)
        child = {**environment(layer), _MARK: "1"}
        running.append(subprocess.Popen(command, env=child, stdout=subprocess.PIPE))
    told = [each.communicate()[0] for each in running]
    return [json.loads(each) for each in told if each]


def _together(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The tallies of all processes as one."""
    whole: dict[str, Any] = {"boundaries": results[0]["boundaries"]}
    for name in FORMS:
        parts = [each[name] for each in results if name in each]
        if not parts:
            continue
        merged: dict[str, Any] = {}
        for what in parts[0]:
            values = [part[what] for part in parts]
            if what == "seconds":
                merged[what] = max(values)
            elif isinstance(values[0], dict):
                counts: Counter[str] = sum((Counter(each) for each in values), Counter())
                merged[what] = dict(counts.most_common())
            else:
                merged[what] = sum(values[1:], start=values[0])
        whole[name] = merged
    return whole


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability crash")
    for name in FORMS:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N")
    parser.add_argument("--seconds", type=float, default=3600.0, help="no trial begins later")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="with seeds of their own")
    parser.add_argument("--only", action="append", default=[], metavar="SCENARIO")
    parser.add_argument("--folder", type=Path, help="where the disks are made; on tmpfs it is fast")
    parser.add_argument("--name", default="", help="write results/NAME.json")
    parser.add_argument("--planted", choices=PLANTED, help="a mistake that is to be found")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args(list(arguments))


def _run(chosen: argparse.Namespace) -> dict[str, Any]:
    """The trials of one process, which runs on the layer."""
    logging.disable(logging.CRITICAL)
    _load()
    from benchmarks.reliability.durability.campaign import Campaign
    from benchmarks.reliability.durability.trials import Trials

    if chosen.planted:
        PLANTED[chosen.planted]()
    began = time.monotonic()
    layer = Disk()
    with tempfile.TemporaryDirectory(dir=chosen.folder or _memory()) as made:
        folder = Path(made)
        campaign = Campaign(
            layer,
            Trials(layer, folder / "trial"),
            folder / "starts",
            seed=chosen.seed,
            only=chosen.only,
        )
        result: dict[str, Any] = {"boundaries": campaign.boundaries()}
        wanted = {name: getattr(chosen, name) for name in FORMS if getattr(chosen, name)}
        for name, most in wanted.items():  # each gets its share of the time that is left
            left = began + chosen.seconds - time.monotonic()
            share = most / sum(list(wanted.values())[list(wanted).index(name) :])
            until = time.monotonic() + left * share
            result[name] = campaign.tally(getattr(campaign, name), most, until).to_json()
    return result


def _load() -> None:
    """Everything that a trial needs: forked processes have it already."""
    import email.parser
    import zipfile

    import faiss
    import numpy.random
    import pyarrow.ipc
    import Stemmer
    import tantivy
    import zstandard

    from indexing.index import threads

    del email, zipfile, faiss, numpy, pyarrow, Stemmer, tantivy, zstandard
    threads.limit_processors(1)
    # An index is built in a thread of low priority, which on a busy machine is minutes.
    threads.give_way = lambda: None
    gc.collect()
    gc.freeze()


def _memory() -> str | None:
    """Where files cost no disk, if there is such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def _tell(name: str, told: dict[str, Any], *, quiet: bool) -> None:
    stream = sys.stderr if quiet else sys.stdout
    per = told["trials"] / max(told["seconds"], 1e-9)
    trials = f"{told['trials']} trials, {told['met']} disturbed ({told['disturbed']} calls)"
    wrong = f"{len(told['wrong'])} wrong"
    print(
        f"{name}: {trials}, {wrong} ({told['seconds']:.0f} s, {per:.1f} a second)",
        file=stream,
    )
    for what in ("raised", "reopened", "unclear", "told"):
        for sentence, count in list(told[what].items())[:_SHOWN]:
            print(f"  {what}: {count} x {sentence}", file=stream)
    for each in told["wrong"][:_SHOWN]:
        print("  WRONG " + json.dumps(each, ensure_ascii=False)[:900], file=stream, flush=True)
