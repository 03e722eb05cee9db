"""From room to room, and what is told of collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser


def facts(here: Any, title: str) -> dict[str, str]:  # noqa: ANN401 - a visit
    """The lines of the card of that title."""
    lines = here.page.locator(".tile", has=here.page.get_by_role("heading", name=title, exact=True))
    names = lines.locator("dt").all_inner_texts()
    return dict(zip(names, lines.locator("dd").all_inner_texts(), strict=True))


def test_rooms_are_links_that_keep_the_collection_and_can_be_gone_back_from(visit: Open):
    here = visit("?collection=notes&q=note")
    here.see("#status", "The first 10 matches")
    here.page.click("#rooms >> text=Collections")
    here.see("#room h2", "Collections")
    assert here.page.url.endswith("/?collection=notes&view=collections")
    assert here.page.locator("#rooms [aria-current=page]").inner_text() == "Collections"
    assert here.page.is_hidden("#search")
    here.page.go_back()
    here.see("#status", "The first 10 matches")
    assert here.page.is_hidden("#room")
    here.page.go_forward()
    here.see(".collection-cards h3", "notes")
    here.page.click("#rooms >> text=Search")
    here.see("#notice h2", "What are you looking for?")
    assert here.page.input_value("#collection") == "notes"


def test_an_unknown_room_is_the_search(visit: Open):
    here = visit("?collection=faq&view=cellar&q=parcel")
    here.see("#status", "parcel")


def test_a_collection_shows_its_cards(visit: Open):
    here = visit("?view=collections&collection=faq")
    here.see(".collection-cards h3", "faq")
    told = httpx.get(f"{here.url}/v1/collections/faq").json()
    rows = here.page.locator(".table tbody tr").all_inner_texts()
    listed = [row.split()[:2] for row in rows]  # other tests make some as well
    assert [row for row in listed if row[0] in {"faq", "notes"}] == [["faq", "6"], ["notes", "25"]]
    assert facts(here, "Documents")["Tokens"] == str(told["tokens"])
    encoder = facts(here, "Encoder")
    assert encoder["Encoder"] == "hash:64"
    assert encoder["Fingerprint"] == told["encoder"]["fingerprint"][:8]
    assert facts(here, "Index") == {"Index": "flat", "Recall": "100%, exact"}
    here.page.click(".table >> text=notes")
    here.see(".collection-cards h3", "notes")
    assert here.page.url.endswith("/?collection=notes&view=collections")
    assert here.page.evaluate("document.activeElement.textContent") == "notes"


def test_a_collection_that_is_not_there_is_said(visit: Open):
    here = visit("?view=collections&collection=attic")
    here.see(".notice.error .message", "attic")


def test_rooms_speak_both_languages(visit: Open):
    here = visit("?view=collections&collection=faq", locale="ko-KR")
    here.see(".tile h4", "문서")
    assert here.page.title() == "컬렉션 · Meari 메아리"
    here.page.click("#language [value=en]")
    here.see(".tile h4", "Documents")


@pytest.mark.parametrize("width", [360, 1440])
def test_no_room_runs_off_the_screen(visit: Open, width: int):
    here = visit("?view=collections&collection=faq", viewport={"width": width, "height": 800})
    here.see(".collection-cards h3", "faq")
    assert here.page.evaluate("document.documentElement.scrollWidth") == width
