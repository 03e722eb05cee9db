"""`meari search`: the answer, the receipt, and what cannot be asked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from embeddings.load import load_encoder
from embeddings.text import korean
from service.cli.errors import FAILED, MISUSE
from service.cli.output import PIPE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.service.cli.conftest import Meari

KOREAN = '{"must":[{"key":"language","match":{"value":"ko"}}]}'


def test_matches_are_ranked_with_snippet_and_receipt(indexed: Meari) -> None:
    ran = indexed.done("search", "faq", "the late bus", "-k", "2", "--mode", "dense")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["1", lines[0].split()[1], "Town", "traffic", "bus"]
    assert lines[1] == "     the bus is late"
    assert lines[3].split()[0] == "2"
    assert lines[-1].startswith("flat · exact · searched 4 of 4 documents · hash:64 · ")
    assert ran.err == "next page: --offset 2, or the --cursor that --json tells\n"
    assert indexed.done("search", "faq", "the late bus").err == ""


def test_a_query_is_answered_by_meaning_and_words(indexed: Meari) -> None:
    lines = indexed.done("search", "faq", "the late bus", "-k", "2").out.splitlines()
    assert re.match(r"  1  1\.00 \(meaning 0\.\d\d, words \d\.\d\)  Town traffic  bus$", lines[0])
    assert re.match(r"  2  0\.\d\d \(meaning 0\.\d\d\)  pear$", lines[3])
    receipt = "flat+bm25 · exact · searched 4 of 4 documents · hash:64 · words late, bus · "
    assert receipt in " ".join(lines)


def test_words_alone_have_no_distance_and_no_encoder(indexed: Meari) -> None:
    asked = ["search", "faq", "사과는 먹었나", "--mode", "lexical"]
    lines = indexed.done(*asked).out.splitlines()
    answer = indexed.done(*asked, "--json").json
    best = answer["matches"][0]
    assert (best["id"], best["distance"]) == ("apple", None)
    assert lines[0].split() == ["1", f"{best['score']:.2f}", "과일", "apple"]
    words = ", ".join(dict.fromkeys(answer["receipt"]["query_terms"]))
    assert f"bm25 · exact · searched 4 of 4 documents · words {words} · " in " ".join(lines)


def test_of_many_words_the_first_are_told(indexed: Meari) -> None:
    query = "bus bus late one-eyed two three four five six seven eight nine"
    lines = indexed.done("search", "faq", query, "--mode", "lexical").out.splitlines()
    told = " ".join(lines).split(" · words ")[1].split(" · ")[0].split(", ")
    assert told[:2] == ["bus", "late"]
    assert (len(told), told[-1]) == (9, "…")


def test_a_query_without_words_is_answered_by_meaning_and_told(indexed: Meari) -> None:
    ran = indexed.done("search", "faq", "?!")
    assert ran.out.splitlines()[-1].startswith("flat · exact · ")
    dropped = "the query holds no words to look for ('?!' was dropped)"
    assert ran.err == f"warning: {dropped}: answered by meaning alone\n"


def test_the_json_is_the_answer_itself(indexed: Meari) -> None:
    answer = indexed.done("search", "faq", "the late bus", "-k", "1", "--json").json
    (match,) = answer["matches"]
    assert (match["id"], match["rank"], match["title"]) == ("bus", 1, "Town traffic")
    assert match["metadata"] == {"language": "en"}
    assert answer["receipt"]["exact"] is True
    assert answer["receipt"]["documents"] == 4


def test_the_query_may_come_from_stdin(indexed: Meari) -> None:
    piped = indexed.done("search", "faq", "-", "--json", stdin="the late bus\n").json
    named = indexed.done("search", "faq", "the late bus", "--json").json
    assert piped["matches"] == named["matches"]


def test_an_offset_keeps_the_ranks_of_the_whole_answer(indexed: Meari) -> None:
    whole = indexed.done("search", "faq", "the bus", "--json").json["matches"]
    page = indexed.done("search", "faq", "the bus", "--offset", "2", "-k", "1", "--json").json
    assert page["matches"] == whole[2:3]
    assert page["matches"][0]["rank"] == 3


def test_a_filter_leaves_only_what_satisfies_it(indexed: Meari) -> None:
    answer = indexed.done("search", "faq", "먹었다", "--filter", KOREAN, "--json").json
    assert {match["id"] for match in answer["matches"]} == {"apple", "pear"}
    assert answer["receipt"]["matched_by_filter"] == 2


def test_a_filter_nothing_satisfies_is_told(indexed: Meari) -> None:
    ran = indexed.done("search", "faq", "x", "--filter", KOREAN.replace('"ko"', '"fr"'))
    assert ran.out.splitlines()[0] == "none of 4 documents satisfies the filter"


def test_parents_answers_once_a_text(meari: Meari, tmp_path: Path) -> None:
    source = tmp_path / "long.jsonl"
    source.write_text(json.dumps({"id": "a", "text": "one two three four. " * 100}))
    meari.done("index", source, "--into", "faq", "--chunk", "64")
    chunks = meari.done("search", "faq", "four one", "-k", "5", "--json").json["matches"]
    assert len(chunks) == 5
    (best,) = meari.done("search", "faq", "four one", "--parents", "--json").json["matches"]
    assert best["parent"]["id"] == "a"


def test_what_was_not_read_is_warned_of(meari: Meari, tmp_path: Path) -> None:
    source = tmp_path / "long.jsonl"
    source.write_text(json.dumps({"id": "a", "text": "word " * 300}))
    meari.done("index", source, "--into", "faq")
    ran = meari.done("search", "faq", "word " * 300, "--mode", "dense")
    assert ran.out.splitlines()[0].split() == ["1", "1.0000", "a", "cut"]
    assert ran.err.splitlines() == [
        "warning: the encoder did not read all 300 tokens of the query; shorten it",
        "warning: 1 match marked `cut`: the encoder did not read the document to its end",
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["-k", "0"], "error: limit is 0; 1 to 10,000 are possible"),
        (["--offset", "-1"], "error: offset is -1; 0 to 10,000 are possible"),
        (["--mode", "x"], "error: invalid value for '--mode': 'x' is not one of 'hybrid', "),
        (["--filter", "{"], "error: --filter is not JSON ("),
        (["--filter", "[1]"], "error: filter is a list of 1 items; it must be a JSON object"),
        (["--filter", '{"mus":[]}'], "error: filter mus: unknown word; allowed here: must"),
    ],
)
def test_what_cannot_be_asked_is_misuse(indexed: Meari, arguments: list[str], line: str) -> None:
    ran = indexed("search", "faq", "x", *arguments)
    assert ran.status == MISUSE
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1


def test_an_empty_query_is_misuse(indexed: Meari) -> None:
    ran = indexed("search", "faq", "-", stdin="  \n")
    assert (ran.status, ran.err) == (MISUSE, "error: query is empty; ask something\n")


def test_a_missing_collection_lists_those_there_are(indexed: Meari) -> None:
    ran = indexed("search", "fak", "x")
    assert ran.status == FAILED
    assert ran.err.startswith("error: no collection 'fak'")
    assert ran.err.endswith(" (there: faq)\n")


def test_the_receipt_is_one_line_in_a_pipe(indexed: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.receipt.told_time", lambda _: "ever so long " * 9)
    last = indexed.done("search", "faq", "bus").out.splitlines()[-1]
    assert last.startswith("flat+bm25 · exact · searched 4 of 4 documents · hash:64 · ")
    assert last.endswith("total " + "ever so long " * 8 + "ever so long")
    assert len(last) > PIPE_WIDTH


def test_a_document_cannot_write_to_the_terminal(meari: Meari) -> None:
    line = json.dumps({"id": "a\x1b[31m", "title": "\x1b]0;x\a", "text": "\x1b[2J bus"})
    meari.done("index", "-", "--into", "evil", stdin=line)
    ran = meari.done("search", "evil", "bus")
    assert "\x1b" not in ran.out
    assert "␛]0;x␇  a␛[31m" in ran.out
    assert meari.done("search", "evil", "bus", "--json").json["matches"][0]["id"] == "a\x1b[31m"


def test_loading_what_reads_the_query_is_no_time_of_the_search(
    indexed: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def load(name: str, **options: object) -> object:
        clock[0] += 1000.0
        return load_encoder(name, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("embeddings.load.load_encoder", load)
    monkeypatch.setattr("indexing.answer.time.perf_counter", lambda: clock[0])
    tokenise, seen = korean.morphemes, []

    def read(texts: Sequence[str]) -> object:
        clock[0] += 0 if seen else 500.0
        seen.extend(texts)
        return tokenise(texts)

    monkeypatch.setattr("embeddings.text.korean.morphemes", read)
    receipt = indexed.done("search", "faq", "버스", "--json").json["receipt"]
    assert (clock, len(seen)) == ([1500.0], 2)
    assert set(receipt["milliseconds"].values()) == {0.0}
    seen.clear()
    indexed.done("search", "faq", "버스", "--mode", "lexical")
    indexed.done("search", "faq", "버스", "--mode", "dense")
    assert clock == [3000.0], "the words' model once, the encoder once"


@pytest.mark.parametrize(
    ("query", "languages", "warned"),
    [("버스", ["en"], True), ("버스", ["ko"], False), ("bus", ["en"], False), ("버스", [], False)],
)
def test_a_question_in_korean_to_an_encoder_of_other_languages(
    indexed: Meari, query: str, languages: list[str], warned: bool
) -> None:
    card = indexed.folder / "faq" / "card.json"
    data = json.loads(card.read_text())
    data["encoder"]["languages"] = languages
    card.write_text(json.dumps(data))
    told = "warning: hash:64 was made for English; asked in Korean, it may miss the meaning\n"
    asked = ["search", "faq", query, "--mode"]
    assert indexed.done(*asked, "dense").err == (told if warned else "")
    assert indexed.done(*asked, "lexical").err == ""
    left = "warning: encoder 'hash:64' was not made for Korean: answered by words alone\n"
    assert indexed.done(*asked, "hybrid").err == (left if warned else "")
