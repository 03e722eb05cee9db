"""What lies in a model folder: plain files that stay inside, JSON of bounded size and depth."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

from embeddings.errors import EncoderRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_JSON_BYTES = 64 << 20
_MOST_TOKENIZER_BYTES = 512 << 20
"""Of `tokenizer.json`, which holds a vocabulary."""
_MOST_HEADER_BYTES = 64 << 20
"""Of a safetensors file, before its tensors."""
_MOST_FILES = 10_000
_MOST_IDS = 1 << 24
"""Of a vocabulary: libraries make a table as long as its largest id."""
_TOKENIZER = "tokenizer.json"
_INDEX = ".safetensors.index.json"


def check_contents(folder: Path) -> None:
    """Refuse a folder that holds more than plain files, or JSON and headers beyond all measure.

    Links may lead to places inside the folder that are not hidden, and from a snapshot of the hub's
    cache to the cache's own blobs.

    Raises:
        EncoderRefusedError: a pipe, device or socket; a link that leaves the folder, leads nowhere
            or to what is hidden; JSON too large, too deep or asking for code (`auto_map`); a
            safetensors file whose header cannot be; an index that names files elsewhere.
    """
    for path in _walk(folder):
        if path.suffix == ".json":
            _check_json(path)
        elif path.suffix == ".safetensors":
            header_bytes(path)


def read_json(path: Path) -> Any:  # noqa: ANN401 - any JSON
    """The JSON in a file of a model folder.

    Raises:
        EncoderRefusedError: it is not JSON, not UTF-8, absurdly large or absurdly deep.
    """
    most = _MOST_TOKENIZER_BYTES if path.name == _TOKENIZER else _MOST_JSON_BYTES
    try:
        if path.stat().st_size > most:
            message = f"{path} has more than {most:,} bytes; refused"
            raise EncoderRefusedError(message)
        return json.loads(path.read_bytes())
    except ValueError as error:
        message = f"{path} is not JSON ({error}); refused"
        raise EncoderRefusedError(message) from error
    except RecursionError as error:
        message = f"{path} is JSON of too many levels; refused"
        raise EncoderRefusedError(message) from error


def header_bytes(path: Path) -> int:
    """Length of a safetensors file's header; there are at most as many tensors.

    Raises:
        EncoderRefusedError: it is longer than the file, or than any header should be.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(_MOST_HEADER_BYTES, size - 8):
        message = (
            f"{path} is damaged or no safetensors file: its header would have {length:,} bytes, "
            f"the file has {size:,} and {_MOST_HEADER_BYTES:,} are possible; refused"
        )
        raise EncoderRefusedError(message)
    return length


def _walk(folder: Path) -> Iterator[Path]:
    """Every plain file below; hidden ones, which no loader looks for, are passed over."""
    root, count = folder.resolve(), 0
    blobs = root.parent.parent / "blobs" if root.parent.name == "snapshots" else None
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *sorted(files)]:
            path = folder.__class__(where) / name
            count += 1
            if count > _MOST_FILES:
                message = f"{folder} holds more than {_MOST_FILES:,} files; refused"
                raise EncoderRefusedError(message)
            if name.startswith("."):
                continue
            _check_link(path, root, blobs)
            if name not in folders:
                _check_plain(path)
                yield path


def _check_link(path: Path, root: Path, blobs: Path | None) -> None:
    if not path.is_symlink():
        return
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        message = f"{path} is a link that leads nowhere; refused"
        raise EncoderRefusedError(message) from error
    if blobs and target.is_relative_to(blobs):
        return
    if not target.is_relative_to(root):
        message = f"{path} is a link to {target}, outside the model folder; refused"
        raise EncoderRefusedError(message)
    if any(part.startswith(".") for part in target.relative_to(root).parts):
        message = f"{path} is a link to {target}, which is hidden and not looked through; refused"
        raise EncoderRefusedError(message)


def _check_plain(path: Path) -> None:
    if not stat.S_ISREG(path.stat().st_mode):
        message = f"{path} is no plain file (a pipe, device or socket); refused"
        raise EncoderRefusedError(message)


def _check_json(path: Path) -> None:
    found = read_json(path)
    if isinstance(found, dict) and found.get("auto_map"):
        message = f"{path} asks for code of its own (auto_map); refused, no remote code is run"
        raise EncoderRefusedError(message)
    if path.name == _TOKENIZER:
        _check_ids(path, found)
    if path.name.endswith(_INDEX):
        _check_shards(path, found)


def _check_ids(path: Path, told: Any) -> None:  # noqa: ANN401 - any JSON
    model = told.get("model") if isinstance(told, dict) else None
    if not isinstance(model, dict):
        message = f"{path} is no tokenizer: it has no model; refused"
        raise EncoderRefusedError(message)
    pieces, added = model.get("vocab"), told.get("added_tokens") or []
    ids = list(pieces.values()) if isinstance(pieces, dict) else []
    ids += [each.get("id") for each in added if isinstance(each, dict)]
    for id_ in ids:
        if not isinstance(id_, int) or not 0 <= id_ < _MOST_IDS:
            message = (
                f"{path} gives a token the id {str(id_)[:40]}; 0 to {_MOST_IDS - 1:,} are possible"
            )
            raise EncoderRefusedError(message)


def _check_shards(path: Path, found: Any) -> None:  # noqa: ANN401 - any JSON
    shards = found.get("weight_map") if isinstance(found, dict) else None
    names = shards.values() if isinstance(shards, dict) else [None]
    for name in names:
        if not isinstance(name, str) or "/" in name or "\\" in name or name.startswith("."):
            message = f"{path} names {str(name)[:80]!r}, no file beside it; refused"
            raise EncoderRefusedError(message)
