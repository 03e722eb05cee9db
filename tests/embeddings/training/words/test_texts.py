"""Texts of every kind of file."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
import zstandard

from embeddings.training.errors import DataError
from embeddings.training.words.texts import find_files, read_texts

if TYPE_CHECKING:
    from pathlib import Path


def texts(path: Path, column: int | str | None = None) -> list[str]:
    (file,) = find_files([path])
    return [text.strip() for text in read_texts(file, column, lambda _: None)]


PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize(
    ("name", "content", "column", "expected"),
    [
        ("a.txt", "\ufeff하나 둘\n\n  \r\nthree\u2028four", None, ["하나 둘", "three\u2028four"]),
        ("a.tsv", "Title\tthe text\nOther\tmore\n", None, ["Title \n the text", "Other \n more"]),
        ("a.tsv", "Title\tthe text\nOther\tmore\n", 2, ["the text", "more"]),
        ("a.jsonl", '{"title": "T", "text": "a"}\n\n{"text": "b"}\n', None, ["T \n a", "b"]),
        ("a.jsonl", '{"body": "a", "text": "no"}\n', "body", ["a"]),
    ],
)
def test_each_kind(
    tmp_path: Path,
    packing: str,
    name: str,
    content: str,
    column: int | str | None,
    expected: list[str],
) -> None:
    path = tmp_path / f"{name}{packing}"
    path.write_bytes(PACK[packing](content.encode()))
    assert texts(path, column) == expected


def test_a_file_of_one_line_is_read_in_pieces(tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(400_000)]
    (tmp_path / "a.txt").write_text(" ".join(words), encoding="utf-8")
    found = texts(tmp_path / "a.txt")
    assert len(found) > 1
    assert max(map(len, found)) <= 1 << 20
    assert " ".join(found).split() == words


def test_a_folder_gives_its_files_by_path(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.jsonl.gz", "a/c.tsv", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_files([tmp_path])
    assert [(str(f.path.relative_to(tmp_path)), f.kind, f.packing) for f in found] == [
        ("a/c.tsv", ".tsv", ""),
        ("a/z.jsonl.gz", ".jsonl", ".gz"),
        ("b.txt", ".txt", ""),
    ]


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.jsonl", b"{", None, "line 1 is not JSON"),
        ("a.jsonl", b"[]", None, "line 1 is list; an object"),
        ("a.jsonl", b'{"a": 1}', None, "no text under 'title' or 'text'; there are a"),
        ("a.tsv", b"a\tb\nc\n", 2, "line 2 has 1 cells; cell 2"),
        ("a.tsv", b"a\tb\n", "text", "column is 'text'; of a.tsv it is a number"),
        ("a.txt.gz", b"no gzip", None, "cannot be read"),
        ("a.txt.gz", gzip.compress(b"word " * 999, mtime=0)[:-9], None, "cannot be read"),
        ("a.txt.zst", b"no zstd!", None, "no whole zstd file"),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, name: str, content: bytes, column: int | str | None, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        texts(tmp_path / name, column)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no source of text"),
        (["nothing.txt"], "is not there"),
        (["a.pdf"], r"no kind known here: \.txt, \.tsv, \.jsonl"),
        (["empty"], "holds no .txt"),
    ],
)
def test_what_is_no_source_is_told(tmp_path: Path, names: list[str], message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.pdf").write_bytes(b"")
    with pytest.raises(DataError, match=message):
        find_files([tmp_path / name for name in names])


def test_json_lines_may_hold_anything(tmp_path: Path) -> None:
    rows = [{"text": "한 줄\n두 줄"}, {"text": "tab\there"}]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "a.jsonl").write_text(content, encoding="utf-8")
    assert texts(tmp_path / "a.jsonl") == ["한 줄\n두 줄", "tab\there"]
