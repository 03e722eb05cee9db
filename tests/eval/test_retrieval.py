"""Evaluations from end to end: a collection, an encoder alone, reports and run files."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.hashing import HashEncoder
from embeddings.load import load_encoder
from eval.datasets import load_beir
from eval.errors import ChoiceError, DatasetError, EvalError, MeasureError, TargetError
from eval.measures import Measure, parse_measures
from eval.retrieval import evaluate_retrieval, run_retrieval
from eval.searchers import CollectionSearcher, EncoderSearcher
from eval.target import TargetFacts, TextCounts
from eval.trec import read_run
from indexing.data_folder import DataFolder
from indexing.types import Document, Metric, Parent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.types import Encoding, Role
    from indexing.local import LocalCollection


class Recited:
    """A searcher that answers what it was given; for judging known rankings."""

    def __init__(self, answers: dict[str, list[tuple[str, float]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def search(self, queries: Sequence[str], k: int) -> list[list[tuple[str, float]]]:
        self.asked += queries
        return [self.answers.get(query, [])[:k] for query in queries]

    def describe(self) -> TargetFacts:
        return TargetFacts(
            kind="encoder",
            name="recited",
            encoder=None,
            metric="cosine",
            index="flat",
            exact=True,
            recall_estimate=1.0,
            grouped=False,
            documents=TextCounts(),
            queries=TextCounts(texts=len(self.asked)),
        )

    def lacking(self, ids: Sequence[str]) -> tuple[str, ...]:
        return tuple(id_ for id_ in ids if id_ == "d9")


Q1, Q2, Q3 = (
    "song of the blue whale in the ocean",
    "instrument with strings",
    "how to make bread",
)


def test_known_answers_are_judged_by_hand_computed_values(beir_folder: Path):
    data = load_beir(beir_folder)
    answers = {Q1: [("d4", 0.9), ("d1", 0.8)], Q2: [("d3", 0.5), ("d2", 0.5)]}
    report = evaluate_retrieval(data, Recited(answers), measures=parse_measures(["nDCG@10", "P@2"]))

    ndcg = (
        (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)),
        (1 / math.log2(3)) / (1 + 1 / math.log2(3)),
        0.0,
    )
    assert [query.id for query in report.queries] == ["q1", "q2", "q3"]
    assert [query.values["nDCG@10"] for query in report.queries] == pytest.approx(ndcg)
    assert [query.values["P@2"] for query in report.queries] == [1.0, 0.5, 0.0]
    assert [query.first_relevant for query in report.queries] == [1, 2, None]
    assert report.measures["nDCG@10"].value == pytest.approx(sum(ndcg) / 3)
    assert report.measures["P@2"].value == pytest.approx(0.5)
    assert report.measures["P@2"].low < 0.5 < report.measures["P@2"].high
    assert report.unanswered == 1, "q3 was not answered and counts zero"


def test_the_report_counts_what_was_left_out_and_what_is_lacking(beir_folder: Path):
    facts = evaluate_retrieval(load_beir(beir_folder), Recited({})).dataset

    assert (facts.name, facts.split, facts.documents, facts.queries) == ("animals", "test", 5, 3)
    assert (facts.judgements, facts.relevant) == (7, 6)
    assert (facts.queries_without_text, facts.queries_without_positive) == (1, 1)
    assert (facts.relevant_missing, facts.judged_missing, facts.relevant_lacking) == (1, 1, 1)


def test_a_blank_query_is_not_asked_and_counts_zero(beir_folder: Path):
    (beir_folder / "queries.jsonl").write_text(
        f'{{"_id": "q1", "text": " "}}\n{{"_id": "q2", "text": "{Q2}"}}\n'
    )
    searcher = Recited({Q2: [("d2", 1.0), ("d5", 0.5)]})
    report = evaluate_retrieval(load_beir(beir_folder), searcher, measures=[Measure("P", 2)])

    assert searcher.asked == [Q2]
    assert [query.values["P@2"] for query in report.queries] == [0.0, 1.0]
    assert report.dataset.queries_blank == 1


def test_the_worst_answers_show_what_was_expected_and_found(beir_folder: Path):
    answers = {
        Q1: [("d1", 3.0), ("d4", 2.0)],
        Q2: [("d3", 3.0), ("d1", 2.0), ("d4", 1.0), ("d5", 0.0)],
    }
    report = evaluate_retrieval(load_beir(beir_folder), Recited(answers))

    assert [answer.query.id for answer in report.worst] == ["q3", "q2"], "q1 is perfect"
    instrument = report.worst[1]
    assert [(shown.id, shown.title, shown.grade, shown.rank) for shown in instrument.expected] == [
        ("d2", "A guitar has six strings and a wooden body.", 1, None),
        ("d5", "Violin", 1, 4),
    ]
    assert [(shown.id, shown.title, shown.rank) for shown in instrument.found] == [
        ("d3", "Bread", 1), ("d1", "Whales", 2), ("d4", "Ocean currents", 3),
    ]  # fmt: skip
    assert report.worst[0].expected[1].title == "(not in the corpus)"
    page = report.to_markdown()
    assert "**how to make bread** (query q3; nDCG@10 0.0000; first relevant document: none)" in page
    assert "- expected: Violin (d5; rank 4, grade 1)" in page
    assert "- found: Bread (d3; rank 1, not judged)" in page


def test_the_run_file_says_what_was_answered_and_is_judged_the_same(
    beir_folder: Path, tmp_path: Path
):
    answers = {Q1: [("d4", 0.5), ("d1", 0.5), ("d2", 0.25)], Q2: [("d5", 0.1)]}
    report = evaluate_retrieval(load_beir(beir_folder), Recited(answers))
    report.write(tmp_path / "out" / "here")

    written = tmp_path / "out" / "here"
    assert sorted(path.name for path in written.iterdir()) == [
        "retrieval.json", "retrieval.md", "retrieval.run",
    ]  # fmt: skip
    assert read_run(written / "retrieval.run") == {"q1": answers[Q1], "q2": answers[Q2]}
    assert json.loads((written / "retrieval.json").read_text()) == report.to_json()
    assert (written / "retrieval.md").read_text() == report.to_markdown()


def test_the_json_has_values_by_query_and_all_circumstances(beir_folder: Path):
    told = json.loads(json.dumps(evaluate_retrieval(load_beir(beir_folder), Recited({})).to_json()))

    assert (told["kind"], told["format"], told["depth"]) == ("retrieval", 1, 100)
    assert list(told["measures"]) == [
        "nDCG@10", "Recall@10", "Recall@100", "P@10", "MRR@10", "MAP@100", "Success@1",
        "Success@10",
    ]  # fmt: skip
    assert told["measures"]["nDCG@10"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert told["queries"][2]["text"] == Q3
    assert told["queries"][2]["values"]["MRR@10"] == 0.0
    assert told["bootstrap"] == {"level": 0.95, "resamples": 2000, "seed": 0}
    assert set(told["seconds"]) == {"prepare", "search", "measure"}
    assert told["provenance"]["versions"]["numpy"]
    assert told["provenance"]["cpus"] >= 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([("d1", 1.0), ("d1", 0.5)], "document 'd1' stands twice in the answer to query 'q1'"),
        ([("d1", 0.5), ("d2", 1.0)], "not ordered by falling score"),
    ],
)
def test_answers_that_are_not_rankings_are_refused(
    beir_folder: Path, answer: list[tuple[str, float]], message: str
):
    with pytest.raises((TargetError, MeasureError), match=message):
        evaluate_retrieval(load_beir(beir_folder), Recited({Q1: answer}))


def test_a_measure_deeper_than_the_answers_is_refused(beir_folder: Path):
    for depth, shown in ((50, "50"), (20_000, "20,000"), (0, "0")):
        told = f"depth is {shown}; 100 \\(for Recall@100\\) to 10,000 documents can be asked for"
        with pytest.raises(ChoiceError, match=told):
            run_retrieval(str(beir_folder), encoder="hash:16", depth=depth)


def test_a_negative_seed_is_refused_before_the_work(beir_folder: Path):
    with pytest.raises(ChoiceError, match="seed is -1; 0 or more is possible"):
        run_retrieval(str(beir_folder), encoder="no such encoder", seed=-1)


# -- an encoder alone ----------------------------------------------------------------------


def test_an_encoder_finds_by_cosine_with_equal_scores_by_id():
    documents = [
        Document("c", "bread"),
        Document("a", "bread"),
        Document("b", "bread"),
        Document("d", "whale"),
        Document("blank", " "),
    ]
    searcher = EncoderSearcher.over(HashEncoder(64), documents)
    (answer, other) = searcher.search(["bread", "whale"], 3)

    assert [id_ for id_, _ in answer] == ["a", "b", "c"]
    assert [score for _, score in answer] == pytest.approx([1, 1, 1], abs=1e-6)
    assert other[0] == ("d", pytest.approx(1, abs=1e-6))
    assert len(searcher.search(["bread"], 50)[0]) == 4, "never more than there are"
    assert searcher.lacking(["a", "blank", "nowhere"]) == ("blank", "nowhere")


def test_long_vectors_are_no_better_than_short_ones():
    """Cosine is meant for encoders that do not scale their vectors, too."""
    inner = load_encoder("hash:64")

    class Longer:
        card, dim, max_tokens = inner.card, inner.dim, inner.max_tokens

        def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
            made = inner.encode(inputs, role=role)
            lengths = np.array([[len(text)] for text in inputs], dtype=np.float32)
            return replace(made, vectors=made.vectors * lengths)

    documents = [Document("right", "the cat"), Document("long", "the dog and " * 40)]
    answer = EncoderSearcher.over(Longer(), documents).search(["the cat"], 2)[0]  # type: ignore[arg-type]
    assert [id_ for id_, _ in answer] == ["right", "long"]
    assert answer[0][1] == pytest.approx(1.0, abs=1e-5)


def test_an_encoder_reads_the_title_in_front_and_tells_what_it_read():
    documents = [Document("a", "one two three four", "title"), Document("b", "", "only title")]
    searcher = EncoderSearcher.over(HashEncoder(32, max_tokens=3), documents)
    searcher.search(["what is this called", "x"], 5)
    facts = searcher.describe()

    assert facts.documents == TextCounts(2, tokens=7, tokens_read=5, truncated=1, unknown=0)
    assert facts.queries == TextCounts(2, tokens=5, tokens_read=4, truncated=1, unknown=0)
    assert (facts.name, facts.index, facts.exact, facts.blank_documents) == (
        "hash:32:3", "flat", True, 0,
    )  # fmt: skip
    assert facts.encoder == HashEncoder(32, max_tokens=3).card
    encoded = HashEncoder(32, max_tokens=3).encode(["title one two three four"], role="document")
    answer = dict(searcher.search(["title one two"], 5)[0])
    assert answer["a"] == pytest.approx(1.0, abs=1e-6)
    assert encoded.truncated[0]


def test_an_encoder_without_documents_answers_nothing():
    searcher = EncoderSearcher.over(HashEncoder(16), [Document("a", "")])
    assert searcher.search(["anything"], 5) == [[]]
    assert searcher.describe().blank_documents == 1


def test_large_corpora_are_encoded_in_batches_and_reported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("eval.searchers._DOCUMENT_BATCH", 3)
    monkeypatch.setattr("eval.searchers._QUERY_BATCH", 2)
    documents = [Document(f"d{number}", f"word{number}") for number in range(7)]
    told: list[tuple[str, int, int]] = []
    searcher = EncoderSearcher.over(
        HashEncoder(64), documents, progress=lambda *args: told.append(args)
    )
    answers = searcher.search([f"word{number}" for number in range(7)], 1)

    assert told == [("encode", 3, 7), ("encode", 6, 7), ("encode", 7, 7)]
    assert [answer[0][0] for answer in answers] == [f"d{number}" for number in range(7)]
    assert searcher.describe().queries.texts == 7


# -- a collection --------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path):
    with DataFolder.open(tmp_path / "data") as opened:
        yield opened


def fill(folder: DataFolder, name: str, documents: Sequence[Document], encoder: str = "hash:64"):
    collection = folder.create(name, encoder=encoder, metric=Metric.COSINE)
    collection.add(documents)
    return collection


def test_a_collection_and_its_encoder_alone_give_equal_answers(
    beir_folder: Path, folder: DataFolder
):
    data = load_beir(beir_folder)
    collection = fill(folder, "animals", list(data.documents.values()))
    by_collection = evaluate_retrieval(data, CollectionSearcher(collection))
    alone = EncoderSearcher.over(HashEncoder(64), data.documents.values())
    by_encoder = evaluate_retrieval(data, alone)

    assert by_collection.queries == by_encoder.queries
    assert by_collection.measures == by_encoder.measures
    assert by_collection.measures["Success@1"].value > 0
    for query, answer in by_encoder.rankings.items():
        assert [id_ for id_, _ in by_collection.rankings[query]] == [id_ for id_, _ in answer]
    of_collection, of_encoder = by_collection.target, by_encoder.target
    assert of_collection.documents == of_encoder.documents
    assert of_collection.queries == of_encoder.queries
    assert of_collection.encoder == of_encoder.encoder
    assert (of_collection.kind, of_collection.name) == ("collection", "animals")
    assert (of_collection.exact, of_collection.index) == (True, "flat")
    assert by_collection.dataset.relevant_lacking == 1, "d9 stands nowhere"


def test_loading_the_encoder_is_no_time_of_the_search(
    beir_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with DataFolder.open(tmp_path / "data") as opened:
        fill(opened, "animals", list(load_beir(beir_folder).documents.values()))
    clock = [0.0]

    def load(name: str, **options: object):
        clock[0] += 100.0
        return load_encoder(name, **options)

    monkeypatch.setattr("embeddings.load.load_encoder", load)
    monkeypatch.setattr("eval.retrieval.time.perf_counter", lambda: clock[0])
    report = run_retrieval(str(beir_folder), data=tmp_path / "data")
    assert report.target.kind == "collection"
    assert clock == [100.0]
    assert report.seconds["search"] == 0.0
    assert "languages it was made for: not said" in report.to_markdown()


def chunked(folder: DataFolder) -> LocalCollection:
    parts = ["whale song", "ocean whale", "bread and salt"]
    chunks = [
        Document(
            f"long#{number}", text, parent=Parent("long", number, number * 20, number * 20 + 9)
        )
        for number, text in enumerate(parts)
    ]
    return fill(folder, "animals", [*chunks, Document("short", "a song about bread")])


def test_chunks_are_folded_into_the_texts_they_were_cut_from(folder: DataFolder):
    searcher = CollectionSearcher(chunked(folder))
    answers = searcher.search(["whale song", "bread"], 10)

    assert [sorted(id_ for id_, _ in answer) for answer in answers] == [["long", "short"]] * 2
    assert answers[0][0] == ("long", pytest.approx(1.0, abs=1e-6))
    facts = searcher.describe()
    assert facts.grouped
    assert facts.documents.texts == 4, "chunks count as texts"
    assert searcher.lacking(["long", "long#1", "short"]) == ("long#1",)


def test_cut_documents_and_queries_of_a_collection_are_counted(folder: DataFolder):
    texts = [Document("a", "one two three four five"), Document("b", "one")]
    searcher = CollectionSearcher(fill(folder, "cut", texts, encoder="hash:16:3"))
    searcher.search(["one two three four", "one"], 2)
    facts = searcher.describe()

    assert facts.documents == TextCounts(2, tokens=6, tokens_read=4, truncated=1, unknown=0)
    assert facts.queries == TextCounts(2, tokens=5, tokens_read=4, truncated=1, unknown=0)


# -- choosing what to evaluate -------------------------------------------------------------


def test_the_collection_named_like_the_data_set_is_taken_if_there(
    beir_folder: Path, tmp_path: Path
):
    data, documents = tmp_path / "data", list(load_beir(beir_folder).documents.values())
    with DataFolder.open(data) as opened:
        fill(opened, "animals", documents)
        fill(opened, "others", documents[:1], encoder="hash:32")

    by_name = run_retrieval(str(beir_folder), data=data)
    chosen = run_retrieval(str(beir_folder), data=data, collection="others")
    alone = run_retrieval(str(beir_folder), data=data, encoder="hash:16")
    assert (by_name.target.kind, by_name.target.name) == ("collection", "animals")
    assert (chosen.target.kind, chosen.target.name) == ("collection", "others")
    assert (alone.target.kind, alone.target.name) == ("encoder", "hash:16")
    assert chosen.dataset.relevant_lacking == 5, "it holds d1 alone of d1 to d5 and d9"


def test_without_collection_the_default_encoder_is_taken(
    beir_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("embeddings.load.DEFAULT_ENCODER", "hash:24")
    nowhere = tmp_path / "nowhere"
    report = run_retrieval(str(beir_folder), data=nowhere)
    assert (report.target.kind, report.target.name) == ("encoder", "hash:24")
    report = run_retrieval(str(beir_folder), data=nowhere, default_encoder="hash:16")
    assert (report.target.kind, report.target.name) == ("encoder", "hash:16")
    assert not (tmp_path / "nowhere").exists()


def test_contradicting_choices_are_refused(beir_folder: Path):
    with pytest.raises(ChoiceError, match="encoder 'hash' and 'animals' are both given"):
        run_retrieval(str(beir_folder), encoder="hash", collection="animals")
    with pytest.raises(ChoiceError, match="encoder 'hash' and url 'http://x' are both given"):
        run_retrieval(str(beir_folder), encoder="hash", url="http://x")


def test_an_unknown_split_lists_those_present(beir_folder: Path):
    with pytest.raises(DatasetError, match="it has dev, test"):
        run_retrieval(str(beir_folder), split="train", encoder="hash:16")


def test_a_place_for_results_that_cannot_be_is_refused_before_the_work(
    beir_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("eval.retrieval.evaluate_retrieval", lambda *_, **__: pytest.fail("worked"))
    with pytest.raises(EvalError, match=r"results cannot go to .*file"):
        run_retrieval(str(beir_folder), encoder="hash:16", out=tmp_path / "file")


def test_equal_seeds_give_equal_reports_apart_from_the_clock(beir_folder: Path):
    first, second = (run_retrieval(str(beir_folder), encoder="hash:64") for _ in range(2))
    moving = {"seconds", "provenance", "target"}
    told = [{k: v for k, v in r.to_json().items() if k not in moving} for r in (first, second)]
    assert told[0] == told[1]
    other = run_retrieval(str(beir_folder), encoder="hash:64", seed=9)
    assert other.to_json()["bootstrap"]["seed"] == 9
    assert other.queries == first.queries


def test_it_runs_as_a_module(beir_folder: Path, tmp_path: Path):
    arguments = [str(beir_folder), "--encoder", "hash:64", "--measure", "P@1", "--json"]
    done = ask_module("eval.retrieval", *arguments, "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["measures"]) == ["P@1"]
    assert (tmp_path / "out" / "retrieval.run").is_file()

    failed = ask_module("eval.retrieval", str(beir_folder), "--split", "none")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.endswith("has no split 'none'; it has dev, test\n")
    assert ask_module("eval.retrieval").returncode == 2


def ask_module(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
