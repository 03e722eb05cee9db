r"""Hybrid search by each way of fusing, beside its two legs, on judged data.

    python -m benchmarks.fusion DATASET SPLIT [--encoder minilm] [--queries 400] [--depth 100]

Both legs are searched exactly; documents without text are left out, for encoders refuse them.
Time is not measured.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from benchmarks.record import save
from embeddings.load import load_encoder
from eval.datasets import load_beir
from eval.measures import Measure, evaluate
from indexing.analyzer import load_analyzer
from indexing.fusion import Leg, fuse_ranks, fuse_scores
from indexing.index.exact import comparable, nearest
from indexing.lexical import TITLE_REPEATS, LexicalIndex
from indexing.types import Hits, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexing.types import Document

MEASURE = Measure.parse("nDCG@10")
WEIGHTS = (0.3, 0.5, 0.7)
LIMIT = 10


def main(
    dataset: Annotated[Path, typer.Argument(help="A BEIR folder.")],
    split: Annotated[str, typer.Argument(help="Which judgements.")] = "test",
    encoder: Annotated[str, typer.Option(help="`minilm` or a model folder.")] = "minilm",
    queries: Annotated[int, typer.Option(min=1, help="The first so many.")] = 400,
    depth: Annotated[int, typer.Option(min=LIMIT, help="Candidates of each leg.")] = 100,
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    data = load_beir(dataset, split)
    documents = [document for document in data.documents.values() if document.encoded_text]
    asked = dict(list(data.queries.items())[:queries])
    dense = search_dense(documents, list(asked.values()), encoder, depth)
    lexical = search_lexical(documents, list(asked.values()), depth)
    fused = {"dense": dense, "lexical": lexical}
    for constant in (10, 60):
        fused[f"ranks, {constant}"] = fuse_ranks(
            [Leg(dense), Leg(lexical)], LIMIT, constant=constant
        )
    for weight in WEIGHTS:
        for name, least, zero in (("least seen", None, None), ("least possible", -1.0, 0.0)):
            legs = [Leg(dense, weight, least), Leg(lexical, 1 - weight, zero)]
            fused[f"scores, {name}, dense {weight}"] = fuse_scores(legs, LIMIT)
    qrels = {id_: data.qrels[id_] for id_ in asked}
    figures = {}
    for name, hits in fused.items():
        rankings = {
            id_: [documents[row].id for row in rows if row >= 0]
            for id_, rows in zip(asked, hits.ids.tolist(), strict=True)
        }
        values = evaluate([MEASURE], qrels, rankings)[MEASURE]
        figures[name] = round(sum(values.values()) / len(values), 4)
        print(f"{name:<36}{figures[name]:.4f}")
    result = {
        "dataset": {"name": data.name, "split": split, "fingerprint": data.fingerprint()},
        "documents": len(documents),
        "queries": len(asked),
        "encoder": encoder,
        "depth": depth,
        str(MEASURE): figures,
    }
    print(f"saved {save(f'fusion_{data.name}_{split}_{Path(encoder).name}', result)}")


def search_dense(
    documents: Sequence[Document], asked: Sequence[str], encoder: str, depth: int
) -> Hits:
    """The nearest documents of each query by cosine."""
    model = load_encoder(encoder, device="cpu")
    vectors = model.encode([document.encoded_text for document in documents], role="document")
    questions = model.encode(asked, role="query")
    rows, points = (comparable(e.vectors, Metric.COSINE) for e in (vectors, questions))
    return nearest(rows, points, depth, Metric.COSINE, allowed=None)


def search_lexical(documents: Sequence[Document], asked: Sequence[str], depth: int) -> Hits:
    """The best documents of each query by BM25."""
    analyzer = load_analyzer()
    titles = analyzer.analyze([document.title for document in documents])
    texts = analyzer.analyze([document.text for document in documents])
    terms = [title * TITLE_REPEATS + text for title, text in zip(titles, texts, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        index = LexicalIndex.open(Path(folder) / "lexical", analyzer.fingerprint)
        index.add(range(len(terms)), terms)
        index.commit(1)
        found = [index.search(words, depth) for words in analyzer.analyze_queries(asked)]
        index.close()
    ids, scores = zip(*[(hits.ids, hits.scores) for hits in found], strict=True)
    return Hits(np.concatenate(ids), np.concatenate(scores))


if __name__ == "__main__":
    typer.run(main)
