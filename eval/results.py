"""Retrieval results read back from files: values by measure and query."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eval.errors import ComparisonError, DatasetError, EvalError
from eval.measures import evaluate, parse_measures
from eval.report import FORMAT, REPORT_FILE
from eval.trec import read_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from eval.trec import Judgements


@dataclass(frozen=True, slots=True)
class Result:
    """Values by query of one system on one task.

    Attributes:
        name: the file it was read from, and what answered if the file says so.
        task: name of the data set and its split; empty for run files, which are judged here.
        fingerprints: of text and judgements, by query; empty for run files.
        values: by measure and query.
    """

    name: str
    task: Mapping[str, str]
    fingerprints: Mapping[str, str]
    values: Mapping[str, Mapping[str, float]]

    @property
    def queries(self) -> set[str]:
        """Ids of the queries that have values."""
        return set(next(iter(self.values.values())))


def is_report(path: Path) -> bool:
    """Whether a path names a JSON report or a folder of results, not a run file."""
    return path.is_dir() or path.suffix == ".json"


def read_result(
    path: Path, qrels: Judgements | None = None, measures: Sequence[str] = ()
) -> Result:
    """The values in a JSON report (or its folder), or of a run file judged by `qrels`.

    Raises:
        ComparisonError: nothing there, neither of them, a report without one of the measures,
            or a run file without judgements.
        DatasetError: a run file that cannot be read, or judgements without a relevant document.
        MeasureError: an unknown measure.
    """
    if not path.exists():
        message = f"{path} is not there; name a report (JSON or its folder) or a TREC run file"
        raise ComparisonError(message)
    if path.is_dir() and not (path / REPORT_FILE).is_file():
        message = f"{path} holds no {REPORT_FILE}; `meari eval retrieval --out` writes one"
        raise ComparisonError(message)
    if is_report(path):
        return _read_report(path / REPORT_FILE if path.is_dir() else path, measures)
    if qrels is None:
        message = (
            f"{path} is no report (.json); if it is a run file, give the judgements it is to be "
            "judged by (qrels)"
        )
        raise ComparisonError(message)
    positive = {query: grades for query, grades in qrels.items() if max(grades.values()) > 0}
    if not positive:
        message = f"no query of the judgements has a relevant document; {path} cannot be judged"
        raise DatasetError(message)
    rankings = {query: [id_ for id_, _ in answer] for query, answer in read_run(path).items()}
    values = evaluate(parse_measures(measures), positive, rankings)
    named = {str(measure): of_query for measure, of_query in values.items()}
    return Result(str(path), {}, {}, named)


def _read_report(path: Path, measures: Sequence[str]) -> Result:
    try:
        report = json.loads(path.read_bytes())
        kind = (report["kind"], report["format"])
        if kind != ("retrieval", FORMAT):
            message = f"{path} is {kind[0]} of format {kind[1]}; retrieval of {FORMAT} is needed"
            raise ComparisonError(message)
        data, target, queries = report["dataset"], report["target"], report["queries"]
        names = list(map(str, parse_measures(measures))) if measures else list(report["measures"])
        for name in names:
            if name not in report["measures"]:
                message = f"{path} has no {name}; it has {', '.join(report['measures'])}"
                raise ComparisonError(message)
        return Result(
            name=f"{path} ({target['kind']} {target['name']})",
            task={"data set": str(data["name"]), "split": str(data["split"])},
            fingerprints={query["id"]: str(query["fingerprint"]) for query in queries},
            values={
                name: {query["id"]: float(query["values"][name]) for query in queries}
                for name in names
            },
        )
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ComparisonError(message) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, EvalError):
            raise
        message = f"{path} is not a retrieval report as `eval.retrieval` writes it ({error!r})"
        raise ComparisonError(message) from error
