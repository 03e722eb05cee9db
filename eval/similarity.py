"""How well cosines follow people's judgement of how alike two texts are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from eval.command import run, show
from eval.errors import DatasetError, EvalError
from eval.folders import make_folder, write_report
from eval.pairs import DEFAULT_COLUMNS, Columns, load_pairs
from eval.provenance import Provenance
from eval.report_page import estimates_table, pairs_parts
from eval.statistics import RESAMPLES, check_seed, estimate_paired
from eval.texts import encode_all

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from embeddings.types import Encoder, EncoderCard
    from eval.pairs import SimilarityData
    from eval.statistics import Estimate
    from eval.target import Progress, TextCounts

    Floats = npt.NDArray[np.float64]

FORMAT = 1
_EQUAL = 1e-6
"""Cosines closer than this differ by rounding alone."""


@dataclass(frozen=True, slots=True)
class SimilarityReport:
    """Correlations of an encoder's cosines with judged similarity.

    Attributes:
        name: the data set.
        split: which rows; None for all.
        pairs: pairs correlated.
        blank: pairs left out because one of the texts is blank.
        unscored: pairs left out because they have no score.
        spearman: rank correlation, -1 to 1; the figure STS tasks are compared by.
        pearson: linear correlation, -1 to 1.
        encoder: the encoder's card.
        texts: what was read; a text that stands in several pairs counts once.
        seed: of the bootstrap over pairs.
        resamples: of the bootstrap.
        seconds: time of `encode` and `measure`.
        provenance: versions, machine and time.
    """

    name: str
    split: str | None
    pairs: int
    blank: int
    unscored: int
    spearman: Estimate
    pearson: Estimate
    encoder: EncoderCard
    texts: TextCounts
    seed: int
    resamples: int
    seconds: Mapping[str, float]
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": "similarity",
            "format": FORMAT,
            "dataset": {
                "name": self.name,
                "split": self.split,
                "pairs": self.pairs,
                "blank": self.blank,
                "unscored": self.unscored,
            },
            "measures": {"spearman": self.spearman.to_json(), "pearson": self.pearson.to_json()},
            "encoder": self.encoder.to_json(),
            "texts": self.texts.to_json(),
            "bootstrap": {"level": 0.95, "resamples": self.resamples, "seed": self.seed},
            "seconds": dict(self.seconds),
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: the correlations and the facts."""
        split = "" if self.split is None else f" ({self.split})"
        left_out = f"{self.blank:,} with a blank text, {self.unscored:,} without a score"
        parts = [
            f"# Similarity: {self.name}{split} by encoder {self.encoder.name}",
            estimates_table("correlation", {"Spearman": self.spearman, "Pearson": self.pearson}),
            f"Cosine against judged similarity over {self.pairs:,} pairs. Intervals: percentile "
            f"bootstrap over pairs, {self.resamples:,} resamples, seed {self.seed}.",
            *pairs_parts(left_out, self.encoder, self.texts, self.provenance, self.seconds),
        ]
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Put `similarity.json` and `similarity.md` into `folder`, made if missing."""
        write_report(self, folder, "similarity")


def evaluate_similarity(
    data: SimilarityData,
    encoder: Encoder,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Progress | None = None,
) -> SimilarityReport:
    """Encode both texts of every pair in the role `query` and correlate cosines with scores.

    The role is the same for both, because similarity has no direction.

    Raises:
        DatasetError: all scores are equal, so that no correlation exists.
        EvalError: all cosines are equal.
    """
    gold = np.array(data.scores)
    if np.ptp(gold) == 0:
        message = f"{data.name}: all {len(gold)} scores are {gold[0]:g}; nothing to correlate with"
        raise DatasetError(message)
    started = time.perf_counter()
    cosines, texts = _cosines(data, encoder, progress)
    encoded = time.perf_counter()
    if np.ptp(cosines) < _EQUAL:
        message = f"encoder {encoder.card.name!r} gives every pair of {data.name} the same cosine"
        raise EvalError(message)
    return SimilarityReport(
        name=data.name,
        split=data.split,
        pairs=len(gold),
        blank=data.blank,
        unscored=data.unscored,
        spearman=estimate_paired(cosines, gold, spearman, seed=seed, resamples=resamples),
        pearson=estimate_paired(cosines, gold, pearson, seed=seed, resamples=resamples),
        encoder=encoder.card,
        texts=texts,
        seed=seed,
        resamples=resamples,
        seconds={"encode": encoded - started, "measure": time.perf_counter() - encoded},
        provenance=Provenance.now(),
    )


def run_similarity(
    dataset: str,
    *,
    split: str | None = None,
    columns: Columns = DEFAULT_COLUMNS,
    encoder: str | None = None,
    device: str | None = None,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress | None = None,
) -> SimilarityReport:
    """Evaluate an encoder (None: the default one) on a file of judged pairs.

    Args:
        dataset: a `.tsv`, `.csv`, `.jsonl` or `.parquet` file.
        split: only rows whose split column says so.
        columns: what the file's columns are called.
        encoder: name of the encoder.
        device: where it computes; None takes a GPU where there is one.
        seed: of the bootstrap intervals.
        out: a folder for `similarity.json` and `similarity.md`.
        progress: told how far encoding is.

    Raises:
        DatasetError: the file cannot be read.
        ChoiceError: an impossible seed.
        EmbeddingError: the encoder cannot be loaded.
        EvalError: `out` cannot be made.
    """
    from embeddings.load import DEFAULT_ENCODER, load_encoder

    check_seed(seed)
    data = load_pairs(dataset, columns=columns, split=split)
    if out is not None:
        make_folder(out)
    loaded = load_encoder(encoder or DEFAULT_ENCODER, device=device)
    report = evaluate_similarity(data, loaded, seed=seed, progress=progress)
    if out is not None:
        report.write(out)
    return report


def pearson(x: Floats, y: Floats) -> float:
    """Linear correlation of float64 (n,) with (n,); NaN where one side does not vary."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    of_x, of_y = x - x.mean(), y - y.mean()
    return float(of_x @ of_y / (np.linalg.norm(of_x) * np.linalg.norm(of_y)))


def spearman(x: Floats, y: Floats) -> float:
    """Rank correlation of float64 (n,) with (n,), ties sharing their mean rank; NaN likewise."""
    from scipy.stats import rankdata

    return pearson(rankdata(x), rankdata(y))


def _cosines(
    data: SimilarityData, encoder: Encoder, progress: Progress | None
) -> tuple[Floats, TextCounts]:
    texts = list(dict.fromkeys((*data.first, *data.second)))
    vectors, counts = encode_all(texts, encoder, progress)
    row = {text: position for position, text in enumerate(texts)}
    first = vectors[[row[text] for text in data.first]]
    second = vectors[[row[text] for text in data.second]]
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = np.sum(first * second, axis=1)
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return cosines.astype(np.float64), counts


def main(
    dataset: Annotated[str, typer.Argument(metavar="FILE", help=".tsv, .csv, .jsonl, .parquet.")],
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Only its rows.")] = None,
    encoder: Annotated[str | None, typer.Option(metavar="E", help="[default: meari-ko-en]")] = None,
    sentence1: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the first text.")
    ] = "sentence1",
    sentence2: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the second text.")
    ] = "sentence2",
    score: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the judged similarity.")
    ] = "score",
    split_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the split.")
    ] = "split",
    seed: Annotated[int, typer.Option(metavar="N", help="Of the bootstrap intervals.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON and Markdown there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """How well an encoder's cosines follow judged similarity."""
    columns = Columns(sentence1, sentence2, score, split_column)
    report = run_similarity(
        dataset, split=split, columns=columns, encoder=encoder, seed=seed, out=out
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
