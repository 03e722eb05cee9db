"""The outcome of a retrieval evaluation, for programs (JSON), people (Markdown) and trec_eval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from eval.folders import write_report
from eval.report_page import retrieval_page
from eval.trec import write_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eval.outcomes import BadAnswer, DatasetFacts, QueryOutcome
    from eval.provenance import Provenance
    from eval.statistics import Estimate
    from eval.target import TargetFacts
    from eval.trec import Rankings

FORMAT = 1
REPORT_FILE = "retrieval.json"
RUN_FILE = "retrieval.run"


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """What came out, and all that is needed to repeat it.

    Attributes:
        dataset: what was asked.
        target: what answered.
        measures: mean and interval by measure, in the order they were asked for.
        queries: every query's values, in the judgements' order.
        worst: up to ten queries of the lowest first measure below 1, worst first, then by id.
        depth: documents asked for per query.
        unanswered: queries with no document answered at all; they count zero.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        seconds: time of `prepare` (encoding documents), `search` and `measure`.
        provenance: versions, machine and time.
        rankings: the answers; kept for the run file, not part of the JSON.
    """

    dataset: DatasetFacts
    target: TargetFacts
    measures: Mapping[str, Estimate]
    queries: tuple[QueryOutcome, ...]
    worst: tuple[BadAnswer, ...]
    depth: int
    unanswered: int
    seed: int
    resamples: int
    seconds: Mapping[str, float]
    provenance: Provenance
    rankings: Rankings

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what `eval.compare` reads."""
        return {
            "kind": "retrieval",
            "format": FORMAT,
            "dataset": asdict(self.dataset),
            "target": self.target.to_json(),
            "measures": {name: value.to_json() for name, value in self.measures.items()},
            "depth": self.depth,
            "unanswered": self.unanswered,
            "bootstrap": {"level": 0.95, "resamples": self.resamples, "seed": self.seed},
            "seconds": dict(self.seconds),
            "provenance": self.provenance.to_json(),
            "worst": [answer.to_json() for answer in self.worst],
            "queries": [asdict(query) for query in self.queries],
        }

    def to_markdown(self) -> str:
        """A page: the measures, the facts, the worst queries."""
        return retrieval_page(self)

    def write(self, folder: Path) -> None:
        """Put `retrieval.json`, `retrieval.md` and the run file `retrieval.run` into `folder`.

        Raises:
            DatasetError: an id with blanks, which the run file cannot say; the others are written.
            EvalError: the folder cannot be made.
        """
        write_report(self, folder, "retrieval")
        write_run(folder / RUN_FILE, self.rankings)
