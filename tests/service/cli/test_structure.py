"""`meari cluster|outliers|duplicates|map|drift|jobs`, on a data folder of three topics."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from PIL import Image

from service.cli.analyses import LocalAnalyses
from service.jobs.store import JOBS_FILE, JobStore
from service.jobs.types import Job, JobProgress
from tests.service.cli.conftest import Meari

if TYPE_CHECKING:
    from pathlib import Path

WORDS = {
    "delivery": "parcel courier delivery arrives",
    "refund": "refund money return receipt",
    "배송": "배송 도착 택배 주문",
}


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Meari:
    """A collection of three topics, a stranger and a copy."""
    folder = tmp_path_factory.mktemp("topics")
    documents = [
        {"id": f"{topic}-{n}", "text": f"{words} {words} {n}", "year": 2020 + n}
        for topic, words in WORDS.items()
        for n in range(12)
    ]
    documents.append({"id": "odd", "text": "quantum chromodynamics lattice", "year": 2031})
    documents.append({"id": "copy", "text": documents[0]["text"].upper(), "year": 2020})
    corpus = folder / "corpus.jsonl"
    corpus.write_text("\n".join(map(json.dumps, documents)) + "\n", encoding="utf-8")
    meari = Meari(folder / "data")
    meari.done("index", corpus, "--into", "topics")
    return meari


def test_clusters_are_found_shown_and_written(topics: Meari, tmp_path: Path) -> None:
    out = tmp_path / "clusters.csv"
    ran = topics.done("cluster", "topics", "-k", "3", "--seed", "1", "--out", out)
    lines = ran.out.splitlines()
    assert lines[0].split() == ["cluster", "label", "documents", "terms", "for", "instance"]
    assert "배송" in ran.out
    assert lines[-1].startswith("topics: 3 clusters of 38 documents, by kmeans in ")
    assert f"{out}: 38 documents" in ran.err
    with out.open(encoding="utf-8") as file:
        assert len({row["cluster"] for row in csv.DictReader(file)}) == 3
    again = topics.done("cluster", "topics", "--last", "--members", "--json").json
    assert again["made"]["request"] == {"k": 3, "seed": 1}
    assert sum(len(each["members"]) for each in again["clusters"]) == 38
    page = topics.done("cluster", "topics", "--last", "-n", "1")
    assert "more: --last --cursor " in page.err


def test_outliers_say_why(topics: Meari) -> None:
    ran = topics.done("outliers", "topics", "--contamination", "0.03", "-k", "5", "-n", "2")
    first = ran.out.splitlines()[2]
    assert first.split()[1:3] == ["yes", "odd"]
    assert "its nearest document is" in first
    assert "topics: 1 outlier of 38 documents" in ran.out
    answer = topics.done("outliers", "topics", "--last", "--json", "-n", "1").json
    assert [each["id"] for each in answer["outliers"]] == ["odd"]


def test_duplicates_and_what_could_go(topics: Meari) -> None:
    ran = topics.done("duplicates", "topics", "--exact-only")
    assert "topics: 1 group; 1 of 38 documents could go" in ran.out
    assert "exact" in ran.out
    leaked = topics.done("duplicates", "topics", "--against", "topics", "--exact-only", "--json")
    assert leaked.json["share"] == 1.0


@pytest.mark.parametrize("kind", ["html", "csv", "jsonl"])
def test_a_map_as_a_file(topics: Meari, tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"map.{kind}"
    last = ["--last"] if (topics.folder / "topics" / "analysis" / "map").exists() else []
    ran = topics.done("map", "topics", "--out", out, *last)
    assert "topics: 38 points in 1 tile, by tsne in " in ran.out
    text = out.read_text(encoding="utf-8")
    if kind == "html":
        assert text.count("<circle ") == 38
        assert "<title>배송-3</title>" in text
        assert "http" not in text, "nothing comes from elsewhere"
    elif kind == "csv":
        assert text.splitlines()[0] == "id,x,y,cluster,score"
        assert len(text.splitlines()) == 39
    else:
        rows = [json.loads(line) for line in text.splitlines()]
        assert {row["id"] for row in rows} >= {"odd", "copy", "배송-0"}


def test_a_map_as_a_picture(topics: Meari, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.cli import map_png

    topics.done("cluster", "topics", "-k", "3")
    out = tmp_path / "map.png"
    monkeypatch.setattr(map_png, "_find_font", lambda folders: None)
    ran = topics.done("map", "topics", "--png", out)
    assert f"{out}: 38 points\n" in ran.err
    assert "no font with Hangul is here" in ran.err
    with Image.open(out) as image:
        assert image.size == (1_600, 1_600)
        colours = {colour for count, colour in image.getcolors(1 << 20) or [] if count > 40}
    assert {map_png._colour(cluster) for cluster in range(3)} <= colours
    asked = []
    points = LocalAnalyses.points

    def counting(*given: object, **named: object) -> object:
        asked.append(named)
        return points(*given, **named)

    monkeypatch.setattr(LocalAnalyses, "points", counting)
    both = ("--out", tmp_path / "map.csv", "--png", out)
    topics.done("map", "topics", "--last", *both)
    assert len(asked) == 1, "both files are made of the same points"
    ran = topics("map", "topics", "--png", "map.jpg", "--last")
    assert (ran.status, "let the name end in .png" in ran.err) == (2, True)


def test_a_font_with_hangul_is_found_by_its_name(tmp_path: Path) -> None:
    from service.cli.map_png import _find_font

    assert _find_font([str(tmp_path / "none")]) is None
    (tmp_path / "truetype").mkdir()
    file = tmp_path / "truetype" / "NanumGothic.ttf"
    file.touch()
    assert _find_font([str(tmp_path)]) == file


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_clusters_of_a_server_are_written(topics: Meari, tmp_path: Path, kind: str) -> None:
    from service.settings import Settings
    from tests.service.page.conftest import Server

    here, there = tmp_path / f"here.{kind}", tmp_path / f"there.{kind}"
    topics.done("cluster", "topics", "-k", "3", "--out", here)
    with Server(Settings(data=topics.folder, encoder="hash:64")) as url:
        ran = topics.done("cluster", "topics", "--last", "--url", url, "--out", there)
    assert f"{there}: 38 documents" in ran.err
    if kind == "parquet":
        assert pq.read_table(there).to_pylist() == pq.read_table(here).to_pylist()
    else:
        assert there.read_text().splitlines() == here.read_text().splitlines()


def test_drift_between_years(topics: Meari) -> None:
    before = '{"must":[{"key":"year","range":{"lt":2026}}]}'
    after = '{"must":[{"key":"year","range":{"gte":2026}}]}'
    ran = topics.done("drift", "topics", "--before", before, "--after", after)
    assert ran.out.startswith("topics: ")
    answer = topics.done("drift", "topics", "--last", "--json").json
    assert (answer["receipt"]["before"], answer["receipt"]["after"]) == (19, 19)
    assert answer["made"]["request"]["before"] == {"filter": json.loads(before)}


def test_questions_that_nothing_answers(topics: Meari, tmp_path: Path) -> None:
    usual = tmp_path / "usual.txt"
    words = list(WORDS.values())
    usual.write_text("\n".join(f"{words[n % 3]} {n}" for n in range(40)), encoding="utf-8")
    queries = tmp_path / "queries.jsonl"
    strange = [f"violin concerto opus {n}" for n in range(12)]
    lines = [{"_id": str(n), "text": text} for n, text in enumerate([*strange, *words * 4])]
    queries.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    ran = topics.done("drift", "topics", "--queries", queries, "--usual", usual)
    assert "topics: changed (p = 0.00" in ran.out
    assert "of 24 questions have no document at" in ran.out
    answer = topics.done("drift", "topics", "--last", "--json").json
    found = answer["questions"]
    assert {each["question"] for each in found["poor"]} == set(strange)
    assert (found["asked"], found["share"]) == (24, 0.5)
    assert found["poor"][0]["score"] < found["least"]
    assert found["poor"][0]["text"]
    assert answer["receipt"]["before"] == 40
    alone = topics.done("drift", "topics", "--queries", queries)
    assert "give usual questions, or least" in alone.err
    assert "the least similar to any document, of 24 questions" in alone.out
    given = topics.done("drift", "topics", "--queries", queries, "--least", "0.999", "--json")
    assert given.json["questions"]["least"] == 0.999


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["cluster", "topics", "-k", "1"], 2, "k is 1; a whole number of 2 to 4,096"),
        (["cluster", "topics", "-k", "99"], 2, "k is 99 and there are 38 documents"),
        (["cluster", "nobody"], 1, "no collection 'nobody'"),
        (["cluster", "topics", "--last", "-k", "3"], 2, "it does not go with --k"),
        (["outliers", "topics", "--contamination", "0.9"], 2, "contamination is 0.9; above 0"),
        (["outliers", "topics", "--contamination", "0"], 2, "contamination is 0; above 0"),
        (["map", "topics", "--out", "map.gif"], 2, "maps are written as .html, .png, .csv"),
        (["cluster", "topics", "--out", "a.xls"], 2, "written as .csv, .jsonl, .parquet"),
        (["drift", "topics", "--least", "0.4"], 2, "name them with --queries"),
        (["drift", "topics", "--queries", "none.txt"], 1, "none.txt"),
        (["drift", "topics"], 2, "what is compared with what?"),
        (["jobs", "show", "nobody"], 1, "no job 'nobody'"),
        (
            ["cluster", "topics", "--url", "http://127.0.0.1:9", "--data", "x"],
            2,
            "name two places",
        ),
    ],
)
def test_what_makes_no_sense(
    topics: Meari, arguments: list[str], status: int, message: str
) -> None:
    ran = topics(*arguments)
    assert (ran.status, message in ran.err) == (status, True), ran.err


def test_nothing_was_found_yet(indexed: Meari) -> None:
    ran = indexed("outliers", "faq", "--last")
    assert (ran.status, "no outliers are kept in 'faq'; ask for them first" in ran.err) == (1, True)


def test_jobs_that_a_folder_remembers(indexed: Meari) -> None:
    assert "no jobs yet" in indexed.done("jobs", "list").err
    store = JobStore(indexed.folder / JOBS_FILE)
    progress = JobProgress("layout", 30, 120, 4.0)
    for id, state in (("one", "done"), ("two", "queued")):
        store.add(Job(id, "map", "faq", {"seed": 1}, "2026-01-01T00:00:00Z", state, progress))
    store.close()
    listed = indexed.done("jobs", "list").out.splitlines()
    assert [line.split()[:4] for line in listed[2:]] == [
        ["two", "map", "faq", "queued"],
        ["one", "map", "faq", "done"],
    ]
    assert indexed.done("jobs", "show", "one", "--json").json["request"] == {"seed": 1}
    assert indexed.done("jobs", "cancel", "two", "--json").json["state"] == "cancelled"
    assert indexed.done("jobs", "cancel", "one", "--json").json["state"] == "done"
    assert "seed 1" in indexed.done("jobs", "show", "one").out
    again = indexed.done("jobs", "resume", "two")
    assert "queued" in again.out
    assert again.err == "job two begins when `meari serve` does\n"
    refused = indexed("jobs", "resume", "one")
    assert refused.status == 1
    assert "job one is done; an interrupted, failed or cancelled one can be resumed" in refused.err
