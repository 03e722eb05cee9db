"""A map as a file: a page that zooms, or rows for other programs."""

from __future__ import annotations

import csv
import html
import json
from typing import TYPE_CHECKING, Any

from indexing.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from service.client import JsonObject

COLUMNS = ("id", "x", "y", "cluster", "score")
_SIDE = 1000.0
_HUE = 137.508
"""Degrees between the colours of two clusters: the golden angle keeps neighbours apart."""
_STYLE = """\
:root { color-scheme: light dark }
body { margin: 0; font: 14px system-ui, sans-serif; background: Canvas; color: CanvasText }
header { padding: .6rem 1rem } h1 { font-size: 1rem; margin: 0 }
p { margin: .2rem 0 0; opacity: .75 }
svg { width: 100vw; height: calc(100vh - 5rem); touch-action: none; cursor: grab }
circle { opacity: .75 } circle:hover { opacity: 1; stroke: CanvasText }
text { font-weight: 600; text-anchor: middle; fill: CanvasText; paint-order: stroke;
  stroke: Canvas; pointer-events: none }
"""
_SCRIPT = """\
const svg = document.querySelector("svg"), whole = svg.viewBox.baseVal;
const home = [whole.x, whole.y, whole.width, whole.height];
const names = [...svg.querySelectorAll("text")], points = [...svg.querySelectorAll("circle")];
function show(x, y, width, height) {
  svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  const scale = width / home[2];
  for (const point of points) point.setAttribute("r", 3 * Math.sqrt(scale));
  for (const name of names) {
    name.setAttribute("font-size", 16 * scale);
    name.setAttribute("stroke-width", 4 * scale);
    name.style.display = 2 ** Number(name.dataset.level) * scale > 1.01 ? "none" : "";
  }
}
show(...home);
svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = svg.viewBox.baseVal, by = event.deltaY < 0 ? 0.8 : 1.25;
  const inside = svg.getScreenCTM().inverse();
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(inside);
  show(at.x - (at.x - box.x) * by, at.y - (at.y - box.y) * by, box.width * by, box.height * by);
}, { passive: false });
svg.addEventListener("pointermove", (event) => {
  if (!event.buttons) return;
  const box = svg.viewBox.baseVal, unit = svg.getScreenCTM().a;
  show(box.x - event.movementX / unit, box.y - event.movementY / unit, box.width, box.height);
});
svg.addEventListener("dblclick", () => show(...home));
"""


def write_points(
    path: Path, name: str, answer: JsonObject, points: Iterable[dict[str, Any]]
) -> None:
    """Write a map's points, whole or not at all.

    Args:
        path: ends in `.html`, `.csv` or `.jsonl`, which says what it becomes.
        name: of the collection.
        answer: the map, as the API shows it.
        points: all of them.

    Raises:
        StorageFullError: the disk is full.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".html":
            file.writelines(_page(name, answer, points))
        elif path.suffix == ".csv":
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([point[column] for column in COLUMNS] for point in points)
        else:
            for point in points:
                fields = {column: point[column] for column in COLUMNS}
                file.write(json.dumps(fields, ensure_ascii=False) + "\n")


def _page(name: str, answer: JsonObject, points: Iterable[dict[str, Any]]) -> Iterable[str]:
    """One file without anything from elsewhere: an SVG, and a script to zoom it."""
    left, low, right, _ = answer["bounds"]
    scale = _SIDE / (right - left)
    title = html.escape(name)
    yield (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><header><h1>{title}</h1>"
        f"<p>{answer['points']:,} documents. Wheel: zoom; drag: move; double click: all of it; "
        f'rest on a point: its document.</p></header><svg viewBox="0 0 {_SIDE:g} {_SIDE:g}">\n'
    )
    for point in points:
        x, y = (point["x"] - left) * scale, _SIDE - (point["y"] - low) * scale
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_colour(point["cluster"])}">'
            f"<title>{html.escape(point['id'])}</title></circle>\n"
        )
    for label in answer["labels"]:
        x, y = (label["x"] - left) * scale, _SIDE - (label["y"] - low) * scale
        yield (
            f'<text x="{x:.1f}" y="{y:.1f}" data-level="{label["level"]}">'
            f"{html.escape(label['label'])}</text>\n"
        )
    yield f"</svg><script>{_SCRIPT}</script></body></html>\n"


def _colour(cluster: int | None) -> str:
    if cluster is None:
        return "#4c78a8"
    return "#9aa0a6" if cluster < 0 else f"hsl({cluster * _HUE % 360:.0f} 65% 50%)"
