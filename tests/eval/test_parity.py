"""Our figures against sentence-transformers' own evaluator on real text with real weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from embeddings.load import load_encoder
from embeddings.minilm import bundled_folder
from eval.datasets import RetrievalData, load_beir
from eval.retrieval import evaluate_retrieval
from eval.searchers import EncoderSearcher

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
MOST_DOCUMENTS = 60


@pytest.fixture(scope="module")
def bookshop() -> RetrievalData:
    """English queries and 60 documents of the sample corpus, judged relevant or not."""
    data = load_beir(BOOKSHOP, "test")
    qrels = {
        query: {document: 1 for document, grade in grades.items() if grade > 0}
        for query, grades in data.qrels.items()
        if data.queries[query].isascii()
    }
    relevant = [document for grades in qrels.values() for document in grades]
    english = [id_ for id_ in data.documents if "-en-" in id_]
    kept = list(dict.fromkeys([*relevant, *english]))[:MOST_DOCUMENTS]
    queries = {
        query: data.queries[query] for query, judged in qrels.items() if {*judged} <= {*kept}
    }
    return replace(
        data,
        documents={id_: data.documents[id_] for id_ in kept},
        queries=queries,
        qrels={query: qrels[query] for query in queries},
    )


def test_figures_agree_with_the_librarys_evaluator(bookshop: RetrievalData):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.evaluation import (
        InformationRetrievalEvaluator,
    )

    assert len(bookshop.documents) == MOST_DOCUMENTS
    assert len(bookshop.queries) > 25
    evaluator = InformationRetrievalEvaluator(
        queries=dict(bookshop.queries),
        corpus={id_: document.encoded_text for id_, document in bookshop.documents.items()},
        relevant_docs={query: set(grades) for query, grades in bookshop.qrels.items()},
        precision_recall_at_k=[10, 100],
        write_csv=False,
    )
    theirs = evaluator(SentenceTransformer(str(bundled_folder()), local_files_only=True))
    searcher = EncoderSearcher.over(
        load_encoder("minilm", device="cpu", runtime="torch"), bookshop.documents.values()
    )
    ours = evaluate_retrieval(bookshop, searcher).measures

    assert 0.2 < ours["nDCG@10"].value < 0.95, "neither side found nothing or everything"
    assert ours["nDCG@10"].value == pytest.approx(theirs["cosine_ndcg@10"], abs=0.002)
    for name, key in [
        ("Recall@10", "cosine_recall@10"),
        ("Recall@100", "cosine_recall@100"),
        ("P@10", "cosine_precision@10"),
        ("MRR@10", "cosine_mrr@10"),
        ("MAP@100", "cosine_map@100"),
        ("Success@1", "cosine_accuracy@1"),
        ("Success@10", "cosine_accuracy@10"),
    ]:
        assert ours[name].value == pytest.approx(theirs[key], abs=0.002), name
