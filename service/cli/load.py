"""`meari eval load`: how much a running server bears."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from service.cli.api_key import api_key
from service.cli.evaluate import show
from service.cli.output import AsJson, note
from service.cli.progress import Amount, metered

Server = Annotated[str, typer.Argument(metavar="URL", help="A server (http://127.0.0.1:8080).")]
Collection = Annotated[
    str | None,
    typer.Option(
        "--collection", metavar="NAME", help="What to search; without, texts are embedded."
    ),
]
Mix = Annotated[
    str | None,
    typer.Option(
        "--mix", metavar="SHARES", help="search=3,embed=1. [default: halves, or embed alone]"
    ),
]
Concurrency = Annotated[
    list[int] | None,
    typer.Option(
        "--concurrency",
        metavar="N",
        help="Requests at once; may be repeated, a step each. [default: 1, 8, 32, 128]",
    ),
]
Seconds = Annotated[float, typer.Option("--seconds", metavar="S", help="Of each step.")]
Requests = Annotated[
    int | None, typer.Option("--requests", metavar="N", help="Of each step, if it is over earlier.")
]
Texts = Annotated[
    Path | None,
    typer.Option(
        "--texts", metavar="FILE", help="A question a line. [default: built-in, never repeated]"
    ),
]
ModeName = Annotated[
    Literal["hybrid", "dense", "lexical"] | None,
    typer.Option("--mode", metavar="MODE", help="Of the searches. [default: the server's]"),
]
Batch = Annotated[
    int, typer.Option("--batch", metavar="N", help="Texts in each embedding request.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="S", help="After which a request has failed.")
]
Pid = Annotated[
    int | None,
    typer.Option(
        "--pid",
        metavar="N",
        help="The server's process here, for its memory's peak. [default: ask /metrics]",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the order of kinds.")]
Remote = Annotated[bool, typer.Option("--remote", help="Allow a server on another machine.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Write JSON and Markdown there.")
]
Plot = Annotated[bool, typer.Option("--plot", help="Draw rates and latencies there too.")]


def load(
    url: Server,
    collection: Collection = None,
    mix: Mix = None,
    concurrency: Concurrency = None,
    seconds: Seconds = 10.0,
    requests: Requests = None,
    texts: Texts = None,
    mode: ModeName = None,
    batch: Batch = 1,
    timeout: Timeout = 60.0,
    pid: Pid = None,
    seed: Seed = 0,
    remote: Remote = False,
    out: Out = None,
    plot: Plot = False,
    as_json: AsJson = False,
) -> None:
    """Measure how many requests a second a running server answers, and how fast.

    So many requests at once are kept under way; each that is answered is followed by the next.
    """
    from eval.load import Outputs, run_load
    from eval.load_plan import STEPS

    with metered("second") as tell:
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
            api_key=api_key(),
            outputs=Outputs(out, plot),
            progress=lambda _, done, total: tell(Amount(done, total, 0.0, total - done)),
        )
    show(report, as_json=as_json)
    if out is not None:
        note(f"written to {out}")
