"""From one answer to the next: more and less like this, and the next page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser

LOST = ".card[data-id='en-parcel']"


def pills(here: Any) -> list[str]:  # noqa: ANN401 - a visit
    return here.page.locator("#judgements .pill").all_inner_texts()


def test_more_and_less_like_this(visit: Open):
    here = visit("?collection=faq&q=lost+parcel")
    here.see(".card h3", "Lost parcels")
    here.page.click(f"{LOST} .like")
    here.see("#status", "5 matches like “Lost parcels”")
    here.see_cards("ko-delivery", "en-delivery", "en-refund", "script", "handbook.md#2")
    assert here.page.input_value("#query") == ""
    assert "Query" not in here.bill()
    here.page.click(".card[data-id='en-refund'] .unlike")
    here.see_cards("ko-delivery", "en-delivery", "script", "handbook.md#2")
    here.page.click(".card[data-id='en-delivery'] .like")
    here.see_cards("ko-delivery", "script", "handbook.md#2")
    assert pills(here) == ["Like: Lost parcels", "Like: Delivery time", "Unlike: Refunds"]
    here.page.reload()
    here.see_cards("ko-delivery", "script", "handbook.md#2")
    assert pills(here) == ["Like: Lost parcels", "Like: Delivery time", "Unlike: Refunds"]
    here.page.click("#judgements .unlike")
    here.see_cards("ko-delivery", "en-refund", "script", "handbook.md#2")
    for _ in range(4):
        here.page.go_back()
    here.see("#status", "lost parcel")
    assert here.page.is_hidden("#judgements")


def test_typing_ends_it_and_taking_back_the_last_one_too(visit: Open):
    here = visit("?collection=faq&like=en-parcel&unlike=en-refund")
    here.see("#judgements", "Unlike: Refunds")
    here.page.click("#judgements .like")
    here.see("#notice h2", "What are you looking for?")
    here.open("?collection=faq&like=en-parcel&unlike=en-refund")
    here.see("#judgements", "Unlike: Refunds")
    here.search("refund")
    here.see_all()
    assert here.page.is_hidden("#judgements")


def test_less_like_this_of_words_begins_with_the_best_other(visit: Open):
    here = visit("?collection=faq&q=lost+parcel")
    here.see(".card h3", "Lost parcels")
    second = here.page.locator(".card h3").nth(1).inner_text()
    here.page.click(f"{LOST} .unlike")
    here.see("#judgements", "Unlike: Lost parcels")
    assert pills(here) == [f"Like: {second}", "Unlike: Lost parcels"]


def test_the_command_is_that_of_recommending(visit: Open):
    here = visit("?collection=faq&like=en-parcel&unlike=en-refund", permissions=["clipboard-read"])
    here.see("#status", "like “Lost parcels”")
    here.page.click("#receipt .curl")
    here.see("#by-hand", "Copy it by hand")
    assert here.page.input_value("#by-hand-text").splitlines() == [
        f"curl -sS '{here.url}/v1/collections/faq/recommend' \\",
        "  -H 'content-type: application/json' \\",
        """  -d '{"positive":["en-parcel"],"negative":["en-refund"],"limit":10}'""",
    ]


def test_pages_go_on_by_cursor_and_are_kept(visit: Open):
    here = visit("?collection=notes&q=note")
    here.see("#status", "The first 10 matches")
    assert here.page.inner_text("#more") == "Next page"
    with here.page.expect_request("**/search") as asked:
        here.page.click("#more")
    assert asked.value.post_data_json.keys() == {"query", "limit", "cursor"}
    here.see("#status", "The first 20 matches")
    assert here.page.evaluate("document.activeElement.querySelector('.rank').textContent") == "11"
    here.page.click("#more")
    here.see("#status", "25 matches")
    assert here.page.is_hidden("#more")
    ranks = [int(rank) for rank in here.page.locator(".rank").all_inner_texts()]
    assert ranks == list(range(1, 26))
    here.page.reload()
    here.see("#status", "25 matches")


def test_pages_after_a_reload_go_on_where_they_ended(visit: Open):
    here = visit("?collection=notes&q=note&pages=2")
    here.see("#status", "The first 20 matches")
    here.page.click("#more")
    here.see("#status", "25 matches")
    ids = [card.get_attribute("data-id") for card in here.page.locator(".card").all()]
    assert len(set(ids)) == 25


@pytest.mark.parametrize(
    ("how", "id_", "before", "after"),
    [
        ("like", "a", ([], []), (["a"], [])),
        ("like", "a", (["b"], ["a"]), (["b", "a"], [])),
        ("like", "b", (["b"], []), (["b"], [])),
        ("unlike", "a", (["b"], []), (["b"], ["a"])),
        ("unlike", "b", (["b"], []), (["best"], ["b"])),
        ("unlike", "a", ([], []), (["best"], ["a"])),
    ],
)
def test_judging(
    visit: Open, how: str, id_: str, before: tuple[list, list], after: tuple[list, list]
):
    changes = visit().page.evaluate(
        "([how, id, [like, unlike]]) => import('/search/question.js')"
        ".then((m) => m.judged({ like, unlike }, how, id, 'best'))",
        [how, id_, before],
    )
    assert changes == {"query": "", "like": after[0], "unlike": after[1]}
