"""`meari tune`: search over the keys of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.errors import STOPPED
from service.cli.output import AsJson, note, told_time, write_json, write_table
from service.cli.train.listening import listening

if TYPE_CHECKING:
    from embeddings.training.tuning.report import TuneReport

Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="The recipe to vary.")]
SpaceFile = Annotated[
    Path, typer.Option("--space", metavar="FILE", help="What to vary (TOML); see docs/tuning.md.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the search.")]
Trials = Annotated[
    int | None,
    typer.Option(
        "--trials",
        metavar="N",
        min=1,
        help="Trials in all. [default: 20; with --sampler grid all of it]",
    ),
]
Sampler = Annotated[
    Literal["tpe", "random", "grid"], typer.Option("--sampler", help="How values are chosen.")
]
Pruner = Annotated[
    Literal["median", "halving", "none"],
    typer.Option("--prune", help="Which trials are stopped early."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe; may be repeated."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind", metavar="KIND", help="siamese, classifier or images. [default: by its keys]"
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the sampler.")]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", metavar="M", min=0.01, help="Stop after that time."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the search in the folder.")]


def tune(
    config: Config,
    space: SpaceFile,
    out: Out,
    trials: Trials = None,
    sampler: Sampler = "tpe",
    prune: Pruner = "median",
    sets: Sets = None,
    kind: Kind = None,
    seed: Seed = 0,
    minutes: Minutes = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Search for the values of a recipe that measure best on its dev data.

    The best model, its recipe, a table and a picture go into the folder.
    """
    from embeddings.training.tuning.search import Search
    from embeddings.training.tuning.search import tune as search

    wanted = Search(
        config=config,
        space=space,
        out=out,
        trials=trials if trials is not None or sampler == "grid" else 20,
        sampler=sampler,
        pruner=prune,
        overrides=sets or (),
        kind=kind,
        seed=seed,
        seconds=None if minutes is None else 60 * minutes,
        resume=resume,
    )
    try:
        with listening() as listener:
            report = search(wanted, listener)
    except KeyboardInterrupt as error:
        note("the same command with --resume goes on; the trial that ran is begun anew")
        raise typer.Exit(STOPPED) from error
    if as_json:
        write_json(report.to_json())
        return
    _show(report)


def _show(report: TuneReport) -> None:
    keys = list(report.trials[0].point) if report.trials else []
    short = [key.rpartition(".")[2] for key in keys]
    names = short if len(set(short)) == len(short) else keys
    rows = [
        [
            each.number,
            each.state,
            each.value,
            *(_value(each.point.get(key)) for key in keys),
            told_time(each.seconds),
        ]
        for each in report.trials
    ]
    write_table(
        ["trial", "state", report.measure, *names, "time"], rows, numbers=f"trial {report.measure}"
    )
    for key, share in report.importance.items():
        note(f"{key} accounts for {100 * share:.0f} % of what sets good trials apart")
    if report.best is not None:
        note(
            f"the best model is {report.folder / 'best'}, its recipe {report.folder / 'best.toml'}"
        )


def _value(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
