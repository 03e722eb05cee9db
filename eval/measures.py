"""Retrieval measures by name (`nDCG@10`), judged by ir_measures in the order that was answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from eval.errors import MeasureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eval.trec import Judgements

Values: TypeAlias = "dict[Measure, dict[str, float]]"
"""Measure to query id to value."""

_FORM = re.compile(r"([A-Za-z]+)(?:@([0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class Family:
    """What measures of one name have in common; a document is relevant from grade 1 on.

    Attributes:
        provider: its name in ir_measures.
        aliases: other names it answers to, in lower case.
        needs_cutoff: it has no meaning without `@k`.
        meaning: one line for people.
    """

    provider: str
    aliases: tuple[str, ...]
    needs_cutoff: bool
    meaning: str


FAMILIES: dict[str, Family] = {
    "nDCG": Family(
        "nDCG",
        ("ndcg",),
        needs_cutoff=False,
        meaning="gain of the grades, discounted by log2(rank + 1), over that of the best order",
    ),
    "Recall": Family(
        "R",
        ("recall", "r"),
        needs_cutoff=True,
        meaning="share of the relevant documents found in the first k",
    ),
    "P": Family(
        "P",
        ("p", "precision"),
        needs_cutoff=True,
        meaning="relevant documents in the first k, over k",
    ),
    "MRR": Family(
        "RR",
        ("mrr", "rr"),
        needs_cutoff=False,
        meaning="one over the rank of the first relevant document",
    ),
    "MAP": Family(
        "AP",
        ("map", "ap"),
        needs_cutoff=False,
        meaning="precision at each relevant document found, summed, over all relevant ones",
    ),
    "Success": Family(
        "Success",
        ("success", "hit", "accuracy"),
        needs_cutoff=True,
        meaning="1 if a relevant document is in the first k, else 0",
    ),
}
"""Measures by name; a new one of ir_measures is one entry here."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A way to judge the answer to one query: 0 (worst) to 1 (best).

    nDCG takes the grade itself as gain (Järvelin and Kekäläinen 2002, as trec_eval and BEIR do);
    the others ask only whether a grade is 1 or more. Grades below 0 count as 0.

    Attributes:
        family: a key of `FAMILIES`.
        cutoff: ranks looked at, 1 or more; None for all that were answered.
    """

    family: str
    cutoff: int | None = None

    @classmethod
    def parse(cls, text: str) -> Measure:
        """The measure of that name: `nDCG@10`, `recall@100`, `MAP`; case does not matter.

        Raises:
            MeasureError: an unknown name, a cutoff of 0, or none where one is needed.
        """
        match = _FORM.fullmatch(text.strip())
        name = match[1].lower() if match else ""
        family = next((key for key, value in FAMILIES.items() if name in value.aliases), None)
        if match is None or family is None:
            message = f"measure {text!r} is unknown; there are {', '.join(FAMILIES)}, with @k"
            raise MeasureError(message)
        cutoff = int(match[2]) if match[2] else None
        if cutoff == 0 or (cutoff is None and FAMILIES[family].needs_cutoff):
            message = f"measure {text!r} needs a cutoff of 1 or more: {family}@10"
            raise MeasureError(message)
        return cls(family, cutoff)

    def __str__(self) -> str:
        return self.family if self.cutoff is None else f"{self.family}@{self.cutoff}"

    def value(self, ranking: Sequence[str], grades: Mapping[str, int]) -> float:
        """The measure of one ranking of document ids, best first; an empty one is worth 0.

        Raises:
            MeasureError: a document stands twice in the ranking.
        """
        return evaluate([self], {"": grades}, {"": ranking})[self][""]


DEFAULT_MEASURES: tuple[Measure, ...] = tuple(
    Measure.parse(name)
    for name in (
        "nDCG@10",
        "Recall@10",
        "Recall@100",
        "P@10",
        "MRR@10",
        "MAP@100",
        "Success@1",
        "Success@10",
    )
)
"""What is computed unless told otherwise; the first is the one queries are sorted by."""


def parse_measures(names: Iterable[str]) -> tuple[Measure, ...]:
    """The measures of those names, each once, in order; none at all gives the default set.

    Raises:
        MeasureError: as `Measure.parse`.
    """
    return tuple(dict.fromkeys(Measure.parse(name) for name in names)) or DEFAULT_MEASURES


def evaluate(
    measures: Sequence[Measure], qrels: Judgements, rankings: Mapping[str, Sequence[str]]
) -> Values:
    """Each measure for each judged query, in the order of `qrels`.

    A judged query without ranking is worth 0, and so is one without a relevant document.
    Rankings of queries that are not judged are passed over.

    The engines behind ir_measures sort by score and break ties each in its own way (trec_eval
    by descending document id, others ascending). They are therefore given the ranks as strictly
    falling scores: what is judged is the order that was answered.

    Args:
        measures: what to compute.
        qrels: grade by query and document.
        rankings: document ids by query, best first.

    Raises:
        MeasureError: a document stands twice in one ranking.
    """
    import ir_measures

    wanted = {
        getattr(ir_measures, FAMILIES[measure.family].provider)
        if measure.cutoff is None
        else getattr(ir_measures, FAMILIES[measure.family].provider) @ measure.cutoff: measure
        for measure in measures
    }
    grades = {
        query: {document: max(grade, 0) for document, grade in documents.items()}
        for query, documents in qrels.items()
    }
    run = {
        query: _surrogate_scores(query, ranking)
        for query, ranking in rankings.items()
        if query in grades and ranking
    }
    values: Values = {measure: dict.fromkeys(qrels, 0.0) for measure in measures}
    for metric in ir_measures.iter_calc(list(wanted), grades, run):
        values[wanted[metric.measure]][metric.query_id] = float(metric.value)
    return values


def _surrogate_scores(query: str, ranking: Sequence[str]) -> dict[str, float]:
    scores = {document: float(-rank) for rank, document in enumerate(ranking)}
    if len(scores) != len(ranking):
        double = next(d for position, d in enumerate(ranking) if d in ranking[:position])
        message = f"document {double!r} stands twice in the answer to query {query!r}"
        raise MeasureError(message)
    return scores
