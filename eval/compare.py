"""Whether one retrieval result is better than another, query by query."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from eval.command import run, show
from eval.datasets import read_judgements
from eval.errors import ComparisonError
from eval.markdown import facts, table
from eval.results import Result, is_report, read_result
from eval.statistics import PERMUTATIONS, check_seed, randomisation_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

_SHOWN = 5
"""Ids named in a message about queries that only one side has."""
_EQUAL = 1e-9
"""Values closer than this are ties: they differ by rounding alone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of A beside B.

    Attributes:
        a: mean of A.
        b: mean of B.
        difference: A minus B.
        p: of the two-sided paired randomisation test; not corrected for several measures.
        permutations: sign patterns the test looked at.
        exact: True if these were all there are.
        wins: queries where A is better.
        ties: queries where they are equal.
        losses: queries where B is better.
    """

    a: float
    b: float
    difference: float
    p: float
    permutations: int
    exact: bool
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A beside B.

    Attributes:
        a: name of the first result.
        b: name of the second.
        task: data set and split, where the files say so.
        queries: how many queries both were judged on; every figure is over these.
        only_a: queries left out because B lacks them; 0 unless shared queries were asked for.
        only_b: the other way round.
        left_out: measures that only one side has.
        differences: by measure.
        permutations: exchanges drawn where there are more than that; else all are taken.
        seed: of the draws.
    """

    a: str
    b: str
    task: Mapping[str, str]
    queries: int
    only_a: int
    only_b: int
    left_out: tuple[str, ...]
    differences: Mapping[str, Difference]
    permutations: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            **asdict(self),
            "kind": "comparison",
            "left_out": list(self.left_out),
            "differences": {name: asdict(value) for name, value in self.differences.items()},
        }

    def to_markdown(self) -> str:
        """A page: one table, and how to read it."""
        rows = [
            (name, d.a, d.b, f"{d.difference:+.4f}", f"{d.p:.4f}", d.wins, d.ties, d.losses)
            for name, d in self.differences.items()
        ]
        columns = ("measure", "A", "B", "A - B", "p", "A better", "equal", "B better")
        known: list[tuple[str, object]] = [
            ("A", self.a),
            ("B", self.b),
            *self.task.items(),
            ("queries compared", self.queries),
            ("queries only A has, left out", self.only_a),
            ("queries only B has, left out", self.only_b),
        ]
        if self.left_out:
            known.append(("measures only one side has, left out", ", ".join(self.left_out)))
        return (
            "\n\n".join(
                [
                    "# Comparison",
                    facts(known),
                    table(columns, rows, numbers=columns[1:]),
                    self._explain_p(),
                ]
            )
            + "\n"
        )

    def _explain_p(self) -> str:
        return (
            "p: how often a difference of the means at least this large, either way, comes up if "
            "each query's two values are exchanged at random (paired randomisation test; all "
            f"exchanges where there are at most {self.permutations:,}, else that many drawn with "
            f"seed {self.seed}). It is not corrected for looking at several measures."
        )


def compare(
    a: str | PathLike[str],
    b: str | PathLike[str],
    *,
    qrels: str | PathLike[str] | None = None,
    measures: Sequence[str] = (),
    shared: bool = False,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> Comparison:
    """Compare two results, each a JSON report, its folder, or a TREC run file.

    Run files are judged here by `qrels`. The p-value is that of Smucker, Allan and Carterette,
    "A comparison of statistical significance tests for information retrieval evaluation"
    (CIKM 2007).

    Args:
        a: the first result.
        b: the second result.
        qrels: judgements (BEIR `.tsv`, else TREC qrels) for run files.
        measures: names; none takes those that both reports have, or the default set for runs.
        shared: compare the queries both have, instead of refusing others.
        seed: of the randomisation test.
        permutations: sign patterns at most; all are taken where there are fewer.

    Raises:
        ComparisonError: different data sets, splits, judgements or queries; a measure that a
            report lacks; a run file without judgements, or judgements without a run file.
        ChoiceError: an impossible seed.
        DatasetError: a file that cannot be read.
        MeasureError: an unknown measure.
    """
    check_seed(seed)
    if qrels is not None and is_report(Path(a)) and is_report(Path(b)):
        message = f"A and B are reports, which bring their judgements; leave qrels {qrels} out"
        raise ComparisonError(message)
    judged = None if qrels is None else read_judgements(Path(qrels))
    first, second = (read_result(Path(path), judged, measures) for path in (a, b))
    return compare_results(first, second, shared=shared, seed=seed, permutations=permutations)


def compare_results(
    a: Result, b: Result, *, shared: bool = False, seed: int = 0, permutations: int = PERMUTATIONS
) -> Comparison:
    """Compare two results measure by measure over the same queries.

    Raises:
        ComparisonError: as `compare`.
    """
    _check_task(a, b)
    queries = sorted(_check_queries(a, b, shared=shared))
    names = [name for name in a.values if name in b.values]
    if not names:
        message = f"no measure in common: A has {', '.join(a.values)}; B has {', '.join(b.values)}"
        raise ComparisonError(message)
    differences = {}
    for name in names:
        of_a = np.array([a.values[name][query] for query in queries])
        of_b = np.array([b.values[name][query] for query in queries])
        differences[name] = _difference(of_a, of_b, seed, permutations)
    return Comparison(
        a=a.name,
        b=b.name,
        task=a.task or b.task,
        queries=len(queries),
        only_a=len(a.queries.difference(queries)),
        only_b=len(b.queries.difference(queries)),
        left_out=tuple(name for name in {**a.values, **b.values} if name not in names),
        differences=differences,
        permutations=permutations,
        seed=seed,
    )


def _difference(
    a: np.ndarray[Any, np.dtype[np.float64]],
    b: np.ndarray[Any, np.dtype[np.float64]],
    seed: int,
    permutations: int,
) -> Difference:
    gaps = np.where(np.abs(a - b) < _EQUAL, 0.0, a - b)
    test = randomisation_test(gaps, seed=seed, permutations=permutations)
    return Difference(
        a=float(a.mean()),
        b=float(b.mean()),
        difference=float(gaps.mean()),
        p=test.p,
        permutations=test.permutations,
        exact=test.exact,
        wins=int(np.count_nonzero(gaps > 0)),
        ties=int(np.count_nonzero(gaps == 0)),
        losses=int(np.count_nonzero(gaps < 0)),
    )


def _check_task(a: Result, b: Result) -> None:
    for key in a.task.keys() & b.task.keys():
        if a.task[key] != b.task[key]:
            message = (
                f"A was judged on {key} {a.task[key]!r}, B on {b.task[key]!r}; figures of "
                "different tasks cannot be compared"
            )
            raise ComparisonError(message)


def _check_queries(a: Result, b: Result, *, shared: bool) -> set[str]:
    """The queries to compare."""
    both = a.queries & b.queries
    only_a, only_b = a.queries - both, b.queries - both
    if not both:
        message = f"no query in common: A has {_name(only_a)}; B has {_name(only_b)}"
        raise ComparisonError(message)
    if (only_a or only_b) and not shared:
        message = (
            f"A and B were judged on different queries: only A has {_name(only_a)}; only B has "
            f"{_name(only_b)}; ask for the {len(both):,} shared ones to be compared alone"
        )
        raise ComparisonError(message)
    known = both & a.fingerprints.keys() & b.fingerprints.keys()
    differing = {query for query in known if a.fingerprints[query] != b.fingerprints[query]}
    if differing:
        message = (
            f"text or judgements of {_name(differing)} differ between A and B; evaluate both on "
            "the same files"
        )
        raise ComparisonError(message)
    return both


def _name(queries: set[str]) -> str:
    """`3 queries ('q1', 'q2', 'q3')`, the first few of many."""
    if not queries:
        return "none"
    few = ", ".join(map(repr, sorted(queries)[:_SHOWN]))
    more = ", …" if len(queries) > _SHOWN else ""
    return f"{len(queries):,} {'query' if len(queries) == 1 else 'queries'} ({few}{more})"


def main(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A report (JSON or its folder) or a TREC run.")
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    qrels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Judgements for run files: BEIR .tsv or TREC qrels."),
    ] = None,
    measure: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Such as nDCG@10; may be repeated.")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Compare the queries both have.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the randomisation test.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """Whether A is better than B, by a paired randomisation test on their queries."""
    comparison = compare(a, b, qrels=qrels, measures=measure or (), shared=shared, seed=seed)
    show(comparison, as_json=as_json)


if __name__ == "__main__":
    run(main)
