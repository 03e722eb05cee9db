"""`meari eval outliers`: outlier scores against judged vectors and texts."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.evaluate import PairEncoder, PairsOut, Where, show, stages
from service.cli.output import AsJson, note
from service.cli.store import settings

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help=".npz files with X and y (1: outlier), folders of them, or tables of texts.",
    ),
]
Method = Annotated[
    str,
    typer.Option("--method", metavar="M", help="combined, knn, lof, forest, clusters, centroid."),
]
Neighbours = Annotated[
    int | None, typer.Option("--k", metavar="N", help="Neighbours looked at. [default: 20]")
]
Share = Annotated[
    float | None,
    typer.Option(
        "--contamination",
        metavar="SHARE",
        help="Share to call outliers. [default: by the robust line]",
    ),
]
Most = Annotated[
    int | None, typer.Option("--most", metavar="N", help="Rows of an .npz file, drawn at random.")
]
Raw = Annotated[bool, typer.Option("--raw", help="Do not standardise the dimensions of .npz.")]
TextColumn = Annotated[str, typer.Option("--text", metavar="COLUMN", help="Column of the texts.")]
LabelColumn = Annotated[
    str, typer.Option("--label", metavar="COLUMN", help="Column that tells outliers.")
]
Outlier = Annotated[str, typer.Option("--outlier", metavar="VALUE", help="What it says of them.")]
Fit = Annotated[
    list[str] | None,
    typer.Option(
        "--fit", metavar="COLUMN=VALUE", help="Learn from these rows' inliers; score the others."
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of what is random.")]


def outliers(
    sources: Sources,
    method: Method = "combined",
    k: Neighbours = None,
    contamination: Share = None,
    most: Most = None,
    raw: Raw = False,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    outlier: Outlier = "1",
    where: Where = None,
    fit: Fit = None,
    encoder: PairEncoder = None,
    seed: Seed = 0,
    out: PairsOut = None,
    as_json: AsJson = False,
) -> None:
    """Measure how far what was judged not to belong is found."""
    from eval.outliers import run_outliers
    from eval.tables import read_where

    chosen = settings(encoder=encoder)
    with stages() as progress:
        report = run_outliers(
            sources,
            method=method,
            k=k,
            contamination=contamination,
            standardise=not raw,
            most=most,
            text=text,
            label=label,
            outlier=outlier,
            where=read_where(where or ()),
            fit=read_where(fit or ()),
            encoder=chosen.encoder,
            device=chosen.device,
            seed=seed,
            out=out,
            progress=progress,
        )
    show(report, as_json=as_json)
    if out is not None:
        note(f"written to {out}")
