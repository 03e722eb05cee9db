"""`meari eval`: the figures, the files, and what is not comparable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from service.cli.errors import FAILED, MISUSE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari

DOCUMENTS = [
    {"_id": "car", "text": "the car needs new tyres"},
    {"_id": "bus", "text": "the bus is late"},
    {"_id": "pear", "text": "배를 먹었다"},
]


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A BEIR folder: one query answered by its own words, one that cannot be."""
    folder = tmp_path / "traffic"
    (folder / "qrels").mkdir(parents=True)
    _write(folder / "corpus.jsonl", DOCUMENTS)
    queries = [{"_id": "q1", "text": "bus late"}, {"_id": "q2", "text": "tyres needs"}]
    _write(folder / "queries.jsonl", queries)
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\tbus\t1\nq2\tbus\t1\n"
    )
    return folder


def _write(path: Path, objects: list[dict[str, str]]) -> None:
    lines = [json.dumps(each, ensure_ascii=False) for each in objects]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_an_encoder_is_measured_in_memory(meari: Meari, judged: Path) -> None:
    ran = meari.done(
        *("eval", "retrieval", judged, "--encoder", "hash:64", "--measure", "Success@1"), "--json"
    )
    assert ran.json["target"]["kind"] == "encoder"
    assert ran.json["measures"]["Success@1"]["value"] == 0.5
    assert not meari.folder.exists()


def test_without_a_collection_the_settings_name_the_encoder(meari: Meari, judged: Path) -> None:
    ran = meari.done("eval", "retrieval", judged, "--measure", "Success@1", "--json")
    target = ran.json["target"]
    assert (target["kind"], target["name"]) == ("encoder", "hash:64")


def test_a_collection_is_measured_as_it_stands(meari: Meari, judged: Path, tmp_path: Path) -> None:
    meari.done("index", judged, "--into", "traffic")
    out = tmp_path / "out"
    ran = meari.done("eval", "retrieval", judged, "--measure", "Success@1", "--out", out)
    assert ran.out == (out / "retrieval.md").read_text(encoding="utf-8")
    assert ran.err == f"written to {out}\n"
    report = json.loads((out / "retrieval.json").read_text(encoding="utf-8"))
    assert (report["target"]["kind"], report["target"]["name"]) == ("collection", "traffic")
    assert (out / "retrieval.run").read_text().startswith("q1 Q0 bus 1 ")


def test_two_reports_are_compared(meari: Meari, judged: Path, tmp_path: Path) -> None:
    for encoder, out in (("hash:64", "a"), ("hash:8", "b")):
        meari.done("eval", "retrieval", judged, "--encoder", encoder, "--out", tmp_path / out)
    answer = meari.done("eval", "compare", tmp_path / "a", tmp_path / "b", "--json").json
    assert answer["queries"] == 2
    assert answer["differences"]["Success@1"]["a"] == 0.5
    page = meari.done("eval", "compare", tmp_path / "a", tmp_path / "b").out
    assert page.startswith("# Comparison\n")


def test_cosines_are_measured_against_judged_pairs(meari: Meari, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    rows = [("a b c", "a b c", 5), ("a b c", "a b x", 3), ("a b c", "x y z", 0)]
    lines = ["one\ttwo\tgrade", *(f"{a}\t{b}\t{score}" for a, b, score in rows)]
    pairs.write_text("\n".join(lines) + "\n")
    ran = meari.done(
        *("eval", "similarity", pairs, "--sentence1", "one", "--sentence2", "two"),
        *("--score", "grade", "--json"),
    )
    assert ran.json["measures"]["spearman"]["value"] == pytest.approx(1.0)
    assert ran.json["encoder"]["name"] == "hash:64"


def test_clusters_are_measured_against_labels(meari: Meari, tmp_path: Path) -> None:
    path = tmp_path / "topics.jsonl"
    topics = {"rain": "우산 날씨 태풍 예보", "card": "credit card payment declined"}
    rows = [
        {"text": f"{words} {number}", "topic": topic}
        for topic, words in topics.items()
        for number in range(6)
    ]
    _write(path, rows)
    out = tmp_path / "out"
    command = ("eval", "clustering", path, "--label", "topic", "--runs", 1, "--out", out)
    ran = meari.done(*command, "--json")
    assert ran.json["measures"]["ARI"]["value"] == 1
    assert ran.json["request"]["k"] == 2
    assert (out / "clustering.md").is_file()
    refused = meari("eval", "clustering", path, "--label", "topic", "--k", 1)
    assert refused.status == MISUSE
    assert "k is 1; a whole number of 2" in refused.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--split", "dev"], FAILED, "has no split 'dev'; it has test"),
        (["--measure", "Luck@3"], MISUSE, "measure 'Luck@3' is unknown"),
        (["--encoder", "hash:64", "--collection", "faq"], MISUSE, "leave one of them out"),
        (["--depth", "5"], MISUSE, "depth is 5; 100 (for Recall@100) to 10,000 documents can be"),
        (["--seed", "-1"], MISUSE, "seed is -1; 0 or more is possible"),
        (["--collection", "faq"], FAILED, "no data folder"),
    ],
)
def test_what_cannot_be_measured(
    meari: Meari, judged: Path, arguments: list[str], status: int, message: str
) -> None:
    ran = meari("eval", "retrieval", judged, *arguments)
    assert ran.status == status
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_a_server_that_asks_for_a_key_is_given_it(
    meari: Meari, judged: Path, tmp_path: Path
) -> None:
    from service.access.keyring import KeyWish, create_key
    from service.settings import Settings
    from tests.service.page.conftest import Server

    meari.done("index", judged, "--into", "traffic")
    _, key = create_key(meari.folder, KeyWish("eval"))
    file = tmp_path / "key"
    file.write_text(key)
    file.chmod(0o600)
    given = ("eval", "retrieval", str(judged), "--measure", "Success@1", "--json", "--url")
    loaded = ("--requests", "3", "--concurrency", "1", "--collection", "traffic", "--json")
    with Server(Settings(data=meari.folder, encoder="hash:64")) as url:
        assert "401" in meari(*given, url).err
        found = meari.done("--api-key-file", str(file), *given, url).json
        assert found["target"]["kind"] == "server"
        assert key not in json.dumps(found)
        told = meari.done("--api-key-file", str(file), "eval", "load", url, *loaded).json
    assert (told["steps"][0]["requests"], told["steps"][0]["errors"]) == (3, {})
