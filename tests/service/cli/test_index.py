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

from indexing.ingest import IngestReport
from service.cli.errors import FAILED, MISUSE, STOPPED
from service.cli.summary import hints

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
    rejects = meari.folder / "nowhere" / "refused.jsonl"
    ran = meari("index", corpus, "--into", "faq", "--rejects", rejects)
    assert ran.status == MISUSE
    assert ran.err.splitlines() == [
        "new collection faq: encoder hash:64, metric cosine",
        "collection faq is taken back: nothing came into it",
        f"error: {rejects} cannot take the rejects; name a file in a folder that is there",
    ]
    assert meari.done("collections", "list", "--json").json["collections"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--chunk", "3"], "chunks of 3 tokens are not possible with encoder 'hash:64'; 16 to"),
        (["--chunk", "0"], "chunks of 0 tokens are not possible"),
        (["--chunk", "64", "--overlap", "33"], "an overlap of 33 tokens is not possible; 0 to 32"),
        (["--chunk", "none", "--overlap", "3"], "an overlap of 3 tokens without chunks is not"),
        (["--into", "a b"], "collection name 'a b' is not possible"),
    ],
)
def test_nothing_is_made_for_what_cannot_be(
    meari: Meari, corpus: Path, options: list[str], message: str
) -> None:
    ran = meari("index", corpus, "--into", "faq", *options)
    assert ran.status == MISUSE
    assert ran.err.startswith(f"error: {message}")
    assert ran.err.count("\n") == 1


def test_a_resume_alone_makes_no_collection(indexed: Meari) -> None:
    ran = indexed("index", "--into", "nope", "--resume")
    assert ran.status == FAILED
    assert ran.err == "error: no collection 'nope' (there: faq)\n"


def test_the_first_reasons_are_told_on_the_spot(meari: Meari, tmp_path: Path) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_text('{"id":"a","text":"fine"}\n' + '{"id":"b"}\n' * 2 + "no json\n" * 3)
    ran = meari("index", source, "--into", "faq")
    assert ran.status == FAILED
    assert ran.err.splitlines()[1:] == [
        f"warning: 5 records rejected; {meari.folder}/faq/rejects.jsonl says why",
        f"  {source}:2: no text: there is no key 'text' or 'content' or 'body' or 'contents' or "
        "'본문' or '내용'",
        f"  {source}:3: no text: there is no key 'text' or 'content' or 'body' or 'contents' or "
        "'본문' or '내용'",
        f"  {source}:4: not JSON: Expecting value at character 1",
        "  and 2 more",
    ]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.docx").write_bytes(b"PK")
    (folder / "book.csv").write_bytes(b"PK\x03\x04")
    (folder / "good.txt").write_text("good")
    told = meari("index", folder, "--into", "folder").err.splitlines()
    assert told[-2].startswith(f"  {folder}/book.csv is a ZIP archive")
    assert told[-1].startswith(f"  {folder}/notes.docx: unknown suffix, the file is skipped; ")


def test_sources_that_hold_nothing_are_told(meari: Meari, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    ran = meari.done("index", tmp_path / "empty.jsonl", "--into", "faq")
    assert "warning: nothing was read: the sources hold no record\n" in ran.err


def _report(**counts: int) -> IngestReport:
    names = "added changed relabelled unchanged duplicates rejected korean truncated tokens unknown"
    return IngestReport(**{**dict.fromkeys(names.split(), 0), **counts}, seconds=1.0, rejects=None)


@pytest.mark.parametrize(
    ("languages", "counts", "hint"),
    [
        (["en"], {"added": 9, "unchanged": 1, "korean": 4}, "4 of 10 documents are Korean and e"),
        (["ja", "xx"], {"added": 1, "korean": 1}, "1 of 1 document are Korean and e was made for "),
        (["en"], {"added": 9, "tokens": 100, "unknown": 30}, "30 % of the tokens are unknown to e"),
        (["en", "ko"], {"added": 9, "korean": 9}, None),
        ([], {"added": 9, "korean": 9}, None),
        (["en"], {"added": 9}, None),
    ],
)
def test_an_encoder_made_for_other_languages_is_told(
    languages: list[str], counts: dict[str, int], hint: str | None
) -> None:
    told = hints(_report(**counts), {"name": "e", "max_tokens": 9, "languages": languages})
    assert [line[: len(hint or "")] for line in told] == ([hint] if hint else [])


def test_problems_of_a_collection_are_told(indexed: Meari, corpus: Path) -> None:
    vectors = indexed.folder / "faq" / "vectors.f32"
    vectors.write_bytes(vectors.read_bytes()[:512])
    ran = indexed.done("index", corpus, "--into", "faq")
    assert ran.err.startswith("warning: vectors.f32 was cut: 2 documents lost their vectors")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--into", "faq"], "no source given"),
        (["x", "--into", "faq", "--chunk", "long"], "--chunk is 'long'; it is auto, none or"),
        (["x", "--into", "faq", "--plan", "--resume"], "leave one of them out"),
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
    assert built["index"] != "flat"
    assert built["indexed_rows"] == 1000
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
    assert "indexed and safe; " in said[-2]
    assert "documents read behind them are not; pipe everything in again: " in said[-2]
    held = meari.done("collections", "show", "piped", "--json").json["documents"]
    assert 0 < safe <= held
    ran = meari.done("index", "-", "--into", "piped", "--resume", "--json", stdin=lines)
    assert ran.json["report"]["unchanged"] == held
    assert ran.json["report"]["added"] == 3000 - held
