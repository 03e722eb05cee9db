"""BEIR folders: what is read, what is counted, and what is refused with its place."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
import zstandard

from eval.datasets import load_beir, read_judgements
from eval.errors import DatasetError
from indexing.types import Document

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_read_whole_with_graded_judgements(beir_folder: Path):
    data = load_beir(beir_folder, "test")

    assert (data.name, data.split) == ("animals", "test")
    assert list(data.documents) == ["d1", "d2", "d3", "d4", "d5"]
    assert data.documents["d1"] == Document(
        "d1", "The blue whale sings in the deep ocean.", "Whales"
    )
    assert data.qrels["q1"] == {"d1": 2, "d4": 1, "d3": 0}
    assert data.queries["q3"] == "how to make bread"
    assert data.judgements == 7


def test_what_does_not_fit_together_is_counted(beir_folder: Path):
    data = load_beir(beir_folder, "test")

    assert list(data.queries) == list(data.qrels) == ["q1", "q2", "q3"]
    assert data.gaps.queries_without_text == ("q5",)
    assert data.gaps.queries_without_positive == ("q4",)
    assert data.gaps.documents_missing == ("d9",)
    assert data.gaps.judged_documents_missing == 1
    assert data.qrels["q3"] == {"d3": 1, "d9": 1}, "a missing document counts as not found"


def test_judgements_without_header_are_read(beir_folder: Path):
    assert load_beir(beir_folder, "dev").qrels == {"q3": {"d3": 1}}


def test_a_header_may_order_the_columns(beir_folder: Path):
    (beir_folder / "qrels" / "odd.tsv").write_text(
        "score\titeration\tcorpus-id\tquery-id\n2\t0\td1\tq1\n"
    )
    assert load_beir(beir_folder, "odd").qrels == {"q1": {"d1": 2}}


def test_files_may_be_packed_and_carry_a_byte_order_mark(beir_folder: Path):
    plain = load_beir(beir_folder, "test")
    corpus, queries = beir_folder / "corpus.jsonl", beir_folder / "queries.jsonl"
    judged = beir_folder / "qrels" / "test.tsv"
    (beir_folder / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.read_bytes(), mtime=0))
    frames = [zstandard.compress(line) for line in queries.read_bytes().splitlines(keepends=True)]
    (beir_folder / "queries.jsonl.zst").write_bytes(b"".join(frames))
    (beir_folder / "qrels" / "test.tsv.gz").write_bytes(
        gzip.compress(b"\xef\xbb\xbf" + judged.read_bytes().replace(b"\n", b"\r\n"), mtime=0)
    )
    for path in (corpus, queries, judged):
        path.unlink()

    assert load_beir(beir_folder, "test") == plain


def test_integer_ids_are_taken_as_strings(beir_folder: Path):
    (beir_folder / "corpus.jsonl").write_text('{"_id": 7, "text": "seven"}\n')
    (beir_folder / "qrels" / "test.tsv").write_text("q1\t7\t1\n")
    assert list(load_beir(beir_folder, "test").documents) == ["7"]


def test_an_unknown_split_lists_those_present(beir_folder: Path):
    with pytest.raises(DatasetError, match=r"no split 'train'; it has dev, test$"):
        load_beir(beir_folder, "train")


def test_a_missing_file_is_named(beir_folder: Path):
    (beir_folder / "queries.jsonl").unlink()
    with pytest.raises(DatasetError, match=r"has no queries\.jsonl"):
        load_beir(beir_folder, "test")
    with pytest.raises(DatasetError, match="is not a folder"):
        load_beir(beir_folder / "nowhere")


def test_a_split_without_anything_to_evaluate_is_refused(beir_folder: Path):
    (beir_folder / "qrels" / "none.tsv").write_text("q1\td1\t0\nq9\td1\t1\n")
    with pytest.raises(
        DatasetError, match="of 2 judged queries 1 have no text and 1 no relevant document"
    ):
        load_beir(beir_folder, "none")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("corpus.jsonl", '{"_id": "a", "text": "x"}\n{oops\n', r"corpus\.jsonl:2: not JSON"),
        (
            "corpus.jsonl",
            '{"_id": "a", "text": "\\ud83d"}\n',
            r"corpus\.jsonl:1: holds half a surrog",
        ),
        ("corpus.jsonl", "[1]\n", r"corpus\.jsonl:1: a JSON list; an object is needed"),
        ("corpus.jsonl", '\n{"text": "x"}\n', r'corpus\.jsonl:2: "_id" is None'),
        ("corpus.jsonl", '{"_id": true, "text": "x"}\n', r'corpus\.jsonl:1: "_id" is True'),
        ("corpus.jsonl", '{"_id": "a"}\n', r'corpus\.jsonl:1: "text" is None'),
        ("corpus.jsonl", '{"_id": "a", "text": "x", "metadata": [1]}\n', "metadata is not a JSON"),
        ("corpus.jsonl", '{"_id": "a", "text": "x", "title": 3}\n', r'1: "title" is 3'),
        (
            "queries.jsonl",
            '{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n',
            r"queries\.jsonl:2: id 'a' stands twice",
        ),
        ("qrels/test.tsv", "q1\td1\n", r"test\.tsv:1: 2 fields between tabs; 3 are needed"),
        ("qrels/test.tsv", "q1\td1\t1\nq1\td2\tyes\n", r"test\.tsv:2: grade 'yes' is not a whole"),
        ("qrels/test.tsv", "q1\td1\t1\nq1\td1\t2\n", r"test\.tsv:2: .* judged 2 here and 1 above"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "holds no judgements"),
    ],
)
def test_a_bad_line_is_named(beir_folder: Path, name: str, content: str, message: str):
    (beir_folder / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        load_beir(beir_folder, "test")


def test_text_that_is_not_utf8_is_named_with_its_line(beir_folder: Path):
    (beir_folder / "queries.jsonl").write_bytes(b'{"_id": "a", "text": "x"}\n\xb0\xa1\n')
    with pytest.raises(DatasetError, match=r"queries\.jsonl:2: not UTF-8"):
        load_beir(beir_folder, "test")


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_packed_file_cut_short_is_named(beir_folder: Path, ending: str):
    content = (beir_folder / "corpus.jsonl").read_bytes()
    packed = gzip.compress(content, mtime=0) if ending == ".gz" else zstandard.compress(content)
    (beir_folder / "corpus.jsonl").unlink()
    (beir_folder / f"corpus.jsonl{ending}").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DatasetError, match=rf"corpus\.jsonl\{ending}: cannot be read.*cut off"):
        load_beir(beir_folder, "test")


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_file_that_is_not_packed_as_its_name_says_is_named(beir_folder: Path, ending: str):
    (beir_folder / "corpus.jsonl").rename(beir_folder / f"corpus.jsonl{ending}")
    with pytest.raises(DatasetError, match=rf"corpus\.jsonl\{ending}: cannot be read"):
        load_beir(beir_folder, "test")


def test_the_fingerprint_changes_with_any_judgement(beir_folder: Path):
    before = load_beir(beir_folder, "test").fingerprint()
    path = beir_folder / "qrels" / "test.tsv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], *reversed(lines[1:])]))
    assert load_beir(beir_folder, "test").fingerprint() == before, "order does not matter"
    path.write_text("".join(lines).replace("q1\td1\t2", "q1\td1\t3"))
    assert load_beir(beir_folder, "test").fingerprint() != before


def test_judgements_are_read_in_either_form(beir_folder: Path, tmp_path: Path):
    trec = tmp_path / "judged.qrels"
    trec.write_text("q1 0 d1 2\nq1 0 d4 1\n")
    assert read_judgements(trec) == {"q1": {"d1": 2, "d4": 1}}
    assert read_judgements(beir_folder / "qrels" / "dev.tsv") == {"q3": {"d3": 1}}
