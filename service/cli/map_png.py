"""A map as a PNG: a point a document, names of clusters where they fit.

Drawn by Pillow, which is always there. Its own font has no Hangul: for Korean names a font of the
system is looked for by the name of its file, since nothing else tells it without a library.
"""

from __future__ import annotations

import colorsys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    from service.client import JsonObject

SIDE = 1_600
"""Pixels a side."""
_SCALE = 2
"""Drawn so many times as large and made smaller, for smooth edges."""
_MARGIN = 40
_LETTER = 22
"""Pixels of a name's height."""
_MOST_RADIUS, _LEAST_RADIUS = 5.0, 1.0
_HUE = 0.381966
"""Of the circle of colours between two clusters: the golden angle, as on the page."""
_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    *("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts"),
)
_HANGUL = (
    *("NotoSansKR-Regular.otf", "NotoSansKR-Regular.ttf", "NotoSansCJKkr-Regular.otf"),
    *("NotoSansCJK-Regular.ttc", "NanumGothic.ttf", "NanumBarunGothic.ttf", "malgun.ttf"),
    *("AppleSDGothicNeo.ttc", "UnDotum.ttf"),
)
"""Files of fonts with Hangul, the first that is there is taken."""


def draw_png(
    path: Path,
    name: str,
    answer: JsonObject,
    points: Iterable[dict[str, Any]],
    *,
    folders: Sequence[str] = _FOLDERS,
) -> tuple[str | None, str | None]:
    """Write the map, whole or not at all.

    Args:
        path: ends in `.png`.
        name: of the collection, above the map.
        answer: the map, as the API shows it.
        points: all of them.
        folders: where fonts are looked for.

    Returns:
        The font that Korean names are in, None without such names; and what is missing for them,
        None if nothing is: clusters have numbers then.

    Raises:
        StorageFullError: the disk is full.
    """
    from PIL import Image, ImageDraw

    side = SIDE * _SCALE
    image = Image.new("RGB", (side, side), "white")
    drawing = ImageDraw.Draw(image)
    left, low, right, _ = answer["bounds"]
    inner = side - 2 * _MARGIN * _SCALE
    span = (right - left) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across, down = (x - left) / span * inner, inner - (y - low) / span * inner
        return across + _MARGIN * _SCALE, down + _MARGIN * _SCALE

    radius = _radius(answer["points"]) * _SCALE
    for point in points:
        x, y = place(point["x"], point["y"])
        box = (x - radius, y - radius, x + radius, y + radius)
        drawing.ellipse(box, fill=_colour(point["cluster"]))
    names = [(each["label"], each["cluster"], place(each["x"], each["y"])) for each in _big(answer)]
    title = f"{name}: {answer['points']:,} documents"
    font, told, missing = _font_for([title, *(label for label, _, _ in names)], folders)
    if missing is not None:
        names = [(_latin(label, cluster), cluster, at) for label, cluster, at in names]
        title = _latin(title, None)
    _write_names(drawing, names, font)
    drawing.text((_MARGIN * _SCALE / 2,) * 2, title, fill="black", font=font)
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    with replacing(path) as temporary:
        small.save(temporary, "PNG", optimize=True)
    return told, missing


def _big(answer: JsonObject) -> list[JsonObject]:
    return sorted(answer["labels"], key=lambda each: -each["size"])


def _radius(count: int) -> float:
    """Pixels; the more points, the smaller, so that all of them cover a part of the plane alone."""
    return float(min(_MOST_RADIUS, max(_LEAST_RADIUS, 0.2 * SIDE / max(count, 1) ** 0.5)))


def _colour(cluster: int | None) -> tuple[int, int, int]:
    if cluster is None:
        return (76, 120, 168)
    if cluster < 0:
        return (170, 174, 180)
    red, green, blue = colorsys.hls_to_rgb(cluster * _HUE % 1, 0.58, 0.62)
    return round(255 * red), round(255 * green), round(255 * blue)


def _font_for(
    texts: Iterable[str], folders: Sequence[str]
) -> tuple[FreeTypeFont, str | None, str | None]:
    """A font for the texts, the name of one with Hangul, and what is missing; see `draw_png`."""
    from PIL import ImageFont

    size = _LETTER * _SCALE
    usual: Any = ImageFont.load_default(size)
    if all(_is_plain(text) for text in texts):
        return usual, None, None
    found = _find_font(folders)
    if found is not None:
        return ImageFont.truetype(str(found), size), found.stem, None
    missing = (
        "no font with Hangul is here, so clusters with Korean names have numbers on the map; "
        f"install one (fonts-nanum, fonts-noto-cjk; looked for {', '.join(_HANGUL)})"
    )
    return usual, None, missing


def _find_font(folders: Sequence[str]) -> Path | None:
    """The file of a font with Hangul; None if there is none in these folders or below."""
    for wanted in _HANGUL:
        for folder in folders:
            found = next(iter(sorted(Path(folder).expanduser().rglob(wanted))), None)
            if found is not None:
                return found
    return None


def _is_plain(text: str) -> bool:
    """True if Pillow's own font has all of its letters."""
    return all(ord(char) < 0x250 for char in text)


def _latin(label: str, cluster: int | None) -> str:
    """The label, or the cluster's number where the font has not all of its letters."""
    if _is_plain(label):
        return label
    return f"#{cluster}" if cluster is not None else label.encode("ascii", "replace").decode()


def _write_names(
    drawing: ImageDraw,
    names: Iterable[tuple[str, int, tuple[float, float]]],
    font: FreeTypeFont,
) -> None:
    """The names of the largest clusters; one that would cover another is left out."""
    taken: list[tuple[float, float, float, float]] = []
    edge = _MARGIN * _SCALE / 4
    for label, _, (middle, y) in names:
        half = drawing.textlength(label, font=font) / 2
        x = min(max(middle, edge + half), SIDE * _SCALE - edge - half)
        box = drawing.textbbox((x, y), label, font=font, anchor="mm")
        if any(_cross(box, other) for other in taken):
            continue
        taken.append(box)
        drawing.text(
            (x, y), label, fill="black", font=font, anchor="mm", stroke_width=6, stroke_fill="white"
        )


def _cross(one: Sequence[float], other: Sequence[float]) -> bool:
    apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    return not apart
