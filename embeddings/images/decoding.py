"""Files and bytes to upright RGB pictures; what is none is refused by name."""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embeddings.errors import InvalidImageError

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

    from embeddings.images.pictures import Picture

MOST_PIXELS = 100_000_000
"""Pixels of a picture, width times height; more are refused before any is decoded."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""That are decoded; Pillow's others are not asked. Some cameras' JPEG is told as MPO."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
"""Endings of files that may hold such pictures, in lower case."""
_FAULTS = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
    *(struct.error, zlib.error),
)
"""What Pillow's plugins raise of damaged files."""
_ORIENTATION = 0x0112
_SPARE = 2
"""A JPEG is decoded to at least so many times the pixels a side that are asked for."""
_PAPER = (255, 255, 255)
"""What shows where a picture is transparent."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What a file says of its picture before it is decoded.

    Attributes:
        format: `JPEG`, `PNG`, `WEBP` or `GIF`.
        width: in pixels, as it is shown.
        height: in pixels, as it is shown.
    """

    format: str
    width: int
    height: int


def look(picture: os.PathLike[str] | bytes) -> Looks:
    """Format and size of a picture; its pixels are not decoded.

    Raises:
        InvalidImageError: it is no picture of a known format, or has too many pixels.
    """
    with _opened(picture) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        format_ = "JPEG" if image.format == "MPO" else str(image.format)
        return Looks(format_, width, height)


def decode(picture: Picture, *, least_side: int | None = None) -> Image:
    """The picture in RGB, as a viewer shows it.

    The first frame of several; turned as EXIF says; what is transparent on white; 16-bit grey by
    its upper 8 bits; CMYK by Pillow's plain conversion, without colour profiles.

    Args:
        picture: a path, a file's bytes, or an image of Pillow's.
        least_side: pixels that the shorter side must have; a large JPEG is decoded to a half, a
            quarter or an eighth of its size where that leaves twice as many. None decodes all.

    Raises:
        InvalidImageError: it is no picture of a known format, is damaged or cut off, or has too
            many pixels; the message names the file.
    """
    if isinstance(picture, os.PathLike | bytes):
        with _opened(picture) as image:
            return _upright(image, _name(picture), least_side)
    _check_size(picture, "the image")
    return _upright(picture, "the image", None)


def make_thumbnail(image: Image, side: int) -> bytes:
    """A JPEG of the picture, `side` pixels at the longer side at most; a smaller one stays so."""
    small = image
    if max(image.size) > side:
        small = image.copy()
        small.thumbnail((side, side), reducing_gap=2.0)
    made = io.BytesIO()
    small.save(made, "JPEG", quality=80)
    return made.getvalue()


def _opened(picture: os.PathLike[str] | bytes) -> Any:  # noqa: ANN401 - Pillow's, which closes itself
    from PIL import Image, UnidentifiedImageError

    name = _name(picture)
    source = io.BytesIO(picture) if isinstance(picture, bytes) else os.fspath(picture)
    try:
        image = Image.open(source, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        message = f"{name} has more than {MOST_PIXELS:,} pixels, the most that are decoded; refused"
        raise InvalidImageError(message) from error
    except UnidentifiedImageError as error:
        message = f"{name} is no picture: it is none of JPEG, PNG, WebP and GIF"
        raise InvalidImageError(message) from error
    except _FAULTS as error:
        raise InvalidImageError(f"{name} cannot be read: {_reason(error)}") from error
    try:
        _check_size(image, name)
    except InvalidImageError:
        image.close()
        raise
    return image


def _check_size(image: Image, name: str) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        message = (
            f"{name} has {width:,} x {height:,} pixels; at most {MOST_PIXELS:,} are decoded: make "
            "it smaller"
        )
        raise InvalidImageError(message)


def _upright(image: Image, name: str, least_side: int | None) -> Image:
    from PIL import Image

    try:
        if least_side is not None and image.format in {"JPEG", "MPO"}:
            _scale_down(image, least_side * _SPARE)
        turns = _orientation(image)
        image.load()
        flat = _flatten(image)
        return flat if turns == 1 else flat.transpose(_turn(turns))
    except (Image.DecompressionBombError, *_FAULTS) as error:
        raise InvalidImageError(f"{name} cannot be decoded: {_reason(error)}") from error


def _turn(orientation: int) -> Transpose:
    """What makes a picture of an EXIF orientation, 2 to 8, stand upright."""
    from PIL.Image import Transpose

    turns = (
        *(Transpose.FLIP_LEFT_RIGHT, Transpose.ROTATE_180, Transpose.FLIP_TOP_BOTTOM),
        *(Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90),
    )
    return turns[orientation - 2]


def _scale_down(image: Image, side: int) -> None:
    """Have a JPEG decoded small: the DCT gives a half, a quarter and an eighth for less work."""
    width, height = image.size
    share = side / min(width, height)
    if share < 1:
        image.draft("RGB", (round(width * share), round(height * share)))


def _orientation(image: Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none, or it cannot be read."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except _FAULTS:
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _flatten(image: Image) -> Image:
    """Three channels of 8 bits."""
    from PIL import Image

    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        return _from_deep_grey(image)
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        clear = image.convert("RGBA")
        paper = Image.new("RGB", image.size, _PAPER)
        paper.paste(clear, mask=clear.getchannel("A"))
        return paper
    return image.convert("RGB")


def _from_deep_grey(image: Image) -> Image:
    """16 bits of grey (which PNG has) by the upper 8; Pillow would cut at 255."""
    import numpy as np
    from PIL import Image

    grey = np.asarray(image).astype(np.float64)
    return Image.fromarray((grey.clip(0, 65_535) / 257).round().astype(np.uint8)).convert("RGB")


def _name(picture: os.PathLike[str] | bytes) -> str:
    return "the image" if isinstance(picture, bytes) else os.fspath(picture)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
