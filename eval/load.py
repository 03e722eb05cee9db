"""How much a running server bears: requests a second and their latencies by how many at once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eval.command import run, show
from eval.errors import ChoiceError, TargetError
from eval.folders import make_folder, write_report
from eval.load_picture import check_picture, draw
from eval.load_plan import STEPS, LoadPlan, read_mix
from eval.load_process import MetricsWatch, ProcessWatch
from eval.load_report import LoadReport
from eval.load_steps import Traffic, facts_of, run_step
from eval.load_texts import Questions, read_questions
from eval.load_wire import Wire, WireError
from eval.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eval.load_process import Watch
    from eval.target import Progress

PICTURE_FILE = "load.png"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written of a run.

    Attributes:
        folder: of `load.json` and `load.md`; None writes nothing.
        plot: whether `load.png` is drawn there too.
    """

    folder: Path | None = None
    plot: bool = False


def run_load(
    url: str,
    *,
    collection: str | None = None,
    mix: str | None = None,
    concurrency: Sequence[int] = STEPS,
    seconds: float = 10.0,
    requests: int | None = None,
    texts: Path | None = None,
    mode: str | None = None,
    batch: int = 1,
    timeout: float = 60.0,
    pid: int | None = None,
    seed: int = 0,
    remote: bool = False,
    api_key: str | None = None,
    outputs: Outputs = Outputs(),
    progress: Progress | None = None,
) -> LoadReport:
    """Load a server step by step; see `LoadPlan` for the bounds.

    Args:
        url: where the server is; on this machine unless `remote`.
        collection: what is searched; None: only embedding is asked for.
        mix: shares of the kinds of requests (`search=3,embed=1`).
        concurrency: requests at once, a step for each number.
        seconds: of each step.
        requests: of each step at most.
        texts: file of questions, one a line; None: built-in ones that never repeat.
        mode: of the searches.
        batch: texts in each embedding request.
        timeout: seconds after which a request has failed.
        pid: the server's process on this machine, for its processor time and peak memory; None
            asks the server's `/metrics`.
        seed: of the order of the kinds.
        remote: whether the server may be on another machine.
        api_key: for a server that asks for one.
        outputs: what is written.
        progress: told the seconds that are over, and those of all steps.

    Raises:
        ChoiceError: a value out of its bounds, or a server elsewhere without `remote`.
        TargetError: no server there, or it refuses what the plan asks.
        DatasetError: the file of questions cannot be read.
        EvalError: the results cannot be written, or not drawn.
    """
    plan = LoadPlan(
        url=url.rstrip("/"),
        mix=read_mix(mix, collection),
        collection=collection,
        concurrency=tuple(concurrency),
        seconds=seconds,
        requests=requests,
        mode=mode,
        batch=batch,
        timeout=timeout,
        seed=seed,
        remote=remote,
        api_key=api_key,
    )
    questions = read_questions(texts)
    watch = None if pid is None else ProcessWatch(pid)
    if outputs.plot and outputs.folder is None:
        message = "a picture needs a folder to go to; name one (--out)"
        raise ChoiceError(message)
    if outputs.plot:
        check_picture()
    if outputs.folder is not None:
        make_folder(outputs.folder)
    report = asyncio.run(_load(plan, questions, watch, progress))
    if outputs.folder is not None:
        write_report(report, outputs.folder, "load")
        if outputs.plot:
            draw(report, outputs.folder / PICTURE_FILE)
    return report


async def _load(
    plan: LoadPlan, questions: Questions, watch: Watch | None, progress: Progress | None
) -> LoadReport:
    wire = Wire(
        plan.host,
        plan.port,
        secure=plan.secure,
        timeout=plan.timeout,
        api_key=plan.api_key,
    )
    try:
        health = await _health(plan, wire)
        asked = watch or MetricsWatch(wire)
        can_tell = await asked.look() is not None
        traffic = Traffic(plan, questions, str(health.get("encoder", "")))
        await traffic.try_each()
        steps = [
            await run_step(traffic, plan, number, asked if can_tell else None, progress)
            for number in range(len(plan.concurrency))
        ]
    finally:
        wire.close()
    return LoadReport(
        plan=plan,
        server=facts_of(health),
        watched=asked.source if can_tell else None,
        distinct=questions.distinct,
        steps=steps,
        provenance=Provenance.now(),
    )


async def _health(plan: LoadPlan, wire: Wire) -> dict[str, Any]:
    try:
        reply = await wire.send(wire.request("GET", "/health"))
        health = json.loads(reply.body)
    except WireError as error:
        message = f"{plan.url} cannot be asked ({error}); start a server with `meari serve`"
        raise TargetError(message) from error
    except ValueError:
        health = None
    if not isinstance(health, dict) or "encoder" not in health:
        message = f"{plan.url} does not tell how it is; is it a Meari server?"
        raise TargetError(message)
    if health.get("status") not in {"ok", "degraded"}:
        message = f"{plan.url} is {health.get('status')}: {health.get('reason')}"
        raise TargetError(message)
    return health


def main(
    url: Annotated[str, typer.Argument(metavar="URL", help="Server (http://127.0.0.1:8080).")],
    collection: Annotated[str | None, typer.Option(metavar="NAME", help="What to search.")] = None,
    mix: Annotated[str | None, typer.Option(help="Shares, such as search=3,embed=1.")] = None,
    concurrency: Annotated[
        list[int] | None, typer.Option(metavar="N", help="At once; a step each. [1 8 32 128]")
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="Of each step.")] = 10.0,
    requests: Annotated[int | None, typer.Option(metavar="N", help="Of each step.")] = None,
    texts: Annotated[Path | None, typer.Option(metavar="FILE", help="A question a line.")] = None,
    mode: Annotated[str | None, typer.Option(help="Of the searches.")] = None,
    batch: Annotated[int, typer.Option(metavar="N", help="Texts to embed a request.")] = 1,
    timeout: Annotated[float, typer.Option(metavar="S", help="Of one request.")] = 60.0,
    pid: Annotated[int | None, typer.Option(metavar="N", help="The server's process.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the order of kinds.")] = 0,
    remote: Annotated[bool, typer.Option("--remote", help="Allow another machine.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write results there.")] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw them there too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """How many requests a second a running server answers, and how fast."""
    report = run_load(
        url,
        collection=collection,
        mix=mix,
        concurrency=concurrency or STEPS,
        seconds=seconds,
        requests=requests,
        texts=texts,
        mode=mode,
        batch=batch,
        timeout=timeout,
        pid=pid,
        seed=seed,
        remote=remote,
        outputs=Outputs(out, plot),
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
