"""Encoders over data sets: one table, each row trained if it is not there, judged alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eval.command import run, show
from eval.folders import make_folder, write_report
from eval.ladder import Ladder, choose_rows, read_given, read_ladder
from eval.ladder_bench import Bench, RowScore
from eval.ladder_models import Workshop
from eval.ladder_page import ladder_page
from eval.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eval.target import Progress

FORMAT = 1
PICTURE_FILE = "encoders.png"
CELLS = "cells"
"""Folder of figures measured already, by what they were measured with."""


@dataclass(frozen=True, slots=True)
class LadderReport:
    """All rows over all judges.

    Attributes:
        ladder: what was asked for.
        rows: in its order.
        judged: pairs or queries of each judge, and its documents.
        provenance: versions, machine and time.
    """

    ladder: Ladder
    rows: list[RowScore]
    judged: dict[str, dict[str, int]]
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": "encoders",
            "format": FORMAT,
            "title": self.ladder.title,
            "judges": [
                {**asdict(judge), **self.judged.get(judge.name, {})} for judge in self.ladder.judge
            ],
            "rows": [row.to_json() for row in self.rows],
            "bootstrap": {
                "level": 0.95,
                "resamples": self.ladder.resamples,
                "seed": self.ladder.seed,
            },
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: the table and how it came about."""
        return ladder_page(self)

    def write(self, folder: Path) -> None:
        """Put `encoders.json`, `encoders.md` and `encoders.png` into `folder`, made if missing."""
        from embeddings.bars import Bar, draw_bars

        write_report(self, folder, "encoders")
        panels = [
            (
                judge.name,
                [
                    None if figure is None else Bar(figure.value, figure.low, figure.high)
                    for figure in (row.figures.get(judge.name) for row in self.rows)
                ],
            )
            for judge in self.ladder.judge
        ]
        names = [row.name for row in self.rows]
        draw_bars(names, panels, folder / PICTURE_FILE, title=self.ladder.title)


def run_encoders(
    config: Path,
    *,
    out: Path,
    overrides: Sequence[str] = (),
    given: Sequence[str] = (),
    rows: Sequence[str] = (),
    device: str | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> LadderReport:
    """Train what is missing, judge every row, and write the table.

    Figures measured before, with the same encoder and data, are taken from `out/cells`.

    Args:
        config: the ladder (TOML).
        out: folder for the table, its picture and the figures.
        overrides: keys of the ladder (`data="FOLDER"`).
        given: `MODEL=FOLDER`: take the folder instead of training the model.
        rows: names of rows; all without any.
        device: where encoders compute; None takes a GPU where there is one.
        progress: told how far each step is.
        note: told in sentences what is done.

    Raises:
        RecipeError: the ladder does not fit together.
        DatasetError: data are missing.
        ChoiceError: an unknown row or model.
        EmbeddingError: training or loading an encoder failed.
    """
    ladder = read_ladder(config, overrides)
    chosen = choose_rows(ladder, rows)
    make_folder(out / CELLS)
    telling = progress or (lambda *_: None)
    saying = note or (lambda _: None)
    shop = Workshop(ladder, read_given(given, ladder), telling, saying)
    bench = Bench(shop, out / CELLS, device)
    scores = [bench.judge_row(row) for row in chosen]
    report = LadderReport(ladder, scores, bench.judged, Provenance.now())
    report.write(out)
    return report


def main(
    config: Annotated[Path, typer.Option(metavar="FILE", help="The ladder (TOML).")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of table, picture, figures.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A key of the ladder.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL=FOLDER", help="Take the folder, do not train the model."),
    ] = None,
    row: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this row.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """One table of encoders over data sets; each row is trained if it is not there."""
    report = run_encoders(
        config,
        out=out,
        overrides=set_ or (),
        given=given or (),
        rows=row or (),
        note=lambda sentence: typer.echo(sentence, err=True),
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
