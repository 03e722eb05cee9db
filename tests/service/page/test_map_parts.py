"""The parts of the map, each by itself: tiles, places, colours, pixels, groups of duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from analysis.map.columns import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

POINTS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]], dtype=np.float32)

MAKE = """
const { Points } = await import('/map/points.js');
const points = new Points(xs.length, [0, 0, 1, 1]);
points.add({ n: xs.length, x: xs, y: ys, positions: xs.map((_, i) => 10 + i) });
"""


@pytest.fixture(scope="module")
def page(browser: Browser, url: str) -> Iterator[Page]:
    """One page for all parts."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/?view=collections")
    yield page
    context.close()


def on(page: Page, code: str, argument: object = None) -> Any:  # noqa: ANN401 - JSON
    """What the body of an asynchronous function gives."""
    return page.evaluate(f"async (argument) => {{ {code} }}", argument)


def test_a_tile_is_read_as_the_server_writes_it(page: Page):
    clusters, scores = np.array([3, -1, 0, 7, 2]), np.array([0.5, np.nan, 0.25, 1, 0])
    content = to_bytes(POINTS, np.array([4, 0, 3]), clusters=clusters, scores=scores)
    read = on(
        page,
        """const { readTile } = await import('/map/tile_format.js');
        const tile = readTile(new Uint8Array(argument).buffer);
        return Object.fromEntries(Object.entries(tile).map(
          ([name, column]) => [name, column.length === undefined ? column : [...column]]));""",
        list(content),
    )
    assert read == {
        "n": 3,
        "x": [0.5, 0, 1],
        "y": [0.5, 0, 1],
        "positions": [4, 0, 3],
        "clusters": [2, 3, 7],
        "scores": [0, 0.5, 1],
    }


@pytest.mark.parametrize("content", [b"MTIL" + bytes([2, 0, 0, 0] + [0] * 8), b"PNG\0" + bytes(12)])
def test_other_bytes_are_refused(page: Page, content: bytes):
    code = """const { readTile } = await import('/map/tile_format.js');
    try { readTile(new Uint8Array(argument).buffer); } catch (error) { return error.name; }
    return "read";"""
    assert on(page, code, list(content)) == "RangeError"


@pytest.mark.parametrize(
    ("place", "reach", "nearest"),
    [([0.1, 0.1], 0.2, 0), ([0.9, 0.2], 0.3, 1), ([0.3, 0.3], 0.2, -1), ([0.45, 0.6], 0.2, 4)],
)
def test_the_nearest_point_within_reach(page: Page, place: list[float], reach: float, nearest: int):
    code = f"""const [xs, ys] = argument.points; {MAKE}
    return points.nearest(...argument.place, argument.reach);"""
    argument = {"points": POINTS.T.tolist(), "place": place, "reach": reach}
    assert on(page, code, argument) == nearest


def test_points_in_boxes_and_polygons_are_those_that_numpy_finds(page: Page):
    lot = np.random.default_rng(1)
    points = lot.random((2000, 2)).astype(np.float32)
    code = f"""const [xs, ys] = argument; {MAKE}
    return {{ box: points.inBox([0.2, 0.3, 0.6, 0.4]),
      corner: points.inPolygon([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]),
      line: points.inPolygon([[0.1, 0.1], [0.9, 0.1]]) }};"""
    found = on(page, code, points.T.astype(float).tolist())
    x, y = points.astype(float).T
    box = (x >= 0.2) & (x <= 0.6) & (y >= 0.3) & (y <= 0.4)
    corner = (x > 0.1) & (y > 0.1) & (x + y < 1)
    assert found["box"] == np.flatnonzero(box).tolist()
    assert found["corner"] == np.flatnonzero(corner).tolist()
    assert found["line"] == []


def test_more_points_than_the_map_has_are_refused(page: Page):
    code = f"""const [xs, ys] = [[0, 1], [0, 1]]; {MAKE}
    try {{ points.add({{ n: 1, x: [0], y: [0], positions: [0] }}); }}
    catch (error) {{ return error.message; }}"""
    assert on(page, code) == "3 points; the map has 2"


def test_zooming_keeps_the_place_under_the_pointer(page: Page):
    code = """const { Camera } = await import('/map/camera.js');
    const camera = new Camera([-2, -2, 2, 2]);
    camera.resize(400, 200);
    camera.reset();
    const whole = camera.toPixel(2, 2);
    const before = camera.toMap(300, 50);
    camera.zoomAt(300, 50, 3);
    return { whole, before, after: camera.toMap(300, 50), zoom: camera.zoom };"""
    seen = on(page, code)
    assert seen["whole"] == pytest.approx([294, 6])
    assert seen["after"] == pytest.approx(seen["before"])
    assert seen["zoom"] == pytest.approx(3)


def test_points_become_pixels_of_their_colours(page: Page):
    code = f"""const [xs, ys] = [[0.25, 0.75], [0.5, 0.5]]; {MAKE}
    const {{ Raster }} = await import('/map/raster.js');
    const {{ Camera }} = await import('/map/camera.js');
    const camera = new Camera([0, 0, 1, 1]);
    camera.resize(100, 100);
    Object.assign(camera, {{ x: 0.5, y: 0.5, scale: 100 }});
    const raster = new Raster(document.createElement("canvas"));
    raster.resize(100, 100);
    const palette = Uint32Array.from([0x0000ff, 0xff0000]);
    raster.draw(points, camera,
      {{ ratio: 1, paper: 0xffffff, palette, colours: Uint8Array.from([0, 1]), radius: 3 }});
    const pen = raster.canvas.getContext("2d");
    const at = (x, y) => [...pen.getImageData(x, y, 1, 1).data].slice(0, 3);
    return [at(25, 50), at(75, 50), at(50, 50), at(30, 50)];"""
    left, right, middle, beside = on(page, code)
    assert left[0] == right[2] == 255
    assert max(left[1:]) < 60
    assert max(right[:2]) < 60
    assert middle == beside == [255, 255, 255]


def test_colours_tell_groups_steps_and_choices(page: Page):
    code = """const { Points } = await import('/map/points.js');
    const { Colouring } = await import('/map/colouring.js');
    const points = new Points(4, [0, 0, 1, 1]);
    points.add({ n: 4, x: [0, 0, 0, 0], y: [0, 0, 0, 0], positions: [3, 2, 1, 0],
      clusters: [5, 5, -1, 2], scores: [0, 1, 0.5, NaN] });
    const colouring = new Colouring(points);
    const paint = () => { const c = new Uint8Array(4); colouring.paint(c); return [...c]; };
    const seen = { cluster: paint(), sizes: colouring.sizes() };
    colouring.chosen = 5;
    seen.chosen = paint();
    colouring.choose("score");
    seen.score = paint();
    colouring.choose("lang", { kind: "values", values: ["ko", "en"], codes: [1, 0, -1, 0] });
    seen.field = paint();
    colouring.choose("year", { kind: "numbers", numbers: [2000, 2010, 2020, null] });
    seen.numbers = paint();
    seen.ends = [colouring.low, colouring.high];
    return seen;"""
    seen = on(page, code)
    assert seen["cluster"] == [6, 6, 0, 3]
    assert seen["sizes"] == [
        {"number": 5, "size": 2},
        {"number": 2, "size": 1},
        {"number": -1, "size": 1},
    ]
    assert seen["chosen"] == [6, 6, 255, 255]
    assert seen["score"] == [1, 32, 17, 0]
    assert seen["field"] == [1, 0, 1, 2]
    assert seen["numbers"] == [0, 32, 17, 1]
    assert seen["ends"] == [2000, 2020]


def test_a_group_keeps_one_and_marks_the_rest(page: Page):
    code = """const { Group } = await import('/duplicates/group.js');
    const members = ["b", "c"].map((id) => ({ id, score: 0.9 }));
    const group = new Group({ representative: "a", kind: "near", members });
    const told = () => [group.kept.id, group.others.map(({ id }) => [id, group.isMarked(id)])];
    const seen = [told()];
    group.mark("c", false);
    group.keep("b");
    seen.push(told());
    const left = group.drop(["a"]);
    seen.push(told(), left, group.drop(["c"]));
    return seen;"""
    first, second, third, left, alone = on(page, code)
    assert first == ["a", [["b", True], ["c", True]]]
    assert second == ["b", [["a", True], ["c", False]]]
    assert third == ["b", [["c", False]]]
    assert (left, alone) == (True, False)


def test_of_a_translation_nothing_is_marked_beforehand(page: Page):
    code = """const { Group } = await import('/duplicates/group.js');
    const members = [{ id: "en", score: 0.7 }];
    const group = new Group({ representative: "ko", kind: "translation", members });
    const seen = [group.isTranslation, group.isMarked("en")];
    group.keep("en");
    seen.push(group.isMarked("ko"));
    group.mark("ko", true);
    return [...seen, group.isMarked("ko")];"""
    assert on(page, code) == [True, False, False, True]


def test_tabs_move_by_arrow_and_hide_the_others(page: Page):
    code = """const { tabList } = await import('/tabs.js');
    const panels = ["one", "two", "three"].map((id) => document.createElement("div"));
    const chosen = [];
    const list = tabList(panels.map((panel, at) => ({ id: `t${at}`, name: `T${at}`, panel })),
      { label: "views", chosen: "t0", onChoose: (id) => chosen.push(id) });
    document.body.append(list, ...panels);
    const press = (key) =>
      list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    for (const key of ["ArrowRight", "ArrowLeft", "ArrowLeft", "Home", "End", "x"]) press(key);
    const seen = { chosen, focus: document.activeElement.id, hidden: panels.map((p) => p.hidden),
      selected: [...list.children].map((tab) => tab.getAttribute("aria-selected")),
      reach: [...list.children].map((tab) => tab.tabIndex) };
    list.remove();
    panels.forEach((panel) => panel.remove());
    return seen;"""
    assert on(page, code) == {
        "chosen": ["t1", "t0", "t2", "t0", "t2"],
        "focus": "tab-t2",
        "hidden": [True, True, False],
        "selected": ["false", "false", "true"],
        "reach": [-1, -1, 0],
    }
