"""Safetensors files as arrays that stay on disk until they are looked at."""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

_TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
}
_MOST_HEADER = 1 << 20
_MOST_ROWS = 1 << 40
"""Or columns; more than any file has bytes."""


def map_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a safetensors file, memory-mapped and read-only, by name.

    Processes that map one file share its pages; nothing is read before it is used.

    Raises:
        EncoderNotFoundError: no such file.
        EncoderRefusedError: it is not such a file, is cut short, or holds types other than
            float32, int32 and int64.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(_MOST_HEADER, size - 8):
                raise _damaged(path, f"its header would have {length:,} bytes")
            header = json.loads(file.read(length))
    except FileNotFoundError as error:
        message = f"{path} is missing; the folder was not copied whole, or training did not end"
        raise EncoderNotFoundError(message) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a JSON object")
    return {
        name: _map(path, name, facts, start=8 + length, size=size)
        for name, facts in header.items()
        if name != "__metadata__"
    }


def write_tensors(path: Path, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a safetensors file; it takes the old one's place once it is whole and on disk."""
    from safetensors.numpy import save_file

    with replacing(path) as temporary:
        save_file({name: np.ascontiguousarray(each) for name, each in tensors.items()}, temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, in the same way."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of `path` when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _map(path: Path, name: str, facts: Any, *, start: int, size: int) -> npt.NDArray[Any]:  # noqa: ANN401 - any JSON
    try:
        kind, shape = _TYPES[facts["dtype"]], tuple(int(each) for each in facts["shape"])
        first, last = (int(each) for each in facts["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{name!r} is told of in a way unknown here: {facts!r}") from error
    if (
        min(shape, default=0) < 0
        or max(shape, default=0) > _MOST_ROWS
        or last - first != math.prod(shape) * kind.itemsize
    ):
        raise _damaged(path, f"{name!r} of shape {shape} does not fit into {last - first:,} bytes")
    if first < 0 or start + last > size:
        raise _damaged(path, f"{name!r} ends at byte {start + last:,} of {size:,}")
    if first == last:
        return np.zeros(shape, dtype=kind)
    mapped: npt.NDArray[Any] = np.memmap(
        path, dtype=kind, mode="r", offset=start + first, shape=shape
    ).view(np.ndarray)
    return mapped


def _damaged(path: Path, why: str) -> EncoderRefusedError:
    return EncoderRefusedError(f"{path} is damaged or no safetensors file: {why}")
