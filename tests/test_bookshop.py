"""The sample corpus is what its page says, and the product finds its way in it."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from embeddings.load import load_encoder
from eval.datasets import load_beir
from eval.measures import parse_measures
from eval.retrieval import evaluate_retrieval
from eval.searchers import CollectionSearcher
from indexing.data_folder import DataFolder
from indexing.filters import Filter
from indexing.ingest import IngestOptions, ingest, plan
from indexing.types import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.local import LocalCollection

FOLDER = Path(__file__).parents[1] / "examples/bookshop"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


def judgements(split: str) -> list[tuple[str, str, int]]:
    lines = (FOLDER / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]
    return [(q, d, int(grade)) for q, d, grade in (line.split("\t") for line in lines)]


def test_documents_are_as_promised() -> None:
    documents = rows("corpus.jsonl")
    assert len({document["_id"] for document in documents}) == len(documents) == 380
    languages = Counter(document["metadata"]["language"] for document in documents)
    assert languages == {"ko": 190, "en": 190}
    for document in documents:
        assert {"language", "section", "category", "date"} <= document["metadata"].keys()
        assert unicodedata.is_normalized("NFC", document["text"] + document["title"])
        assert len(document["text"]) > 80
    by_id = {document["_id"]: document for document in documents}
    twins = {id_: d["metadata"]["twin"] for id_, d in by_id.items() if "twin" in d["metadata"]}
    assert len(twins) == 120
    for id_, twin in twins.items():
        assert twins[twin] == id_
        assert by_id[id_]["metadata"]["language"] != by_id[twin]["metadata"]["language"]


def test_queries_are_as_promised() -> None:
    documents = {d["_id"]: d["metadata"]["language"] for d in rows("corpus.jsonl")}
    queries = {query["_id"]: query["metadata"] for query in rows("queries.jsonl")}
    assert len(queries) == 180
    assert Counter(metadata["language"] for metadata in queries.values()) == {"ko": 90, "en": 90}
    assert sum(metadata["cross"] for metadata in queries.values()) == 60
    judged = {split: judgements(split) for split in ("dev", "test")}
    assert {split: len({q for q, _, _ in j}) for split, j in judged.items()} == {
        "dev": 60,
        "test": 120,
    }
    answers: dict[str, set[str]] = {}
    for query, document, grade in judged["dev"] + judged["test"]:
        assert grade in {1, 2}
        if grade == 2:
            answers.setdefault(query, set()).add(documents[document])
    assert answers.keys() == queries.keys()
    for query, languages in answers.items():
        other = queries[query]["language"] not in languages
        assert other == queries[query]["cross"], query


@pytest.fixture(scope="module")
def bookshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCollection]:
    """The whole corpus with an encoder that reads English alone."""
    with DataFolder.open(tmp_path_factory.mktemp("data"), device="cpu") as data:
        made = data.create("bookshop", encoder="minilm")
        report = ingest([str(FOLDER)], made, made.encoder, IngestOptions())
        assert (report.added, report.rejected, report.duplicates) == (380, 0, 0)
        yield made


def test_indexing_again_changes_nothing(bookshop: LocalCollection) -> None:
    rows_before = bookshop.describe().rows
    planned = plan([str(FOLDER)], bookshop, bookshop.encoder, IngestOptions())
    assert (planned.new, planned.changed, planned.unchanged) == (0, 0, 380)
    assert planned.tokens == 0
    again = ingest([str(FOLDER)], bookshop, bookshop.encoder, IngestOptions())
    assert (again.added, again.unchanged) == (0, 380)
    assert bookshop.describe().rows == rows_before


@pytest.mark.parametrize("query_id", ["hq-016", "hq-012", "hq-022"])
def test_english_questions_find_english_answers(bookshop: LocalCollection, query_id: str) -> None:
    query = next(row["text"] for row in rows("queries.jsonl") if row["_id"] == query_id)
    judged = judgements("dev") + judgements("test")
    answers = {document for asked, document, grade in judged if (asked, grade) == (query_id, 2)}
    found = bookshop.search(SearchRequest(query=query, limit=5)).matches
    assert {match.document.id for match in found} & answers


@pytest.mark.parametrize("query_id", ["hq-058", "hq-078", "cq-070"])
def test_korean_questions_find_korean_answers_by_their_words(
    bookshop: LocalCollection, query_id: str
) -> None:
    query = next(row["text"] for row in rows("queries.jsonl") if row["_id"] == query_id)
    judged = judgements("dev") + judgements("test")
    answers = {document for asked, document, grade in judged if (asked, grade) == (query_id, 2)}
    result = bookshop.search(SearchRequest(query=query, limit=10, mode="hybrid"))
    assert {match.document.id for match in result.matches} & answers
    assert "answered by words alone" in result.receipt.warnings[0]


def test_filters_on_its_metadata(bookshop: LocalCollection) -> None:
    cheap = Filter.parse(
        {
            "must": [
                {"key": "section", "match": {"value": "catalogue"}},
                {"key": "language", "match": {"value": "en"}},
                {"key": "price", "range": {"lt": 12000}},
                {"key": "date", "range": {"gte": "2018-01-01"}},
            ]
        }
    )
    wanted = {
        d["_id"]
        for d in rows("corpus.jsonl")
        if d["metadata"]["section"] == "catalogue"
        and d["metadata"]["language"] == "en"
        and d["metadata"].get("price", 10**9) < 12000
        and d["metadata"]["date"] >= "2018-01-01"
    }
    assert wanted
    result = bookshop.search(SearchRequest(query="a small present", limit=100, filter=cheap))
    assert {match.document.id for match in result.matches} == wanted
    assert result.receipt.matched_by_filter == len(wanted)


def test_quality_has_not_fallen(bookshop: LocalCollection) -> None:
    """minilm on the 120 test queries, half of them Korean, which it cannot read: 0.2315."""
    data, measures = load_beir(FOLDER, "test"), parse_measures(["nDCG@10"])
    report = evaluate_retrieval(data, CollectionSearcher(bookshop), measures=measures)
    assert report.measures["nDCG@10"].value == pytest.approx(0.2315, abs=0.01)
    assert load_encoder("minilm", device="cpu").card == bookshop.card.encoder


def test_the_default_encoder_finds_its_way_in_both_languages(tmp_path: Path) -> None:
    """As `make demo` indexes and asks: by meaning, 120 test queries in Korean and English."""
    data, measures = load_beir(FOLDER, "test"), parse_measures(["nDCG@10"])
    with DataFolder.open(tmp_path, device="cpu") as folder:
        shop = folder.create("bookshop")
        ingest([str(FOLDER)], shop, shop.encoder, IngestOptions())
        assert shop.card.encoder.name == "meari-ko-en"
        report = evaluate_retrieval(data, CollectionSearcher(shop), measures=measures)
        assert report.measures["nDCG@10"].value >= 0.30
        result = shop.search(SearchRequest(query="주문한 책이 찢어져서 왔어요", mode="hybrid"))
    assert not [text for text in result.receipt.warnings if "words alone" in text]
