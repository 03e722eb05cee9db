"""From rankings and values to what a report says of each query and of the data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eval.datasets import RetrievalData
    from eval.measures import Values
    from eval.target import Searcher

_WORST = 10
_SHOWN = 3
"""Expected and found documents shown of a badly answered query."""


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What was asked and judged.

    Attributes:
        name: the data set's folder name.
        split: which judgements.
        fingerprint: sha256 (hex) of queries and judgements.
        documents: documents in the corpus.
        queries: queries evaluated: every mean is over these.
        judgements: judged pairs of these queries.
        relevant: judged pairs of grade 1 or more.
        queries_without_text: judged queries left out because the queries file lacks them.
        queries_without_positive: judged queries left out because nothing is relevant to them.
        queries_blank: queries evaluated whose text is blank; they are not asked and count zero.
        relevant_missing: relevant documents that the corpus lacks; they count as not found.
        judged_missing: judged documents, relevant or not, that the corpus lacks.
        relevant_lacking: relevant documents that the target does not hold; None: it cannot say.
    """

    name: str
    split: str
    fingerprint: str
    documents: int
    queries: int
    judgements: int
    relevant: int
    queries_without_text: int
    queries_without_positive: int
    queries_blank: int
    relevant_missing: int
    judged_missing: int
    relevant_lacking: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A document as the page shows it; `grade` None: not judged, `rank` None: not answered."""

    id: str
    title: str
    grade: int | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """One query.

    Attributes:
        id: its id.
        text: what was asked.
        fingerprint: 16 hex digits of a sha256 over its text and judgements.
        values: by measure.
        answered: documents answered, up to the depth.
        first_relevant: rank of the first relevant document; None if none was answered.
    """

    id: str
    text: str
    fingerprint: str
    values: Mapping[str, float]
    answered: int
    first_relevant: int | None


@dataclass(frozen=True, slots=True)
class BadAnswer:
    """One of the worst answered queries: what was expected and what came first instead."""

    query: QueryOutcome
    expected: tuple[Shown, ...]
    found: tuple[Shown, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "query": asdict(self.query),
            "expected": [asdict(document) for document in self.expected],
            "found": [asdict(document) for document in self.found],
        }


def describe_dataset(data: RetrievalData, searcher: Searcher) -> DatasetFacts:
    """The facts of a data set, and how much of what is relevant the target holds."""
    relevant = dict.fromkeys(
        document
        for grades in data.qrels.values()
        for document, grade in grades.items()
        if grade > 0
    )
    lacking = searcher.lacking(list(relevant))
    return DatasetFacts(
        name=data.name,
        split=data.split,
        fingerprint=data.fingerprint(),
        documents=len(data.documents),
        queries=len(data.queries),
        judgements=data.judgements,
        relevant=sum(grade > 0 for grades in data.qrels.values() for grade in grades.values()),
        queries_without_text=len(data.gaps.queries_without_text),
        queries_without_positive=len(data.gaps.queries_without_positive),
        queries_blank=sum(not text.strip() for text in data.queries.values()),
        relevant_missing=len(data.gaps.documents_missing),
        judged_missing=data.gaps.judged_documents_missing,
        relevant_lacking=None if lacking is None else len(lacking),
    )


def describe_queries(
    data: RetrievalData, answers: Mapping[str, Sequence[str]], values: Values
) -> tuple[QueryOutcome, ...]:
    """Every query's outcome, in the judgements' order.

    Args:
        data: queries and judgements.
        answers: document ids by query, best first.
        values: by measure and query.
    """
    return tuple(
        QueryOutcome(
            id=query,
            text=data.queries[query],
            fingerprint=data.query_fingerprint(query),
            values={str(measure): of_query[query] for measure, of_query in values.items()},
            answered=len(answers[query]),
            first_relevant=_first_relevant(answers[query], grades),
        )
        for query, grades in data.qrels.items()
    )


def pick_worst(
    data: RetrievalData,
    outcomes: Sequence[QueryOutcome],
    answers: Mapping[str, Sequence[str]],
    count: int = _WORST,
) -> tuple[BadAnswer, ...]:
    """The queries of the lowest first measure below 1, worst first, equal ones by id."""
    valued = [(next(iter(outcome.values.values())), outcome.id, outcome) for outcome in outcomes]
    bad = sorted(entry for entry in valued if entry[0] < 1)[:count]
    return tuple(_bad_answer(data, outcome, answers[id_]) for _, id_, outcome in bad)


def _bad_answer(data: RetrievalData, outcome: QueryOutcome, answer: Sequence[str]) -> BadAnswer:
    grades = data.qrels[outcome.id]
    ranks = {document: rank for rank, document in enumerate(answer, start=1)}

    def show(document: str) -> Shown:
        return Shown(document, _title(data, document), grades.get(document), ranks.get(document))

    wanted = sorted((d for d in grades if grades[d] > 0), key=lambda id_: (-grades[id_], id_))
    return BadAnswer(
        outcome,
        expected=tuple(show(document) for document in wanted[:_SHOWN]),
        found=tuple(show(document) for document in answer[:_SHOWN]),
    )


def _first_relevant(answer: Sequence[str], grades: Mapping[str, int]) -> int | None:
    ranks = (rank for rank, id_ in enumerate(answer, start=1) if grades.get(id_, 0) > 0)
    return next(ranks, None)


def _title(data: RetrievalData, document: str) -> str:
    """The document's title, or else its text; a note if the corpus does not have it."""
    found = data.documents.get(document)
    if found is None:
        return "(not in the corpus)"
    return found.title.strip() or found.text.strip() or "(blank)"
