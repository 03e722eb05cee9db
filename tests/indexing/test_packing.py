"""Packed files: whole ones are read whole, whatever is wrong with others is an error."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
from typing import TYPE_CHECKING

import pytest
import zstandard

from indexing.errors import SourceError
from indexing.readers.packing import PACKINGS, PackingError, unpacked
from indexing.readers.records import Record
from indexing.readers.sources import SourceReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = [json.dumps({"id": str(n), "text": f"{n} {os.urandom(30).hex()}"}) for n in range(3000)]
CONTENT = "".join(f"{row}\n" for row in ROWS).encode()
PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}
SKIPPABLE = struct.pack("<II", 0x184D2A50, 5) + b"notes"
"""A frame of Zstandard that holds nothing; `zstd` and seekable writers add some."""


def read(packed: bytes, packing: str) -> tuple[bytes, str]:
    """What came out, and the message of the error behind it."""
    out = bytearray()
    try:
        with unpacked(io.BufferedReader(io.BytesIO(packed)), packing) as stream:  # type: ignore[arg-type]
            while block := stream.read1(999):
                out += block
    except PackingError as error:
        return bytes(out), str(error)
    return bytes(out), ""


@pytest.mark.parametrize("packing", ["gz", "zst"])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_members_and_frames_follow_one_another(packing: str, parts: int) -> None:
    size = len(CONTENT) // parts + 1
    pack = PACKERS[packing]
    packed = b"".join(pack(CONTENT[at : at + size]) for at in range(0, len(CONTENT), size))
    assert read(packed, packing) == (CONTENT, "")


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_an_empty_text_may_be_packed(packing: str) -> None:
    assert read(PACKERS[packing](b""), packing) == (b"", "")


def test_what_is_not_packed_comes_as_it_is() -> None:
    assert read(CONTENT, "") == (CONTENT, "")


def test_frames_that_hold_nothing_are_passed_over() -> None:
    whole = zstandard.compress(CONTENT)
    assert read(SKIPPABLE + whole + SKIPPABLE + whole + SKIPPABLE, "zst") == (CONTENT * 2, "")


def test_zero_bytes_behind_gzip_data_are_padding() -> None:
    assert read(gzip.compress(CONTENT, mtime=0) + bytes(512), "gz") == (CONTENT, "")


@pytest.mark.parametrize("packing", ["gz", "zst"])
@pytest.mark.parametrize("kept", [3, 0.1, 0.5, 0.9, -1])
def test_a_file_cut_off_gives_what_is_there_and_then_an_error(packing: str, kept: float) -> None:
    whole = PACKERS[packing](CONTENT)
    cut = whole[: int(len(whole) * kept)] if 0 < kept < 1 else whole[: int(kept)]
    content, message = read(cut, packing)
    assert message.startswith("it is cut off")
    assert len(content) < len(CONTENT) or kept == -1
    assert CONTENT.startswith(content)


def test_frames_cut_between_two_of_them_cannot_be_told_from_whole_ones() -> None:
    frames = [zstandard.compress(CONTENT), zstandard.compress(b"more")]
    assert read(frames[0], "zst") == (CONTENT, "")
    assert read(b"".join(frames)[:-1], "zst")[1].startswith("it is cut off")


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_something_else_behind_the_end_is_an_error(packing: str) -> None:
    content, message = read(PACKERS[packing](CONTENT) + b"garbage behind", packing)
    assert content == CONTENT
    assert message.startswith(f"it is damaged behind byte {len(CONTENT):,} of what is unpacked")


@pytest.mark.parametrize(("packing", "kind"), [("gz", "gzip"), ("zst", "Zstandard")])
def test_plain_text_is_not_packed(packing: str, kind: str) -> None:
    content, message = read(CONTENT, packing)
    assert content == b""
    assert message.startswith(f"it is not {kind} (")


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_no_bytes_at_all_are_an_error(packing: str) -> None:
    assert read(b"", packing) == (b"", "it is empty, and packed files never are")


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_byte_that_changed_is_an_error(packing: str) -> None:
    whole = bytearray(
        zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT)
        if packing == "zst"
        else gzip.compress(CONTENT, mtime=0)
    )
    whole[len(whole) // 2] ^= 0xFF
    content, message = read(bytes(whole), packing)
    assert message
    assert content != CONTENT


def test_a_frame_that_unpacks_to_very_much_is_taken_in_small_steps() -> None:
    import tracemalloc

    packed = zstandard.compress(bytes(1 << 30))
    assert len(packed) < 1 << 16
    tracemalloc.start()
    try:
        with unpacked(io.BufferedReader(io.BytesIO(packed)), "zst") as stream:
            size = sum(len(block) for block in iter(lambda: stream.read(1 << 20), b""))
        assert size == 1 << 30
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ending", list(PACKINGS))
def test_a_source_cut_off_between_two_lines_is_not_a_shorter_source(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    whole = PACKERS[PACKINGS[ending]](CONTENT)
    path.write_bytes(whole[:-1])
    items = SourceReader([str(path)]).read()
    first = next(items)
    assert isinstance(first, Record)
    assert first.document.id == "0"
    with pytest.raises(SourceError, match=f"{path} cannot be read: it is cut off"):
        list(items)


@pytest.mark.parametrize("ending", list(PACKINGS))
def test_an_empty_packed_source_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(b"")
    with pytest.raises(SourceError, match="cannot be read: it is empty, and packed files never"):
        SourceReader([str(path)])
