"""How far groups found by meaning are those that people made, and how their names hold together."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from analysis.clusters.grouping import group
from analysis.clusters.labels import name_groups
from analysis.clusters.request import ClusterRequest
from analysis.clusters.words import count_terms
from analysis.errors import AnalysisError
from eval.agreement import MEASURES, npmi
from eval.clustering_report import ClusteringReport, Figure
from eval.command import run, show
from eval.errors import ChoiceError, EvalError
from eval.folders import make_folder
from eval.labelled import load_labelled
from eval.provenance import Provenance
from eval.tables import read_where
from eval.texts import encode_all
from indexing.index.exact import unit
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.clusters.partition import Partition
    from analysis.progress import Progress as Watcher
    from embeddings.text.analyzer import Analyzer
    from embeddings.types import Encoder
    from eval.labelled import LabelledData
    from eval.target import Progress
    from indexing.types import Ids

COHERENCE = "NPMI"
RUNS = 3
_MOST_RUNS = 100
_SHOWN = 20


class ListedTexts:
    """Texts that are in no collection, as names are made of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def terms(self, positions: Sequence[int] | Ids, analyzer: Analyzer) -> list[list[str]]:
        """The terms of the texts at those positions."""
        return analyzer.analyze(self.texts(positions))

    def texts(self, positions: Sequence[int] | Ids) -> list[str]:
        """The texts at those positions."""
        return [self._texts[int(position)] for position in positions]


def evaluate_clustering(
    data: LabelledData,
    encoder: Encoder,
    request: ClusterRequest,
    *,
    runs: int = RUNS,
    progress: Progress | None = None,
) -> ClusteringReport:
    """Encode the texts, group them several times and compare with their labels.

    Args:
        data: texts and labels.
        encoder: encodes in the role `document`.
        request: how to group; k None chooses it by measure.
        runs: with seeds from the request's on.
        progress: told how far it is.

    Raises:
        EvalError: texts that cannot be grouped so.
    """

    def told(stage: str, done: int, total: int) -> None:
        if progress is not None:
            progress(stage, done, total)

    started = time.perf_counter()
    vectors, counts = encode_all(data.texts, encoder, progress, role="document")
    encoded = time.perf_counter()
    try:
        found = [
            group(
                unit(vectors), Metric.COSINE, replace(request, seed=request.seed + n), progress=told
            )
            for n in range(runs)
        ]
    except AnalysisError as error:
        message = f"{data.name} cannot be grouped so: {error}"
        raise EvalError(message) from error
    grouped = time.perf_counter()
    names, truth = np.unique(np.array(data.labels), return_inverse=True)
    values = {
        name: [measure(truth, _from_zero(one)) for one in found]
        for name, measure in MEASURES.items()
    }
    labels, coherence = _names(data, found[0], request.seed, names[truth].tolist(), told)
    measures = {name: Figure.of(each) for name, each in values.items()}
    if coherence is not None:
        measures[COHERENCE] = Figure.of([coherence])
    return ClusteringReport(
        name=data.name,
        documents=len(data.texts),
        groups=len(names),
        blank=data.blank,
        unlabelled=data.unlabelled,
        request=request,
        clusters=tuple(len(one.centroids) for one in found),
        outliers=tuple(int((one.labels < 0).sum()) for one in found),
        measures=measures,
        labels=labels,
        encoder=encoder.card,
        texts=counts,
        seconds={
            "encode": encoded - started,
            "cluster": grouped - encoded,
            "label": time.perf_counter() - grouped,
        },
        provenance=Provenance.now(),
    )


def run_clustering(
    dataset: str,
    *,
    text: str = "text",
    label: str = "label",
    where: Mapping[str, str] | None = None,
    method: str = "kmeans",
    k: int | None = None,
    choose_k: bool = False,
    min_size: int | None = None,
    encoder: str | None = None,
    device: str | None = None,
    seed: int = 0,
    runs: int = RUNS,
    out: Path | None = None,
    progress: Progress | None = None,
) -> ClusteringReport:
    """Evaluate an encoder (None: the default one) on a file of labelled texts.

    Args:
        dataset: a `.tsv`, `.csv`, `.jsonl` or `.parquet` file.
        text: column of the texts.
        label: column of their labels.
        where: only rows with these values, column by column.
        method: `kmeans`, `hdbscan` or `agglomerative`.
        k: clusters; None takes as many as there are labels.
        choose_k: choose k by measure instead, as a collection does.
        min_size: fewest texts of a cluster.
        encoder: name of the encoder.
        device: where it computes; None takes a GPU where there is one.
        seed: of the first run.
        runs: how many, 1 to 100, each with the next seed.
        out: a folder for `clustering.json` and `clustering.md`.
        progress: told how far it is.

    Raises:
        DatasetError: the file cannot be read.
        ChoiceError: impossible values, or such that contradict each other.
        EmbeddingError: the encoder cannot be loaded.
        EvalError: the texts cannot be grouped so, or `out` cannot be made.
    """
    from embeddings.load import DEFAULT_ENCODER, load_encoder

    if not 1 <= runs <= _MOST_RUNS:
        message = f"runs is {runs}; 1 to {_MOST_RUNS} are possible"
        raise ChoiceError(message)
    if choose_k and k is not None:
        message = f"k is {k} and is to be chosen by measure; leave one of both out"
        raise ChoiceError(message)
    request = _request(method=method, k=k, min_size=min_size, seed=seed)
    data = load_labelled(dataset, text=text, label=label, where=where)
    if k is None and not choose_k and method != "hdbscan":
        request = _request(method=method, k=len(set(data.labels)), min_size=min_size, seed=seed)
    if out is not None:
        make_folder(out)
    loaded = load_encoder(encoder or DEFAULT_ENCODER, device=device)
    report = evaluate_clustering(data, loaded, request, runs=runs, progress=progress)
    if out is not None:
        report.write(out)
    return report


def _request(**fields: Any) -> ClusterRequest:  # noqa: ANN401
    try:
        return ClusterRequest(**fields)
    except AnalysisError as error:
        raise ChoiceError(str(error)) from error


def _from_zero(found: Partition) -> Ids:
    """Groups from 0 on; outliers are one of them."""
    labels: Ids = np.unique(found.labels, return_inverse=True)[1].astype(np.int64)
    return labels


def _names(
    data: LabelledData,
    found: Partition,
    seed: int,
    truth: Sequence[str],
    progress: Watcher,
) -> tuple[tuple[tuple[str, int, str], ...], float | None]:
    """Labels of the largest clusters, and the mean coherence of all their terms."""
    from embeddings.text.analyzer import load_analyzer

    texts, analyzer = ListedTexts(data.texts), load_analyzer()
    counted = count_terms(texts, found.labels, analyzer, seed=seed, progress=progress)
    k = len(found.centroids)
    names = name_groups(texts, counted, [[row] for row in range(k)], analyzer)
    values = [npmi(counted.holds, name.columns) for name in names]
    told = [value for value in values if value is not None]
    sizes = np.bincount(found.labels[found.labels >= 0], minlength=k)
    shown = []
    for row in np.argsort(-sizes, kind="stable")[:_SHOWN].tolist():
        members = [truth[place] for place in np.flatnonzero(found.labels == row).tolist()]
        mostly = max(sorted(set(members)), key=members.count)
        shown.append((names[row].label, int(sizes[row]), mostly))
    return tuple(shown), float(np.mean(told)) if told else None


def main(
    dataset: Annotated[str, typer.Argument(metavar="FILE", help=".tsv, .csv, .jsonl, .parquet.")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the texts.")] = "text",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the labels.")] = "label",
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only these rows.")
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="M", help="kmeans, hdbscan or agglomerative.")
    ] = "kmeans",
    k: Annotated[int | None, typer.Option(metavar="N", help="[default: one a label]")] = None,
    choose_k: Annotated[bool, typer.Option("--choose-k", help="Choose k by measure.")] = False,
    min_size: Annotated[
        int | None, typer.Option(metavar="N", help="Fewest texts of a cluster.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(metavar="E", help="[default: meari-ko-en]")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first run.")] = 0,
    runs: Annotated[int, typer.Option(metavar="N", help="Each with the next seed.")] = RUNS,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON and Markdown there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """How far clusters of texts are the groups that people put them into."""
    report = run_clustering(
        dataset,
        text=text,
        label=label,
        where=read_where(where or ()),
        method=method,
        k=k,
        choose_k=choose_k,
        min_size=min_size,
        encoder=encoder,
        seed=seed,
        runs=runs,
        out=out,
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
