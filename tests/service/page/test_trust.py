"""What a reader is told to judge an answer by: passages, confidence, doubts and the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser


def answering(here: Any, change: Callable[[dict[str, Any]], None]) -> None:  # noqa: ANN401
    """Has the server's answers changed on their way to the page."""

    def handle(route: Any) -> None:  # noqa: ANN401
        response = route.fetch()
        answer = response.json()
        change(answer)
        route.fulfill(response=response, json=answer)

    here.page.route("**/search", handle)


@pytest.mark.parametrize(
    ("match", "shown", "marked"),
    [
        ({"text": "a b c", "snippet": None}, "a b c", []),
        ({"text": "a b c", "snippet": [0, 5, [2, 3]]}, "a b c", ["b"]),
        ({"text": "one two three", "snippet": [4, 3, [0, 3]]}, "… two …", ["two"]),
        (
            {"text": "😀😀 one 😀 two", "snippet": [3, 9, [0, 3], [6, 9]]},
            "… one 😀 two",
            ["one", "two"],
        ),
        ({"text": "가" * 400, "snippet": None}, "가" * 190 + " …", []),
        ({"text": "word " * 99, "snippet": None}, ("word " * 66).rstrip() + " …", []),
    ],
)
def test_the_passage_is_the_servers(
    visit: Open, match: dict[str, Any], shown: str, marked: list[str]
):
    if match["snippet"]:
        start, length, *highlights = match["snippet"]
        text = match["text"][start : start + length]
        match = match | {"snippet": {"text": text, "start": start, "highlights": highlights}}
    found = visit().page.evaluate(
        "match => import('/search/passage.js').then((m) => m.passage(match))", match
    )
    text = "".join(part["text"] for part in found["parts"])
    assert f"{'… ' * found['before']}{text}{' …' * found['after']}" == shown
    assert [part["text"] for part in found["parts"] if part["hit"]] == marked


def test_the_whole_text_keeps_the_passages_marks(visit: Open):
    snippet = {"text": "two 😀 two", "start": 6, "highlights": [[0, 3]]}
    match = {"text": "😀 one two 😀 two one", "snippet": snippet}
    parts = visit().page.evaluate(
        "([match, query]) =>"
        " Promise.all([import('/search/passage.js'), import('/search/highlight.js')])"
        ".then(([passage, { queryTerms }]) => passage.wholeText(match, queryTerms(query)))",
        [match, "one"],
    )
    assert "".join(part["text"] for part in parts) == match["text"]
    assert [part["text"] for part in parts if part["hit"]] == ["one", "two", "one"]


def test_confidence_is_a_meter_with_words(visit: Open):
    here = visit("?collection=faq")

    def sure(answer: dict[str, Any]) -> None:
        for match, confidence in zip(answer["matches"], [1.0, 0.714, 0.4, 0.1, None], strict=False):
            match["confidence"] = confidence

    answering(here, sure)
    here.search("lost parcel")
    meters = here.page.locator(".card .confidence")
    words = meters.locator("> span:last-child")
    assert words.all_inner_texts()[:4] == ["sure", "likely", "perhaps", "unlikely"]
    assert here.page.locator(".card").nth(4).locator(".confidence").count() == 0
    assert meters.nth(0).locator(".on").count() == 4
    assert meters.nth(3).locator(".on").count() == 1
    title = meters.nth(1).get_attribute("title")
    assert title.startswith("Of matches that score like this one in this collection, about 71.4%")
    assert "about 99%" in meters.nth(0).get_attribute("title")


def test_an_answer_that_is_none_is_told_above_the_matches(visit: Open):
    here = visit("?collection=faq")
    answering(here, lambda answer: answer["receipt"].update(no_good_answer=True))
    here.search("lost parcel")
    here.see("#notice .doubt h2", "Probably none of these is the answer")
    assert here.page.locator(".card").count() == 6
    here.page.click("#language [value=ko]")
    here.see("#notice .doubt h2", "알맞은 답이 없는 듯합니다")


def test_the_receipt_tells_of_the_index_and_of_live_queries(visit: Open):
    here = visit("?collection=faq")

    def approximate(answer: dict[str, Any]) -> None:
        answer["receipt"].update(
            exact=False,
            index="hnsw+flat+bm25",
            recall_estimate=0.9844,
            sampled_recall=0.9912,
            sampled_queries=37,
            visited=1204,
            reranker="cross",
            truncated_matches=1,
        )

    answering(here, approximate)
    here.search("lost parcel")
    bill = here.bill()
    assert (
        bill
        | {
            "Compared": "by index",
            "Index": "hnsw+flat+bm25",
            "Recall": "98.4% measured",
            "Lately": "99.1% in 37 queries",
            "Visited": "1,204 vectors",
            "Ordered by": "cross",
            "Cut texts": "1 of these matches",
            "Searched": "6 of 6",
        }
        == bill
    )
    assert "find passages" in here.page.locator(".times").inner_text()
