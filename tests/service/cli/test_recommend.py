"""`meari recommend`: the like of documents, and pages from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.cli.errors import FAILED, MISUSE

if TYPE_CHECKING:
    from tests.service.cli.conftest import Meari


def test_the_documents_named_are_left_out(indexed: Meari) -> None:
    ran = indexed.done("recommend", "faq", "--like", "apple", "--unlike", "car")
    lines = ran.out.splitlines()
    shown = [line.split() for line in lines if line[:3].strip().isdecimal()]
    assert [(words[0], words[-1]) for words in shown] == [("1", "pear"), ("2", "bus")]
    assert lines[1] == "     배를 먹었다"
    assert lines[-1].startswith("flat · exact · searched 4 of 4 documents · hash:64 · ")


def test_the_json_is_the_answer_of_the_api(indexed: Meari) -> None:
    answer = indexed.done("recommend", "faq", "--like", "apple", "--like", "bus", "--json").json
    assert {match["id"] for match in answer["matches"]} == {"pear", "car"}
    assert answer["receipt"]["query_tokens"] is None


def test_a_page_goes_on_by_cursor(indexed: Meari) -> None:
    whole = indexed.done("recommend", "faq", "--like", "apple", "--json").json["matches"]
    page = ["recommend", "faq", "--like", "apple", "-k", "2", "--json"]
    first = indexed.done(*page).json
    second = indexed.done(*page, "--cursor", first["cursor"]).json
    assert first["matches"] + second["matches"] == whole
    assert second["cursor"] is None
    asked = ["search", "faq", "the late bus", "-k", "3", "--json"]
    first = indexed.done(*asked).json
    (last,) = indexed.done(*asked, "--cursor", first["cursor"]).json["matches"]
    assert last["rank"] == 4


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], MISUSE, "missing option '--like'; see `meari recommend --help`"),
        (["--like", "cow"], FAILED, "no document 'cow' in collection 'faq'"),
        (["--like", "car", "--unlike", "car"], MISUSE, "'car' stands in positive and in negative"),
        (["--like", "car", "--cursor", "x"], MISUSE, "cursor 'x' is damaged"),
        (["--like", "car", "--recall", "2"], MISUSE, "recall is 2.0; it must be less than"),
    ],
)
def test_what_cannot_be_recommended(
    indexed: Meari, arguments: list[str], status: int, words: str
) -> None:
    ran = indexed("recommend", "faq", *arguments)
    assert (ran.status, ran.err.count("\n")) == (status, 1)
    assert words in ran.err
