"""Our retrieval figures beside those of sentence-transformers' own evaluator, on the same data.

    python benchmarks/retrieval_parity.py DATASET SPLIT [--encoder minilm] [--through collection]

Both sides encode every document and query by themselves, search exactly and judge with binary
judgements (grade 1 or more is relevant), as the library's evaluator does. Documents without any
text are left out on both sides: a collection does not take them. The one known difference in
definition is MAP@k, which the library divides by min(k, relevant) where trec_eval and we divide
by all relevant documents; it shows where a query has more than k of those. Time is not measured.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from embeddings.load import load_encoder
from eval.datasets import load_beir
from eval.provenance import Provenance
from eval.retrieval import evaluate_retrieval
from eval.searchers import CollectionSearcher, EncoderSearcher
from indexing.data_folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eval.datasets import RetrievalData
    from eval.target import Searcher

RESULTS = Path(__file__).parent / "results"
LIBRARY_NAMES = {
    "nDCG@10": "cosine_ndcg@10",
    "Recall@10": "cosine_recall@10",
    "Recall@100": "cosine_recall@100",
    "P@10": "cosine_precision@10",
    "MRR@10": "cosine_mrr@10",
    "MAP@100": "cosine_map@100",
    "Success@1": "cosine_accuracy@1",
    "Success@10": "cosine_accuracy@10",
}
BATCH = 512


def main(
    dataset: Annotated[str, typer.Argument(help="A BEIR folder.")],
    split: Annotated[str, typer.Argument(help="Which judgements.")] = "test",
    encoder: Annotated[str, typer.Option(help="`minilm` or a model folder.")] = "minilm",
    through: Annotated[str, typer.Option(help="`collection` or `encoder`.")] = "collection",
) -> None:
    """Run both sides, print their figures and save them under `benchmarks/results`."""
    data = prepare(load_beir(dataset, split))
    side = "encoder" if through == "encoder" else "collection"
    with open_searcher(data, encoder, side) as searcher:
        report = evaluate_retrieval(data, searcher)
    theirs = run_theirs(data, model_folder(encoder))
    ours = {name: estimate.value for name, estimate in report.measures.items()}
    result = {
        "benchmark": "retrieval_parity",
        "dataset": {"name": data.name, "split": data.split, "fingerprint": data.fingerprint()},
        "documents": len(data.documents),
        "queries": len(data.queries),
        "encoder": report.to_json()["target"]["encoder"],
        "through": side,
        "measures": {
            name: {
                "ours": ours[name],
                "theirs": float(theirs[key]),
                "difference": ours[name] - float(theirs[key]),
            }
            for name, key in LIBRARY_NAMES.items()
        },
        "commit": commit(),
        **Provenance.now().to_json(),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"retrieval_parity_{data.name}_{data.split}_{Path(encoder).name}.json"
    path.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    show(result)
    print(f"saved {path}")


def prepare(data: RetrievalData) -> RetrievalData:
    """Binary judgements, and documents that have text."""
    binary = {
        query: {document: int(grade > 0) for document, grade in grades.items()}
        for query, grades in data.qrels.items()
    }
    kept = {id_: document for id_, document in data.documents.items() if document.encoded_text}
    return replace(data, documents=kept, qrels=binary)


@contextmanager
def open_searcher(
    data: RetrievalData, encoder: str, through: Literal["collection", "encoder"]
) -> Iterator[Searcher]:
    """A new collection that holds the documents, or the encoder alone."""
    documents = list(data.documents.values())
    if through == "encoder":
        yield EncoderSearcher.over(load_encoder(encoder, runtime="torch"), documents)
        return
    with tempfile.TemporaryDirectory() as path, DataFolder.open(path) as folder:
        collection = folder.create("parity", encoder=encoder)
        for start in range(0, len(documents), BATCH):
            collection.add(documents[start : start + BATCH])
        yield CollectionSearcher(collection, exact=True)


def run_theirs(data: RetrievalData, folder: Path) -> dict[str, float]:
    """The library's figures by its own names."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.evaluation import (
        InformationRetrievalEvaluator,
    )

    evaluator = InformationRetrievalEvaluator(
        queries=dict(data.queries),
        corpus={id_: document.encoded_text for id_, document in data.documents.items()},
        relevant_docs={
            query: {document for document, grade in grades.items() if grade > 0}
            for query, grades in data.qrels.items()
        },
        precision_recall_at_k=[10, 100],
        accuracy_at_k=[1, 10],
        write_csv=False,
    )
    return evaluator(SentenceTransformer(str(folder), local_files_only=True))


def model_folder(encoder: str) -> Path:
    """The sentence-transformers folder behind an encoder's name."""
    if encoder != "minilm":
        return Path(encoder)
    from embeddings.minilm import bundled_folder

    return bundled_folder()


def commit() -> str:
    """The commit of this checkout, with a mark if files differ from it; `unknown` outside git."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def show(result: dict[str, Any]) -> None:
    """Print the figures side by side."""
    data = result["dataset"]
    print(f"{data['name']} ({data['split']}): {result['documents']} documents, "
          f"{result['queries']} queries, encoder {result['encoder']['name']}")  # fmt: skip
    print(f"{'measure':<12}{'ours':>10}{'theirs':>10}{'difference':>13}")
    for name, row in result["measures"].items():
        print(f"{name:<12}{row['ours']:>10.4f}{row['theirs']:>10.4f}{row['difference']:>+13.6f}")


if __name__ == "__main__":
    typer.run(main)
