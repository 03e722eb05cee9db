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
_MOST_NUMBERED = 15
"""Classes up to which the picture has numbers."""
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
    everything = len(labels)
    if everything > _MOST_DRAWN:
        wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
        kept = np.sort(np.argsort(-wrong, kind="stable")[:_MOST_DRAWN])
        # Shares stay those of whole classes: what falls outside the picture still counts.
        totals = counts.sum(axis=1)[kept]
        counts, labels = counts[np.ix_(kept, kept)], tuple(labels[place] for place in kept)
        title = f"{title}: the {_MOST_DRAWN} of {everything} classes with the most errors"
    else:
        totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    size = max(4.5, 1.5 + 0.32 * len(labels))
    figure = Figure(figsize=(size + 1.6, size), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, label="share of the texts of a class", shrink=0.8)
    shown, family = drawable(labels)
    axes.set_xticks(range(len(labels)), shown, rotation=90, fontsize=7, family=family)
    axes.set_yticks(range(len(labels)), shown, fontsize=7, family=family)
    axes.set(xlabel="given", ylabel="true")
    axes.set_title(drawable([title])[0][0], fontsize=9, family=drawable([title])[1])
    if len(labels) <= _MOST_NUMBERED:
        for row, column in np.ndindex(*counts.shape):
            colour = "white" if shares[row, column] > 0.5 else "black"
            number = f"{counts[row, column]:,}"
            axes.text(column, row, number, ha="center", va="center", color=colour, fontsize=7)
    figure.savefig(path, dpi=110)


def drawable(labels: Sequence[str]) -> tuple[list[str], str]:
    """Labels as a font here can draw them, cut, and that font's family.

    Where no font has the letters of a label, its number (from 1) stands for it: `#3`.
    """
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    # `$` would begin a formula.
    shown = [" ".join(label.split())[:_LONGEST].replace("$", r"\$") for label in labels]
    needed = {ord(letter) for label in shown for letter in label}
    there = {entry.name for entry in fontManager.ttflist}
    for family in (_USUAL, *(name for name in _KOREAN if name in there)):
        letters = get_font(findfont(FontProperties(family=family))).get_charmap()
        if needed <= letters.keys():
            return shown, family
    letters = get_font(findfont(FontProperties(family=_USUAL))).get_charmap()
    return [
        label if all(ord(letter) in letters for letter in label) else f"#{place}"
        for place, label in enumerate(shown, 1)
    ], _USUAL
