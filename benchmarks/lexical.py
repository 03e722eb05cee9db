r"""Lexical search alone: quality on judged data, and how fast it is.

    python -m benchmarks.lexical DATASET SPLIT [--analyzer kiwi] [--queries 1500]

Every document is analysed once. Each row of the table is one way to count titles (once to three
times) and to read queries (with or without English function words); the row that collections use
is marked. Rates are of one thread, in CPU seconds as well, since the machine may be busy.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.record import save
from embeddings.text.analyzer import load_analyzer
from eval.datasets import load_beir
from eval.measures import Measure, evaluate
from indexing.lexical import TITLE_REPEATS, LexicalIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eval.datasets import RetrievalData

MEASURES = (Measure.parse("nDCG@10"), Measure.parse("Recall@100"))
K = 100
COMMITS = 20

Terms = list[list[str]]


@dataclass(slots=True)
class Rate:
    """How many of something a second of the clock and a second of CPU."""

    count: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def to_json(self) -> dict[str, float]:
        """Both rates and the count."""
        return {
            "count": self.count,
            "per_second": round(self.count / self.seconds, 1),
            "per_cpu_second": round(self.count / self.cpu_seconds, 1),
        }


def main(
    dataset: Annotated[Path, typer.Argument(help="A BEIR folder.")],
    split: Annotated[str, typer.Argument(help="Which judgements.")] = "test",
    analyzer: Annotated[str, typer.Option(help="`auto`, `kiwi` or `bigrams`.")] = "auto",
    queries: Annotated[int, typer.Option(min=1, help="The first so many.")] = 1_500,
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    data = load_beir(dataset, split)
    reader = load_analyzer(analyzer)
    reader.analyze(["메아리"])
    ids = list(data.queries)[:queries]
    documents = list(data.documents.values())
    with rated(len(documents)) as analyses:
        titles = reader.analyze([document.title for document in documents])
        texts = reader.analyze([document.text for document in documents])
    asked = [data.queries[id_] for id_ in ids]
    with rated(len(asked)) as questions:
        contents = [reader.analyze_queries([text])[0] for text in asked]
    result: dict[str, Any] = {
        "dataset": {"name": data.name, "split": split, "fingerprint": data.fingerprint()},
        "documents": len(documents),
        "queries": len(ids),
        "analyzer": reader.fingerprint,
        "analyses": analyses.to_json(),
        "query_analyses": questions.to_json(),
        "variants": [],
    }
    for repeats in (1, 2, 3):
        terms = [title * repeats + text for title, text in zip(titles, texts, strict=True)]
        for words, asks in (("all", reader.analyze(asked)), ("content", contents)):
            variant = {"title_repeats": repeats, "query_words": words}
            chosen = {"used": repeats == TITLE_REPEATS and words == "content"}
            row = {**variant, **chosen, **measure(data, terms, dict(zip(ids, asks, strict=True)))}
            result["variants"].append(row)
            print({key: value for key, value in row.items() if not isinstance(value, dict)})
    for name in ("analyses", "query_analyses"):
        print(f"{name:<16}{result[name]}")
    used = next(row for row in result["variants"] if row["used"])
    for name in ("indexing", "search", "commits"):
        print(f"{name:<16}{used[name]}")
    print(f"saved {save(f'lexical_{data.name}_{split}_{reader.kind}', result)}")


def measure(data: RetrievalData, terms: Terms, asks: dict[str, list[str]]) -> dict[str, Any]:
    """Index the rows, ask everything, judge; then commit single rows."""
    names = list(data.documents)
    with tempfile.TemporaryDirectory() as folder:
        index = LexicalIndex.open(Path(folder) / "lexical", "benchmark")
        with rated(len(terms)) as indexing:
            index.add(range(len(terms)), terms)
            index.commit(1)
        with rated(len(asks)) as search:
            hits = {id_: index.search(words, K).ids[0].tolist() for id_, words in asks.items()}
        size = sum(path.stat().st_size for path in Path(folder).rglob("*"))
        with rated(COMMITS) as commits:
            commit_singly(index, terms[:COMMITS], first=len(terms))
        index.close()
    rankings = {id_: [names[row] for row in rows if row >= 0] for id_, rows in hits.items()}
    qrels = {id_: data.qrels[id_] for id_ in asks}
    values = evaluate(MEASURES, qrels, rankings)
    return {
        **{str(m): round(sum(values[m].values()) / len(asks), 4) for m in MEASURES},
        "bytes": size,
        "indexing": indexing.to_json(),
        "search": search.to_json(),
        "commits": commits.to_json(),
    }


def commit_singly(index: LexicalIndex, terms: Sequence[Sequence[str]], first: int) -> None:
    """One commit for each row."""
    for row, words in enumerate(terms, start=first):
        index.add([row], [words])
        index.commit(row)


@contextmanager
def rated(count: int) -> Iterator[Rate]:
    """The time the block takes, of the clock and of all threads' CPUs."""
    rate = Rate(count)
    clock, cpu = time.perf_counter(), time.process_time()
    yield rate
    rate.seconds, rate.cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu


if __name__ == "__main__":
    typer.run(main)
