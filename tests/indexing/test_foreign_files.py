"""Sources that are something else than text: told by what they are, with what to do."""

from __future__ import annotations

import errno
import gzip
import json
import os
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
import zstandard

from indexing.errors import SourceError
from indexing.readers.records import Record, Reject
from indexing.readers.sources import SourceReader

if TYPE_CHECKING:
    from pathlib import Path

ROW = '{"id":"1","text":"환불은 며칠 걸리나요"}\n'


def workbook(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>" * 100)
    return path.read_bytes()


def refuse(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        list(SourceReader([str(path)]).read())
    return str(caught.value)


def reasons(*sources: Path) -> list[str]:
    items = SourceReader([str(source) for source in sources]).read()
    return [item.reason for item in items if isinstance(item, Reject)]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "txt", "md", "html"])
def test_a_workbook_under_another_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"book.{ending}"
    workbook(path)
    told = "is a ZIP archive, as .xlsx and .docx files are; save it as CSV or as text"
    assert refuse(path) == f"{path} {told}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            gzip.compress(ROW.encode(), mtime=0),
            "is gzip data; unpack it, or let its name end in .gz",
        ),
        (zstandard.compress(ROW.encode()), "is Zstandard data; unpack it, or let its name end in"),
        (b"%PDF-1.7\n\xe2\xe3", "is a PDF; save its text"),
        (b"PAR1\x15\x04", "is Parquet; let its name end in .parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is a file of an old Office program; save it as CSV or"),
        (ROW.encode("utf-16"), "is UTF-16, not UTF-8; try --encoding utf-16"),
    ],
)
def test_other_kinds_by_their_first_bytes(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    assert refuse(path).startswith(f"{path} {message}")


def test_one_found_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    workbook(tmp_path / "book.csv")
    (tmp_path / "good.jsonl").write_text(ROW, "utf-8")
    found = reasons(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/book.csv is a ZIP archive")


def test_packed_data_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, gzip.compress(ROW.encode() * 100, mtime=0))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        with pytest.raises(SourceError, match="stdin is gzip data; unpack it, or let its name"):
            list(SourceReader(["-"]).read())


def test_no_standard_input_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="standard input is closed; pipe something in, or name"):
        list(SourceReader(["-"]).read())


def test_a_line_of_cp949_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(ROW.encode() + ROW.encode("cp949") + b'{"id":"2","text":"caf\xe9"}\n')
    assert reasons(path) == [
        "not valid utf-8 at character 20 (byte 0xBA); it would be valid cp949: try --encoding "
        "cp949",
        "not valid utf-8 at character 22 (byte 0xE9)",
    ]


def test_what_is_wrong_with_a_line_of_json_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "text": "torn\n{"x": NaN}\n{"id": "2", "text": "t"}\n')
    assert reasons(path) == [
        "not JSON: Invalid control character at character 26",
        "not JSON: NaN is no JSON number",
    ]
    path.write_text(json.dumps({"text": "torn"})[:-2])
    assert reasons(path) == ["not JSON: Unterminated string starting at character 10"]


@pytest.mark.parametrize("address", ["https://example.org/a.jsonl", "s3://bucket/a.jsonl"])
def test_an_address_is_no_file(address: str) -> None:
    with pytest.raises(SourceError, match=f"^{address} is an address; download it first, or pipe"):
        SourceReader([address])


def test_a_folder_that_cannot_be_read_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_to_list(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse_to_list)  # root may list any folder
    with pytest.raises(SourceError, match="the folder cannot be read: Permission denied"):
        SourceReader([str(tmp_path)])


def test_a_folder_of_other_files_says_why_they_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04")
    with pytest.raises(SourceError, match="no file that is read: unknown suffix, the file is sk"):
        SourceReader([str(tmp_path)])


@pytest.mark.parametrize(("name", "mark"), [("a.html", "<DIV class=x>"), ("a.md", "<ul>\n")])
def test_pages_nested_without_end_are_refused(tmp_path: Path, name: str, mark: str) -> None:
    path = tmp_path / name
    path.write_text(mark * 200_000 + "text")
    assert reasons(path) == ["elements are nested deeper than 5,000 levels"]


@pytest.mark.parametrize("name", ["a.html", "a.md"])
def test_long_pages_are_not_deep_ones(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("<div><p>one<p>two<ul><li>three<li>four</ul></div>\n" * 6_000)
    (item,) = SourceReader([str(path)]).read()
    assert isinstance(item, Record)
    assert item.document.text.count("three") == 6_000


def test_very_many_columns_are_told_soon_and_shortly(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{number}" for number in range(200_000)) + "\n")
    told = refuse(path)
    assert told.startswith(f"{path} has no column text, content,")
    assert told.endswith("c18, c19 and 199,980 more)")
    path.write_text(",".join(["text", *(f"c{number}" for number in range(200_000)), "c7"]) + "\n")
    assert "names the column 'c7' twice; rename one" in refuse(path)


def test_very_many_keys_with_one_twice_are_told_soon(tmp_path: Path) -> None:
    path = tmp_path / "wide.jsonl"
    keys = ",".join(f'"k{number}":1' for number in range(300_000))
    path.write_text(f'{{"text":"t",{keys},"k299999":2}}\n{{"text":"t",{keys}}}\n')
    first, second = SourceReader([str(path)]).read()
    assert isinstance(first, Reject)
    assert first.reason == "not JSON: the key 'k299999' stands twice in one object"
    assert isinstance(second, Record)
    assert len(second.document.metadata) == 300_000
