"""The map and the jobs that draw it: asked for, followed, looked at, chosen from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.service.page.conftest import JOB_SECONDS, found

if TYPE_CHECKING:
    from collections.abc import Callable

    Open = Callable[..., Any]

pytestmark = pytest.mark.browser

DRAWN = "n => document.querySelector('.map-points')?.dataset.drawn === String(n)"


@pytest.fixture(scope="module")
def drawn(url: str) -> str:
    """The server, with a map of `notes`."""
    found(url, "notes/map", {"neighbours": 5})
    return url


def look(here: Any, n: int) -> None:  # noqa: ANN401 - a visit
    here.page.wait_for_function(DRAWN, arg=n)


def test_a_map_is_asked_for_followed_and_shown(visit: Open):
    here = visit("?collection=faq&view=map")
    here.see(".invitation", "No map yet")
    here.page.set_default_timeout(JOB_SECONDS * 1000)
    with here.page.expect_request("**/events"):
        here.page.click("text=Draw the map")
    look(here, 6)
    here.see(".map-details", "Click a point")
    here.page.click("#rooms >> text=Jobs")
    here.see(".job h3", "Draw a map faq")
    assert here.page.locator(".job .state").first.inner_text() == "done"
    here.page.click(".job >> text=Show the result")
    look(here, 6)


def test_points_are_named_chosen_and_listed(visit: Open, drawn: str):
    here = visit("?collection=notes&view=map", at=drawn)
    look(here, 25)
    canvas = here.page.locator(".map-points")
    assert canvas.get_attribute("aria-label") == "Map of 25 documents"
    canvas.focus()
    here.page.keyboard.press("Enter")
    here.see(".map-details .document", "note")
    chosen = here.page.locator(".map-details .document").get_attribute("data-id")
    here.page.click("#tab-table")
    assert here.page.is_hidden(".map-picture")
    here.page.wait_for_function(
        "() => document.querySelectorAll('.map-table tbody tr').length === 25"
    )
    assert here.page.locator(".map-table tbody tr").first.get_attribute("data-id") == chosen
    here.page.click("#tab-picture")
    here.page.click(".map-details >> text=More like this")
    here.see("#status", "matches like")
    assert here.page.url.endswith(f"/?collection=notes&like={chosen}")


def test_drawing_around_points_chooses_them(visit: Open, drawn: str):
    here = visit("?collection=notes&view=map", at=drawn)
    look(here, 25)
    box = here.page.locator(".map-points").bounding_box()
    here.page.click("[title='Select by drawing around']")
    mouse = here.page.mouse
    corners = [(2, 2), (box["width"] - 2, 2), (box["width"] - 2, box["height"] - 2)]
    corners += [(2, box["height"] - 2)]
    mouse.move(box["x"] + 2, box["y"] + 2)
    mouse.down()
    for x, y in corners:
        mouse.move(box["x"] + x, box["y"] + y)
    mouse.up()
    here.see(".map-details h3", "25 documents selected")
    assert here.page.locator(".map-details .document").count() == 25
    here.page.click("[title='The whole map']")
    here.see(".map-details", "Click a point")


def test_colours_tell_fields(visit: Open, drawn: str):
    here = visit("?collection=notes&view=map", at=drawn)
    look(here, 25)
    here.page.wait_for_selector(".map-tools option[value=n]", state="attached")
    here.page.select_option(".map-tools select", "n")
    here.see(".scale-ends", "24")
    assert here.page.locator(".scale-ends span").all_inner_texts() == ["0", "24"]


def test_zooming_by_key_and_wheel_brings_fewer_points_into_sight(visit: Open, drawn: str):
    here = visit("?collection=notes&view=map", at=drawn)
    look(here, 25)
    here.page.focus(".map-points")
    for _ in range(6):
        here.page.keyboard.press("+")
    here.page.click("#tab-table")
    few = here.page.locator(".map-table tbody tr")
    here.page.wait_for_selector(".map-table .hint")
    assert few.count() < 25
    here.page.click("#tab-picture")
    here.page.focus(".map-points")
    here.page.keyboard.press("0")
    here.page.click("#tab-table")
    here.see(".map-table .hint", "25 documents in sight")


@pytest.mark.parametrize("width", [360, 1440])
def test_the_map_fits_the_screen_in_both_languages(visit: Open, drawn: str, width: int):
    here = visit(
        "?collection=notes&view=map",
        at=drawn,
        viewport={"width": width, "height": 900},
        locale="ko-KR",
        color_scheme="dark",
    )
    look(here, 25)
    here.see("#tab-table", "표")
    assert here.page.evaluate("document.documentElement.scrollWidth") == width
    paper = here.page.evaluate(
        "[...document.querySelector('.map-points').getContext('2d').getImageData(1, 1, 1, 1).data]"
    )
    assert paper == [26, 30, 28, 255]
    here.page.click("#language [value=en]")
    here.see("#tab-table", "Table")
