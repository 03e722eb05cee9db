"""Pictures of any shape to the square that a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Fit = Literal["crop", "stretch", "pad"]
FITS: tuple[Fit, ...] = get_args(Fit)
Pixels = npt.NDArray[np.uint8]
"""uint8 (height, width, 3)."""

_MIDDLE = (124, 116, 104)
"""The mean colour of ImageNet's pictures, which tells a network nothing; beside padded ones."""


def frame(image: Image, size: int, fit: Fit) -> Pixels:
    """The picture as a square of uint8 (size, size, 3).

    What is wanted of the picture is cut out before it is scaled, so that one of 1 x 10,000 pixels
    costs no more than others.

    Args:
        image: in RGB.
        size: pixels a side.
        fit: `crop` takes the largest square in the middle, `stretch` the whole, out of proportion
            where it is no square, `pad` the whole with grey beside it.
    """
    from PIL import Image

    width, height = image.size
    if fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return scale(image, size, (left, top, left + side, top + side))
    if fit == "stretch":
        return scale(image, size, (0, 0, width, height))
    share = size / max(width, height)
    inner = (max(round(width * share), 1), max(round(height * share), 1))
    small = image.resize(inner, Image.Resampling.BILINEAR, reducing_gap=2.0)
    whole = Image.new("RGB", (size, size), _MIDDLE)
    whole.paste(small, ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return np.asarray(whole)


def scale(image: Image, size: int, box: tuple[float, float, float, float]) -> Pixels:
    """A part of the picture, `(left, top, right, bottom)`, as uint8 (size, size, 3)."""
    from PIL import Image

    made = image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    return np.asarray(made)
