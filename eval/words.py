"""How well word vectors follow people's judgement of words, and how many analogies they solve."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from eval.analogies import SectionScore, solve
from eval.command import run, show
from eval.errors import ChoiceError, DatasetError
from eval.folders import make_folder, write_report
from eval.markdown import facts, table
from eval.provenance import Provenance
from eval.report_page import provenance_rows
from eval.similarity import spearman
from eval.statistics import RESAMPLES, check_seed, estimate_paired
from eval.word_tests import WordPairs, load_word_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embeddings.words.model import Reading, Words
    from eval.statistics import Estimate
    from eval.target import Progress
    from eval.word_tests import Analogies

FORMAT = 1
_LEAST = 3


@dataclass(frozen=True, slots=True)
class PairsScore:
    """One set of judged pairs.

    Attributes:
        name: of the set.
        pairs: in the file.
        known: of them, those whose two words both have a vector of their own.
        answered: those whose words have one, if only from parts of them.
        spearman: rank correlation over the known pairs; None if fewer than three are.
        spearman_answered: over those answered.
    """

    name: str
    pairs: int
    known: int
    answered: int
    spearman: Estimate | None
    spearman_answered: Estimate | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "pairs": self.pairs,
            "known": self.known,
            "answered": self.answered,
            "spearman": None if self.spearman is None else self.spearman.to_json(),
            "spearman_answered": (
                None if self.spearman_answered is None else self.spearman_answered.to_json()
            ),
        }


@dataclass(frozen=True, slots=True)
class WordsReport:
    """What tests say of word vectors.

    Attributes:
        model: name, method, words and width.
        pairs: one score a set of judged pairs.
        analogies: scores by section, by the name of the set.
        seed: of the bootstrap over pairs.
        resamples: of the bootstrap.
        seconds: time of `measure`.
        provenance: versions, machine and time.
    """

    model: Mapping[str, Any]
    pairs: tuple[PairsScore, ...]
    analogies: Mapping[str, tuple[SectionScore, ...]]
    seed: int
    resamples: int
    seconds: Mapping[str, float]
    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "kind": "words",
            "format": FORMAT,
            "model": dict(self.model),
            "pairs": [each.to_json() for each in self.pairs],
            "analogies": {
                name: [each.to_json() for each in scores] for name, scores in self.analogies.items()
            },
            "bootstrap": {"level": 0.95, "resamples": self.resamples, "seed": self.seed},
            "seconds": dict(self.seconds),
            "provenance": self.provenance.to_json(),
        }

    def to_markdown(self) -> str:
        """A page: correlations, analogies, facts."""
        parts = [f"# Words: {self.model['name']}"]
        if self.pairs:
            columns = ("set", "pairs", "known", "Spearman", "95 % interval", "answered", "of those")
            rows = [_pairs_row(each) for each in self.pairs]
            parts += [
                table(columns, rows, numbers={"pairs", "known", "Spearman", "answered"}),
                "Cosine against judged likeness: over the pairs whose words both have a vector of "
                "their own, and over all that are answered, if only from parts of words. "
                f"Intervals: percentile bootstrap over pairs, {self.resamples:,} resamples, seed "
                f"{self.seed}.",
            ]
        for name, scores in self.analogies.items():
            head = (f"{name}", "questions", "asked", "merged", "3CosAdd", "3CosMul")
            parts += [
                table(head, [_section_row(each) for each in scores], numbers=set(head[1:])),
                "Asked are the questions whose four words are known; shares are of those. Merged "
                "ones are not asked: the analyzer reads the answer as one of the other words.",
            ]
        told = [(key, value) for key, value in self.model.items() if key != "name"]
        parts.append(facts([*told, *provenance_rows(self.provenance, self.seconds)]))
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Put `words.json` and `words.md` into `folder`, made if missing."""
        write_report(self, folder, "words")


def evaluate_words(
    tests: Sequence[WordPairs | Analogies],
    words: Words,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Progress | None = None,
) -> WordsReport:
    """Compare cosines with judged likeness, and solve analogies.

    Raises:
        DatasetError: all scores of a set are equal, or nothing in any test is known.
    """
    started = time.perf_counter()
    pairs: list[PairsScore] = []
    analogies: dict[str, tuple[SectionScore, ...]] = {}
    for test in tests:
        if isinstance(test, WordPairs):
            pairs.append(_score_pairs(test, words, seed=seed, resamples=resamples))
        else:
            analogies[test.name] = tuple(solve(test, words, progress))
    asked = sum(each.answered for each in pairs)
    asked += sum(each.asked for scores in analogies.values() for each in scores)
    if not asked:
        names = ", ".join(test.name for test in tests)
        message = (
            f"{words.name!r} knows none of the words of {names}; is it of another language? It "
            f"knows {', '.join(words.table.vocabulary.words[:5])}, ..."
        )
        raise DatasetError(message)
    facts_of = words.table.facts
    return WordsReport(
        model={
            "name": words.name,
            "method": facts_of.method,
            "words": len(words),
            "dim": words.dim,
            "analyzer": facts_of.analyzer_fingerprint,
        },
        pairs=tuple(pairs),
        analogies=analogies,
        seed=seed,
        resamples=resamples,
        seconds={"measure": time.perf_counter() - started},
        provenance=Provenance.now(),
    )


def run_words(
    tests: Sequence[str | Path],
    *,
    model: Path,
    seed: int = 0,
    out: Path | None = None,
    progress: Progress | None = None,
) -> WordsReport:
    """Evaluate a folder of word vectors on files of tests.

    Args:
        tests: `.csv` and `.tsv` of judged pairs, `.txt` of analogies.
        model: the folder.
        seed: of the bootstrap intervals.
        out: a folder for `words.json` and `words.md`.
        progress: told how far analogies are.

    Raises:
        DatasetError: a file cannot be read.
        ChoiceError: no tests, or an impossible seed.
        EmbeddingError: the folder holds no word vectors.
        EvalError: `out` cannot be made.
    """
    from embeddings.words.model import Words

    check_seed(seed)
    if not tests:
        message = "no tests; name files of judged pairs (.csv, .tsv) or of analogies (.txt)"
        raise ChoiceError(message)
    loaded = [load_word_test(path) for path in tests]
    if out is not None:
        make_folder(out)
    report = evaluate_words(loaded, Words.open(model), seed=seed, progress=progress)
    if out is not None:
        report.write(out)
    return report


def _score_pairs(data: WordPairs, words: Words, *, seed: int, resamples: int) -> PairsScore:
    if len(set(data.scores)) == 1:
        message = f"{data.name}: all {len(data.scores)} scores are {data.scores[0]:g}"
        raise DatasetError(message)
    read: dict[str, Reading | None] = {
        word: words.find(word) for word in {*data.first, *data.second}
    }
    cosines, gold, known = [], [], []
    for first, second, judged in zip(data.first, data.second, data.scores, strict=True):
        a, b = read[first], read[second]
        if a is None or b is None:
            continue
        cosines.append(float(a.vector @ b.vector))
        gold.append(judged)
        known.append(a.known and b.known)

    def correlate(of: list[bool]) -> Estimate | None:
        chosen = np.array(of, dtype=bool)
        if chosen.sum() < _LEAST:
            return None
        x, y = np.array(cosines)[chosen], np.array(gold)[chosen]
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            return None
        return estimate_paired(x, y, spearman, seed=seed, resamples=resamples)

    return PairsScore(
        name=data.name,
        pairs=len(data.scores),
        known=sum(known),
        answered=len(gold),
        spearman=correlate(known),
        spearman_answered=correlate([True] * len(gold)),
    )


def _pairs_row(score: PairsScore) -> tuple[object, ...]:
    told = score.spearman
    interval = "-" if told is None else f"{told.low:.4f} to {told.high:.4f}"
    of_all = "-" if score.spearman_answered is None else f"{score.spearman_answered.value:.4f}"
    value = "-" if told is None else told.value
    return (score.name, score.pairs, score.known, value, interval, score.answered, of_all)


def _section_row(score: SectionScore) -> tuple[object, ...]:
    shares = (score.accuracy, score.accuracy_multiplied)
    told = ("-" if share is None else share for share in shares)
    return (score.name, score.questions, score.asked, score.merged, *told)


def main(
    tests: Annotated[
        list[str], typer.Argument(metavar="TEST...", help="Pairs (.csv, .tsv), analogies (.txt).")
    ],
    model: Annotated[Path, typer.Option(metavar="DIR", help="Folder of word vectors.")],
    seed: Annotated[int, typer.Option(metavar="N", help="Of the bootstrap intervals.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON and Markdown there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """How well word vectors follow judged likeness, and how many analogies they solve."""
    show(run_words(tests, model=model, seed=seed, out=out), as_json=as_json)


if __name__ == "__main__":
    run(main)
