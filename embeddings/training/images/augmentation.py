"""Pictures as they are learned: cut, turned, coloured and covered at random."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

    from embeddings.training.images.recipe import Augment

_RATIO = 4 / 3
"""Widest shape of a part that is cut out; the narrowest is its reciprocal (Szegedy et al. 2014)."""
_TRIES = 10
_ERASED = (0.02, 0.25)
"""Least and largest share of the picture's area that is covered."""


def augment(image: Image, size: int, options: Augment, random: np.random.Generator) -> Image:
    """A picture of size x size pixels, drawn from the one given.

    Args:
        image: RGB.
        size: pixels a side.
        options: see `Augment`.
        random: what is drawn comes from it alone, in one order.
    """
    from PIL import ImageOps
    from PIL.Image import Resampling

    made = _cut(image, size, options.crop, random)
    if random.random() < options.flip:
        made = ImageOps.mirror(made)
    if options.turn:
        angle = float(random.uniform(-options.turn, options.turn))
        made = made.rotate(angle, Resampling.BILINEAR, fillcolor=_mean_colour(made))
    if options.colour:
        made = _colour(made, options.colour, random)
    if random.random() < options.erase:
        made = _erase(made, random)
    return made


def _cut(image: Image, size: int, least: float, random: np.random.Generator) -> Image:
    """A part of the picture, `least` to all of its area, scaled; the middle where none fits."""
    from PIL.Image import Resampling

    width, height = image.size
    box: tuple[float, float, float, float] | None = None
    for _ in range(_TRIES if least < 1 else 0):
        area = width * height * random.uniform(least, 1)
        ratio = math.exp(random.uniform(-math.log(_RATIO), math.log(_RATIO)))
        across, down = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if across <= width and down <= height:
            left, top = random.uniform(0, width - across), random.uniform(0, height - down)
            box = (left, top, left + across, top + down)
            break
    if box is None:
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    return image.resize((size, size), Resampling.BILINEAR, box=box, reducing_gap=2.0)


def _colour(image: Image, most: float, random: np.random.Generator) -> Image:
    from PIL import ImageEnhance

    kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for kind in kinds:
        image = kind(image).enhance(float(random.uniform(1 - most, 1 + most)))
    return image


def _erase(image: Image, random: np.random.Generator) -> Image:
    from PIL.Image import fromarray

    size = image.size[0]
    area = size * size * random.uniform(*_ERASED)
    ratio = math.exp(random.uniform(-math.log(2), math.log(2)))
    across = min(max(round(math.sqrt(area * ratio)), 1), size)
    down = min(max(round(math.sqrt(area / ratio)), 1), size)
    left, top = int(random.integers(size - across + 1)), int(random.integers(size - down + 1))
    pixels = np.array(image)
    noise = random.integers(0, 256, (down, across, 3), dtype=np.uint8)
    pixels[top : top + down, left : left + across] = noise
    return fromarray(pixels)


def _mean_colour(image: Image) -> tuple[int, ...]:
    return tuple(int(value) for value in np.asarray(image).mean(axis=(0, 1)))
