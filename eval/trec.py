"""TREC's two text formats: judgements (qrels) and rankings (run files)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from eval.errors import DatasetError
from eval.lines import read_lines
from indexing.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LARGEST = 2**31 - 1

Judgements: TypeAlias = "Mapping[str, Mapping[str, int]]"
"""Query id to document id to grade; 1 and more is relevant, 0 and less is not."""

Rankings: TypeAlias = "Mapping[str, Sequence[tuple[str, float]]]"
"""Query id to (document id, score), best first."""


def add_judgement(
    judgements: dict[str, dict[str, int]], query: str, document: str, grade: int, place: str
) -> None:
    """Enter one judgement; the same one twice is harmless.

    Raises:
        DatasetError: the pair was judged before with another grade; `place` is `file:line`.
    """
    of_query = judgements.setdefault(query, {})
    known = of_query.setdefault(document, grade)
    if known != grade:
        message = (
            f"{place}: query {query!r} and document {document!r} are judged {grade} here and "
            f"{known} above; keep one of them"
        )
        raise DatasetError(message)


def parse_grade(text: str, place: str) -> int:
    """A grade or a rank: a whole number of 32 bits.

    Raises:
        DatasetError: anything else; `place` is `file:line`.
    """
    try:
        grade = int(text)
    except ValueError as error:
        message = f"{place}: grade {text[:80]!r} is not a whole number"
        raise DatasetError(message) from error
    if abs(grade) > _LARGEST:
        message = f"{place}: grade {text[:80]} is not between {-_LARGEST:,} and {_LARGEST:,}"
        raise DatasetError(message)
    return grade


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """The judgements of a TREC qrels file: `query iteration document grade`, blanks between.

    Raises:
        DatasetError: a line of another form, named by file and line; or no line at all.
    """
    judgements: dict[str, dict[str, int]] = {}
    for number, line in read_lines(path):
        place = f"{path}:{number}"
        fields = line.split()
        if len(fields) != 4:
            message = f"{place}: {len(fields)} fields; 4 are needed: query 0 document grade"
            raise DatasetError(message)
        query, _, document, grade = fields
        add_judgement(judgements, query, document, parse_grade(grade, place), place)
    if not judgements:
        message = f"{path}: holds no judgements"
        raise DatasetError(message)
    return judgements


def write_qrels(path: Path, judgements: Judgements) -> None:
    """Write judgements in TREC form, in their own order.

    Raises:
        DatasetError: an id that is empty or holds blanks, which the format cannot say.
    """
    lines = [
        f"{_word(query)} 0 {_word(document)} {grade}\n"
        for query, documents in judgements.items()
        for document, grade in documents.items()
    ]
    write_atomically(path, "".join(lines).encode())


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """The rankings of a TREC run file: `query Q0 document rank score tag`.

    As in trec_eval the score orders the documents; equal scores keep the rank that is written
    (trec_eval would turn them round by document id), then the document id.

    Raises:
        DatasetError: a line of another form, a document twice for one query, a score that is
            not a finite number; or no line at all.
    """
    rows: dict[str, dict[str, tuple[float, int]]] = {}
    for number, line in read_lines(path):
        place = f"{path}:{number}"
        fields = line.split()
        if len(fields) != 6:
            message = (
                f"{place}: {len(fields)} fields; 6 are needed: query Q0 document rank score tag"
            )
            raise DatasetError(message)
        query, _, document, rank, score, _ = fields
        of_query = rows.setdefault(query, {})
        if document in of_query:
            message = f"{place}: document {document!r} stands twice for query {query!r}"
            raise DatasetError(message)
        of_query[document] = (_parse_score(score, place), parse_grade(rank, place))
    if not rows:
        message = f"{path}: holds no rankings"
        raise DatasetError(message)
    return {query: _ordered(documents) for query, documents in rows.items()}


def write_run(path: Path, rankings: Rankings, *, tag: str = "meari") -> None:
    """Write rankings in TREC form; ranks count from 1, scores keep every digit.

    Raises:
        DatasetError: an id or tag that is empty or holds blanks, which the format cannot say.
    """
    tag = _word(tag)
    lines = [
        f"{_word(query)} Q0 {_word(document)} {rank} {score!r} {tag}\n"
        for query, answer in rankings.items()
        for rank, (document, score) in enumerate(answer, start=1)
    ]
    write_atomically(path, "".join(lines).encode())


def _ordered(documents: Mapping[str, tuple[float, int]]) -> list[tuple[str, float]]:
    order = sorted(documents, key=lambda id_: (-documents[id_][0], documents[id_][1], id_))
    return [(document, documents[document][0]) for document in order]


def _parse_score(text: str, place: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        message = f"{place}: score {text!r} is not a finite number"
        raise DatasetError(message)
    return score


def _word(text: str) -> str:
    if len(text.split()) != 1 or text != text.strip():
        message = f"id {text!r} is empty or holds blanks; TREC files cannot say it: rename it"
        raise DatasetError(message)
    return text
