"""What a backup is: the files of a collection at one moment, each as a list of blocks.

A manifest is read as if a stranger had written it: names are compared with those a collection's
files can have, numbers are held against each other, and nothing is taken for true that its own
checksum does not cover.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexing.backup.packs import BLOCK_BYTES
from indexing.card import CollectionCard
from indexing.errors import DamagedError
from indexing.validation import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
"""Version of manifests; a newer one is refused."""
LIST_BLOCKS = 1024
"""Blocks named by one list, which is a block itself: 32 bytes each, one behind the other."""
TRUTH = ("documents.sqlite", "vectors.f32")
"""Files a collection cannot do without; all others can be made again from them."""

_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{4}")
_PLAIN = r"(?!\.\.?$)[A-Za-z0-9_.-]{1,100}"
_PATH = re.compile(
    rf"documents\.sqlite|vectors\.f32|wish\.json|calibration\.json"
    rf"|index-\d{{1,18}}\.(?:faiss|json)|lexical/{_PLAIN}|analysis/[a-z]{{1,40}}/{_PLAIN}"
)
_MOST_BYTES = 64 << 20
_MOST_FILES = 10_000
_MOST_FILE_BYTES = 1 << 46
_LEAST_BLOCK = 512
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a backup.

    Attributes:
        path: below the collection's folder, with `/`.
        size: in bytes.
        block: bytes of each of its blocks but the last.
        lists: names of the blocks that name its blocks, `LIST_BLOCKS` each but the last.
    """

    path: str
    size: int
    block: int
    lists: tuple[bytes, ...]

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return -(-self.size // self.block)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "path": self.path,
            "size": self.size,
            "block": self.block,
            "lists": [name.hex() for name in self.lists],
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup.

    Attributes:
        id: of the backup; ids sort by time.
        created: RFC 3339 time in UTC.
        card: the collection's.
        documents: in it.
        version: of its documents: one more with each write there was.
        files: all of it.
        written: bytes that this backup added to the folder.
        seconds: it took.
    """

    id: str
    created: str
    card: CollectionCard
    documents: int
    version: int
    files: tuple[StoredFile, ...]
    written: int
    seconds: float

    @property
    def name(self) -> str:
        """The collection's."""
        return self.card.name

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values with their checksum; `read_manifest` reads them."""
        data = {
            "format": FORMAT,
            "id": self.id,
            "created": self.created,
            "card": self.card.to_json(),
            "documents": self.documents,
            "version": self.version,
            "files": [file.to_json() for file in self.files],
            "written": self.written,
            "seconds": self.seconds,
        }
        return data | {"sha256": _checksum(data)}


def is_id(text: str) -> bool:
    """True for what can be the id of a backup."""
    return _ID.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """True for what a file of a collection can be called, below its folder."""
    return _PATH.fullmatch(text) is not None


def read_manifest(path: Path) -> Manifest:
    """The manifest in that file.

    Raises:
        DamagedError: it is none, was changed, is of a newer format, or names what no backup of a
            collection has.
    """
    try:
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            message = f"it is a link, or larger than {_MOST_BYTES:,} bytes"
            raise ValueError(message)
        data = json.loads(path.read_bytes())
        return _parsed(data, path.stem)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{path} is not the manifest of a whole backup: {error}"
        raise DamagedError(message) from error


def _parsed(data: Any, id_: str) -> Manifest:  # noqa: ANN401 - JSON
    """The manifest.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    _require(isinstance(data, dict) and isinstance(data.get("format"), int), "it has no format")
    if data["format"] > FORMAT:
        message = f"its format is {data['format']}, this version reads {FORMAT}; update Meari"
        raise ValueError(message)
    _require(data.pop("sha256", None) == _checksum(data), "its checksum is wrong")
    _require(data["id"] == id_ and is_id(id_), f"its id is {str(data['id'])[:40]!r}")
    card = CollectionCard.from_json(data["card"])
    check_name(card.name)
    listed = data["files"]
    _require(isinstance(listed, list) and len(listed) <= _MOST_FILES, "too many files")
    files = tuple(_parsed_file(each) for each in listed)
    paths = {file.path for file in files}
    _require(len(paths) == len(files), "a file is named twice")
    for name in TRUTH:
        _require(name in paths, f"it has no {name}")
    return Manifest(
        id=id_,
        created=str(data["created"]),
        card=card,
        documents=_count(data["documents"], "documents"),
        version=_count(data["version"], "version"),
        files=files,
        written=_count(data["written"], "written"),
        seconds=float(data["seconds"]),
    )


def _parsed_file(data: Mapping[str, Any]) -> StoredFile:
    path, lists = data["path"], data["lists"]
    shown = repr(path)[:120]
    _require(isinstance(path, str) and is_path(path), f"no file of a collection is {shown}")
    size, block = _count(data["size"], path), _count(data["block"], path)
    _require(size <= _MOST_FILE_BYTES, f"{shown} has {size:,} bytes")
    _require(_LEAST_BLOCK <= block <= BLOCK_BYTES, f"{shown} has blocks of {block:,} bytes")
    wanted = -(-size // (block * LIST_BLOCKS))
    _require(isinstance(lists, list) and len(lists) == wanted, f"{shown} has not {wanted} lists")
    for name in lists:
        _require(isinstance(name, str) and _NAME.fullmatch(name) is not None, f"lists of {shown}")
    return StoredFile(path, size, block, tuple(bytes.fromhex(name) for name in lists))


def _count(value: object, what: str) -> int:
    if type(value) is not int or value < 0:
        message = f"{what} is {str(value)[:40]!r}"
        raise ValueError(message)
    return value


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _checksum(data: Mapping[str, Any]) -> str:
    content = json.dumps(data, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()
