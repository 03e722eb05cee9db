"""Pictures of every kind come out upright and in RGB; what is none is refused by name."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from embeddings.errors import InvalidImageError
from embeddings.images.decoding import MOST_PIXELS, decode, look, make_thumbnail
from embeddings.images.framing import frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Painted = Callable[..., Image.Image]
    InBytes = Callable[..., bytes]


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and nothing more."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "JPEG"])
def test_every_format_is_read(
    painted: Painted, in_bytes: InBytes, tmp_path: Path, kind: str
) -> None:
    image = painted(40, 30)
    data = in_bytes(image, kind)
    path = tmp_path / "picture"
    path.write_bytes(data)
    for made in (decode(data), decode(path), decode(Image.open(io.BytesIO(data)))):
        assert made.mode == "RGB"
        assert made.size == (40, 30)
        difference = np.abs(np.asarray(made, np.int16) - np.asarray(image, np.int16)).mean()
        assert difference < (0.01 if kind == "PNG" else 16)
    told = look(data)
    assert (told.format, told.width, told.height) == (kind, 40, 30)
    assert look(path) == told


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_is_obeyed(in_bytes: InBytes, orientation: int) -> None:
    """A picture with a red corner that was taken in each of the eight ways."""
    upright = Image.new("RGB", (32, 16), (0, 0, 255))
    upright.paste((255, 0, 0), (0, 0, 8, 8))
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright if orientation == 1 else upright.transpose(back[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = in_bytes(stored, "PNG", exif=exif)
    made = decode(data)
    assert made.size == (32, 16)
    assert made.getpixel((2, 2)) == (255, 0, 0)
    assert made.getpixel((30, 14)) == (0, 0, 255)
    assert (look(data).width, look(data).height) == (32, 16)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_nonsense_in_exif_turns_nothing(painted: Painted, in_bytes: InBytes) -> None:
    data = in_bytes(painted(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert decode(data).size == (40, 30)


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    clear.putpixel((0, 0), (255, 0, 0, 255))
    made = decode(clear)
    assert made.getpixel((0, 0)) == (255, 0, 0)
    assert made.getpixel((3, 3)) == (255, 255, 255)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    palette.info["transparency"] = 0
    palette.putpixel((0, 0), 0)
    assert decode(palette).getpixel((0, 0)) == (255, 255, 255)
    assert decode(palette).getpixel((1, 1)) == (10, 200, 30)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_mode_becomes_rgb(painted: Painted, mode: str) -> None:
    grey = painted().convert("L")
    image = grey.convert("RGB").convert(mode) if mode in {"HSV", "YCbCr"} else None
    if mode == "LAB":
        image = Image.new("LAB", (40, 30), (128, 0, 0))
    made = decode(image or (grey.convert("RGB") if mode == "CMYK" else grey).convert(mode))
    assert made.mode == "RGB"
    assert made.size == (40, 30)


def test_cmyk_files_keep_their_colours(in_bytes: InBytes) -> None:
    red = Image.new("RGB", (16, 16), (220, 20, 20)).convert("CMYK")
    found = decode(in_bytes(red, "JPEG", quality=95)).getpixel((8, 8))
    assert np.abs(np.array(found) - (220, 20, 20)).max() < 12


def test_deep_grey_is_not_cut() -> None:
    """16 bits: Pillow's own conversion would make everything above 255 white."""
    deep = Image.fromarray(np.full((4, 4), 32_896, dtype=np.uint16))
    assert decode(deep).getpixel((0, 0)) == (128, 128, 128)


def test_the_first_frame_of_a_gif_is_read(in_bytes: InBytes) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    data = in_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data).getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is no picture"),
        (b"this is a text", "is no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture"),
        (b"\x89PNG\r\n\x1a\n", "is no picture"),
        (b"\xff\xd8\xff\xe0 not really", "is no picture|cannot be"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match=told):
        decode(data)
    path = tmp_path / "fake.jpg"
    path.write_bytes(data)
    with pytest.raises(InvalidImageError, match=r"fake\.jpg (is no picture|cannot be)"):
        decode(path)
    with pytest.raises(InvalidImageError):
        look(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_is_cut_off_is_refused(painted: Painted, in_bytes: InBytes, kind: str) -> None:
    data = in_bytes(painted(200, 200), kind)
    with pytest.raises(InvalidImageError, match=r"cannot be decoded|is no picture|cannot be read"):
        decode(data[: len(data) // 2])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match=r"gone\.png cannot be read: No such file"):
        decode(tmp_path / "gone.png")
    with pytest.raises(InvalidImageError, match="cannot be read: Is a directory"):
        decode(tmp_path)


@pytest.mark.parametrize("side", [11_000, 20_000, 60_000])
def test_bombs_are_refused_unread(side: int) -> None:
    """Small files of many pixels: ours are refused here, larger ones by Pillow itself."""
    with pytest.raises(InvalidImageError, match=f"{MOST_PIXELS:,}"):
        decode(png_header(side, side))
    with pytest.raises(InvalidImageError, match=f"{MOST_PIXELS:,}"):
        look(png_header(side, side))


def test_large_jpegs_are_decoded_small(painted: Painted, in_bytes: InBytes) -> None:
    data = in_bytes(painted(800, 640).convert("RGB"), "JPEG")
    small = decode(data, least_side=32)
    assert small.size == (100, 80)
    whole = decode(data)
    assert whole.size == (800, 640)
    apart = np.asarray(frame(small, 32, "crop"), np.int16) - frame(whole, 32, "crop")
    assert np.abs(apart).mean() < 3


@pytest.mark.parametrize("size", [(1, 1), (1, 5_000), (5_000, 1), (3, 2)])
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_pictures_of_any_shape_are_framed(size: tuple[int, int], fit: str) -> None:
    made = frame(Image.new("RGB", size, (9, 99, 199)), 32, fit)  # type: ignore[arg-type]
    assert made.shape == (32, 32, 3)
    assert made.dtype == np.uint8
    assert made[15, 15].tolist() == [9, 99, 199]


def test_crop_stretch_and_pad_take_different_parts() -> None:
    """A white picture with black thirds at its sides."""
    image = Image.new("RGB", (90, 30), (0, 0, 0))
    image.paste((255, 255, 255), (30, 0, 60, 30))
    assert frame(image, 32, "crop").min() > 240
    stretched = frame(image, 33, "stretch")
    assert stretched[16, 2].max() < 5
    assert stretched[16, 16].min() > 250
    padded = frame(image, 32, "pad")
    assert padded[0, 16].tolist() == [124, 116, 104]
    assert padded[16, 1].max() < 5


def test_thumbnails_are_small(painted: Painted) -> None:
    made = Image.open(io.BytesIO(make_thumbnail(painted(400, 200), 64)))
    assert (made.format, made.size) == ("JPEG", (64, 32))
    assert Image.open(io.BytesIO(make_thumbnail(painted(10, 8), 64))).size == (10, 8)


@settings(max_examples=60)
@given(
    cut=st.integers(0, 600),
    flips=st.lists(st.tuples(st.integers(0, 600), st.integers(1, 255)), max_size=4),
)
def test_damage_is_refused_or_read(cut: int, flips: list[tuple[int, int]]) -> None:
    """Whatever is done to a file, it is a picture or an `InvalidImageError`, nothing else."""
    made = io.BytesIO()
    Image.linear_gradient("L").resize((24, 24)).convert("RGB").save(made, "PNG")
    data = bytearray(made.getvalue())
    for place, bits in flips:
        data[place % len(data)] ^= bits
    with contextlib.suppress(InvalidImageError):
        assert decode(bytes(data[: len(data) - cut % 40])).mode == "RGB"
