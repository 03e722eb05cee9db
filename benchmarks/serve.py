r"""Embedding over HTTP: our server beside others, and beside the encoder without any server.

    python -m benchmarks.serve [--encoder meari-ko-en] [--seconds 5] [--rounds 2]
        [--infinity ENVIRONMENT] [--data FOLDER --collection NAME] [--name serve]

Single questions, none asked twice, by 1, 8, 32 and 128 connections of wrk on the same processors.
Each server runs alone in a process of its own; rounds take turns, so that a drifting machine is
shared by all, and the median is told. With a collection, searches of it are measured too.

wrk is a package of Debian (`apt-get install wrk`); without it the generator of `eval load` is used,
which takes more of the processors it shares. infinity-emb has an environment of its own: it calls
what transformers 5 has no more. A folder of links to the pinned torch spares another download:

    python3 -m venv infinity && echo "$TORCH" > infinity/lib/python3.11/site-packages/torch.pth
    infinity/bin/pip install 'infinity-emb[server]==0.0.78' 'transformers<5' \
        'sentence-transformers<5.2'
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.record import save
from benchmarks.serving.clients import find_wrk, load
from benchmarks.serving.in_process import BATCHES
from benchmarks.serving.servers import find_servers, running
from embeddings.bundled import BUNDLED, find_bundled
from eval.load_texts import Questions
from eval.markdown import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.serving.servers import Server

_MOST_A_SECOND = 8_000
"""Questions written for a second of a step: more than any side answers."""


def main(
    encoder: Annotated[str, typer.Option(help="A bundled encoder, or minilm.")] = "meari-ko-en",
    seconds: Annotated[float, typer.Option(min=1)] = 5,
    rounds: Annotated[int, typer.Option(min=1)] = 2,
    infinity: Annotated[Path | None, typer.Option(help="Environment with infinity-emb.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of --collection.")] = None,
    collection: Annotated[str | None, typer.Option(help="Searched too.")] = None,
    name: Annotated[str, typer.Option(help="Of the file of results.")] = "serve",
) -> None:
    """Measure every side in turn, print the table and save it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        questions = Questions()
        model = _for_older(_model_folder(encoder), folder / "model")
        servers = find_servers(encoder, model, data or folder / "data", infinity)
        sides: dict[str, list[dict[str, Any]]] = {server.name: [] for server in servers}
        alone: list[dict[str, Any]] = []
        faults: dict[str, str] = {}
        for number in range(rounds):
            found = data / collection if data is not None and collection is not None else None
            alone.append(_in_process(encoder, _write(questions, folder, seconds), seconds, found))
            for server in servers:
                asked = collection if server.name == "meari" else None
                typer.echo(f"round {number + 1} of {rounds}: {server.name}", err=True)
                try:
                    sides[server.name].append(_serve(server, questions, folder, seconds, asked))
                except RuntimeError as error:  # the figures of the others stand
                    faults[server.name] = str(error)
                    typer.echo(f"{server.name} is left out: {error}", err=True)
    sides = {side: runs for side, runs in sides.items() if len(runs) == rounds}
    result = {
        "encoder": encoder,
        "seconds": seconds,
        "rounds": rounds,
        "client": "wrk -t1" if find_wrk() else "the generator of eval load: wrk is not installed",
        "in_process": alone,
        "servers": sides,
        "left_out": faults,
        "summary": _summary(sides, alone),
    }
    typer.echo(_page(result))
    typer.echo(f"written to {save(name, result)}")


def _serve(
    server: Server, questions: Questions, folder: Path, seconds: float, collection: str | None
) -> dict[str, Any]:
    """One server from its start to its end."""
    with running(server) as started:
        told: dict[str, Any] = {
            "ready_seconds": started.ready_seconds,
            "memory_bytes_ready": started.memory(),
        }
        warm = _write(questions, folder, 1)
        load(started, warm, concurrency=8, seconds=1)
        told["embed"] = [
            load(started, _write(questions, folder, seconds), concurrency=each, seconds=seconds)
            for each in BATCHES
        ]
        if collection is not None:
            told["search"] = [
                load(
                    started,
                    _write(questions, folder, seconds),
                    concurrency=each,
                    seconds=seconds,
                    collection=collection,
                )
                for each in BATCHES
            ]
        told["memory_bytes_loaded"] = started.memory()
    return told


def _in_process(
    encoder: str, texts: Path, seconds: float, collection: Path | None
) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.serving.in_process", encoder, str(texts)]
    given = [f"{seconds}", *([str(collection)] if collection else [])]
    ran = subprocess.run(
        [*command, *given],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _write(questions: Questions, folder: Path, seconds: float) -> Path:
    """A file of questions that nobody was asked yet."""
    path = folder / "questions.txt"
    texts = questions.take(round(_MOST_A_SECOND * seconds))
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def _model_folder(encoder: str) -> Path:
    if encoder in BUNDLED:
        return find_bundled(encoder)
    from embeddings.minilm import bundled_folder

    return bundled_folder()


def _for_older(folder: Path, copy: Path) -> Path:
    """A copy of a model folder whose tokenizer transformers 4 knows by name too."""
    shutil.copytree(folder, copy)
    config = copy / "tokenizer_config.json"
    told = json.loads(config.read_text(encoding="utf-8"))
    told["tokenizer_class"] = "PreTrainedTokenizerFast"
    config.write_text(json.dumps(told), encoding="utf-8")
    return copy


def _summary(
    sides: dict[str, list[dict[str, Any]]], alone: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Medians over the rounds, and what they are of the encoder without a server."""
    kinds = [kind for kind in ("encode", "search") if kind in alone[0]]
    told: dict[str, Any] = {}
    for kind in kinds:
        inside = {
            str(size): statistics.median(
                each[kind]["texts_per_second"][str(size)] for each in alone
            )
            for size in BATCHES
        }
        single = statistics.median(each[kind]["p50"] for each in alone)
        told[kind] = {"in_process": {"texts_per_second": inside, "p50": single}}
        asked = "embed" if kind == "encode" else "search"
        for name, runs in sides.items():
            if asked in runs[0]:
                told[kind][name] = _medians([run[asked] for run in runs], inside, single)
    return told


def _medians(
    runs: Sequence[Sequence[dict[str, Any]]], inside: dict[str, float], single: float
) -> list[dict[str, Any]]:
    rows = []
    for steps in zip(*runs, strict=True):
        rate = statistics.median(step["requests_per_second"] for step in steps)
        times = {
            name: statistics.median(step["milliseconds"][name] for step in steps)
            for name in ("p50", "p95", "p99")
        }
        at_once = steps[0]["concurrency"]
        row = {"concurrency": at_once, "requests_per_second": rate, **times}
        row["share_of_best_in_process"] = rate / max(inside.values())
        row["share_of_in_process_at_this_batch"] = rate / inside[str(at_once)]
        if at_once == 1:
            row["overhead_ms"] = times["p50"] - single
        rows.append({**row, "errors": sum(len(step["errors"]) for step in steps)})
    return rows


def _page(result: dict[str, Any]) -> str:
    parts = []
    times = ("p50 ms", "p95 ms", "p99 ms")
    columns = ("side", "at once", "req/s", *times, "of in process", "of its best", "errors")
    for kind, found in result["summary"].items():
        rows: list[tuple[object, ...]] = []
        for size, rate in found["in_process"]["texts_per_second"].items():
            p50 = f"{found['in_process']['p50']:.2f}" if size == "1" else ""
            rows.append((f"in process, {kind}", int(size), f"{rate:,.0f}", p50, *[""] * 5))
        for name, steps in found.items():
            for step in () if name == "in_process" else steps:
                rate = f"{step['requests_per_second']:,.0f}"
                took = (f"{step[each]:,.2f}" for each in ("p50", "p95", "p99"))
                shares = ("share_of_in_process_at_this_batch", "share_of_best_in_process")
                told = (f"{100 * step[each]:.0f} %" for each in shares)
                rows.append((name, step["concurrency"], rate, *took, *told, step["errors"]))
        parts.append(table(columns, rows, numbers=set(columns) - {"side"}))
    facts = [
        f"- {name}: ready after {statistics.median(r['ready_seconds'] for r in runs):.1f} s, "
        f"{statistics.median(r['memory_bytes_ready'] or 0 for r in runs) / 1e6:,.0f} MB then, "
        f"{statistics.median(r['memory_bytes_loaded'] or 0 for r in runs) / 1e6:,.0f} MB after it"
        for name, runs in result["servers"].items()
    ]
    return "\n\n".join([*parts, "\n".join(facts)])


if __name__ == "__main__":
    typer.run(main)
