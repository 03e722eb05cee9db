"""What an evaluation of clusters says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.folders import write_report
from eval.markdown import facts, table, tell_share
from eval.report_page import READ_COLUMNS, encoder_rows, provenance_rows, read_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from analysis.clusters.request import ClusterRequest
    from embeddings.types import EncoderCard
    from eval.provenance import Provenance
    from eval.target import TextCounts

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure over several runs, each with a seed of its own.

    Attributes:
        value: the mean.
        low: the least.
        high: the greatest.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """The figure of one value a run."""
        return cls(float(np.mean(values)), min(values), max(values))

    def to_json(self) -> dict[str, float]:
        """Plain JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class ClusteringReport:
    """Found groups against those of people.

    Attributes:
        name: the data set.
        documents: texts grouped.
        groups: different labels.
        blank: rows left out because the text is blank.
        unlabelled: rows left out because they have no label.
        request: how texts were grouped, with the first run's seed.
        clusters: found, in each run.
        outliers: texts in none, in each run.
        measures: by name.
        labels: names of the largest clusters of the first run, each with its size and the true
            label of most of its texts.
        encoder: the encoder's card.
        texts: what was read.
        seconds: time of `encode`, and of all runs of `cluster` and `label`.
        provenance: versions, machine and time.
    """

    name: str
    documents: int
    groups: int
    blank: int
    unlabelled: int
    request: ClusterRequest
    clusters: tuple[int, ...]
    outliers: tuple[int, ...]
    measures: Mapping[str, Figure]
    labels: tuple[tuple[str, int, str], ...]
    encoder: EncoderCard
    texts: TextCounts
    seconds: Mapping[str, float]
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": "clustering",
            "format": FORMAT,
            "dataset": {
                "name": self.name,
                "documents": self.documents,
                "groups": self.groups,
                "blank": self.blank,
                "unlabelled": self.unlabelled,
            },
            "request": self.request.to_json(),
            "runs": len(self.clusters),
            "clusters": list(self.clusters),
            "outliers": list(self.outliers),
            "measures": {name: figure.to_json() for name, figure in self.measures.items()},
            "labels": [
                {"label": label, "size": size, "mostly": mostly}
                for label, size, mostly in self.labels
            ],
            "encoder": self.encoder.to_json(),
            "texts": self.texts.to_json(),
            "seconds": dict(self.seconds),
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: the measures, the largest clusters and the facts."""
        rows = [
            (name, figure.value, f"{figure.low:.4f} to {figure.high:.4f}")
            for name, figure in self.measures.items()
        ]
        outliers = ", ".join(tell_share(number, self.documents) for number in self.outliers)
        left_out = f"{self.blank:,} with a blank text, {self.unlabelled:,} without a label"
        found = ", ".join(f"{number:,}" for number in self.clusters)
        parts = [
            f"# Clustering: {self.name} by encoder {self.encoder.name}",
            table(("measure", "mean", "least to greatest"), rows, numbers={"mean"}),
            f"{self.documents:,} texts with {self.groups:,} different labels against the clusters "
            f"of {self.request.method}; means over {len(self.clusters)} runs, seeds from "
            f"{self.request.seed} on. Outliers count as one cluster.",
            "## Largest clusters of the first run",
            table(("label", "texts", "mostly"), self.labels, numbers={"texts"}),
            facts(
                [
                    ("clusters found", found),
                    ("outliers", outliers),
                    ("rows left out", left_out),
                    *encoder_rows(self.encoder),
                ]
            ),
            table(("of", *READ_COLUMNS), [read_row("texts", self.texts)], numbers=READ_COLUMNS),
            facts(provenance_rows(self.provenance, self.seconds)),
        ]
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Put `clustering.json` and `clustering.md` into `folder`, made if missing."""
        write_report(self, folder, "clustering")
