"""Judged retrieval data: documents, queries and graded judgements from a BEIR folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from eval.errors import DatasetError
from eval.lines import PACKED, find_file, read_lines, read_objects
from eval.trec import add_judgement, parse_grade, read_qrels
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from eval.trec import Judgements

_Value = TypeVar("_Value")
_COLUMNS = ("query-id", "corpus-id", "score")


@dataclass(frozen=True, slots=True)
class Gaps:
    """Where the files of a data set do not fit together; nothing of it is dropped in silence.

    Attributes:
        queries_without_text: judged queries that the queries file lacks; they cannot be asked
            and are left out of every mean.
        queries_without_positive: judged queries without a relevant document; every measure is
            zero or undefined for them, so they are left out of every mean.
        documents_missing: documents judged relevant for a query that is evaluated, but not in
            the corpus; they stay in the judgements and count as not found.
        judged_documents_missing: how many judged documents, relevant or not, the corpus lacks.
    """

    queries_without_text: tuple[str, ...] = ()
    queries_without_positive: tuple[str, ...] = ()
    documents_missing: tuple[str, ...] = ()
    judged_documents_missing: int = 0


@dataclass(frozen=True, slots=True)
class RetrievalData:
    """One split of a judged collection.

    Attributes:
        name: the folder's name.
        split: which judgements.
        documents: the whole corpus by id, in the file's order.
        queries: text by id, of the queries that are evaluated, in the judgements' order.
        qrels: grades by query and document, of the same queries; each has a grade above 0.
        gaps: what was left out or is missing.
    """

    name: str
    split: str
    documents: Mapping[str, Document]
    queries: Mapping[str, str]
    qrels: Judgements
    gaps: Gaps

    @property
    def judgements(self) -> int:
        """How many (query, document) pairs are judged."""
        return sum(len(documents) for documents in self.qrels.values())

    def fingerprint(self) -> str:
        """sha256 (hex) over queries' texts and judgements: equal only for the same task."""
        lines = (f"{query}\t{self.query_fingerprint(query)}\n" for query in sorted(self.qrels))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def query_fingerprint(self, query: str) -> str:
        """The same over one query's text and judgements, 16 hex digits."""
        digest = hashlib.sha256(f"{self.queries[query]}\0".encode())
        for document, grade in sorted(self.qrels[query].items()):
            digest.update(f"{document}\t{grade}\0".encode())
        return digest.hexdigest()[:16]

    @classmethod
    def assemble(
        cls,
        name: str,
        split: str,
        documents: Mapping[str, Document],
        queries: Mapping[str, str],
        qrels: Judgements,
    ) -> RetrievalData:
        """Fit the three parts together and count what does not.

        Raises:
            DatasetError: not one query is left to evaluate.
        """
        without_text = tuple(query for query in qrels if query not in queries)
        without_positive = tuple(
            query
            for query, grades in qrels.items()
            if query in queries and not any(grade > 0 for grade in grades.values())
        )
        left_out = {*without_text, *without_positive}
        kept = {query: dict(grades) for query, grades in qrels.items() if query not in left_out}
        if not kept:
            message = (
                f"{name}, split {split!r}: no query to evaluate; of {len(qrels)} judged queries "
                f"{len(without_text)} have no text and {len(without_positive)} no relevant document"
            )
            raise DatasetError(message)
        missing = dict.fromkeys(
            document
            for grades in kept.values()
            for document, grade in grades.items()
            if grade > 0 and document not in documents
        )
        judged = {document for grades in qrels.values() for document in grades}
        gaps = Gaps(
            without_text, without_positive, tuple(missing), len(judged.difference(documents))
        )
        texts = {query: queries[query] for query in kept}
        return cls(name, split, documents, texts, kept, gaps)


def load_beir(folder: str | PathLike[str], split: str = "test") -> RetrievalData:
    """One split of a BEIR folder: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`.

    The files may be packed (`.gz`, `.zst`). Ids are strings; JSON integers are taken as such.

    Raises:
        DatasetError: a file is missing or a line is not of its form (both are named); the split
            is unknown (those present are listed); no query is left to evaluate.
    """
    root = Path(folder)
    if not root.is_dir():
        message = f"{root} is not a folder; a BEIR folder holds corpus.jsonl, queries.jsonl, qrels/"
        raise DatasetError(message)
    judged = find_file(root / "qrels", f"{split}.tsv")
    if judged is None:
        present = list_splits(root)
        listing = f"it has {', '.join(present)}" if present else "it has no qrels/SPLIT.tsv at all"
        message = f"{root} has no split {split!r}; {listing}"
        raise DatasetError(message)
    return RetrievalData.assemble(
        root.resolve().name,
        split,
        read_corpus(_required(root, "corpus.jsonl")),
        read_queries(_required(root, "queries.jsonl")),
        read_beir_qrels(judged),
    )


def list_splits(folder: Path) -> list[str]:
    """Names of the splits that a BEIR folder has judgements for, sorted."""
    endings = tuple(f".tsv{ending}" for ending in PACKED)
    found = (path.name for path in (folder / "qrels").glob("*.tsv*"))
    return sorted({name.partition(".tsv")[0] for name in found if name.endswith(endings)})


def read_corpus(path: Path) -> dict[str, Document]:
    """Documents by id in the file's order: `{"_id", "text", "title"?, "metadata"?}` a line.

    Texts may be blank; whoever encodes them has to count those out.

    Raises:
        DatasetError: a line of another form, or an id that stands twice.
    """

    def parse(value: dict[str, Any], id_: str, place: str) -> Document:
        metadata = value.get("metadata") or {}
        if not isinstance(metadata, dict):
            message = f"{place}: metadata is not a JSON object"
            raise DatasetError(message)
        title = _string(value, "title", place, default="")
        return Document(id_, _string(value, "text", place), title, metadata)

    return _read_by_id(path, parse)


def read_queries(path: Path) -> dict[str, str]:
    """Query texts by id in the file's order: `{"_id", "text"}` a line.

    Raises:
        DatasetError: a line of another form, or an id that stands twice.
    """
    return _read_by_id(path, lambda value, _, place: _string(value, "text", place))


def read_beir_qrels(path: Path) -> dict[str, dict[str, int]]:
    """The judgements of a BEIR file: `query-id corpus-id score`, tabs between.

    A header may name the three columns in any order (other columns are passed over); without
    one they stand in that order.

    Raises:
        DatasetError: a line of another form, or no judgement at all.
    """
    judgements: dict[str, dict[str, int]] = {}
    positions: tuple[int, ...] = (0, 1, 2)
    for row, (number, line) in enumerate(read_lines(path)):
        place = f"{path}:{number}"
        fields = [field.strip() for field in line.split("\t")]
        if row == 0 and set(_COLUMNS) <= set(fields):
            positions = tuple(fields.index(column) for column in _COLUMNS)
            continue
        if len(fields) <= max(positions):
            message = (
                f"{place}: {len(fields)} fields between tabs; 3 are needed: {', '.join(_COLUMNS)}"
            )
            raise DatasetError(message)
        query, document, grade = (fields[position] for position in positions)
        add_judgement(judgements, query, document, parse_grade(grade, place), place)
    if not judgements:
        message = f"{path}: holds no judgements"
        raise DatasetError(message)
    return judgements


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    """The judgements of a BEIR file (named `.tsv`, packed or not) or else a TREC qrels file.

    Raises:
        DatasetError: as `read_beir_qrels` and `read_qrels`.
    """
    is_beir = path.name.endswith(tuple(f".tsv{ending}" for ending in PACKED))
    return read_beir_qrels(path) if is_beir else read_qrels(path)


def _required(folder: Path, name: str) -> Path:
    path = find_file(folder, name)
    if path is None:
        message = f"{folder} has no {name} (nor {name}.gz, {name}.zst); is it a BEIR folder?"
        raise DatasetError(message)
    return path


def _read_by_id(
    path: Path, parse: Callable[[dict[str, Any], str, str], _Value]
) -> dict[str, _Value]:
    values: dict[str, _Value] = {}
    for number, value in read_objects(path):
        place = f"{path}:{number}"
        id_ = value.get("_id")
        if isinstance(id_, int) and not isinstance(id_, bool):
            id_ = str(id_)
        if not isinstance(id_, str) or not id_:
            message = f'{place}: "_id" is {id_!r}; a string that is not empty is needed'
            raise DatasetError(message)
        if id_ in values:
            message = f"{place}: id {id_!r} stands twice in this file; keep one of them"
            raise DatasetError(message)
        values[id_] = parse(value, id_, place)
    return values


def _string(value: Mapping[str, Any], key: str, place: str, default: str | None = None) -> str:
    text = value.get(key)
    if text is None:
        text = default
    if not isinstance(text, str):
        message = f'{place}: "{key}" is {text!r}; a string is needed'
        raise DatasetError(message)
    return text
