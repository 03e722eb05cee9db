"""Checksums of a folder's files, as `sha256sum -c` reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from embeddings.errors import EncoderRefusedError
from embeddings.fingerprint import hash_file

if TYPE_CHECKING:
    from pathlib import Path

SUMS = "SHA256SUMS"
"""The file's name; it stands in the folder it speaks of and leaves itself out."""
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def write_sums(folder: Path) -> None:
    """Write the sum of every file below the folder, sorted by path; equal files, equal bytes."""
    lines = [f"{hash_file(folder / name)}  {name}\n" for name in sorted(_files(folder))]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path, *, remedy: str) -> None:
    """Hold every file below the folder against its sum; hidden files are nobody's.

    It finds what was damaged or half copied, not an attacker, who would write sums to match.

    Args:
        folder: with its `SHA256SUMS`.
        remedy: what to do about it, for the message.

    Raises:
        EncoderRefusedError: a file is missing, another one, or not among those with a sum.
    """
    expected = _read_sums(folder, remedy)
    for name, wanted in expected.items():
        path = folder / name
        found = hash_file(path) if path.is_file() else "no file"
        if found != wanted:
            message = f"{path} is not what it was (sha256 {found}, {wanted} is expected); {remedy}"
            raise EncoderRefusedError(message)
    for name in sorted(_files(folder) - expected.keys()):
        message = f"{folder / name} has no sum in {SUMS} and may change what is loaded; {remedy}"
        raise EncoderRefusedError(message)


def _files(folder: Path) -> set[str]:
    names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    seen = {name for name in names if not any(part.startswith(".") for part in name.parts)}
    return {name.as_posix() for name in seen} - {SUMS}


def _read_sums(folder: Path, remedy: str) -> dict[str, str]:
    """Expected sum by path, in the file's order."""
    path = folder / SUMS
    if not path.is_file():
        message = f"{path} is missing, so that nothing in {folder} can be checked; {remedy}"
        raise EncoderRefusedError(message)
    sums: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        matched = _LINE.fullmatch(line)
        if matched is None:
            message = f"{path} line {number} is not `SHA256  PATH`; {remedy}"
            raise EncoderRefusedError(message)
        sums[matched[2]] = matched[1]
    return sums
