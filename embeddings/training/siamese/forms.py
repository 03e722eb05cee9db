"""Sources of every form to columns of texts, checked line by line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.training.columns import labels_of, numbers_of, texts_of
from embeddings.training.errors import DataError
from embeddings.training.sources import Rows, Source, describe_source, draw, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    from datasets import Dataset

    from embeddings.training.siamese.recipe import Examples

LABELS = ("contradiction", "neutral", "entailment")
"""NLI labels in the order of their numbers; 0, 1 and 2 are meant so in SNLI's reversed order."""
_NUMBERED = {"0": "entailment", "1": "neutral", "2": "contradiction"}


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """Examples of a source, ready for a loss.

    Attributes:
        source: where they are from.
        texts: columns of texts in the order the loss takes them, all of one length.
        target: `score` (0 to 1) or `label` (0, 1, 2) of each, None where the form has none.
        documents: of retrieval, id to text; queries and answers in `judged`.
        judged: of retrieval, query text to the ids of its answers.
        rejected: of retrieval, query text to documents judged to be no answers; filled where the
            recipe asks for them.
        files: what the receipt says of the files.
    """

    source: Examples
    texts: dict[str, list[str]]
    target: list[float] | list[int] | None = None
    documents: dict[str, str] = field(default_factory=dict)
    judged: dict[str, set[str]] = field(default_factory=dict)
    rejected: dict[str, list[str]] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(next(iter(self.texts.values())))

    def all_texts(self) -> Iterator[str]:
        """Every text, for vocabularies."""
        for column in self.texts.values():
            yield from column
        yield from self.documents.values()

    def with_columns(self, texts: dict[str, list[str]]) -> Loaded:
        """The same examples with other columns."""
        return replace(self, texts=texts)

    def to_dataset(self, target: npt.NDArray[np.float32] | None = None) -> Dataset:
        """What a trainer reads; `target` (rows, width) replaces the own one."""
        from datasets import Dataset

        columns: dict[str, Any] = dict(self.texts)
        if target is not None:
            columns["label"] = target
        elif self.target is not None:
            columns["label"] = list(self.target)
        return Dataset.from_dict(columns)


def load_examples(source: Examples) -> Loaded:
    """The examples of a source.

    Raises:
        DataError: a file or column is missing, a text empty, a score outside its range, a label
            unknown, one class alone, or nothing left.
    """
    return _LOADERS[source.form](source)


def as_ranking(loaded: Loaded) -> Loaded:
    """NLI as triplets for ranking losses: entailed hypotheses, contradicted ones as negatives.

    Raises:
        DataError: no premise has an entailed hypothesis.
    """
    labels = loaded.target or []
    entailed: list[tuple[str, str]] = []
    contradicted: dict[str, str] = {}
    for premise, hypothesis, label in zip(*loaded.texts.values(), labels, strict=True):
        if label == LABELS.index("entailment"):
            entailed.append((premise, hypothesis))
        elif label == LABELS.index("contradiction"):
            contradicted.setdefault(premise, hypothesis)
    whole = [(a, b, contradicted[a]) for a, b in entailed if a in contradicted]
    if whole:
        anchors, positives, negatives = zip(*whole, strict=True)
        texts = {"anchor": [*anchors], "positive": [*positives], "negative": [*negatives]}
    elif entailed:
        anchors, positives = zip(*entailed, strict=True)
        texts = {"anchor": [*anchors], "positive": [*positives]}
    else:
        message = f"{loaded.source.path} has no entailed hypothesis; ranking needs some"
        raise DataError(message)
    return replace(loaded, texts=texts, target=None)


def as_scores(loaded: Loaded) -> Loaded:
    """NLI as scored pairs: contradiction 0, neutral 0.5, entailment 1."""
    labels = loaded.target or []
    first, second = loaded.texts.values()
    texts = {"sentence1": first, "sentence2": second}
    return replace(loaded, texts=texts, target=[label / 2 for label in labels])


def _scores(source: Examples) -> Loaded:
    rows = read_rows(source, ["sentence1", "sentence2", "score"])
    texts = {name: texts_of(rows, name) for name in ("sentence1", "sentence2")}
    scores = numbers_of(rows, "score", *source.range)
    return Loaded(source, texts, scores, files=[describe_source(source, len(rows))])


def _columns(source: Examples, *names: str) -> Loaded:
    rows = read_rows(source, names)
    texts = {name: texts_of(rows, name) for name in names}
    return Loaded(source, texts, files=[describe_source(source, len(rows))])


def _groups(source: Examples) -> Loaded:
    """Each text with the first of its group, and that one with the second.

    All rows of a group share a text, so that no batch of in-batch negatives holds two of them.
    """
    rows = read_rows(source, ["text", "group"])
    texts = texts_of(rows, "text")
    paired = pairs_of_groups(rows)
    if not paired:
        message = f"{source.path}: every group has one text alone; there is nothing to bring nearer"
        raise DataError(message)
    made = {
        "anchor": [texts[row] for row in paired],
        "positive": [texts[other] for other in paired.values()],
    }
    return Loaded(source, made, files=[describe_source(source, len(rows))])


def _found(source: Examples) -> Loaded:
    """What texts hold: sentences, glosses, crops, parts and wholes."""
    from embeddings.training.siamese.found import find_examples

    found = find_examples(source)
    return Loaded(source, found.texts, files=[describe_source(source, len(found.origins))])


def pairs_of_groups(rows: Rows) -> dict[int, int]:
    """Rows of groups of two and more texts, and the row that says the same; copies are left out.

    Raises:
        DataError: a text or a group is empty, or there is one group.
    """
    texts, groups = texts_of(rows, "text"), labels_of(rows, "group")
    members: dict[str, dict[str, int]] = {}
    for row, (text, group) in enumerate(zip(texts, groups, strict=True)):
        members.setdefault(group, {}).setdefault(text, row)
    paired: dict[int, int] = {}
    for first, *others in (list(each.values()) for each in members.values()):
        if others:
            paired |= {first: others[0], **dict.fromkeys(others, first)}
    return dict(sorted(paired.items()))


def _nli(source: Examples) -> Loaded:
    rows = read_rows(source, ["premise", "hypothesis", "label"])
    rows.columns["label"] = [_NUMBERED.get(str(value), value) for value in rows.columns["label"]]
    labels = labels_of(rows, "label", list(LABELS))
    if len(set(labels)) < 2:
        message = f"{source.path}: label is {labels[0]!r} in all rows; two classes are the least"
        raise DataError(message)
    texts = {name: texts_of(rows, name) for name in ("premise", "hypothesis")}
    numbers = [LABELS.index(label) for label in labels]
    return Loaded(source, texts, numbers, files=[describe_source(source, len(rows))])


def _retrieval(source: Examples) -> Loaded:
    folder = Path(source.path)
    corpus, queries = _in_folder(folder, "corpus.jsonl"), _in_folder(folder, "queries.jsonl")
    documents = {
        key: "\n".join(part for part in (row.get("title"), row.get("text")) if part)
        for key, row in _beir(corpus)
    }
    asked = {key: str(row.get("text") or "") for key, row in _beir(queries)}
    qrels = _in_folder(folder, f"qrels/{source.split or 'train'}.tsv")
    positive = [each for each in _judgements(qrels, asked, documents) if each[2] > 0]
    if source.sample is not None:
        positive = [positive[row] for row in draw(len(positive), source.sample)]
    positive = positive[: source.most]
    if not positive:
        message = f"{qrels} judges no document as an answer; there is nothing to learn from"
        raise DataError(message)
    judged: dict[str, set[str]] = {}
    for query, document, _ in positive:
        judged.setdefault(asked[query], set()).add(document)
    files = [(corpus, len(documents)), (queries, len(asked)), (qrels, len(positive))]
    rejected: dict[str, list[str]] = {}
    if source.negatives is not None and source.negatives.judged is not None:
        path = _in_folder(folder, f"qrels/{source.negatives.judged}.tsv")
        for query, document, score in _judgements(path, asked, documents):
            if score <= 0 and document not in judged.get(asked[query], ()):
                rejected.setdefault(asked[query], []).append(documents[document])
        files.append((path, sum(map(len, rejected.values()))))
    return Loaded(
        source,
        {
            "query": [asked[query] for query, _, _ in positive],
            "document": [documents[document] for _, document, _ in positive],
        },
        documents=documents,
        judged=judged,
        rejected=rejected,
        files=[
            describe_source(
                replace(source, path=str(path), name=f"{source.title}/{path.name}"), count
            )
            for path, count in files
        ],
    )


def _judgements(
    path: Path, asked: dict[str, str], documents: dict[str, str]
) -> Iterator[tuple[str, str, float]]:
    """Query, document and score, line by line; of queries and documents that are there."""
    names = ["query-id", "corpus-id", "score"]
    rows = read_rows(Source(path=str(path)), names)
    columns = (rows.columns[name] for name in names)
    for row, (query, document, score) in enumerate(zip(*columns, strict=True)):
        if query not in asked or document not in documents:
            missing = f"query {query!r}" if query not in asked else f"document {document!r}"
            message = f"{rows.place(row)}: {missing} is not in {path.parent.parent}"
            raise DataError(message)
        yield query, document, float(score)


def _in_folder(folder: Path, name: str) -> Path:
    for packing in ("", ".gz", ".zst"):
        if (folder / f"{name}{packing}").is_file():
            return folder / f"{name}{packing}"
    place = folder / Path(name).parent
    there = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    message = (
        f"{folder} is no BEIR folder with {name}; there are {', '.join(there[:10]) or 'no files'}"
    )
    raise DataError(message)


def _beir(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = read_rows(Source(path=str(path)), ["_id", "text"], ["title"])
    titles = rows.columns.get("title") or [None] * len(rows)
    for row, title in enumerate(titles):
        key, text = rows.columns["_id"][row], rows.columns["text"][row]
        if not isinstance(text, str) or not (text.strip() or title):
            message = f"{rows.place(row)}: text is {json.dumps(text)}; a text is needed"
            raise DataError(message)
        yield str(key), {"title": title, "text": text}


_LOADERS = {
    "scores": _scores,
    "pairs": lambda source: _columns(source, "anchor", "positive"),
    "groups": _groups,
    "crops": _found,
    "parts": _found,
    "glosses": _found,
    "sentences": _found,
    "triplets": lambda source: _columns(source, "anchor", "positive", "negative"),
    "nli": _nli,
    "parallel": lambda source: _columns(source, "source", "target"),
    "texts": lambda source: _columns(source, "text"),
    "retrieval": _retrieval,
}
