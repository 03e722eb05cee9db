r"""How true confidences are: fitted on some judged sets, drawn and counted on those left out.

    python -m benchmarks.calibration DATA BOOKSHOP --cache DIR

DATA holds the BEIR folders named in `SETS`. What is reported was
foretold, for the ten best of each question, by constants fitted on every second question of all
sets for the others, and on all sets but one for that one. Unjudged documents
count as not relevant, which wrongs confidences on `known item` sets: others may answer too.
Questions of another set, which nothing in a collection answers, show how often `no_good_answer` is
right. The constants for `indexing/confidence.py` are printed, fitted on all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from benchmarks.channels import Channels
from benchmarks.record import save
from benchmarks.reliability_plot import draw
from indexing.assessment import assess
from indexing.calibration import fit
from indexing.confidence import NO_ANSWER, Logistic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from indexing.calibration import Calibration
    from indexing.confidence import Values
    from indexing.types import Hits

Offset = tuple[float, float]

SETS = {
    "cranfield": ("test", "judged", "xquad_en"),
    "med": ("test", "judged", "boolq_en"),
    "cisi": ("test", "judged", "xquad_en"),
    "bookshop": ("test", "known item", "belebele_ko"),
    "xquad_en": ("test", "known item", "cranfield"),
    "boolq_en": ("dev", "known item", "cisi"),
    "belebele_ko": ("test", "known item", "miracl_ko"),
    "miracl_ko": ("dev", "known item", "belebele_ko"),
}
"""Split, how it is judged, and whose questions are strange to it. medquad is left out: a question
has one judged answer among many near copies."""
ENCODERS = ("meari-ko-en", "hash:256")
MODES = {"both": ("dense", "lexical"), "meaning": ("dense",), "words": ("lexical",)}
TOP, DEPTH, BINS, MOST = 10, 100, 10, 500
STRANGERS = 100
DOCS = Path(__file__).parent.parent / "docs" / "images" / "calibration.svg"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Matches of one set's questions.

    Attributes:
        name: of the set.
        kind: `judged` or `known item`.
        evidence: float64 (n,).
        relevant: float64 (n,), 1 or 0.
        best: float64 (questions,), evidence of each question's best.
        answered: bool (questions,), whether any of its matches is relevant.
        strange: float64 (strangers,), evidence of the best for questions of another set.
        offsets: float64 (n, 2), reliability and ln(documents) of each match; likewise of `best`
            and of `strange`.
        question: int64 (n,), whose match each is.
    """

    name: str
    kind: str
    evidence: Values
    relevant: Values
    best: Values
    answered: npt.NDArray[np.bool_]
    strange: Values
    offsets: Values
    best_offsets: Values
    strange_offsets: Values
    question: npt.NDArray[np.int64]

    def half(self, number: int) -> Sample:
        """The matches of every second question, from the first (0) or the second (1)."""
        its = self.question % 2 == number
        return replace(
            self,
            evidence=self.evidence[its],
            relevant=self.relevant[its],
            offsets=self.offsets[its],
            question=self.question[its],
        )


def main(
    data: Annotated[Path, typer.Argument(help="Folder of BEIR folders.")],
    bookshop: Annotated[Path, typer.Argument(help="`examples/bookshop`.")],
    *,
    cache: Annotated[Path, typer.Option(help="Keeps vectors and terms between runs.")],
) -> None:
    """Fit, count, draw, and save under `benchmarks/results`."""
    report: dict[str, Any] = {}
    for mode, legs in MODES.items():
        encoders = ENCODERS if "dense" in legs else ENCODERS[:1]
        samples = [
            gather(name, encoder, legs, {"bookshop": bookshop.resolve()}, data.resolve(), cache)
            for encoder in encoders
            for name in SETS
        ]
        foretold = {}
        for left_out in SETS:
            others = [s for s in samples if s.name != left_out]
            foretold[left_out] = regress(others, trusting="dense" in legs)
        held_out = {
            kind: reliability([s for s in samples if s.kind == kind], foretold)
            for kind in ("judged", "known item")
        }
        half = regress([s.half(0) for s in samples], trusting="dense" in legs)
        unseen = reliability([s.half(1) for s in samples], dict.fromkeys(SETS, half))
        held_out = {"questions": unseen, **held_out}
        final = regress(samples, trusting="dense" in legs)
        report[mode] = {
            "logistic": asdict(final),
            "left_out": {name: asdict(its) for name, its in foretold.items()},
            "held_out": held_out,
            "by_set": {
                f"{s.name} {encoder}": reliability([s], foretold)
                for encoder, part in _by_encoder(samples, encoders)
                for s in part
            },
            "no_good_answer": doubts(samples, foretold),
            "no_good_answer_first_encoder": doubts(samples[: len(SETS)], foretold),
        }
        print(mode, final, {k: (v["ece"], v["brier"]) for k, v in held_out.items()})
        print("  no good answer:", report[mode]["no_good_answer"])
        print(f"  with {ENCODERS[0]}:", report[mode]["no_good_answer_first_encoder"])
    DOCS.parent.mkdir(exist_ok=True)
    DOCS.write_text(draw(report["both"]["held_out"]), encoding="utf-8")
    print(f"saved {save('calibration', {'encoders': ENCODERS, 'sets': SETS, 'modes': report})}")


def gather(
    name: str, encoder: str, legs: Sequence[str], places: dict[str, Path], data: Path, cache: Path
) -> Sample:
    """The ten best of each judged question, and the best of strange ones."""
    split, kind, strange = SETS[name]
    channels = Channels(places.get(name, data / name), split, encoder, cache, MOST)
    others = Channels(places.get(strange, data / strange), SETS[strange][0], encoder, cache, MOST)
    snapshot = channels.snapshot()
    rows = {document.id: row for row, document in enumerate(channels.documents)}
    evidence, relevant, best, answered = [], [], [], []
    offsets, best_offsets, strange_best, strange_offsets = [], [], [], []
    asked: list[int] = []
    with channels.words() as words:
        calibration = fit(snapshot, words)  # type: ignore[arg-type]

        def ask(source: Channels, place: int) -> tuple[npt.NDArray[np.int64], Values, Offset]:
            vector = source.query_vectors[place : place + 1] if "dense" in legs else None
            terms = tuple(source.query_terms[place]) if "lexical" in legs else None
            hits: dict[str, Hits] = {}
            if vector is not None:
                hits["dense"] = snapshot.find(vector, DEPTH).hits
            if terms is not None:
                hits["lexical"] = words.search(terms, DEPTH, None)
            judged = assess(snapshot, words, _known(calibration), (vector, terms), hits, TOP)  # type: ignore[arg-type]
            order = np.argsort(-judged.evidence, kind="stable")[:TOP]
            offset = judged.chance.reliability, float(np.log(judged.chance.documents))
            return judged.rows[order], judged.evidence[order], offset

        for place, id_ in enumerate(channels.asked):
            found, values, offset = ask(channels, place)
            judgements = channels.data.qrels[id_].items()
            good = [rows[its] for its, grade in judgements if grade > 0 and its in rows]
            hit = np.isin(found, good)
            evidence.append(values)
            relevant.append(hit.astype(np.float64))
            best.append(values.max(initial=0.0))
            answered.append(hit.any())
            offsets += [offset] * len(values)
            asked += [place] * len(values)
            best_offsets.append(offset)
        for place in range(min(STRANGERS, len(others.asked))):
            _, values, offset = ask(others, place)
            strange_best.append(values.max(initial=0.0))
            strange_offsets.append(offset)
    return Sample(
        name,
        kind,
        np.concatenate(evidence),
        np.concatenate(relevant),
        np.array(best),
        np.array(answered),
        np.array(strange_best),
        np.array(offsets),
        np.array(best_offsets),
        np.array(strange_offsets),
        np.array(asked),
    )


def regress(samples: Iterable[Sample], *, trusting: bool) -> Logistic:
    """Logistic regression of relevance, every sample weighing the same.

    Args:
        samples: to learn from.
        trusting: False where vectors play no part, nor then their reliability.
    """
    from scipy.optimize import minimize

    known = [
        (np.column_stack([np.log1p(s.evidence), s.offsets, np.ones(len(s.evidence))]), s.relevant)
        for s in samples
    ]

    def loss(parameters: Values) -> float:
        total = 1e-4 * float((parameters[:3] ** 2).sum())
        for x, y in known:
            odds = x @ (parameters * mask)
            total += float((np.logaddexp(0.0, odds) - y * odds).mean()) / len(known)
        return total

    mask = np.array([1.0, float(trusting), 1.0, 1.0])
    found = minimize(loss, np.zeros(4), method="BFGS").x * mask
    return Logistic(*(round(float(value), 3) for value in found))


def foretell(evidence: Values, offsets: Values, logistic: Logistic) -> Values:
    """Confidence of each match."""
    odds = logistic.slope * np.log1p(evidence) + logistic.bias
    odds += offsets @ np.array([logistic.trust, logistic.size])
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def reliability(samples: Sequence[Sample], foretold: dict[str, Logistic]) -> dict[str, Any]:
    """Bins of mean confidence and share relevant, expected calibration error, Brier score."""
    p = np.concatenate([foretell(s.evidence, s.offsets, foretold[s.name]) for s in samples])
    y = np.concatenate([s.relevant for s in samples])
    w = np.concatenate([np.full(len(s.relevant), 1 / len(s.relevant)) for s in samples])
    w /= w.sum()
    places = np.minimum((p * BINS).astype(int), BINS - 1)
    bins = []
    for place in range(BINS):
        its = places == place
        if its.any():
            mass = float(w[its].sum())
            bins.append(
                {
                    "matches": int(its.sum()),
                    "weight": round(mass, 4),
                    "confidence": round(float((w * p)[its].sum()) / mass, 4),
                    "relevant": round(float((w * y)[its].sum()) / mass, 4),
                }
            )
    error = sum(b["weight"] * abs(b["confidence"] - b["relevant"]) for b in bins)
    brier = float((w * (p - y) ** 2).sum())
    base = float((w * y).sum())
    return {
        "matches": len(p),
        "ece": round(error, 4),
        "brier": round(brier, 4),
        "brier_of_the_mean": round(base * (1 - base), 4),
        "bins": bins,
    }


def doubts(samples: Sequence[Sample], foretold: dict[str, Logistic]) -> dict[str, Any]:
    """By bound: how often answered questions are doubted, and strange ones."""
    table = {}
    for bound in sorted({0.05, 0.1, 0.15, 0.2, 0.25, 0.3, NO_ANSWER}):
        false, right = [], []
        for sample in samples:
            logistic = foretold[sample.name]
            if sample.answered.any():
                its = sample.answered
                good = foretell(sample.best[its], sample.best_offsets[its], logistic)
                false.append(float(np.mean(good < bound)))
            doubted = foretell(sample.strange, sample.strange_offsets, logistic) < bound
            right.append(float(np.mean(doubted)))
        table[str(bound)] = {
            "false_alarms": round(float(np.mean(false)), 4),
            "strangers_noticed": round(float(np.mean(right)), 4),
        }
    return table


def _known(calibration: Calibration | None) -> Calibration:
    if calibration is None:
        message = "a set has too few documents to calibrate"
        raise ValueError(message)
    return calibration


def _by_encoder(
    samples: Sequence[Sample], encoders: Sequence[str]
) -> list[tuple[str, Sequence[Sample]]]:
    size = len(SETS)
    return [(name, samples[n * size : (n + 1) * size]) for n, name in enumerate(encoders)]


if __name__ == "__main__":
    typer.run(main)
