"""`meari eval encoders`: one table of encoders over data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.evaluate import show
from service.cli.output import AsJson, note
from service.cli.train.listening import listening

Config = Annotated[
    Path,
    typer.Option("--config", metavar="FILE", help="A ladder (TOML); see docs/encoders.md."),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the table, its picture, figures.")
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help='A key of the ladder (data="FOLDER").'),
]
Given = Annotated[
    list[str] | None,
    typer.Option("--given", metavar="MODEL=DIR", help="Take that folder, do not train the model."),
]
Rows = Annotated[
    list[str] | None,
    typer.Option("--row", metavar="NAME", help="Only this row; may be repeated."),
]


def encoders(
    config: Config,
    out: Out,
    sets: Sets = None,
    given: Given = None,
    rows: Rows = None,
    as_json: AsJson = False,
) -> None:
    """Compare encoders over data sets; models that are missing are trained first.

    A run that was stopped goes on where it was: models and figures that are there are kept.
    """
    from eval.encoders import run_encoders

    with listening() as listener:
        report = run_encoders(
            config,
            out=out,
            overrides=sets or (),
            given=given or (),
            rows=rows or (),
            progress=listener.progress,
            note=listener.note,
        )
    show(report, as_json=as_json)
    note(f"written to {out}")
