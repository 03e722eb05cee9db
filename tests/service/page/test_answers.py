"""Asking, reading the answer, and what is shown where there is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser


def test_typing_finds_marks_and_accounts(visit: Open):
    here = visit("?collection=faq&mode=dense")
    here.search("delivery time")
    assert here.page.locator(".card h3").first.inner_text() == "Delivery time"
    assert here.marks(".card:first-child h3") == ["Delivery", "time"]
    assert here.marks(".card:first-child .text") == ["Delivery"]
    assert here.bill() == {
        "Compared": "every vector",
        "Index": "flat",
        "Recall": "100%, exact",
        "Visited": "6 vectors",
        "Searched": "6 of 6",
        "Query": "2 tokens",
        "Encoder": "hash:64",
        "Fingerprint": here.bill()["Fingerprint"],
    }
    fingerprint = httpx.get(f"{here.url}/v1/collections/faq").json()["encoder"]["fingerprint"]
    assert here.bill()["Fingerprint"] == fingerprint[:8]
    assert "encode" in here.page.locator(".times").inner_text()
    score = here.page.locator(".card .score").first
    assert re.fullmatch(r"distance 0\.\d{3}", score.locator(".detail").inner_text())


def test_the_way_of_finding_is_chosen(visit: Open):
    """Both channels, then words alone: scores by channel, no distance, and what was looked for."""
    here = visit("?collection=faq")
    here.search("lost parcels")
    modes = here.page.locator("#mode option")
    assert modes.all_inner_texts() == ["meaning and words", "meaning", "words"]
    assert here.page.input_value("#mode") == "hybrid"
    best = here.page.locator(".card[data-id='en-parcel'] .score")
    assert best.locator(".number").inner_text() == "1.000"
    pattern = r"meaning 0\.\d\d · words \d\.\d"
    assert re.fullmatch(pattern, best.locator(".detail").inner_text())
    assert (here.bill()["Index"], here.bill()["Words"]) == ("flat+bm25", "lost, parcel")

    here.page.select_option("#mode", "lexical")
    here.see_cards("en-parcel", "en-refund")
    assert "mode=lexical" in here.page.url
    assert here.page.locator(".detail").count() == 0
    fills = here.page.locator(".fill").all()
    shares = [
        fill.evaluate("node => Number(node.style.getPropertyValue('--share'))") for fill in fills
    ]
    assert shares[0] == 1
    assert 0 < shares[1] < 1
    assert here.bill() == {"Index": "bm25", "Searched": "6 of 6", "Words": "lost, parcel"}
    assert "find words" in here.page.locator(".times").inner_text()

    here.page.click(".card[data-id='en-parcel'] .like")
    here.see("#judgements", "Like: Lost parcels")
    here.see_cards("ko-delivery", "en-delivery", "en-refund", "script", "handbook.md#2")
    assert here.page.is_hidden("#mode")
    assert here.bill()["Index"] == "flat"


@pytest.mark.parametrize(
    ("match", "context", "share"),
    [
        ({"score": 0.8, "distance": 0.2}, {"mode": "dense", "metric": "cosine", "best": 0.9}, 0.8),
        ({"score": -3, "distance": 3}, {"mode": "dense", "metric": "euclidean", "best": -1}, 0.25),
        ({"score": 6, "distance": -6}, {"mode": "dense", "metric": "dot", "best": 8}, 0.75),
        ({"score": 0.6, "distance": 3}, {"mode": "hybrid", "metric": "euclidean", "best": 1}, 0.6),
        ({"score": 0.3, "distance": None}, {"mode": "hybrid", "metric": "dot", "best": 0.6}, 0.3),
        ({"score": 9, "distance": None}, {"mode": "lexical", "metric": "cosine", "best": 12}, 0.75),
    ],
)
def test_the_bar_of_a_score_fits_the_mode(
    visit: Open, match: dict[str, Any], context: dict[str, Any], share: float
):
    here = visit()
    shown = here.page.evaluate(
        "([match, context]) => import('/search/cards.js')"
        ".then((m) => m.scoreShare(match, context))",
        [match, context],
    )
    assert shown == pytest.approx(share)


@pytest.mark.parametrize(
    ("schema", "modes"),
    [
        ({"anyOf": [{"enum": ["dense", "lexical", "hybrid"]}, {"type": "null"}]}, "hdl"),
        ({"enum": ["lexical", "dense"], "default": "lexical"}, "dl"),
        ({"const": "dense"}, "d"),
        ({"anyOf": [{"enum": ["graph", "dense", None]}]}, "dg"),
    ],
)
def test_ways_of_finding_are_read_from_any_schema(visit: Open, schema: object, modes: str):
    here = visit()
    told = {"components": {"schemas": {"SearchBody": {"properties": {"mode": schema}}}}}
    found = here.page.evaluate(
        "told => import('/api.js').then(({ searchModes }) => searchModes(told))", told
    )
    assert [name[0] for name in found] == list(modes)


def test_korean_words_are_marked_without_their_particles(visit: Open):
    here = visit("?collection=faq", locale="ko-KR")
    here.search("배송이 걸립니다")
    assert here.page.locator(".card h3").first.inner_text() == "배송 기간"
    stored = httpx.post(
        f"{here.url}/v1/collections/faq/search", json={"query": "배송이 걸립니다"}
    ).json()["matches"][0]["snippet"]
    marked = [stored["text"][start:end] for start, end in stored["highlights"]]
    assert here.marks(".card:first-child .text") == marked
    assert marked[0] == "배송"
    assert "비교" in here.bill()


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("배송이", "배송은 배송비 무배송", ["배송", "배송"]),
        ("환불 규정은?", "환불규정을 보세요, 환불", ["환불", "환불"]),
        ("집", "집 집으로 우리집", ["집"]),
        ("GPU를", "GPU를 GPUs gpu", ["GPU", "gpu"]),
        ("deliveries of the", "delivery deliveries of the", ["delivery", "deliveries"]),
        ("returning", "Return, returns, returned; turn", ["Return", "returns", "returned"]),
        ("2024", "20240 2024", ["2024"]),
        ("a.b*(", "a.b*( plain", ["b"]),
        ("", "anything", []),
    ],
)
def test_words_to_mark(visit: Open, query: str, text: str, expected: list[str]):
    here = visit()
    parts = here.page.evaluate(
        "([query, text]) => import('/search/highlight.js')"
        ".then(({ highlight, queryTerms }) => highlight(text, queryTerms(query)))",
        [query, text],
    )
    assert [part["text"] for part in parts if part["hit"]] == expected
    assert "".join(part["text"] for part in parts) == text


@pytest.mark.parametrize(
    ("receipt", "query", "languages", "expected"),
    [
        ({"query_tokens": 10, "query_unknown": 0}, "배송", [], []),
        (
            {"query_tokens": 10, "query_unknown": 2},
            "배송",
            [],
            [["does not know 2 of the 10", False]],
        ),
        ({"query_tokens": 10, "query_unknown": 3}, "배송", ["en"], [["understands little", True]]),
        ({"query_tokens": 10, "query_unknown": 0}, "배송", ["en"], [["made for English", True]]),
        ({"query_tokens": 10, "query_unknown": 0}, "배송", ["en", "ko"], []),
        ({"query_tokens": 10, "query_unknown": 0}, "delivery", ["en"], []),
        ({"query_tokens": None, "query_unknown": 0}, "배송", ["en"], []),
        ({"query_truncated": True, "warnings": ["w"]}, "a", [], [["left out", True], ["w", True]]),
    ],
)
def test_warnings_say_what_to_doubt(
    visit: Open,
    receipt: dict[str, Any],
    query: str,
    languages: list[str],
    expected: list[tuple[str, bool]],
):
    here = visit()
    told = here.page.evaluate(
        "([receipt, asked]) => import('/search/receipt.js')"
        ".then((m) => m.warnings(receipt, asked))",
        [receipt, {"query": query, "languages": languages}],
    )
    assert [warning["grave"] for warning in told] == [grave for _, grave in expected]
    for warning, (part, _) in zip(told, expected, strict=True):
        assert part in warning["text"]


def test_text_stays_text(visit: Open):
    here = visit("?collection=faq&q=img+src&limit=20")
    here.see(".card .text", "<img src=x onerror=alert(1)>")
    assert here.page.locator(".card img, .card b, #fields b").count() == 0
    assert here.page.locator(".card:first-child .chip").last.text_content() == "topic <b>x</b>"
    here.search("<img src=x onerror=alert(2)>")
    assert here.page.locator("#results img").count() == 0


@pytest.mark.parametrize("allowed", [True, False])
def test_the_search_is_copied_as_a_command(visit: Open, allowed: bool):
    permissions = ["clipboard-read", "clipboard-write"] if allowed else ["clipboard-read"]
    here = visit("?collection=faq&q=it's+a+parcel", permissions=permissions)
    here.see("#status", "it's a parcel")
    here.page.click("#receipt .curl")
    if allowed:
        here.see("#receipt .curl", "Copied")
        command = here.page.evaluate("navigator.clipboard.readText()")
    else:
        here.see("#by-hand", "Copy it by hand")
        command = here.page.input_value("#by-hand-text")
    assert command.splitlines() == [
        f"curl -sS '{here.url}/v1/collections/faq/search' \\",
        "  -H 'content-type: application/json' \\",
        r"""  -d '{"query":"it'\''s a parcel","limit":10}'""",
    ]


def test_what_is_missing_is_told(visit: Open):
    here = visit("?collection=nowhere&q=x")
    here.see("#notice .message", "nowhere")
    here.see("#notice .hint", "collection_not_found")
    here.open("?collection=nowhere")
    here.see("#notice .hint", "collection_not_found")
    here.open("?collection=faq&like=nobody")
    here.see("#notice .hint", "document_not_found")


def test_a_server_without_collections_says_how_to_make_one(visit: Open, empty_url: str):
    here = visit(at=empty_url)
    here.see("#notice h2", "No collection yet")
    here.see("#notice pre", f"meari index docs/ --into notes --url {empty_url}")
    httpx.post(f"{empty_url}/v1/collections", json={"name": "new"}).raise_for_status()
    here.page.click("#notice .button")
    here.see("#notice h2", "This collection is still empty")
