"""How well documents are found: judged queries asked of a collection, an encoder or a server."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path  # noqa: TC003 - typer reads the annotations of `main`
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from eval.command import run, show
from eval.datasets import load_beir
from eval.errors import ChoiceError, MeasureError, TargetError
from eval.folders import make_folder
from eval.measures import DEFAULT_MEASURES, evaluate, parse_measures
from eval.outcomes import describe_dataset, describe_queries, pick_worst
from eval.provenance import Provenance
from eval.report import RetrievalReport
from eval.selection import DEFAULT_DATA, TargetSelection
from eval.statistics import RESAMPLES, check_seed, estimate_mean
from indexing.types import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eval.datasets import RetrievalData
    from eval.measures import Measure
    from eval.target import Progress, Searcher

DEFAULT_DEPTH = 100


def evaluate_retrieval(
    data: RetrievalData,
    searcher: Searcher,
    *,
    measures: Sequence[Measure] = DEFAULT_MEASURES,
    depth: int = DEFAULT_DEPTH,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> RetrievalReport:
    """Ask every query of `data` and judge the answers in the order they came.

    Args:
        data: queries and judgements.
        searcher: what answers.
        measures: what to compute, one or more; queries are sorted by the first.
        depth: documents asked for per query; no measure may look deeper.
        seed: of the bootstrap intervals.
        resamples: of the bootstrap intervals.

    Raises:
        ChoiceError: a depth that a measure exceeds.
        TargetError: answers that are not rankings.
    """
    _check_depth(measures, depth)
    asked = [query for query, text in data.queries.items() if text.strip()]
    started = time.perf_counter()
    answers = searcher.search([data.queries[query] for query in asked], depth)
    searched = time.perf_counter()
    _check_answers(asked, answers, depth)
    rankings = dict.fromkeys(data.queries, ()) | dict(zip(asked, answers, strict=True))
    ids = {query: [document for document, _ in answer] for query, answer in rankings.items()}
    values = evaluate(measures, data.qrels, ids)
    outcomes = describe_queries(data, ids, values)
    target = searcher.describe()
    seconds = {"prepare": target.prepare_seconds, "search": searched - started}
    return RetrievalReport(
        dataset=describe_dataset(data, searcher),
        target=target,
        measures={
            str(measure): estimate_mean(
                np.array(list(of_query.values())), seed=seed, resamples=resamples
            )
            for measure, of_query in values.items()
        },
        queries=outcomes,
        worst=pick_worst(data, outcomes, ids),
        depth=depth,
        unanswered=sum(not answer for answer in ids.values()),
        seed=seed,
        resamples=resamples,
        seconds={**seconds, "measure": time.perf_counter() - searched},
        provenance=Provenance.now(),
        rankings=rankings,
    )


def run_retrieval(
    dataset: str,
    *,
    split: str = "test",
    collection: str | None = None,
    encoder: str | None = None,
    data: Path = DEFAULT_DATA,
    url: str | None = None,
    measures: Sequence[str] = (),
    depth: int = DEFAULT_DEPTH,
    exact: bool = False,
    seed: int = 0,
    out: Path | None = None,
    default_encoder: str | None = None,
    device: str | None = None,
    api_key: str | None = None,
    progress: Progress | None = None,
) -> RetrievalReport:
    """Evaluate a BEIR folder on a collection, an encoder or a server; the report says which.

    Without `collection` and `encoder` it is the collection named like the data set's folder if
    there is one (always, with `url`), else `default_encoder`.

    Args:
        dataset: a BEIR folder.
        split: which of its judgements.
        collection: name of a collection in the data folder or on the server.
        encoder: name of an encoder; the corpus is encoded in memory and searched exactly.
        data: the data folder; it is opened for reading, and need not exist for an encoder.
        url: a server that holds the collection.
        measures: names; none for the default set.
        depth: documents asked for per query.
        exact: compare every vector, whatever index the collection has.
        seed: of the bootstrap intervals.
        out: a folder for `retrieval.json`, `retrieval.md` and `retrieval.run`; made if missing.
        default_encoder: name of the encoder where nothing else is meant; None is `meari-ko-en`.
        device: where an encoder computes; None takes a GPU where there is one.
        api_key: for a server that asks for one.
        progress: told how far encoding and searching are.

    Raises:
        DatasetError: the data set or its split cannot be read.
        MeasureError: an unknown measure.
        ChoiceError: choices that contradict each other, an impossible depth or seed.
        TargetError: an unreachable server, or answers that are no rankings.
        IndexingError: the collection cannot be opened.
        EmbeddingError: the encoder cannot be loaded.
        EvalError: `out` cannot be made.
    """
    wanted = parse_measures(measures)
    _check_depth(wanted, depth)
    check_seed(seed)
    target = TargetSelection(
        collection, encoder, data, url, exact, default_encoder, device, api_key
    )
    judged = load_beir(dataset, split)
    if out is not None:
        make_folder(out)
    with target.open(judged, progress) as searcher:
        report = evaluate_retrieval(judged, searcher, measures=wanted, depth=depth, seed=seed)
    if out is not None:
        report.write(out)
    return report


def _check_depth(measures: Sequence[Measure], depth: int) -> None:
    if not measures:
        message = "no measure is wanted; name one or more"
        raise MeasureError(message)
    deepest = max(measures, key=lambda measure: measure.cutoff or 1)
    least = deepest.cutoff or 1
    if not least <= depth <= MAX_LIMIT:
        message = (
            f"depth is {depth:,}; {least:,} (for {deepest}) to {MAX_LIMIT:,} documents can be "
            "asked for"
        )
        raise ChoiceError(message)


def _check_answers(
    queries: Sequence[str], answers: Sequence[Sequence[tuple[str, float]]], depth: int
) -> None:
    if len(answers) != len(queries):
        message = f"{len(answers)} answers came to {len(queries)} queries"
        raise TargetError(message)
    for query, answer in zip(queries, answers, strict=True):
        if len(answer) > depth:
            message = f"query {query!r} has {len(answer)} answers; {depth} were asked for"
            raise TargetError(message)
        if any(later > earlier for (_, earlier), (_, later) in pairwise(answer)):
            message = f"the answers to query {query!r} are not ordered by falling score"
            raise TargetError(message)


def main(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", help="A BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv."
        ),
    ],
    split: Annotated[str, typer.Option(metavar="NAME", help="Which judgements.")] = "test",
    collection: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A collection. [default: the one named like the data set's folder]"
        ),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(metavar="E", help="An encoder, searched exactly in memory.")
    ] = None,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Data folder.")] = DEFAULT_DATA,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Ask a server instead.")] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Such as nDCG@10; may be repeated. [default: eight]"),
    ] = None,
    depth: Annotated[
        int, typer.Option(metavar="K", help="Documents asked for per query.")
    ] = DEFAULT_DEPTH,
    exact: Annotated[bool, typer.Option("--exact", help="Compare every vector.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the bootstrap intervals.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON, Markdown and TREC run there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not Markdown.")] = False,
) -> None:
    """How well a collection, an encoder or a server finds what is judged relevant."""
    report = run_retrieval(
        dataset,
        split=split,
        collection=collection,
        encoder=encoder,
        data=data,
        url=url,
        measures=measure or (),
        depth=depth,
        exact=exact,
        seed=seed,
        out=out,
    )
    show(report, as_json=as_json)


if __name__ == "__main__":
    run(main)
