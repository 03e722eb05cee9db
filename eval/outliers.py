"""How far the vectors and texts that people judged not to belong are found."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from analysis.errors import AnalysisError
from analysis.outliers.fitting import fit_outliers
from analysis.outliers.nearness import nearest_documents
from analysis.outliers.request import OutlierRequest
from analysis.outliers.result import draw_line
from eval.command import run, show
from eval.detection import MEASURES
from eval.errors import ChoiceError, EvalError
from eval.folders import make_folder, write_report
from eval.markdown import facts, table
from eval.outlier_data import JudgedVectors, find_files, load_texts, load_vectors
from eval.provenance import Provenance
from eval.report_page import provenance_rows
from eval.tables import read_where
from eval.texts import encode_all
from indexing.index.exact import unit
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.target import Progress

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SetScores:
    """One data set.

    Attributes:
        name: the file's.
        rows: scored.
        fitted: learned from; the same rows unless there are others to learn from.
        dim: width of a vector.
        outliers: how many there are in truth.
        called: how many reach the threshold.
        hits: how many of these are outliers.
        measures: by name.
        seconds: of learning and scoring.
    """

    name: str
    rows: int
    fitted: int
    dim: int
    outliers: int
    called: int
    hits: int
    measures: Mapping[str, float]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        names = ("name", "rows", "fitted", "dim", "outliers", "called", "hits", "seconds")
        return {name: getattr(self, name) for name in names} | {"measures": dict(self.measures)}


@dataclass(frozen=True, slots=True)
class OutlierReport:
    """Scores against the truth, set by set.

    Attributes:
        request: how outliers were found.
        encoder: its name for texts; None for vectors.
        standardised: whether dimensions of vectors were standardised.
        sets: one entry a file.
        provenance: versions, machine and time.
    """

    request: OutlierRequest
    encoder: str | None
    standardised: bool
    sets: tuple[SetScores, ...]
    provenance: Provenance

    @property
    def means(self) -> dict[str, float]:
        """Each measure's mean over the sets, which count alike."""
        return {
            name: float(np.mean([one.measures[name] for one in self.sets])) for name in MEASURES
        }

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": "outliers",
            "format": FORMAT,
            "request": self.request.to_json(),
            "encoder": self.encoder,
            "standardised": self.standardised,
            "measures": self.means,
            "sets": [one.to_json() for one in self.sets],
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: one row a set, and the means."""
        rows = [
            (one.name, one.rows, one.outliers, *one.measures.values(), one.called, one.hits)
            for one in self.sets
        ]
        columns = ("set", "rows", "outliers", *MEASURES, "called", "of these true")
        if len(rows) > 1:
            rows.append(("mean of the sets", "", "", *self.means.values(), "", ""))
        how = [
            ("method", self.request.method),
            ("dimensions standardised", self.standardised),
            *([("encoder", self.encoder)] if self.encoder else []),
        ]
        spent = {"all": sum(one.seconds for one in self.sets)}
        parts = [
            f"# Outliers by {self.request.method}",
            table(columns, rows, numbers=columns[1:]),
            facts(how),
            facts(provenance_rows(self.provenance, spent)),
        ]
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Put `outliers.json` and `outliers.md` into `folder`, made if missing."""
        write_report(self, folder, "outliers")


def judge(data: JudgedVectors, metric: Metric, request: OutlierRequest) -> SetScores:
    """Score vectors, blind to the truth, and compare with it.

    Raises:
        EvalError: vectors that cannot be scored so.
    """
    started = time.perf_counter()
    learned = data.vectors if data.fitted is None else data.fitted
    try:
        fitted = fit_outliers(learned, metric, request)
    except AnalysisError as error:
        message = f"{data.name} cannot be scored so: {error}"
        raise EvalError(message) from error
    scores = fitted.scored.scores
    line = draw_line(np.sort(scores)[::-1].tolist(), request.contamination)[1]
    if data.fitted is not None:
        near = nearest_documents(learned, data.vectors, fitted.model.k, metric, None)
        scores = fitted.model.score(data.vectors, near).scores
    called = scores >= line
    return SetScores(
        name=data.name,
        rows=len(data.truth),
        fitted=len(learned),
        dim=data.vectors.shape[1],
        outliers=int(data.truth.sum()),
        called=int(called.sum()),
        hits=int((called & data.truth).sum()),
        measures={name: measure(data.truth, scores) for name, measure in MEASURES.items()},
        seconds=time.perf_counter() - started,
    )


def run_outliers(
    sources: Sequence[str],
    *,
    method: str = "combined",
    k: int | None = None,
    contamination: float | None = None,
    standardise: bool = True,
    most: int | None = None,
    text: str = "text",
    label: str = "label",
    outlier: str = "1",
    where: Mapping[str, str] | None = None,
    fit: Mapping[str, str] | None = None,
    encoder: str | None = None,
    device: str | None = None,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress | None = None,
) -> OutlierReport:
    """Evaluate outlier scores on vectors (`.npz`, compared by distance) or texts (by cosine).

    Args:
        sources: `.npz` files or folders of them, or tables of texts; not both kinds.
        method: how; the default is that of a collection.
        k: neighbours looked at; None: as for a collection.
        contamination: share to call outliers; None: by the robust line.
        standardise: give dimensions of `.npz` vectors mean 0 and standard deviation 1.
        most: rows of an `.npz` file kept at most; None keeps all.
        text: column of the texts.
        label: column that tells outliers.
        outlier: what it says of them.
        where: only rows with these values are scored.
        fit: rows with these values that are not outliers are learned from, and not scored.
        encoder: of texts; None: the default one.
        device: where it computes.
        seed: of what is random.
        out: a folder for `outliers.json` and `outliers.md`.
        progress: told how far it is.

    Raises:
        DatasetError: a source cannot be read.
        ChoiceError: impossible values, or both kinds of sources.
        EmbeddingError: the encoder cannot be loaded.
        EvalError: a set cannot be scored so, or `out` cannot be made.
    """
    request = _request(method=method, k=k, contamination=contamination, seed=seed)
    if most is not None and most < 1:
        message = f"most is {most}; 1 row or more is possible"
        raise ChoiceError(message)
    files = [file for source in sources for file in find_files(Path(source))]
    kinds = {file.suffix == ".npz" for file in files}
    if len(kinds) != 1:
        message = "name .npz files or tables of texts, at least one, and not both kinds"
        raise ChoiceError(message)
    if out is not None:
        make_folder(out)
    told: Progress = progress or (lambda *_: None)
    scores: list[SetScores] = []
    name: str | None = None
    if kinds == {True}:
        for done, file in enumerate(files):
            told("sets", done, len(files))
            data = load_vectors(file, most=most, seed=seed, standardise=standardise)
            scores.append(judge(data, Metric.EUCLIDEAN, request))
    else:
        from embeddings.load import DEFAULT_ENCODER, load_encoder

        loaded = load_encoder(encoder or DEFAULT_ENCODER, device=device)
        name = loaded.card.name
        for file in files:
            texts = load_texts(
                file, text=text, label=label, outlier=outlier, where=where or {}, fit=fit or {}
            )
            both = (*texts.texts, *texts.fitted)
            vectors = unit(encode_all(both, loaded, progress, role="document")[0])
            own, fitted = vectors[: len(texts.texts)], vectors[len(texts.texts) :]
            truth = np.array(texts.truth)
            data = JudgedVectors(texts.name, own, truth, fitted if texts.fitted else None)
            scores.append(judge(data, Metric.COSINE, request))
    report = OutlierReport(
        request, name, standardise and name is None, tuple(scores), Provenance.now()
    )
    if out is not None:
        report.write(out)
    return report


def _request(**fields: Any) -> OutlierRequest:  # noqa: ANN401
    try:
        return OutlierRequest(**fields)
    except AnalysisError as error:
        raise ChoiceError(str(error)) from error


def main(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help=".npz (X, y), folders, or texts.")
    ],
    method: Annotated[str, typer.Option(metavar="M", help="combined, knn, lof, ...")] = "combined",
    k: Annotated[int | None, typer.Option(metavar="N", help="Neighbours looked at.")] = None,
    contamination: Annotated[
        float | None, typer.Option(metavar="SHARE", help="[default: by the robust line]")
    ] = None,
    most: Annotated[int | None, typer.Option(metavar="N", help="Rows of an .npz file.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Do not standardise dimensions.")] = False,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the texts.")] = "text",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="It tells outliers.")] = "label",
    outlier: Annotated[str, typer.Option(metavar="VALUE", help="What it says of them.")] = "1",
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only these are scored.")
    ] = None,
    fit: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Learn from these.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(metavar="E", help="[default: meari-ko-en]")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is random.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON and Markdown there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """How far vectors and texts that were judged not to belong are found."""
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
        encoder=encoder,
        seed=seed,
        out=out,
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
