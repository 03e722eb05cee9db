"""`meari eval clustering`: clusters against the groups that people made."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.evaluate import PairEncoder, PairsOut, Where, show, stages
from service.cli.output import AsJson, note
from service.cli.store import settings

Labelled = Annotated[
    str, typer.Argument(metavar="FILE", help="Labelled texts: .tsv, .csv, .jsonl or .parquet.")
]
TextColumn = Annotated[str, typer.Option("--text", metavar="COLUMN", help="Column of the texts.")]
LabelColumn = Annotated[
    str, typer.Option("--label", metavar="COLUMN", help="Column of their labels.")
]
Method = Annotated[
    str, typer.Option("--method", metavar="M", help="kmeans, hdbscan or agglomerative.")
]
Number = Annotated[
    int | None,
    typer.Option("--k", metavar="N", help="How many clusters. [default: as many as labels]"),
]
ChooseNumber = Annotated[
    bool, typer.Option("--choose-k", help="Choose k by measure, as for a collection.")
]
MinSize = Annotated[
    int | None, typer.Option("--min-size", metavar="N", help="Fewest texts of a cluster.")
]
FirstSeed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the first run.")]
Runs = Annotated[int, typer.Option("--runs", metavar="N", help="Each with the next seed.")]


def clustering(
    texts: Labelled,
    text: TextColumn = "text",
    label: LabelColumn = "label",
    where: Where = None,
    method: Method = "kmeans",
    k: Number = None,
    choose_k: ChooseNumber = False,
    min_size: MinSize = None,
    encoder: PairEncoder = None,
    seed: FirstSeed = 0,
    runs: Runs = 3,
    out: PairsOut = None,
    as_json: AsJson = False,
) -> None:
    """Measure how far clusters of texts are the groups that people made."""
    from eval.clustering import run_clustering
    from eval.tables import read_where

    chosen = settings(encoder=encoder)
    with stages() as progress:
        report = run_clustering(
            texts,
            text=text,
            label=label,
            where=read_where(where or ()),
            method=method,
            k=k,
            choose_k=choose_k,
            min_size=min_size,
            encoder=chosen.encoder,
            device=chosen.device,
            seed=seed,
            runs=runs,
            out=out,
            progress=progress,
        )
    show(report, as_json=as_json)
    if out is not None:
        note(f"written to {out}")
