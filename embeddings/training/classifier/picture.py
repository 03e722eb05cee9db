"""The picture of what a classifier confuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from embeddings.training.classifier.report import Errors

_MOST_DRAWN = 30
"""Classes in the picture; of more, those with the most errors."""
_LONGEST = 32
"""Characters of a label in the picture."""
_USUAL = "DejaVu Sans"
_KOREAN = (
    *("NanumGothic", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic", "Apple SD Gothic Neo"),
    *("AppleGothic", "UnDotum", "Noto Sans CJK JP"),
)
"""Fonts with Hangul, as systems name them."""


def draw_confusions(errors: Errors, path: Path, *, title: str) -> None:
    """Write the confusion matrix as a PNG, rows as shares of the texts of a class.

    Of more than 30 classes those with the most errors are drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts, labels = errors.matrix(), errors.labels
    if not (counts[-1].any() or counts[:, -1].any()):
        counts, labels = counts[:-1, :-1], labels[:-1]
    # Shares stay those of whole classes: what falls outside the picture still counts.
    totals, kept = counts.sum(axis=1), np.arange(len(labels))
    if len(labels) > _MOST_DRAWN:
        wrong = counts.sum(axis=0) + totals - 2 * counts.diagonal()
        kept = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_DRAWN])
        title = f"{title}: the {_MOST_DRAWN} of {len(labels)} classes with the most errors"
        counts, labels = counts[np.ix_(kept, kept)], tuple(labels[place] for place in kept)
    shares = counts / np.maximum(totals[kept], 1)[:, None]
    size = max(4.5, 1.5 + 0.32 * len(labels))
    figure = Figure(figsize=(size + 1.6, size), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, label="share of the texts of a class", shrink=0.8)
    shown, family = drawable(labels, [int(place) + 1 for place in kept])
    axes.set_xticks(range(len(labels)), shown, rotation=90, fontsize=7, family=family)
    axes.set_yticks(range(len(labels)), shown, fontsize=7, family=family)
    axes.set(xlabel="given", ylabel="true")
    family, letters = _font_of([title])
    told = "".join(letter if ord(letter) in letters else "?" for letter in _plain(title))
    axes.set_title(told, fontsize=9, family=family)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        number = f"{counts[row, column]:,}"
        axes.text(column, row, number, ha="center", va="center", color=colour, fontsize=6)
    figure.savefig(path, dpi=110)


def drawable(labels: Sequence[str], numbers: Sequence[int]) -> tuple[list[str], str]:
    """Labels as a font here can draw them, cut, and that font's family.

    Args:
        labels: n texts.
        numbers: n numbers; where no font has the letters of a label, `#3` stands for it.
    """
    shown = [_plain(label)[:_LONGEST] for label in labels]
    family, letters = _font_of(shown)
    return [
        label if {ord(letter) for letter in label} <= letters else f"#{number}"
        for label, number in zip(shown, numbers, strict=True)
    ], family


def _font_of(texts: Sequence[str]) -> tuple[str, set[int]]:
    """The first font with all letters of the texts, else the usual one, and its letters."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    def letters_of(family: str) -> set[int]:
        return set(get_font(findfont(FontProperties(family=family))).get_charmap())

    needed = {ord(letter) for text in texts for letter in text}
    there = {entry.name for entry in fontManager.ttflist}
    for family in (_USUAL, *(name for name in _KOREAN if name in there)):
        if needed <= (letters := letters_of(family)):
            return family, letters
    return _USUAL, letters_of(_USUAL)


def _plain(text: str) -> str:
    """The text in one line; `$` would begin a formula."""
    return " ".join(text.split()).replace("$", r"\$")
