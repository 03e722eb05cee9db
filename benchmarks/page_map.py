r"""The map of the page in Chromium: until it is painted, whole, and how it moves.

    python -m benchmarks.page_map [--documents 100000] [--data FOLDER --collection NAME]
        [--plotly plotly.min.js] [--picture map.png] [--name page_map]

Without a data folder, a collection of made-up sentences about forty subjects is written, and a
map of it whose positions are drawn by lot around forty middles: finding a better one takes minutes
and gives the page the same work. The page is then opened in headless Chromium, which computes all
pixels on the processor, with an empty cache: told are the milliseconds from the address to the
first points and to the last ones, those of one frame while the map moves and while it is zoomed,
and until a point under the pointer is named. With Plotly's JavaScript the same points are drawn by
its `scattergl`, once under the page's own security policy and once without any.
"""

from __future__ import annotations

import http.server
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import numpy as np
import typer
from playwright.sync_api import Error, sync_playwright

from analysis.corpus import read_corpus
from analysis.map.anchors import choose_anchors
from analysis.map.finding import Map, MapReceipt
from analysis.map.tiles import tiles
from analysis.origin import made_from
from analysis.results import Results
from benchmarks.record import save
from indexing.data_folder import DataFolder
from indexing.types import Document
from service.routes.page import HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from playwright.sync_api import Browser, Page

_SIZE = {"width": 1280, "height": 860}
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_FLAGS_WEBGL = ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-background-networking"]
_SUBJECTS, _WORDS, _DIM = 40, 30, 64
_BLOCK = 10_000

_PAINTED = """n => {
  const canvas = document.querySelector(".map-points");
  return canvas && Number(canvas.dataset.drawn) >= n;
}"""

_FRAMES = """async ([count, kind]) => {
  const canvas = document.querySelector(".map-points");
  const box = canvas.getBoundingClientRect();
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const spent = [];
  for (let at = 0; at < count; at += 1) {
    const before = performance.now();
    if (kind === "zoom") {
      canvas.dispatchEvent(new WheelEvent("wheel", {
        deltaY: at < count / 2 ? -60 : 60, clientX: box.left + box.width / 2,
        clientY: box.top + box.height / 2, bubbles: true, cancelable: true,
      }));
    } else {
      canvas.dispatchEvent(new KeyboardEvent("keydown", {
        key: at % 2 ? "ArrowLeft" : "ArrowRight", bubbles: true, cancelable: true,
      }));
    }
    await frame();
    await frame();
    spent.push(performance.now() - before);
  }
  return spent;
}"""

_PLOTLY = """
const { x, y, group } = await (await fetch("points.json")).json();
const node = document.getElementById("plot");
const size = { width: 860, height: 560 };
const marker = { size: 3, color: group };
await Plotly.newPlot(node, [{ type: "scattergl", mode: "markers", x, y, marker }], size);
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
await frame();
await frame();
window.drawn = performance.now();
window.spent = [];
for (let at = 1; at <= 6; at += 1) {
  const before = performance.now();
  const zoomed = { "xaxis.range": [-at, at], "yaxis.range": [-at, at] };
  await Plotly.relayout(node, zoomed);
  await frame();
  await frame();
  window.spent.push(performance.now() - before);
}
window.refused = document.body.textContent.includes("WebGL is not supported");
window.done = true;
"""


def main(
    documents: Annotated[int, typer.Option(help="Documents of the made-up collection.")] = 100_000,
    data: Annotated[Path | None, typer.Option(help="A data folder instead.")] = None,
    collection: Annotated[str, typer.Option(help="In it, with a map.")] = "subjects",
    plotly: Annotated[Path | None, typer.Option(help="Plotly's plotly.min.js.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where a screenshot goes.")] = None,
    rounds: Annotated[int, typer.Option(help="Visits; the median is told.")] = 3,
    name: Annotated[str, typer.Option(help="Of the record.")] = "page_map",
) -> None:
    """Measure the map, print the figures and keep them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = data or Path(temporary)
        if data is None:
            _make(folder, collection, documents)
        with _serving(folder) as url, sync_playwright() as playwright:
            answer = _map_of(url, collection)
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=_FLAGS
            )
            address = f"{url}/?collection={collection}&view=map"
            visits = [_visit(browser, address, answer["points"]) for _ in range(rounds)]
            if picture is not None:
                _photograph(browser, address, answer["points"], picture)
            browser.close()
            result: dict[str, Any] = {"points": answer["points"], "tiles": len(answer["tiles"])}
            result |= {"page": _medians(visits)}
            if plotly is not None:
                points = _points_of(url, collection, answer)
                webgl = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=_FLAGS_WEBGL
                )
                result["plotly"] = {
                    "javascript_bytes": plotly.stat().st_size,
                    "under_the_page's_policy": _plot(webgl, plotly, points, policy=True),
                    "without_policy": _plot(webgl, plotly, points, policy=False),
                }
                webgl.close()
    print(json.dumps(result, indent=1))
    print(save(name, result))


def _make(folder: Path, name: str, documents: int) -> None:
    """A collection about forty subjects, and a map of it."""
    lot = np.random.default_rng(8)
    words = [
        ["".join(lot.choice(list("aeioubdgklmnprst"), 6)) for _ in range(_WORDS)]
        for _ in range(_SUBJECTS)
    ]
    subjects = lot.integers(_SUBJECTS, size=documents)
    middles = lot.normal(size=(_SUBJECTS, _DIM))
    vectors = (middles[subjects] + lot.normal(0, 0.4, (documents, _DIM))).astype(np.float32)
    with DataFolder.open(folder, maintain=False) as data:
        collection = data.create(name, encoder=f"hash:{_DIM}")
        for first in range(0, documents, _BLOCK):
            part = range(first, min(first + _BLOCK, documents))
            made = [
                Document(
                    f"d{number}",
                    " ".join(lot.choice(words[subjects[number]], 8)),
                    metadata={"subject": f"s{subjects[number]}"},
                )
                for number in part
            ]
            collection.add(made, vectors=vectors[part.start : part.stop])
        corpus = read_corpus(collection)
        points = _points_by_lot(lot, subjects)
        tiled = tiles(points)
        anchors = choose_anchors(corpus.vectors, tiled, corpus.card.metric)
        origin = made_from(corpus)
        receipt = MapReceipt(
            documents=documents,
            method="by lot",
            neighbours=0,
            exact=True,
            neighbour_recall=1.0,
            exaggeration=1.0,
            seed=8,
            steps=0,
            made_from=origin,
            milliseconds={},
        )
        result = Map(corpus.ids, points, anchors, receipt).to_result()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        header = {**result.header, "made": {"at": now, "request": {}, **origin}}
        Results(collection.folder).save("map", replace(result, header=header))


def _points_by_lot(
    lot: np.random.Generator, subjects: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Clouds of different shapes around middles that keep their distance."""
    golden = np.pi * (3 - np.sqrt(5))
    order = np.arange(_SUBJECTS)
    radius = 60 * np.sqrt((order + 0.5) / _SUBJECTS)
    middles = np.column_stack([radius * np.cos(order * golden), radius * np.sin(order * golden)])
    shapes = lot.normal(0, 2.6, (_SUBJECTS, 2, 2))
    spread = lot.normal(size=(len(subjects), 2))
    points = middles[subjects] + np.einsum("nij,nj->ni", shapes[subjects], spread)
    return points.astype(np.float32)


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    port = 8397
    command = [sys.executable, "-m", "service.cli", "serve", "--data", str(folder)]
    with subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    if httpx.get(f"{url}/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.2)
            yield url
        finally:
            server.terminate()


def _map_of(url: str, collection: str) -> dict[str, Any]:
    """The map that is kept."""
    path = f"{url}/v1/collections/{collection}/map"
    return dict(httpx.get(path, timeout=60).raise_for_status().json())


def _visit(browser: Browser, address: str, points: int) -> dict[str, float]:
    """Milliseconds of one visit with an empty cache."""
    with browser.new_context(viewport=_SIZE) as context:
        page = context.new_page()
        seen: dict[str, float] = {}
        page.goto(address, wait_until="commit")
        for what, n in (("first_paint", 1), ("whole", points)):
            page.wait_for_function(_PAINTED, arg=n, polling="raf", timeout=120_000)
            seen[what] = page.evaluate("performance.now()")
        for kind in ("pan", "zoom"):
            spent = page.evaluate(_FRAMES, [40, kind])
            seen[f"{kind}_frame_p50"] = statistics.median(spent)
            seen[f"{kind}_frame_p95"] = statistics.quantiles(spent, n=20)[-1]
        seen["hover"] = _hover(page)
        return seen


def _hover(page: Page) -> float:
    """Milliseconds from the pointer's arrival at a point to its document's name."""
    box = page.locator(".map-points").bounding_box()
    if box is None:
        return float("nan")
    for step in range(40):
        x = box["x"] + box["width"] * (0.3 + 0.01 * step)
        started = time.perf_counter()
        page.mouse.move(x, box["y"] + box["height"] / 2)
        try:
            page.wait_for_selector(".map-tip:not([hidden])", timeout=600)
        except Error:
            continue
        return (time.perf_counter() - started) * 1000
    return float("nan")


def _photograph(browser: Browser, address: str, points: int, path: Path) -> None:
    with browser.new_context(viewport=_SIZE, locale="en-US") as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_function(_PAINTED, arg=points, timeout=120_000)
        page.wait_for_timeout(500)
        page.screenshot(path=path)


def _points_of(url: str, collection: str, answer: dict[str, Any]) -> dict[str, list[float]]:
    """All points as Plotly takes them."""
    x: list[float] = []
    y: list[float] = []
    root = f"{url}/v1/collections/{collection}/map/tiles"
    for tile in answer["tiles"]:
        path = f"{root}/{tile['level']}/{tile['column']}/{tile['row']}"
        content = httpx.get(path, timeout=60).raise_for_status().content
        n = tile["points"]
        numbers = memoryview(content[16 : 16 + 8 * n]).cast("f")
        x += numbers[:n].tolist()
        y += numbers[n:].tolist()
    return {"x": x, "y": y, "group": [float(at % _SUBJECTS) for at in range(len(x))]}


def _plot(
    browser: Browser, plotly: Path, points: dict[str, Any], *, policy: bool
) -> dict[str, Any]:
    """How Plotly draws the same points."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copy(plotly, folder / "plotly.min.js")
        (folder / "points.json").write_text(json.dumps(points), encoding="utf-8")
        (folder / "plot.js").write_text(_PLOTLY, encoding="utf-8")
        (folder / "index.html").write_text(
            '<!doctype html><meta charset="utf-8"><script src="plotly.min.js"></script>'
            '<div id="plot"></div><script type="module" src="plot.js"></script>',
            encoding="utf-8",
        )
        with _files(folder, HEADERS if policy else {}) as url:
            page = browser.new_page()
            page.goto(url, wait_until="commit")
            page.wait_for_function("() => window.done", timeout=100_000)
            told: dict[str, Any] = page.evaluate("({ drawn, refused, spent })")
            page.close()
    if told["refused"]:
        return {"refused": True}
    frame = statistics.median(told["spent"])
    return {"first_paint": round(told["drawn"], 1), "zoom_frame_p50": round(frame, 1)}


@contextmanager
def _files(folder: Path, headers: dict[str, str]) -> Iterator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:  # noqa: ANN401 - as its base
            super().__init__(*args, directory=str(folder))

        def end_headers(self) -> None:
            for header, value in headers.items():
                self.send_header(header, value)
            super().end_headers()

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as its base
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def _medians(visits: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(statistics.median(v[key] for v in visits), 1) for key in visits[0]}


if __name__ == "__main__":
    typer.run(main)
