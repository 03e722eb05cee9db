"""How often a text's nearest neighbour in another language is its translation.

Artetxe and Schwenk, "Massively Multilingual Sentence Embeddings for Zero-Shot Cross-Lingual
Transfer and Beyond", 2019, arXiv:1812.10464 (the Tatoeba test), and "Margin-based Parallel Corpus
Mining with Multilingual Sentence Embeddings", 2019, arXiv:1811.01136 (equation 2, ratio).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from eval.command import run, show
from eval.folders import make_folder, write_report
from eval.pairs import load_translations
from eval.provenance import Provenance
from eval.report_page import estimates_table, pairs_parts
from eval.statistics import RESAMPLES, check_seed, estimate_mean
from eval.tables import read_where
from eval.texts import encode_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from embeddings.types import Encoder, EncoderCard, Vectors
    from eval.pairs import TranslationData
    from eval.statistics import Estimate
    from eval.target import Progress, TextCounts

FORMAT = 1
NEIGHBOURS = 4
"""Over whose cosines the margin is taken; as both papers' authors do."""
_BLOCK = 512
_LEAST = 1e-6
"""Of a mean cosine that others are divided by."""


@dataclass(frozen=True, slots=True)
class TranslationReport:
    """Accuracies of an encoder in finding translations.

    Attributes:
        name: the data set.
        split: which rows; None for all.
        pairs: pairs looked at; candidates are the different texts of the other side.
        blank: pairs left out because one of the texts is blank.
        forward: share of sources whose nearest target is a translation, 0 to 1.
        backward: the same of targets.
        both: their mean.
        by_margin: the three of them where candidates are ranked by margin: the cosine over the mean
            of those of both texts with their nearest on the other side.
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
    forward: Estimate
    backward: Estimate
    both: Estimate
    by_margin: tuple[Estimate, Estimate, Estimate]
    encoder: EncoderCard
    texts: TextCounts
    seed: int
    resamples: int
    seconds: Mapping[str, float]
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        names = ("forward", "backward", "both")
        figures = dict(zip(names, (self.forward, self.backward, self.both), strict=True))
        margins = {f"margin_{name}": each for name, each in zip(names, self.by_margin, strict=True)}
        return {
            "kind": "translations",
            "format": FORMAT,
            "dataset": {
                "name": self.name,
                "split": self.split,
                "pairs": self.pairs,
                "blank": self.blank,
            },
            "measures": {name: each.to_json() for name, each in (figures | margins).items()},
            "encoder": self.encoder.to_json(),
            "texts": self.texts.to_json(),
            "bootstrap": {"level": 0.95, "resamples": self.resamples, "seed": self.seed},
            "seconds": dict(self.seconds),
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: the accuracies and the facts."""
        split = "" if self.split is None else f" ({self.split})"
        figures = {
            "source to target": self.forward,
            "target to source": self.backward,
            "both ways": self.both,
        }
        names = (f"{name}, by margin" for name in tuple(figures))
        figures |= dict(zip(names, self.by_margin, strict=True))
        left_out = f"{self.blank:,} with a blank text"
        parts = [
            f"# Translations: {self.name}{split} by encoder {self.encoder.name}",
            estimates_table("accuracy", figures),
            f"How often the nearest text of the other side is a translation, over {self.pairs:,} "
            "pairs, nearest by cosine or by margin (the cosine over the mean of both texts' "
            f"{NEIGHBOURS} nearest); a tie counts as missed. Intervals: percentile bootstrap over "
            f"pairs, {self.resamples:,} resamples, seed {self.seed}.",
            *pairs_parts(left_out, self.encoder, self.texts, self.provenance, self.seconds),
        ]
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Put `translations.json` and `translations.md` into `folder`, made if missing."""
        write_report(self, folder, "translations")


def evaluate_translations(
    data: TranslationData,
    encoder: Encoder,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Progress | None = None,
) -> TranslationReport:
    """Encode all texts in the role `query` and look for each one's nearest on the other side.

    Every text that stands beside it in some pair is right.
    """
    started = time.perf_counter()
    texts = list(dict.fromkeys((*data.source, *data.target)))
    vectors, counts = encode_all(texts, encoder, progress)
    encoded = time.perf_counter()
    row = {text: position for position, text in enumerate(texts)}
    unit = _unit(vectors)
    ways = _found(data.source, data.target, row, unit), _found(data.target, data.source, row, unit)
    figures = [
        estimate_mean(values, seed=seed, resamples=resamples)
        for forward, backward in zip(*ways, strict=True)
        for values in (forward, backward, (forward + backward) / 2)
    ]
    return TranslationReport(
        name=data.name,
        split=data.split,
        pairs=len(data.source),
        blank=data.blank,
        forward=figures[0],
        backward=figures[1],
        both=figures[2],
        by_margin=(figures[3], figures[4], figures[5]),
        encoder=encoder.card,
        texts=counts,
        seed=seed,
        resamples=resamples,
        seconds={"encode": encoded - started, "measure": time.perf_counter() - encoded},
        provenance=Provenance.now(),
    )


def run_translations(
    dataset: str,
    *,
    source: str = "source",
    target: str = "target",
    split: str | None = None,
    split_column: str = "split",
    where: Mapping[str, str] | None = None,
    encoder: str | None = None,
    device: str | None = None,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress | None = None,
) -> TranslationReport:
    """Evaluate an encoder (None: the default one) on a file of translations.

    Args:
        dataset: a `.tsv`, `.csv`, `.jsonl` or `.parquet` file.
        source: column of the texts in one language.
        target: column of the texts in the other.
        split: only rows whose split column says so.
        split_column: where the split is told.
        where: only rows with these values, column by column.
        encoder: name of the encoder.
        device: where it computes; None takes a GPU where there is one.
        seed: of the bootstrap intervals.
        out: a folder for `translations.json` and `translations.md`.
        progress: told how far encoding is.

    Raises:
        DatasetError: the file cannot be read.
        ChoiceError: an impossible seed.
        EmbeddingError: the encoder cannot be loaded.
        EvalError: `out` cannot be made.
    """
    from embeddings.load import DEFAULT_ENCODER, load_encoder

    check_seed(seed)
    data = load_translations(
        dataset, source=source, target=target, split=split, split_column=split_column, where=where
    )
    if out is not None:
        make_folder(out)
    loaded = load_encoder(encoder or DEFAULT_ENCODER, device=device)
    report = evaluate_translations(data, loaded, seed=seed, progress=progress)
    if out is not None:
        report.write(out)
    return report


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    made: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return made


def _found(
    asked: Sequence[str], others: Sequence[str], row: Mapping[str, int], unit: Vectors
) -> npt.NDArray[np.float64]:
    """float64 (2, pairs): 1 where a right text is strictly nearer than all wrong ones, else 0.

    By cosine first, then by margin.
    """
    candidates = list(dict.fromkeys(others))
    place = {text: position for position, text in enumerate(candidates)}
    right: dict[str, list[int]] = {}
    for text, other in zip(asked, others, strict=True):
        right.setdefault(text, []).append(place[other])
    different = list(right)
    sources = unit[[row[text] for text in different]]
    targets = unit[[row[text] for text in candidates]]
    around = _neighbourhoods(targets, sources)
    hits: dict[str, tuple[float, float]] = {}
    for start in range(0, len(different), _BLOCK):
        cosines = sources[start : start + _BLOCK] @ targets.T
        own = _nearest_mean(cosines)
        margins = cosines / np.maximum((own[:, np.newaxis] + around) / 2, _LEAST)
        for line, text in enumerate(different[start : start + _BLOCK]):
            its = right[text]
            hits[text] = (
                _is_nearest(cosines[line], its),
                _is_nearest(margins[line], its),
            )
    return np.array([hits[text] for text in asked]).T


def _is_nearest(scores: npt.NDArray[np.float32], right: list[int]) -> float:
    """1 if one of the right places has the highest score alone; `scores` is changed."""
    best = scores[right].max()
    scores[right] = -np.inf
    return float(best > scores.max())


def _neighbourhoods(texts: Vectors, others: Vectors) -> npt.NDArray[np.float32]:
    """float32 (texts,): mean cosine of each with its nearest among the others."""
    starts = range(0, len(texts), _BLOCK)
    return np.concatenate(
        [_nearest_mean(texts[start : start + _BLOCK] @ others.T) for start in starts]
    )


def _nearest_mean(cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 (rows,): the mean of the largest in each row."""
    number = min(NEIGHBOURS, cosines.shape[1])
    largest = np.partition(cosines, -number, axis=1)[:, -number:]
    mean: npt.NDArray[np.float32] = largest.mean(axis=1)
    return mean


def main(
    dataset: Annotated[str, typer.Argument(metavar="FILE", help=".tsv, .csv, .jsonl, .parquet.")],
    source: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of one language.")
    ] = "source",
    target: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the other.")] = "target",
    split: Annotated[str | None, typer.Option(metavar="NAME", help="Only its rows.")] = None,
    split_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the split.")
    ] = "split",
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only these rows.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(metavar="E", help="[default: meari-ko-en]")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the bootstrap intervals.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON and Markdown there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """How often an encoder finds the translation of a text."""
    report = run_translations(
        dataset,
        source=source,
        target=target,
        split=split,
        split_column=split_column,
        where=read_where(where or ()),
        encoder=encoder,
        seed=seed,
        out=out,
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
