"""Judging an encoder for the default: kept vectors, cut ones, each part's figures, the table."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import typer
from pyarrow import parquet
from typer.testing import CliRunner

from benchmarks import default_encoder, encoder_costs, encoder_data, encoder_parts, record
from benchmarks.encoder_costs import korean_samples, measure_speed, tokens_per_word
from benchmarks.encoder_data import PARTS, Part, load_part
from benchmarks.encoder_parts import measure, search_modes
from benchmarks.encoder_table import Row, page, rows_of
from benchmarks.kept_vectors import CutEncoder, KeptEncoder, Progress, open_encoder
from embeddings.errors import EncoderNotFoundError
from embeddings.hashing import HashEncoder
from embeddings.load import load_encoder
from eval.datasets import RetrievalData
from eval.errors import DatasetError
from eval.retrieval import evaluate_retrieval
from eval.searchers import EncoderSearcher
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from embeddings.types import Counts, EncoderCard, Encoding, Role

TEXTS = ["a blue whale", "푸른 고래", "bread and salt"]
SUBJECTS = ("whale", "ocean", "bread", "violin", "고래", "바다", "빵", "기타")


class Counting(HashEncoder):
    """Counts the texts it was asked for; its vectors are not of length 1."""

    def __init__(self, dim: int = 64) -> None:
        super().__init__(dim)
        self.asked = 0

    def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
        self.asked += len(inputs)
        made = super().encode(inputs, role=role)
        return replace(made, vectors=made.vectors * 3)


def bookshelf() -> RetrievalData:
    """Forty documents about eight things and one without a text; eight queries."""
    documents = {
        f"d{number:02}": Document(
            f"d{number:02}", f"{SUBJECTS[number % 8]} number {number} {SUBJECTS[number // 8]}"
        )
        for number in range(40)
    }
    documents["blank"] = Document("blank", " ")
    queries = {f"q{place}": f"the {subject}" for place, subject in enumerate(SUBJECTS)}
    qrels = {
        f"q{place}": {
            id_: 1 for id_, document in documents.items() if subject in document.text.split()
        }
        for place, subject in enumerate(SUBJECTS)
    }
    return RetrievalData.assemble("bookshelf", "dev", documents, queries, qrels)


def test_vectors_are_computed_once_and_kept(tmp_path: Path) -> None:
    encoder = Counting()
    kept = KeptEncoder(encoder, tmp_path)
    first = kept.encode(TEXTS, role="document")
    assert encoder.asked == 3
    again = KeptEncoder(encoder, tmp_path).encode(TEXTS, role="document")
    assert encoder.asked == 3
    assert np.array_equal(first.vectors, again.vectors)
    plain = HashEncoder().encode(TEXTS, role="document")
    np.testing.assert_allclose(again.vectors, plain.vectors, atol=5e-4)
    np.testing.assert_allclose(np.linalg.norm(again.vectors, axis=1), 1, rtol=1e-6)
    assert again.tokens.tolist() == [3, 2, 3]
    assert again.truncated.tolist() == [False] * 3
    assert kept.card == encoder.card
    kept.encode(TEXTS, role="query")
    kept.encode(TEXTS[::-1], role="query")
    assert encoder.asked == 9, "another role and another order are other batches"
    with pytest.raises(TypeError):
        kept.encode("bare", role="query")


def test_encoders_do_not_read_each_others_vectors(tmp_path: Path) -> None:
    KeptEncoder(HashEncoder(64), tmp_path).encode(TEXTS, role="query")
    assert KeptEncoder(HashEncoder(32), tmp_path).encode(TEXTS, role="query").vectors.shape[1] == 32
    assert len(list(tmp_path.iterdir())) == 2


def test_cut_vectors_are_the_first_numbers_at_length_one() -> None:
    whole = HashEncoder(64)
    cut = CutEncoder(whole, 16)
    vectors = cut.encode(TEXTS, role="query").vectors
    first = whole.encode(TEXTS, role="query").vectors[:, :16]
    np.testing.assert_allclose(
        vectors, first / np.linalg.norm(first, axis=1, keepdims=True), rtol=1e-5
    )
    assert (cut.dim, cut.card.dim) == (16, 16)
    assert cut.card.fingerprint != whole.card.fingerprint
    with pytest.raises(ValueError, match="a width of 65 is not possible"):
        CutEncoder(whole, 65)


def test_vectors_of_another_precision_are_kept_apart(tmp_path: Path) -> None:
    class Coarse(HashEncoder):
        @property
        def card(self) -> EncoderCard:
            return replace(super().card, dtype="int8")

    for encoder in (HashEncoder(64), Coarse(64)):
        KeptEncoder(encoder, tmp_path).encode(TEXTS, role="query")
    fine = HashEncoder(64).card.fingerprint[:16]
    assert {path.name for path in tmp_path.iterdir()} == {fine, f"{fine}-int8"}


def test_an_encoder_with_another_window(tmp_path: Path) -> None:
    narrow = open_encoder("minilm", tmp_path, window=12, device="cpu")
    whole = load_encoder("minilm", device="cpu", runtime="torch")
    assert (narrow.max_tokens, whole.max_tokens) == (12, 256)
    assert narrow.card.languages == ("en",)
    assert narrow.card.fingerprint != whole.card.fingerprint
    texts = ["a short one", "one " * 30]
    long = narrow.encode(texts, role="document")
    assert long.truncated.tolist() == [False, True]
    np.testing.assert_allclose(
        long.vectors[0], whole.encode(texts, role="document").vectors[0], atol=1e-5
    )
    copies = list(tmp_path.iterdir())
    open_encoder("minilm", tmp_path, window=12, device="cpu")
    assert list(tmp_path.iterdir()) == copies
    with pytest.raises(EncoderNotFoundError):
        open_encoder("hash:64", tmp_path, window=12, device="cpu")


def test_progress_tells_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 10.0, 25.0, 26.0])
    monkeypatch.setattr("benchmarks.kept_vectors.time.perf_counter", lambda: next(times))
    told = Progress("minilm, med")
    for done in (100, 200, 600, 700):
        told("encode", done, 3_100)
    assert capsys.readouterr().out == (
        "  minilm, med: encode 600 of 3,100, 20.0/s, 2 min 5 s left\n"
    )


def test_tokens_per_word_leave_out_what_stands_around_every_text() -> None:
    assert tokens_per_word(HashEncoder(), ["나는 학교에 간다", "a, b."]) == 7 / 5

    class Framed(HashEncoder):
        def count_tokens(self, inputs: Sequence[str], *, role: Role) -> Counts:
            return super().count_tokens(inputs, role=role) + 2

    assert tokens_per_word(Framed(), ["나는 학교에 간다", "a, b."]) == 7 / 5


def test_samples_are_evenly_spaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_data(tmp_path)
    monkeypatch.setattr(encoder_costs, "SAMPLE", 4)
    samples = korean_samples(tmp_path)
    assert samples["reviews"] == [f"재밌다 {number}" for number in (0, 2, 4, 6)]
    assert samples["encyclopedia"] == [f"문단 {number}" for number in (0, 3, 6, 9)]
    assert len(samples["sentences"]) == 4


def test_speed_is_measured_in_turns() -> None:
    order: list[int] = []

    class Told(HashEncoder):
        def encode(self, inputs: Sequence[str], *, role: Role) -> Encoding:
            order.append(self.dim)
            return super().encode(inputs, role=role)

    found = measure_speed(Told(32), Told(64), {"English": TEXTS})
    assert order == [64, 32, 32, 64] * ((encoder_costs.ROUNDS + 1) // 2)
    figures = {name: figure["value"] for name, figure in found["figures"].items()}
    assert figures["English, ratio"] == pytest.approx(
        figures["English, texts/s"] / figures["English, reference texts/s"]
    )
    assert found["reference"] == "hash:64"


def test_a_collection_finds_as_the_encoder_alone_does(tmp_path: Path) -> None:
    data, kept = bookshelf(), KeptEncoder(HashEncoder(256), tmp_path)
    found = search_modes(data, kept, ("dense", "lexical"))
    alone = evaluate_retrieval(
        data,
        EncoderSearcher.over(kept, data.documents.values()),
        measures=[encoder_parts.MEASURE],
        depth=10,
    )
    assert found["dense"] == {query.id: query.values["nDCG@10"] for query in alone.queries}
    assert found["lexical"] == dict.fromkeys(data.queries, 1.0)


def test_a_query_without_words_finds_nothing_by_words(tmp_path: Path) -> None:
    data = bookshelf()
    asked = replace(data, queries={**data.queries, "q3": "?!"})
    found = search_modes(asked, KeptEncoder(HashEncoder(256), tmp_path), ("lexical",))
    assert found["lexical"] == {query: float(query != "q3") for query in data.queries}


def test_modes_are_compared_pair_by_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "lexical": {f"q{place}": place / 10 for place in range(8)},
        "hybrid": {f"q{place}": place / 10 + 0.2 for place in range(8)},
    }
    monkeypatch.setattr(encoder_parts, "search_modes", lambda *_: values)
    lines = [
        {"_id": f"q{place}", "metadata": {"language": ("ko", "en")[place % 2], "cross": place > 5}}
        for place in range(8)
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, lines)))
    part = Part("shelf", "shelf", "modes", str(tmp_path), "dev", grouped=True)
    found = measure(part, bookshelf(), HashEncoder(), width=None, progress=None)["figures"]
    means = {name: round(figure["value"], 6) for name, figure in found.items()}
    assert means == {
        **{"lexical": 0.35, "Korean lexical": 0.2, "English lexical": 0.3, "across lexical": 0.65},
        **{"hybrid": 0.55, "Korean hybrid": 0.4, "English hybrid": 0.5, "across hybrid": 0.85},
        "hybrid - lexical": 0.2,
        "Korean hybrid - lexical": 0.2,
        "English hybrid - lexical": 0.2,
        "across hybrid - lexical": 0.2,
    }
    assert found["hybrid - lexical"]["p"] == 2 / 2**8
    assert found["Korean hybrid - lexical"]["p"] == 2 / 2**3


def test_only_what_is_held_back_is_final() -> None:
    for part in PARTS:
        assert part.final == (part.split == "test" or part.name == "boolq_en"), part
    assert len({(part.name, part.split, part.form) for part in PARTS}) == len(PARTS)


def test_articles_are_found_by_their_titles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by the paragraph that it ends with."""
    part = next(part for part in PARTS if part.form == "titles")
    path = tmp_path / part.path
    path.parent.mkdir()
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("before\tthe start\n")
        for subject in (*SUBJECTS, "behind"):
            file.writelines([f"{subject}\tit begins\n", f"{subject}\tthe {subject} ends\n"])
    monkeypatch.setattr(encoder_data, "_FIRST_ROW", 1)
    monkeypatch.setattr(encoder_data, "_ARTICLES", len(SUBJECTS))
    data: Any = load_part(part, tmp_path)
    assert data.source == SUBJECTS
    assert data.target == tuple(f"the {subject} ends" for subject in SUBJECTS)
    found = measure(part, data, HashEncoder(256), width=None, progress=None)["figures"]
    assert list(found) == ["title to text", "text to title", "both ways"]
    assert found["title to text"]["value"] == 1.0
    monkeypatch.setattr(encoder_data, "_ARTICLES", 10)
    with pytest.raises(DatasetError, match=r"has 9 articles behind row 1; 10 are needed"):
        load_part(part, tmp_path)
    with pytest.raises(DatasetError, match=r"cannot be read"):
        load_part(part, tmp_path / "none")


def write_data(folder: Path) -> None:
    """All data sets of a run, tiny."""
    for name in ("ko_wiki_text", "nsmc", "korsts_stsb", "parallel_general", "shelf/qrels"):
        (folder / name).mkdir(parents=True)
    with gzip.open(folder / "ko_wiki_text/kowiki.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"제목\t문단 {number}\n" for number in range(12))
    reviews = {"split": ["dev"] * 8 + ["train"], "text": [f"재밌다 {n}" for n in range(9)]}
    pairs: dict[str, list[Any]] = {"split": [], "score": []}
    for split in ("dev", "test"):
        for number in range(8):
            pairs["split"].append(split)
            pairs["score"].append(float(number % 3))
            for language in ("ko", "en"):
                first, second = f"{language}_sentence1", f"{language}_sentence2"
                pairs.setdefault(first, []).append(f"{SUBJECTS[number]} {split} {number}")
                pairs.setdefault(second, []).append(f"{SUBJECTS[number * 3 % 8]} {number % 3}")
    translations = {
        "source": ["jhe"] * 2 + ["tatoeba"] * 3,
        "split": ["dev"] * 2 + ["test"] * 3,
        "ko": ["고래 one", "빵 two", "하나 a", "둘 b", "셋 c"],
        "en": ["whale one", "bread two", "a 1", "b 2", "c 3"],
    }
    for path, table in (
        ("nsmc/nsmc.parquet", reviews),
        ("korsts_stsb/korsts_stsb.parquet", pairs),
        ("parallel_general/parallel_general.parquet", translations),
    ):
        parquet.write_table(pa.table(table), folder / path)
    data = bookshelf()
    shelf = folder / "shelf"
    documents = [{"_id": id_, "text": each.text} for id_, each in data.documents.items()]
    queries = [{"_id": id_, "text": text} for id_, text in data.queries.items()]
    (shelf / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (shelf / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    judged = [f"{q}\t{d}\t{grade}" for q, of in data.qrels.items() for d, grade in of.items()]
    for split in ("dev", "test"):
        (shelf / f"qrels/{split}.tsv").write_text("\n".join(judged) + "\n")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs the command over tiny data, and gives what it prints."""
    write_data(tmp_path / "data")
    shelf = [
        Part("shelf", "shelf", "dense", "shelf", "dev", cut=True),
        Part("shelf", "shelf", "modes", "shelf", "dev"),
        Part("shelf", "shelf", "dense", "shelf", "test", final=True),
    ]
    parts = [part for part in PARTS if part.form in {"similarity", "translations"}] + shelf
    monkeypatch.setattr(default_encoder, "PARTS", parts)
    names = ("speed", "tokens", "korsts", "stsb", "jhe", "tatoeba", "shelf")
    monkeypatch.setattr(default_encoder, "NAMES", names)
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    app = typer.Typer()
    app.command()(default_encoder.main)

    def run(*options: str) -> str:
        given = ["--data", tmp_path / "data", "--cache", tmp_path / "cache"]
        done = CliRunner().invoke(
            app, [*map(str, given), "--reference", "hash:64", *options], catch_exceptions=False
        )
        assert done.exit_code == (2 if "--only=none" in options else 0), done.output
        return done.output

    return run


def saved(tmp_path: Path, stem: str) -> dict[str, dict[str, Any]]:
    """By set, split, form and width, what was saved."""
    path = tmp_path / "results" / f"default_encoder_{stem}.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["encoder"]["name"] == stem
    assert result["provenance"]["cpus"] >= 1
    return {
        f"{part['set']} {part['split']} {part['form']} {part['width']}": part
        for part in result["parts"]
    }


def test_a_run_for_choosing_leaves_the_final_rows_alone(
    ask: Callable[..., str], tmp_path: Path
) -> None:
    output = ask("--encoder", "hash:256", "--width", "64", "--page", str(tmp_path / "table.md"))
    parts = saved(tmp_path, "hash_256")
    assert list(parts) == [
        "speed  speed None",
        "tokens  tokens None",
        "korsts dev similarity None",
        "korsts dev similarity 64",
        "stsb dev similarity None",
        "stsb dev similarity 64",
        "jhe dev translations None",
        "shelf dev dense None",
        "shelf dev dense 64",
        "shelf dev modes None",
    ]
    assert parts["shelf dev modes None"]["figures"]["lexical"]["value"] == 1.0
    assert parts["jhe dev translations None"]["figures"]["both ways"]["value"] == 1.0
    assert parts["tokens  tokens None"]["figures"]["sentences"]["value"] == 1.0
    assert "hash_256: shelf (dev), nDCG@10 lexical: 1.0000 [1.0000, 1.0000]\n" in output
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert output.endswith(table)
    assert "| shelf (dev), nDCG@10 dense, 64 numbers |" in table
    assert "(test)" not in table


def test_a_second_run_measures_only_what_is_new(
    ask: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("--encoder", "hash:256", "--only", "shelf")
    before = saved(tmp_path, "hash_256")

    def refuse(*_: object, **__: object) -> Encoding:
        raise AssertionError("encoded again")

    monkeypatch.setattr(HashEncoder, "encode", refuse)
    ask("--encoder", "hash:256", "--only", "shelf")
    assert saved(tmp_path, "hash_256") == before
    ask("--encoder", "hash:256", "--only", "shelf", "--again")  # from the vectors
    ask("--encoder", "hash:256", "--only", "shelf", "--final", "--width", "16")
    after = saved(tmp_path, "hash_256")
    assert set(after) - set(before) == {"shelf test dense None", "shelf dev dense 16"}
    same = "shelf dev dense None"
    assert after[same]["figures"] == before[same]["figures"]
    assert after["shelf test dense None"]["figures"] == before[same]["figures"]


def test_encoders_stand_side_by_side(ask: Callable[..., str], tmp_path: Path) -> None:
    output = ask("--encoder", "hash:256", "--encoder", "hash:32", "--only", "jhe")
    assert "| | hash_256 | hash_32 |" in output
    assert {path.stem for path in (tmp_path / "results").iterdir()} == {
        "default_encoder_hash_256",
        "default_encoder_hash_32",
    }
    assert "there are speed, tokens" in ask("--only=none").replace("\n", " ")


def test_rows_of_the_table() -> None:
    parts: list[dict[str, Any]] = [
        {"title": "med", "split": "test", "form": "dense", "width": None,
         "figures": {"dense": {"value": 0.5, "low": 0.4, "high": 0.61234}}},
        {"title": "med", "split": "test", "form": "modes", "width": None,
         "figures": {"hybrid - lexical": {"value": 0.01, "p": 0.03}}},
        {"title": "encoding", "split": "", "form": "speed", "width": None,
         "figures": {"Korean, texts/s": {"value": 1234.5}, "Korean, ratio": {"value": 0.987}}},
        {"title": "STS-B", "split": "dev", "form": "similarity", "width": 64,
         "figures": {"Spearman": {"value": 0.8}}},
        {"title": "Korean tokens per word", "split": "", "form": "tokens", "width": None,
         "figures": {"reviews": {"value": 1.817}}},
    ]  # fmt: skip
    assert rows_of(parts) == [
        Row("med (test), nDCG@10 dense", "0.5000 [0.4000, 0.6123]"),
        Row("med (test), nDCG@10 hybrid - lexical", "+0.0100 (p 0.0300)"),
        Row("encoding, Korean, texts/s", "1,234"),
        Row("encoding, Korean, ratio", "0.99"),
        Row("STS-B (dev), Spearman, 64 numbers", "0.8000"),
        Row("Korean tokens per word, reviews", "1.82"),
    ]
    columns = {"a": [Row("x", "1"), Row("y", "2")], "b": [Row("y", "3")]}
    assert page(columns) == "| | a | b |\n|---|---|---|\n| x | 1 | - |\n| y | 2 | 3 |\n"
