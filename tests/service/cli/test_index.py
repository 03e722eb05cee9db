"""`meari index`: what comes in, what is refused, and what is said of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from service.cli.errors import FAILED, MISUSE, STOPPED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari


def _facts(out: str) -> dict[str, str]:
    """Names and values of a summary."""
    pairs = (line.split("  ", 1) for line in out.splitlines())
    return {name.strip(): value.strip() for name, value in pairs}


def test_a_collection_is_made_and_filled(meari: Meari, corpus: Path) -> None:
    ran = meari.done("index", corpus, "--into", "faq")
    assert ran.err == "new collection faq: encoder hash:64, metric cosine\n"
    facts = _facts(ran.out)
    assert facts["added"] == "4"
    assert facts["rejected"] == "0"
    assert facts["collection"] == "faq, 4 documents"
    assert facts["index"] == "flat (exact)"
    assert meari.done("collections", "show", "faq", "--json").json["documents"] == 4


def test_a_second_run_finds_everything_unchanged(indexed: Meari, corpus: Path) -> None:
    ran = indexed.done("index", corpus, "--into", "faq", "--json")
    assert ran.err == ""
    assert ran.json["report"]["unchanged"] == 4
    assert ran.json["report"]["tokens"] == 0
    assert ran.json["collection"] == indexed.done("collections", "show", "faq", "--json").json


def test_what_changed_is_told_apart(indexed: Meari, corpus: Path) -> None:
    lines = corpus.read_text(encoding="utf-8").splitlines()
    lines[0] = lines[0].replace("먹었다", "샀다")
    lines[2] = lines[2].replace('"language": "en"', '"language": "de"')
    lines.append('{"id": "tram", "text": "the tram is new"}')
    corpus.write_text("\n".join(lines), encoding="utf-8")
    report = indexed.done("index", corpus, "--into", "faq", "--json").json["report"]
    counts = [report[name] for name in ("added", "changed", "relabelled", "unchanged")]
    assert counts == [1, 1, 1, 2]


def test_refused_records_are_listed_and_the_rest_is_indexed(meari: Meari, tmp_path: Path) -> None:
    source = tmp_path / "mixed.jsonl"
    source.write_text('{"id":"a","text":"fine"}\nnot json\n{"id":"c","text":" "}\n')
    rejects = tmp_path / "out" / "refused.jsonl"
    rejects.parent.mkdir()
    ran = meari("index", source, "--into", "faq", "--rejects", rejects)
    assert ran.status == FAILED
    assert f"warning: 2 records rejected; {rejects} says why\n" in ran.err
    assert _facts(ran.out)["added"] == "1"
    listed = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [each["line"] for each in listed] == [2, 3]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--encoder", "hash:32", "holds vectors of encoder 'hash:64'"),
        ("--metric", "dot", "compares by cosine, --metric says dot"),
    ],
)
def test_another_encoder_or_metric_is_refused_by_name(
    indexed: Meari, corpus: Path, option: str, value: str, message: str
) -> None:
    ran = indexed("index", corpus, "--into", "faq", option, value)
    assert ran.status == FAILED
    assert message in ran.err
    assert value in ran.err


def test_the_same_encoder_by_another_name_is_the_same(indexed: Meari, corpus: Path) -> None:
    ran = indexed.done(
        "index", corpus, "--into", "faq", "--encoder", "hash:64:256", "--metric", "cosine", "--json"
    )
    assert ran.json["report"]["unchanged"] == 4


def test_a_missing_source_leaves_no_collection_behind(meari: Meari, tmp_path: Path) -> None:
    ran = meari("index", tmp_path / "nope.jsonl", "--into", "faq")
    assert ran.status == FAILED
    assert ran.err == f"error: {tmp_path / 'nope.jsonl'} is not there; name a file, a folder or -\n"
    assert not meari.folder.exists()


def test_a_collection_made_in_vain_is_taken_back(meari: Meari, corpus: Path) -> None:
    ran = meari("index", corpus, "--into", "faq", "--chunk", "3")
    assert ran.status == MISUSE
    assert ran.err.splitlines() == [
        "new collection faq: encoder hash:64, metric cosine",
        "collection faq is taken back: nothing came into it",
        "error: chunks of 3 tokens are not possible with encoder 'hash:64'; 16 to 256 are",
    ]
    assert meari.done("collections", "list", "--json").json["collections"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--into", "faq"], "no source given"),
        (["x", "--into", "faq", "--chunk", "long"], "--chunk is 'long'; it is auto, none or"),
        (["x", "--into", "faq", "--plan", "--resume"], "leave one of them out"),
        (["x", "--into", "faq", "--plan", "--url", "http://h"], "leave --url out"),
        (["x", "--into", "faq", "--resume", "--url", "http://h"], "run the command again"),
    ],
)
def test_what_does_not_go_together_is_misuse(
    meari: Meari, arguments: list[str], message: str
) -> None:
    ran = meari("index", *arguments)
    assert ran.status == MISUSE
    assert message in ran.err


def test_a_name_that_cannot_be_is_misuse(meari: Meari, corpus: Path) -> None:
    ran = meari("index", corpus, "--into", "a/b")
    assert ran.status == MISUSE
    assert ran.err.startswith("error: collection name 'a/b' is not possible; use 1 to 64 letters")


def test_a_plan_writes_nothing(meari: Meari, corpus: Path) -> None:
    plan = meari.done("index", corpus, "--into", "faq", "--plan", "--json").json
    assert (plan["new"], plan["unchanged"], plan["rejected"]) == (4, 0, 0)
    assert not meari.folder.exists()


def test_a_plan_against_a_collection_knows_what_stands_there(indexed: Meari, corpus: Path) -> None:
    with corpus.open("a", encoding="utf-8") as file:
        file.write('{"id": "tram", "text": "the tram is new"}\n')
    facts = _facts(indexed.done("index", corpus, "--into", "faq", "--plan").out)
    assert (facts["new"], facts["unchanged"]) == ("1", "4")
    assert indexed.done("collections", "show", "faq", "--json").json["documents"] == 4


def test_columns_can_be_named(meari: Meari, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("nr,frage,antwort,land,extra\n1,wo?,hier,de,x\n", encoding="utf-8")
    meari.done(
        *("index", table, "--into", "faq", "--id-field", "nr", "--title-field", "land"),
        *("--text-field", "frage", "--text-field", "antwort", "--metadata-field", "extra"),
    )
    match = meari.done("search", "faq", "wo", "--json").json["matches"][0]
    assert (match["id"], match["title"], match["metadata"]) == ("1", "de", {"extra": "x"})
    assert "wo?" in match["text"]
    assert "hier" in match["text"]


def test_long_rows_are_cut_when_asked_and_a_hint_says_so(meari: Meari, tmp_path: Path) -> None:
    source = tmp_path / "long.jsonl"
    source.write_text(json.dumps({"id": "a", "text": "one two three four. " * 100}))
    whole = meari.done("index", source, "--into", "whole")
    assert (
        "warning: 1 document longer than the 256 tokens hash:64 reads; --chunk 256 cuts them"
        in whole.err
    )
    cut = meari.done("index", source, "--into", "cut", "--chunk", "64", "--overlap", "0", "--json")
    assert "warning" not in cut.err
    assert cut.json["collection"]["parents"] == 1
    assert cut.json["collection"]["documents"] > 5


def test_the_index_is_built_once_and_again_when_many_rows_stand_outside(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexing.planner._FLAT_NUMBERS", 1000)

    def lines(first: int, last: int) -> str:
        return "".join(f'{{"id": "{n}", "text": "word{n}"}}\n' for n in range(first, last))

    index = ["index", "-", "--into", "many", "--json"]
    built = meari.done(*index, stdin=lines(0, 1000)).json["collection"]
    assert (built["index"], built["indexed_rows"]) == ("hnsw", 1000)
    few = meari.done(*index, stdin=lines(1000, 1050)).json["collection"]
    assert (few["rows"], few["indexed_rows"]) == (1050, 1000)
    listed = meari.done("collections", "show", "many").out
    assert "measured, 50 rows behind it compared one by one)" in listed
    many = meari.done(*index, stdin=lines(1050, 1100)).json["collection"]
    assert (many["rows"], many["indexed_rows"]) == (1100, 1100)


def test_documents_come_through_a_pipe(meari: Meari) -> None:
    lines = '{"id":"a","text":"배송 안내"}\n{"id":"b","text":"환불"}\n'
    ran = meari.done("index", "-", "--into", "faq", "--json", stdin=lines)
    assert ran.json["report"]["added"] == 2


def test_a_resume_with_nothing_interrupted_says_so(indexed: Meari) -> None:
    ran = indexed("index", "--into", "faq", "--resume")
    assert ran.status == FAILED
    assert "no run was interrupted" in ran.err


def test_ctrl_c_says_what_is_safe_and_a_resume_goes_on(meari: Meari) -> None:
    """The pipe stays open, so that the run is still going on when the signal comes."""
    command = [sys.executable, "-m", "service.cli", "index", "-", "--into", "piped"]
    lines = "".join(f'{{"id": "{n}", "text": "document {n}"}}\n' for n in range(3000))
    environment = {**os.environ, "MEARI_DATA": str(meari.folder), "MEARI_ENCODER": "hash:64"}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(lines)
        process.stdin.flush()
        journal = meari.folder / "piped" / "ingest.json"
        deadline = time.monotonic() + 60
        while not (journal.exists() and json.loads(journal.read_text())["counts"].get("added")):
            assert time.monotonic() < deadline, "nothing was added"
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == STOPPED
    said = err.splitlines()
    assert said[-1] == "stopped"
    safe = int(said[-2].split()[0].replace(",", ""))
    assert "indexed and safe; the same command with --resume goes on" in said[-2]
    held = meari.done("collections", "show", "piped", "--json").json["documents"]
    assert 0 < safe <= held
    ran = meari.done("index", "-", "--into", "piped", "--resume", "--json", stdin=lines)
    assert ran.json["report"]["unchanged"] == held
    assert ran.json["report"]["added"] == 3000 - held
