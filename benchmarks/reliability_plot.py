"""A reliability diagram as SVG, small and without libraries."""

from __future__ import annotations

from typing import Any

_SIZE, _LEFT, _TOP, _GAP = 220, 46, 34, 54
_TITLES = {
    "questions": "questions left out",
    "judged": "sets left out, all judged",
    "known item": "sets left out, one answer",
}
_SETS = {
    "questions": "every second of all eight sets",
    "judged": "cranfield, med, cisi",
    "known item": "bookshop, xquad, boolq, belebele, miracl",
}
_AXIS, _INK, _FILL = "#777", "#222", "#3465a4"


def draw(panels: dict[str, dict[str, Any]]) -> str:
    """One square a panel: confidence across, share relevant up, area by number of matches."""
    width = _LEFT + len(panels) * (_SIZE + _GAP)
    height = _TOP + _SIZE + 62
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
        "<title>Confidence against the share of relevant matches, left out of the fit</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, (name, panel) in enumerate(panels.items()):
        parts += _panel(name, panel, _LEFT + number * (_SIZE + _GAP))
    return "\n".join([*parts, "</svg>", ""])


def _panel(name: str, panel: dict[str, Any], left: int) -> list[str]:
    bottom = _TOP + _SIZE
    middle = left + _SIZE / 2
    parts = [
        f'<text x="{middle}" y="16" text-anchor="middle" font-size="13" fill="{_INK}">'
        f"{_TITLES[name]}</text>",
        f'<text x="{middle}" y="29" text-anchor="middle" fill="{_AXIS}">ECE {panel["ece"]:.3f}, '
        f"Brier {panel['brier']:.3f}</text>",
        f'<rect x="{left}" y="{_TOP}" width="{_SIZE}" height="{_SIZE}" fill="none" '
        f'stroke="{_AXIS}"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{left + _SIZE}" y2="{_TOP}" stroke="{_AXIS}" '
        'stroke-dasharray="4 3"/>',
    ]
    for tick in (0.0, 0.5, 1.0):
        across, up = left + tick * _SIZE, bottom - tick * _SIZE
        parts.append(
            f'<text x="{across}" y="{bottom + 14}" text-anchor="middle" fill="{_AXIS}">'
            f"{tick:g}</text>"
        )
        parts.append(
            f'<text x="{left - 5}" y="{up + 4}" text-anchor="end" fill="{_AXIS}">{tick:g}</text>'
        )
    for its in panel["bins"]:
        radius = 3 + 14 * its["weight"] ** 0.5
        x, y = left + its["confidence"] * _SIZE, bottom - its["relevant"] * _SIZE
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_FILL}" '
            f'fill-opacity="0.55" stroke="{_FILL}"><title>{its["matches"]} matches: confidence '
            f"{its['confidence']}, relevant {its['relevant']}</title></circle>"
        )
    parts += [
        f'<text x="{middle}" y="{bottom + 30}" text-anchor="middle" fill="{_INK}">'
        "mean confidence</text>",
        f'<text x="{middle}" y="{bottom + 46}" text-anchor="middle" fill="{_AXIS}">'
        f"{_SETS[name]}</text>",
        f'<text transform="translate({left - 30} {_TOP + _SIZE / 2}) rotate(-90)" '
        f'text-anchor="middle" fill="{_INK}">share relevant</text>',
    ]
    return parts
