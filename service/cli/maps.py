"""`meari map`: every document a point, as a picture or a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.analyses import Last, analysing, given
from service.cli.asking import FilterJson, Name, parsed
from service.cli.errors import MisuseError
from service.cli.output import AsJson, note, warn, write_json
from service.cli.store import Data, Url  # noqa: TC001 - typer reads them

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from service.cli.analyses import Analyses
    from service.client import JsonObject

Neighbours = Annotated[
    int | None,
    typer.Option("--neighbours", metavar="N", help="That attract each document, 2 to 200. [15]"),
]
Exaggeration = Annotated[
    float | None,
    typer.Option(
        "--exaggeration", metavar="X", help="1 spreads clusters, up to 30 draws them together. [1]"
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Of what is drawn by lot. [0]")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the points: .html, .png, .csv or .jsonl."),
]
Png = Annotated[
    Path | None, typer.Option("--png", metavar="FILE", help="Draw the map, names and all: .png.")
]
KINDS = (".html", ".png", ".csv", ".jsonl")
_AT_ONCE = 10_000


def map_(
    name: Name,
    neighbours: Neighbours = None,
    exaggeration: Exaggeration = None,
    seed: Seed = None,
    filter_json: FilterJson = None,
    last: Last = False,
    out: Out = None,
    png: Png = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Draw a map: documents that are alike side by side, clusters by name if there are some."""
    from service.cli.structure_tables import show_map

    if out is not None and out.suffix not in KINDS:
        message = (
            f"--out {out}: maps are written as {', '.join(KINDS)}; choose one of these endings"
        )
        raise MisuseError(message)
    if png is not None and png.suffix != ".png":
        message = f"--png {png}: it writes PNG; let the name end in .png"
        raise MisuseError(message)
    files = [path for path in (out, png) if path is not None]
    body = given(
        neighbours=neighbours,
        exaggeration=exaggeration,
        seed=seed,
        filter=parsed(filter_json),
    )
    if last and body:
        message = "--last shows what was drawn before; leave it out, or the other options"
        raise MisuseError(message)
    with analysing(data, url, finds=not last) as analyses:
        if not last:
            analyses.find("map", name, body)
        answer = analyses.show("map", name)
        points: Iterable[dict[str, Any]] = _points(analyses, name)
        if len(files) > 1:
            points = list(points)
        for path in files:
            _write(path, name, answer, points)
    if as_json:
        write_json(answer)
    else:
        show_map(name, answer)


def _write(path: Path, name: str, answer: JsonObject, points: Iterable[dict[str, Any]]) -> None:
    """The map as a file of the kind that its ending says, and a note of it."""
    named = ""
    if path.suffix == ".png":
        from service.cli.map_png import draw_png

        font, missing = draw_png(path, name, answer, points)
        named = "" if font is None else f", names in {font}"
        if missing is not None:
            warn(missing)
    else:
        from service.cli.picture import write_points

        write_points(path, name, answer, points)
    note(f"{path}: {answer['points']:,} points{named}")


def _points(analyses: Analyses, name: str) -> Iterator[dict[str, Any]]:
    """Every point, page by page, with its document's title and text."""
    cursor = None
    while True:
        page = analyses.points(name, cursor=cursor, limit=_AT_ONCE)
        yield from page["points"]
        if (cursor := page["cursor"]) is None:
            return
