"""The text and binary files of word2vec, which most tools read and write.

Both begin with a line `words dim`. A text file has a line `word number number ...` each; a
binary one `word`, a blank, `dim` little-endian float32 numbers and, by most writers, a line feed.
"""

from __future__ import annotations

import gzip
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.words.tensors import replacing
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from embeddings.types import Vectors
    from embeddings.words.folder import WordTable

Form = Literal["text", "binary"]
_MOST_DIM = 65_536
_MOST_PACKED = 256
"""Times that numbers may take more room in memory than in the file."""
_MOST_WORD_BYTES = 4_096
_BLOCK_ROWS = 4_096


def write_word2vec(table: WordTable, path: Path, form: Form = "text") -> None:
    """Write the vectors as trained. Text has 9 digits, which give each float32 back exactly.

    Raises:
        EncoderRefusedError: a word holds a blank or a line feed, which would end it there.
    """
    words, dim = table.vocabulary.words, table.facts.dim
    for word in words:
        if any(map(str.isspace, word)):
            message = f"word {word!r} holds white space, which ends a word in these files"
            raise EncoderRefusedError(message)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(f"{len(words)} {dim}\n".encode())
        for start in range(0, len(words), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            block = table.unit[rows] * table.norms[rows, None]
            for word, vector in zip(words[rows], block, strict=True):
                if form == "binary":
                    file.write(word.encode() + b" " + vector.astype("<f4").tobytes() + b"\n")
                else:
                    numbers = " ".join(f"{number:.9g}" for number in vector)
                    file.write(f"{word} {numbers}\n".encode())


def read_word2vec(path: Path) -> tuple[Vocabulary, Vectors]:
    """Words and float32 (n, dim) of a word2vec file, text or binary, also `.gz` and `.zst`.

    Which of both it is, its first vector tells. A word that stands twice keeps its first vector.

    Raises:
        EncoderNotFoundError: no such file.
        EncoderRefusedError: it is not such a file, or ends too early.
    """
    try:
        with _opened(path) as file:
            words, dim = _read_header(path, file)
            start = file.peek(_MOST_WORD_BYTES + 4 * dim)[: _MOST_WORD_BYTES + 4 * dim]
            found = _read_text if _is_text(start, dim) else _read_binary
            return _unique(*found(path, file, words, dim))
    except FileNotFoundError as error:
        message = f"{path} is not there"
        raise EncoderNotFoundError(message) from error
    except (OSError, EOFError) as error:
        message = f"{path} cannot be read: {error}"
        raise EncoderRefusedError(message) from error


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader[Any]]:
    with path.open("rb") as raw:
        unpacked: Any = raw
        if path.suffix == ".gz":
            unpacked = gzip.GzipFile(fileobj=raw)
        elif path.suffix == ".zst":
            import zstandard

            unpacked = zstandard.ZstdDecompressor().stream_reader(raw)
        with io.BufferedReader(unpacked, buffer_size=1 << 20) as file:
            yield file


def _read_header(path: Path, file: io.BufferedReader[Any]) -> tuple[int, int]:
    line = file.readline(100)
    try:
        words, dim = (int(part) for part in line.split())
    except ValueError as error:
        message = f"{path} is no word2vec file: its first line is {line[:60]!r}, not `words dim`"
        raise EncoderRefusedError(message) from error
    size = path.stat().st_size
    if not (1 <= dim <= _MOST_DIM and words >= 1 and 4 * words * dim <= _MOST_PACKED * size):
        message = f"{path} tells of {words:,} words of {dim:,} numbers in {size:,} bytes; refused"
        raise EncoderRefusedError(message)
    return words, dim


def _is_text(start: bytes, dim: int) -> bool:
    """True if the first line is a word and `dim` numbers."""
    parts = start.split(b"\n")[0].split()
    try:
        numbers = [float(part) for part in parts[1 : dim + 1]]
    except ValueError:
        return False
    return bool(numbers)


def _read_text(
    path: Path, file: io.BufferedReader[Any], words: int, dim: int
) -> tuple[list[str], Vectors]:
    vectors = np.empty((words, dim), dtype=np.float32)
    names: list[str] = []
    rows: list[list[bytes]] = []
    for number, line in enumerate(file, 2):
        parts = line.rstrip().rsplit(b" ", dim)
        if len(parts) != dim + 1:
            message = f"{path}, line {number:,} has {len(parts) - 1} numbers; {dim} are needed"
            raise EncoderRefusedError(message)
        names.append(_decoded(path, parts[0], number))
        rows.append(parts[1:])
        if len(rows) == _BLOCK_ROWS or len(names) == words:
            vectors[len(names) - len(rows) : len(names)] = _numbers(path, rows, number)
            rows = []
        if len(names) == words:
            break
    _check_whole(path, names, words)
    return names, vectors


def _numbers(path: Path, rows: list[list[bytes]], last: int) -> Vectors:
    try:
        block: Vectors = np.array(rows, dtype=np.bytes_).astype(np.float32)
    except ValueError as error:
        message = f"{path}, lines {last - len(rows) + 1:,} to {last:,}: {error}"
        raise EncoderRefusedError(message) from error
    return block


def _read_binary(
    path: Path, file: io.BufferedReader[Any], words: int, dim: int
) -> tuple[list[str], Vectors]:
    vectors = np.empty((words, dim), dtype="<f4")
    names: list[str] = []
    for number in range(1, words + 1):
        name = bytearray()
        while (byte := file.read(1)) not in {b" ", b""}:
            name += byte
            if len(name) > _MOST_WORD_BYTES:
                message = f"{path}: word {number:,} does not end; it is no word2vec file"
                raise EncoderRefusedError(message)
        vector = file.read(4 * dim)
        if len(vector) < 4 * dim:
            break
        vectors[number - 1] = np.frombuffer(vector, dtype="<f4")
        names.append(_decoded(path, bytes(name).lstrip(b"\n"), number))
    _check_whole(path, names, words)
    return names, vectors.astype(np.float32, copy=False)


def _decoded(path: Path, name: bytes, number: int) -> str:
    """The word; one that is no UTF-8 (cut in the middle of a letter) keeps its other letters."""
    word = name.decode("utf-8", errors="ignore")
    return word or f"\ufffd{path.stem}:{number}"


def _check_whole(path: Path, names: list[str], words: int) -> None:
    if len(names) < words:
        message = f"{path} ends after {len(names):,} of {words:,} words; it is cut short"
        raise EncoderRefusedError(message)


def _unique(names: list[str], vectors: Vectors) -> tuple[Vocabulary, Vectors]:
    first = {name: row for row, name in reversed(list(enumerate(names)))}
    rows = sorted(first.values())
    if not np.isfinite(vectors).all():
        row = int(np.argmin(np.isfinite(vectors).all(axis=1)))
        message = f"the vector of {names[row]!r} holds NaN or infinity"
        raise EncoderRefusedError(message)
    kept = vectors if len(rows) == len(names) else vectors[rows]
    return Vocabulary([names[row] for row in rows]), kept
