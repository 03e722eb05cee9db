"""Span corruption: parts of a text cut out, a sentinel in the place of each.

Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer", 2020, arXiv:1910.10683, section 3.1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def cut_spans(
    ids: np.ndarray,
    share: float,
    length: float,
    sentinels: Sequence[int],
    draw: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """What is left of a text and what was cut out, each with sentinels at the same places.

    Of n tokens round(share * n), at least one, go into round(that / length) spans, at least one;
    lengths of spans and of what stands between them are drawn evenly. The first tokens stay.
    `a b c d e` with `b c` cut out gives `a <0> d e` and `<0> b c <1>`.

    Args:
        ids: int64 (n,), n at least 1; of one token nothing is left but its sentinel.
        share: of the tokens that go.
        length: of a span in the mean.
        sentinels: ids, in their order; spans are at most one less than there are.
        draw: of the spans.
    """
    total = len(ids)
    noise = min(max(round(share * total), 1), max(total - 1, 1))
    kept = total - noise
    spans = min(max(round(noise / length), 1), noise, max(kept, 1), len(sentinels) - 1)
    cut = _parts(noise, spans, draw)
    left = _parts(kept, spans, draw) if kept else [0]
    inputs: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    place = 0
    for number, (before, gone) in enumerate(zip(left, cut, strict=True)):
        sentinel = np.asarray([sentinels[number]])
        inputs += [ids[place : place + before], sentinel]
        place += before
        targets += [sentinel, ids[place : place + gone]]
        place += gone
    targets.append(np.asarray([sentinels[spans]]))
    return np.concatenate(inputs).astype(np.int64), np.concatenate(targets).astype(np.int64)


def _parts(total: int, parts: int, draw: np.random.Generator) -> list[int]:
    """`total` in so many parts of at least 1, each division equally likely."""
    cuts = np.sort(draw.choice(max(1, total - 1), parts - 1, replace=False)) + 1
    borders = np.concatenate([[0], cuts, [total]])
    return [int(each) for each in np.diff(borders)]
