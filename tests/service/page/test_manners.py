"""Address, language, colours, keyboard and narrow screens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser


def test_the_address_holds_the_question(visit: Open):
    wanted = {"must": [{"key": "lang", "match": {"value": "en"}}]}
    here = visit(f"?collection=faq&q=parcel&limit=20&exact=1&filter={quote(json.dumps(wanted))}")
    here.see_cards("en-delivery", "en-parcel", "en-refund", "script")
    assert here.page.input_value("#limit") == "20"
    assert here.page.is_checked("#exact")
    here.search("refund")
    address = here.page.url
    here.page.reload()
    here.see("#status", "refund")
    assert here.page.url == address
    here.see_cards("en-delivery", "en-parcel", "en-refund", "script")
    here.page.go_back()
    here.see("#status", "parcel")
    assert here.page.input_value("#query") == "parcel"


def test_language_and_colours_are_remembered(visit: Open):
    here = visit("?collection=faq&q=parcel", color_scheme="light")
    here.see("#status", "matches for “parcel”")
    here.page.click("#language [value=ko]")
    here.see("#status", "결과 6건")
    here.see("#receipt summary", "영수증")
    assert here.page.get_attribute("html", "lang") == "ko"
    here.page.click("#theme")
    here.page.click("#theme")
    here.page.reload()
    here.see("#status", "결과 6건")
    assert here.page.get_attribute("html", "data-theme") == "dark"
    paper = here.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == "rgb(18, 21, 19)"


def test_the_keyboard_is_enough(visit: Open):
    here = visit("?collection=faq")
    here.see("#notice h2", "What are you looking for?")
    here.page.keyboard.press("/")
    here.page.keyboard.type("창고에 들어온 물품은 먼저 검수합니다")
    here.see(".card .text", "창고에 들어온 물품은")
    here.page.keyboard.press("ArrowDown")
    focused = "document.activeElement.dataset.id"
    assert here.page.evaluate(focused) == "handbook.md#2"
    text = here.page.locator(".card .text").first
    assert text.inner_text().endswith(" …")
    here.page.keyboard.press("Enter")
    stored = httpx.get(f"{here.url}/v1/collections/faq/documents/handbook.md%232").json()
    assert text.inner_text() == stored["text"]
    assert here.page.get_attribute(".card .expand", "aria-expanded") == "true"
    here.see(".card .parent", "Part 3 of handbook.md")
    here.see(".card .parent", "characters 1,204 to 1,900")
    here.page.keyboard.press("ArrowUp")
    assert here.page.evaluate("document.activeElement.id") == "query"


@pytest.mark.parametrize("width", [360, 800, 1440])
def test_nothing_runs_off_the_screen(visit: Open, width: int):
    here = visit("?collection=faq&q=parcel", viewport={"width": width, "height": 800})
    here.see("#status", "parcel")
    assert here.page.evaluate("document.documentElement.scrollWidth") == width
    assert here.page.locator("#filter").get_attribute("open") == ("" if width >= 960 else None)
