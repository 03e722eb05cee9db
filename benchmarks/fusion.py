r"""Hybrid search by each way of fusing, beside its two channels, on judged data.

    python -m benchmarks.fusion DATASET SPLIT --cache DIR [--encoder minilm] [--queries 500]

Both channels are searched exactly; documents without text are left out, for encoders refuse them.
Differences are tested by paired randomisation. Time is not measured.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from benchmarks.channels import Channels
from benchmarks.record import save
from eval.measures import Measure, evaluate
from eval.statistics import randomisation_test
from indexing.assessment import assess
from indexing.calibration import fit
from indexing.fusion import Leg, best_of, fuse_ranks, fuse_scores

if TYPE_CHECKING:
    from benchmarks.channels import Words
    from indexing.calibration import Calibration
    from indexing.confidence import Values
    from indexing.snapshot import Snapshot
    from indexing.types import Hits

MEASURE = Measure.parse("nDCG@10")
LIMIT = 10
DEPTH = 100
SEED = 0


def main(
    dataset: Annotated[Path, typer.Argument(help="A BEIR folder.")],
    split: Annotated[str, typer.Argument(help="Which judgements.")] = "test",
    encoder: Annotated[str, typer.Option(help="`minilm`, `hash:256`, a model folder.")] = "minilm",
    queries: Annotated[int, typer.Option(min=1, help="At most so many, drawn.")] = 500,
    *,
    cache: Annotated[Path, typer.Option(help="Keeps vectors and terms between runs.")],
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    channels = Channels(dataset.resolve(), split, encoder, cache, queries)
    snapshot = channels.snapshot()
    with channels.words() as words:
        calibration = fit(snapshot, words)  # type: ignore[arg-type]
        if calibration is None:
            raise typer.BadParameter("too few documents to calibrate", param_hint="DATASET")
        found = _answers(channels, snapshot, words, calibration)
    values = {name: _measured(channels, hits) for name, hits in found.items()}
    better = max(("dense", "lexical"), key=lambda name: float(values[name].mean()))
    result = {
        "dataset": {
            "name": channels.data.name,
            "split": split,
            "fingerprint": channels.data.fingerprint(),
        },
        "documents": len(channels.documents),
        "queries": len(channels.asked),
        "encoder": encoder,
        "depth": DEPTH,
        "reliability": {n: round(t.reliability, 3) for n, t in calibration.trust.items()},
        str(MEASURE): {name: round(float(its.mean()), 4) for name, its in values.items()},
        "better_channel": better,
        "p": {
            other: round(randomisation_test(values["calibrated"] - its, seed=SEED).p, 4)
            for other, its in values.items()
            if other != "calibrated"
        },
    }
    if channels.data.name == "bookshop":
        result["by_language"] = _by_language(channels, values)
    _show(result)
    name = f"fusion_{channels.data.name}_{split}_{encoder.replace(':', '_').rpartition('/')[2]}"
    print(f"saved {save(name, result)}")


def _answers(
    channels: Channels, snapshot: Snapshot, words: Words, calibration: Calibration
) -> dict[str, list[Hits]]:
    """By way of answering, the hits of each question."""
    found: dict[str, list[Hits]] = {}
    for place, terms in enumerate(channels.query_terms):
        vector = channels.query_vectors[place : place + 1]
        dense = snapshot.find(vector, DEPTH).hits
        lexical = words.search(terms, DEPTH, None)
        legs = {"dense": dense, "lexical": lexical}
        judged = assess(snapshot, words, calibration, (vector, tuple(terms)), legs, LIMIT)  # type: ignore[arg-type]
        its = {
            **legs,
            "ranks": fuse_ranks([Leg(dense), Leg(lexical)], LIMIT),
            "scores, dense .7": fuse_scores([Leg(dense, 0.7), Leg(lexical, 0.3)], LIMIT),
            "scores, dense .5": fuse_scores([Leg(dense), Leg(lexical)], LIMIT),
            "calibrated": best_of(judged.rows, judged.confidence, LIMIT),
        }
        for name, hits in its.items():
            found.setdefault(name, []).append(hits)
    return found


def _measured(channels: Channels, answers: list[Hits]) -> Values:
    """float64 (questions,)."""
    rankings = {
        id_: [channels.documents[row].id for row in hits.ids[0, :LIMIT].tolist() if row >= 0]
        for id_, hits in zip(channels.asked, answers, strict=True)
    }
    qrels = {id_: channels.data.qrels[id_] for id_ in channels.asked}
    values = evaluate([MEASURE], qrels, rankings)[MEASURE]
    return np.array([values[id_] for id_ in channels.asked])


def _by_language(channels: Channels, values: dict[str, Values]) -> dict[str, dict[str, float]]:
    """nDCG@10 of questions in Korean and in English."""
    korean = np.array(
        [any("가" <= char <= "힣" for char in text) for text in channels.asked.values()]
    )
    return {
        name: {
            "ko": round(float(its[korean].mean()), 4),
            "en": round(float(its[~korean].mean()), 4),
        }
        for name, its in values.items()
    }


def _show(result: dict[str, Any]) -> None:
    for name, value in result[str(MEASURE)].items():
        p = result["p"].get(name)
        beside = "" if p is None else f"   p {p:.4f}"
        by_language = result.get("by_language", {}).get(name, "")
        print(f"{name:<20}{value:.4f}{beside}   {by_language}")


if __name__ == "__main__":
    typer.run(main)
