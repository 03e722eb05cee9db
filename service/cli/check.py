"""`meari check`: what usually goes wrong in training, looked for before a long run."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.errors import FAILED, MisuseError
from service.cli.output import AsJson, note, told_time, write_json, write_table
from service.cli.train.listening import listening

if TYPE_CHECKING:
    from embeddings.training.checking.findings import CheckReport

Config = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="A recipe (TOML); see docs/checking.md.")
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the recipe; may be repeated."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="siamese, classifier or images. [default: the kind whose keys the recipe has]",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="CHECK", help="Of the checks, this one; may be repeated."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for findings.json and learning_rate.png. [default: RECIPE-check]",
    ),
]
FINDINGS = "findings.json"


def check(
    config: Config,
    sets: Sets = None,
    kind: Kind = None,
    only: Only = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Check a recipe before a long run: data, leaks, first loss, gradients, learning rate.

    A failed check ends with status 1.
    """
    from embeddings.training.checking.run import CHECKS, check_recipe
    from embeddings.training.subjects.subject import open_subject, read_any

    chosen = tuple(name for name in CHECKS if name in (only or CHECKS))
    for name in only or ():
        if name not in CHECKS:
            message = f"--only {name!r} is no check; possible: {', '.join(CHECKS)}"
            raise MisuseError(message)
    found, recipe = read_any(config, sets or (), kind)
    folder = out or Path(f"{config.stem}-check")
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place, listening() as listener:
        subject = open_subject(found, recipe, Path(place), listener)
        report = check_recipe(found, subject, folder, listener, only=chosen)
    told = json.dumps(report.to_json(), ensure_ascii=False, indent=2)
    (folder / FINDINGS).write_text(told + "\n", encoding="utf-8")
    if as_json:
        write_json(report.to_json())
    else:
        _show(report, folder)
    if report.failed:
        raise typer.Exit(FAILED)


def _show(report: CheckReport, folder: Path) -> None:
    rows = [(each.check, each.state, each.sentence) for each in report.findings]
    write_table(("check", "state", "what was found"), rows, folds="what was found")
    verdict = f"{len(report.failed)} failed" if report.failed else "nothing stands against the run"
    note(f"{verdict}; {told_time(report.seconds)}; figures and pictures in {folder}")
