from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexing.chunking import LEAST_TOKENS, MOST_AUTO_TOKENS
from indexing.errors import SourceError
from indexing.ingest.pace import LEAST_WINDOW, MOST_WINDOW
from indexing.readers.fields import ID_NAMES, TEXT_NAMES, TITLE_NAMES, FieldMapping, resolve
from indexing.readers.files import FORMATS
from indexing.readers.html import extract_page
from indexing.readers.markdown import split_front_matter, strip_markup
from indexing.readers.packing import PACKINGS
from indexing.readers.parquet import as_json
from indexing.readers.records import (
    MAX_FILE_BYTES,
    MAX_LINE_CHARACTERS,
    Origin,
    Record,
    Reject,
)
from indexing.readers.sources import SourceReader
from indexing.types import (
    MAX_ID_BYTES,
    MAX_METADATA_BYTES,
    MAX_TEXT_BYTES,
    Document,
    Parent,
)


def read(
    *sources: Path | str, mapping: FieldMapping | None = None, encoding: str = "utf-8"
) -> tuple[list[Document], list[Reject]]:
    names = [str(source) for source in sources]
    items = list(SourceReader(names, mapping=mapping, encoding=encoding).read())
    documents = [item.document for item in items if isinstance(item, Record)]
    return documents, [item for item in items if isinstance(item, Reject)]


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    return path


# -- JSONL -----------------------------------------------------------------------------------


def test_jsonl_keys_become_a_document_and_the_rest_metadata(tmp_path: Path):
    path = write_lines(
        tmp_path / "a.jsonl",
        {"id": "1", "text": "가나다", "title": "제목", "year": 2024, "tags": ["x"]},
        {"_id": 7, "content": "body", "metadata": {"year": 1, "lang": "ko"}, "year": 2},
        {"text": "no id"},
        {"id": "4", "text": "t", "title": None, "parent": "not a place"},
    )
    documents, rejects = read(path)
    assert rejects == []
    assert documents == [
        Document("1", "가나다", "제목", {"year": 2024, "tags": ["x"]}),
        Document("7", "body", "", {"year": 1, "lang": "ko"}),
        Document("a:3", "no id"),
        Document("4", "t", "", {"parent": "not a place"}),
    ]


def test_exported_chunks_keep_their_place(tmp_path: Path):
    place = {"id": "a.txt", "chunk": 2, "start": 10, "end": 14}
    path = write_lines(tmp_path / "a.jsonl", {"id": "a.txt#2", "text": "text", "parent": place})
    documents, _ = read(path)
    assert documents == [Document("a.txt#2", "text", parent=Parent("a.txt", 2, 10, 14))]


def test_bad_jsonl_lines_are_refused_with_their_number_and_the_rest_is_read(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    good = b'{"id":"good","text":"t"}\n'
    path.write_bytes(
        b"{broken\n"
        b"[1]\n"
        b'{"id":"3"}\n'
        b'{"id":"4","text":"  "}\n'
        b'{"id":"5","text":["a"]}\n'
        b'{"id":"6","text":"\xb0\xa1"}\n'
        b"\n"
        b'{"id":true,"text":"t"}\n'
        b'{"id":" ","text":"t"}\n'
        b'{"id":"10","text":"t","x":NaN}\n'
        + b"[" * 100_000
        + b"\n"
        + b'{"id":"12","text":"t","title":5}\n'
        + b'{"id":"13","text":"t","x":{"a":1,"b":2,"a":3}}\n'
        + good
    )
    documents, rejects = read(path)
    assert documents == [Document("good", "t")]
    assert [reject.origin.line for reject in rejects] == [1, 2, 3, 4, 5, 6, *range(8, 14)]
    assert [reject.id for reject in rejects] == [
        *(None, None, "3", "4", "5", None, None, None, None, None, "12", None)
    ]
    reasons = [reject.reason for reject in rejects]
    assert reasons[0] == (
        "not JSON: Expecting property name enclosed in double quotes at character 2"
    )
    assert reasons[1] == "not a JSON object but list"
    assert reasons[2] == (
        "no text: there is no key 'text' or 'content' or 'body' or 'contents' or '본문' or '내용'"
    )
    assert reasons[3] == "'text' is empty; no text to search"
    assert reasons[4] == "'text' is a list; a string is needed"
    assert reasons[5] == (
        "not valid utf-8 at character 19 (byte 0xB0); it would be valid cp949: try --encoding cp949"
    )
    assert reasons[6] == "'id' is true or false; a string is needed"
    assert reasons[7] == "'id' is empty; a document needs an id"
    assert reasons[8] == "not JSON: NaN is no JSON number"
    assert reasons[9] == "not JSON: nested too deeply"
    assert reasons[10] == "'title' is a number; a string is needed"
    assert reasons[11] == "not JSON: the key 'a' stands twice in one object"
    assert str(rejects[0].origin) == f"{path}:1"
    assert rejects[5].excerpt == '{"id":"6","text":"??"}'
    assert rejects[9].excerpt == "[" * 200


def test_a_line_above_the_limit_is_passed_over_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("indexing.readers.lines.MAX_LINE_CHARACTERS", 100)
    path = tmp_path / "a.jsonl"
    long, least = "x" * 1000, "y" * (100 - len('{"id": "2", "text": ""}\n'))
    write_lines(path, {"id": "1", "text": long}, {"id": "2", "text": least})
    with path.open("a") as file:
        file.write('{"id":"3","text":"' + long)
    documents, rejects = read(path)
    assert [document.id for document in documents] == ["2"]
    assert [(reject.origin.line, reject.reason) for reject in rejects] == [
        (1, "the line has more than 100 characters"),
        (3, "the line has more than 100 characters"),
    ]


def test_mapping_of_jsonl_keys(tmp_path: Path):
    path = write_lines(
        tmp_path / "a.jsonl",
        {"q": "Why?", "a": "So.", "n": 5, "metadata": {"lang": "en", "x": 1}, "y": 2},
        {"q": "", "a": "Only.", "n": 6},
        {"q": "No number.", "a": ""},
    )
    mapping = FieldMapping(id="n", text=("q", "a"), title="", metadata=("y", "lang"))
    documents, rejects = read(path, mapping=mapping)
    assert documents == [
        Document("5", "Why?\nSo.", "", {"y": 2, "lang": "en"}),
        Document("6", "Only."),
    ]
    assert [(reject.origin.line, reject.reason) for reject in rejects] == [
        (3, "no key 'n' for the id")
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("_id", "id", "text"), ("id", ("text",), None, ("_id",))),
        (("DocID", "Content", "Name"), ("DocID", ("Content",), "Name", ())),
        (("번호", "제목", "본문"), (None, ("본문",), "제목", ("번호",))),
        (("body", "text"), (None, ("text",), None, ("body",))),
        (("a", "b"), (None, (), None, ("a", "b"))),
    ],
)
def test_guessed_columns(names: tuple[str, ...], expected: tuple[object, ...]):
    columns = resolve(names, FieldMapping())
    assert (columns.id, columns.text, columns.title, columns.metadata) == expected


def test_a_column_named_as_text_is_not_guessed_to_be_another(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("id,title,name\n1,T,N\n")
    documents, _ = read(path, mapping=FieldMapping(text=("title",)))
    assert documents == [Document("1", "T", "N")]


# -- packing, encodings ----------------------------------------------------------------------

ROW = '{"id":"1","text":"가나다"}\n'


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst", ".GZ"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_packed_files_and_byte_order_marks(tmp_path: Path, suffix: str, mark: str):
    content = (mark + ROW).encode()
    if suffix.lower() == ".gz":
        content = gzip.compress(content, mtime=0)
    elif suffix == ".zst":
        content = zstandard.compress(content) + zstandard.compress(b'{"id":"2","text":"b"}\n')
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(content)
    documents, _ = read(path)
    assert documents[0] == Document("1", "가나다")
    assert len(documents) == (2 if suffix == ".zst" else 1), "a second frame is read as well"


def test_bytes_read_reach_the_bytes_on_disk(tmp_path: Path):
    for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.zst"):
        content = ROW.encode() * 1000
        if name.endswith("gz"):
            content = gzip.compress(content, mtime=0)
        elif name.endswith("zst"):
            content = zstandard.compress(content)
        (tmp_path / name).write_bytes(content)
    table = pa.table({"id": [str(n) for n in range(1000)], "text": ["t"] * 1000})
    pq.write_table(table, tmp_path / "d.parquet")
    reader = SourceReader([str(tmp_path)])
    seen = [reader.bytes_read for _ in reader.read()]
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] <= (reader.count_bytes() or 0)
    assert reader.bytes_read == reader.count_bytes()
    assert reader.bytes_read == sum(path.stat().st_size for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a.md"])
def test_text_in_a_korean_encoding_says_what_to_do(tmp_path: Path, name: str):
    path = tmp_path / name
    separator = "\t" if name.endswith("tsv") else ","
    path.write_bytes(f"id{separator}본문\n1{separator}안녕하세요 뷁\n".encode("cp949"))
    with pytest.raises(SourceError, match=r"is not UTF-8 .* try --encoding cp949"):
        read(path)
    documents, _ = read(path, encoding="euc-kr")
    assert "안녕하세요 뷁" in documents[0].text


def test_one_bad_row_of_a_csv_is_refused_alone(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes("id,text\n1,가\n2,".encode() + b"\xff\xfe\n" + "3,다\n".encode())
    documents, rejects = read(path)
    assert [document.id for document in documents] == ["1", "3"]
    assert [(reject.origin.line, reject.reason) for reject in rejects] == [
        (3, "not valid utf-8 at character 3 (byte 0xFF)")
    ]


def test_utf16(tmp_path: Path):
    path = tmp_path / "a.tsv"
    path.write_text("id\ttext\n1\t가나다\n", encoding="utf-16")
    with pytest.raises(SourceError, match="is UTF-16, not UTF-8; try --encoding utf-16"):
        read(path)
    assert read(path, encoding="utf-16")[0] == [Document("1", "가나다")]


def test_unknown_encoding(tmp_path: Path):
    path = write_lines(tmp_path / "a.jsonl", {"text": "t"})
    for encoding in ("klingon", "base64"):
        with pytest.raises(SourceError, match=f"encoding '{encoding}' is unknown"):
            read(path, encoding=encoding)


# -- CSV and TSV -----------------------------------------------------------------------------


def test_csv_types_that_would_be_spelt_the_same_again(tmp_path: Path):
    path = tmp_path / "books.csv"
    path.write_text(
        "제목,본문,price,code,ok,ratio,when,big,gap\n"
        '책,"여러\n줄, ""인용""",12,007,true,0.5,2024-05-01,123456789012345678901,\n'
        "둘,글,-3,1.50,FALSE,1e5,nan,-0,x\n"
    )
    documents, rejects = read(path)
    assert rejects == []
    assert documents == [
        Document(
            "books:1",
            '여러\n줄, "인용"',
            "책",
            {
                **{"price": 12, "code": "007", "ok": True, "ratio": 0.5, "when": "2024-05-01"},
                "big": "123456789012345678901",
            },
        ),
        Document(
            "books:2",
            "글",
            "둘",
            {
                **{"price": -3, "code": "1.50", "ok": False, "ratio": "1e5", "when": "nan"},
                **{"big": "-0", "gap": "x"},
            },
        ),
    ]


def test_a_stray_quote_costs_one_row(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"never closed\n2,two\n3,"th"ree\n4,a,b\n5,"five\nlines"\n6\n7,7\n')
    documents, rejects = read(path)
    assert [(document.id, document.text) for document in documents] == [
        ("2", "two"),
        ("5", "five\nlines"),
        ("7", "7"),
    ]
    assert [(reject.origin.line, reject.reason) for reject in rejects] == [
        (2, "not a row: ',' expected after '\"'"),
        (4, "not a row: ',' expected after '\"'"),
        (5, "3 cells, the header names 2 columns"),
        (8, "1 cells, the header names 2 columns"),
    ]
    path.write_text('id,text\n1,one\n2,"never closed\n3,three\n')
    documents, rejects = read(path)
    assert [document.id for document in documents] == ["1", "3"]
    assert [(reject.origin.line, reject.reason) for reject in rejects] == [
        (3, "a quote opens a cell and is never closed")
    ]


def test_quotes_in_tab_separated_values(tmp_path: Path):
    path = tmp_path / "a.tsv"
    path.write_text(
        'id\ttext\n1\t"Never closed\n2\t"Quoted" and more\n3\t"as\tin ""Excel"""\n4\tplain\n5\n'
    )
    documents, rejects = read(path)
    assert [(document.id, document.text) for document in documents] == [
        ("1", '"Never closed'),
        ("2", '"Quoted" and more'),
        ("3", 'as\tin "Excel"'),
        ("4", "plain"),
    ]
    assert [reject.origin.line for reject in rejects] == [6]


def test_cells_larger_than_the_csv_module_allows_by_itself(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text(f"id,text\n1,{'x' * 500_000}\n")
    assert len(read(path)[0][0].text) == 500_000


def test_a_quoted_cell_above_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("indexing.readers.delimited.MAX_LINE_CHARACTERS", 1000)
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"open\n' + "x" * 400 + "\n2,two\n" + ("y" * 400 + "\n") * 3)
    documents, rejects = read(path)
    assert [document.id for document in documents] == ["2"]
    assert rejects[0].origin.line == 2
    assert rejects[0].reason == "a quote opens a cell of more than 1,000 characters"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; its first row must name the columns"),
        ("a,b\n1,2\n", "has no column text, .*name the text with --text-field .columns: a, b"),
        ("id,text,text\n", "names the column 'text' twice"),
        ('id,"text\n', "the header cannot be read: a quote opens a cell and is never closed"),
    ],
)
def test_a_csv_without_a_usable_header(tmp_path: Path, content: str, message: str):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(SourceError, match=message):
        SourceReader([str(path)])


def test_a_column_that_is_not_there(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n")
    for mapping in (
        FieldMapping(id="x"),
        FieldMapping(text=("text", "x")),
        FieldMapping(title="x"),
        FieldMapping(metadata=("x",)),
    ):
        with pytest.raises(SourceError, match="has no column 'x'; its columns are id, text"):
            SourceReader([str(path)], mapping=mapping)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(CELL, CELL), max_size=8), st.sampled_from([",", "\t"]))
def test_what_csv_writes_is_read_back(tmp_path: Path, rows: list[tuple[str, str]], comma: str):
    path = tmp_path / ("a.csv" if comma == "," else "a.tsv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=comma, quoting=csv.QUOTE_ALL)
        writer.writerow(["text", "note"])
        writer.writerows(rows)
    documents, rejects = read(path)
    kept = [row for row in rows if row[0].strip()]
    assert [document.text for document in documents] == [text for text, _ in kept]
    assert [str(document.metadata.get("note", "")) for document in documents] == [
        {"true": "True", "TRUE": "True", "false": "False", "FALSE": "False"}.get(note, note)
        for _, note in kept
    ]
    assert len(rejects) == len(rows) - len(kept)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from([b"1,a", b'2,"b', b'3,"c"', b"\xff", b",", b'"', b"x,y,z"])))
def test_any_csv_comes_to_an_end_and_good_rows_survive(tmp_path: Path, rows: list[bytes]):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n" + b"".join(row + b"\n" for row in rows))
    documents, rejects = read(path)
    assert len(documents) + len(rejects) <= len(rows)
    texts = [document.text for document in documents] + [reject.excerpt for reject in rejects]
    assert sum(text.count("\n") + 1 for text in texts) == len(rows)


# -- Parquet ---------------------------------------------------------------------------------


def test_parquet_types(tmp_path: Path):
    path = tmp_path / "a.parquet"
    columns = {
        "id": pa.array([1, 2]),
        "text": pa.array(["가", "나"], pa.large_string()),
        "day": pa.array([date(2024, 5, 1), None]),
        "at": pa.array([datetime(2024, 5, 1, 12)] * 2, pa.timestamp("ns")),
        "zoned": pa.array(
            [datetime(2024, 5, 1, 12, tzinfo=UTC)] * 2, pa.timestamp("ms", "Asia/Seoul")
        ),
        "price": pa.array([Decimal("12.50"), Decimal("3.00")]),
        "score": pa.array([0.5, float("nan")]),
        "tags": pa.array([["a", "b"], []], pa.list_(pa.string())),
        "who": pa.array([{"name": "x", "since": date(2020, 1, 1)}, None]),
        "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int32())),
    }
    pq.write_table(pa.table(columns), path)
    documents, rejects = read(path)
    assert rejects == []
    assert documents[0] == Document(
        "1",
        "가",
        "",
        {
            "day": "2024-05-01",
            "at": "2024-05-01T12:00:00Z",
            "zoned": "2024-05-01T12:00:00Z",
            "price": 12.5,
            "score": 0.5,
            "tags": ["a", "b"],
            "who": {"name": "x", "since": "2020-01-01"},
            "map": {"k": 1},
        },
    )
    assert documents[1].metadata["price"] == 3
    assert documents[1].metadata["score"] is None
    assert documents[1].metadata["who"] is None


def test_decimals_that_no_float_says_stay_text():
    assert as_json(Decimal("0.12345678901234567890123")) == "0.12345678901234567890123"


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_packed_parquet_rows_are_numbered_over_batches(tmp_path: Path, packing: str):
    buffer = io.BytesIO()
    texts = [f"text {number}" if number != 700 else None for number in range(1, 1001)]
    pq.write_table(pa.table({"text": texts}), buffer, row_group_size=300)
    pack = gzip.compress if packing == ".gz" else zstandard.compress
    (tmp_path / f"a.parquet{packing}").write_bytes(pack(buffer.getvalue()))
    documents, rejects = read(tmp_path / f"a.parquet{packing}")
    assert documents[-1] == Document("a:1000", "text 1000")
    assert [(str(reject.origin), reject.reason) for reject in rejects] == [
        (f"{tmp_path}/a.parquet{packing}:700", "'text' is empty; no text to search")
    ]


def test_parquet_bytes(tmp_path: Path):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": ["가".encode(), b"\xff"], "image": [b"x", b"y"]})
    pq.write_table(table, path)
    with pytest.raises(SourceError, match="column 'image' holds bytes"):
        SourceReader([str(path)])
    documents, rejects = read(path, mapping=FieldMapping(metadata=()))
    assert documents == [Document("a:1", "가")]
    assert rejects[0].reason == "'text' holds bytes that are not UTF-8"


# -- text, Markdown, HTML --------------------------------------------------------------------


def test_a_text_file_is_one_document(tmp_path: Path):
    path = tmp_path / "편지.TXT"
    path.write_bytes("\ufeff첫째\r\n둘째\n".encode())
    documents, _ = read(path)
    assert documents == [Document("편지.TXT", "첫째\n둘째\n", "편지")]


def test_file_names_are_composed_characters(tmp_path: Path):
    (tmp_path / "\u1112\u1161\u11ab.txt").write_text("x")
    assert read(tmp_path)[0] == [Document("한.txt", "x", "한")]


def test_a_file_too_large_for_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("indexing.readers.plain.MAX_FILE_BYTES", 10)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"x" * 1_000_000, mtime=0))
    (tmp_path / "b.txt").write_bytes(b"x" * 10)
    documents, rejects = read(tmp_path)
    assert [document.id for document in documents] == ["b.txt"]
    assert [(reject.id, reject.reason.partition(",")[0]) for reject in rejects] == [
        ("a.txt.gz", "the file has more than 10 bytes")
    ]


def test_markdown(tmp_path: Path):
    path = tmp_path / "note.md"
    path.write_text(
        "---\ntags: [검색, 2]\ndate: 2024-05-01\ndraft: false\n---\n"
        "# The *first* `heading`\n\nSome **bold** [link](http://x)\nand ![a picture](p.png).\n\n"
        "- one\n- two\n  - three\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "```py\nx  = 1\n```\n\n<div>raw <b>html</b></div>\n\n## Second\n\nline<br>break &amp; end\n"
    )
    documents, _ = read(path)
    assert documents == [
        Document(
            "note.md",
            "Some bold link and a picture.\none\ntwo\nthree\na\tb\n1\t2\n\nx  = 1\n\nraw html\n\n"
            "Second\n\nline\nbreak & end",
            "The first heading",
            {"tags": ["검색", 2], "date": "2024-05-01", "draft": False},
        )
    ]


def test_the_title_of_the_front_matter_wins_and_the_heading_stays_text(tmp_path: Path):
    (tmp_path / "a.md").write_text("---\ntitle: 'Front'\n---\n# Heading\n\ntext\n")
    (tmp_path / "b.md").write_text("only text\n")
    (tmp_path / "c.md").write_text("# Only heading\n")
    documents, _ = read(tmp_path)
    assert documents == [
        Document("a.md", "Heading\n\ntext", "Front"),
        Document("b.md", "only text", "b"),
        Document("c.md", "Only heading", "Only heading"),
    ]


@pytest.mark.parametrize(
    ("source", "metadata", "rest"),
    [
        ("---\na: 1\nb: 1.5\nc: null\nd: 'x: y'\n---\nrest", {"a": 1, "b": 1.5, "c": None,
         "d": "x: y"}, "rest"),
        ("---\na:\n  - x\n  - 2\nb:\n  deep: 1\n  er: 2\n---\n",
         {"a": ["x", 2], "b": "deep: 1\ner: 2"}, ""),
        ("---\n# comment\na: 007\n---\n", {"a": "007"}, ""),
        ("---\nnot front matter\n---\ntext", {}, "---\nnot front matter\n---\ntext"),
        ("text\n---\na: 1\n---\n", {}, "text\n---\na: 1\n---\n"),
    ],
)  # fmt: skip
def test_front_matter(source: str, metadata: dict[str, Any], rest: str):
    assert split_front_matter(source) == (metadata, rest)


def test_markup_of_a_long_text_is_stripped_in_linear_time():
    heading, text = strip_markup("word\n\n" * 20_000)
    assert heading == ""
    assert text == "\n\n".join(["word"] * 20_000)


PAGE = """<!doctype html><html lang="ko"><head><title> 제목 &amp;
 more </title><style>p{}</style></head><body><header>site</header><nav>menu</nav>
<p>First <b>bo</b>ld.<br>next <!-- c --> <script>var x</script></p><div>a<div>b</div>c</div>
<ul><li>one</li><li>two</li></ul><table><tr><td>1</td><td>2</td></tr></table>
<pre>x
  y</pre><p hidden>no</p><span aria-hidden="true">no</span><footer>foot</footer></body></html>"""


def test_html():
    title, text, language = extract_page(PAGE)
    assert title == "제목 & more"
    assert language == "ko"
    assert text == "First bold.\nnext\n\na\nb\nc\n\none\ntwo\n\n1\t2\n\nx\n  y"


def test_html_takes_the_main_part():
    page = "<h1>T</h1><p>before</p><main><header>in</header><p>x</p></main><p>after</p>"
    assert extract_page(page) == ("T", "in\n\nx", "")
    assert extract_page("<p>a</p><article>b</article>")[1] == "b"
    assert extract_page("<p>a</p><article>b</article><article>c</article>")[1] == "a\n\nb\nc"
    assert extract_page("") == ("", "", "")


def test_html_nested_deeper_than_python_recurses():
    page = "<div>" * 20_000 + "deep" + "</div>" * 20_000 + "<p>end</p>"
    assert extract_page(page)[1] == "deep\n\nend"


def test_html_in_the_encoding_it_declares(tmp_path: Path):
    page = '<html><head><meta charset="windows-949"></head><p>안녕&nbsp; 뷁</p></html>'
    (tmp_path / "a.html").write_bytes(page.encode("cp949"))
    (tmp_path / "b.htm").write_bytes(page.encode())
    (tmp_path / "c.html").write_bytes(b"<script>only()</script>")
    documents, rejects = read(tmp_path)
    assert documents == [
        Document("a.html", "안녕 뷁", "a"),
        Document("b.htm", "안녕 뷁", "b"),
    ]
    assert [(reject.id, reject.reason) for reject in rejects] == [
        ("c.html", "the file has no text")
    ]


# -- sources ---------------------------------------------------------------------------------


def test_a_folder_is_read_in_order_and_what_is_skipped_is_said(tmp_path: Path):
    for name in ("b.txt", "a.txt", "z/c.txt", "m/d.txt", ".hidden.txt", ".git/e.txt", "i.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (tmp_path / "m" / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere.txt").symlink_to(tmp_path / "gone.txt")
    write_lines(tmp_path / "m" / "rows.jsonl", {"text": "r"})
    (tmp_path / "z" / "bad.csv").write_text("x,y\n")
    (tmp_path / "z" / "bad.parquet").write_text("no parquet")
    (tmp_path / "z" / "bad.jsonl.gz").write_text("no gzip")
    documents, rejects = read(tmp_path)
    assert [document.id for document in documents] == [
        *("a.txt", "b.txt", "m/d.txt", "m/rows:1", "z/c.txt")
    ]
    assert [(reject.id, reject.reason[:30]) for reject in rejects] == [
        ("i.png", "the file is no picture: it is none of"[:30]),
        ("nowhere.txt", "the link leads nowhere"),
        ("z/bad.csv", f"{tmp_path}/z/bad.csv has no column"[:30]),
        ("z/bad.jsonl.gz", f"{tmp_path}/z/bad.jsonl.gz cannot"[:30]),
        ("z/bad.parquet", f"{tmp_path}/z/bad.parquet is not"[:30]),
    ]
    assert rejects[0].origin == Origin(str(tmp_path / "i.png"))


def test_a_beir_folder_gives_its_corpus_alone(tmp_path: Path):
    (tmp_path / "corpus.jsonl.gz").write_bytes(
        gzip.compress(b'{"_id":"1","title":"T","text":"t","metadata":{"url":"u"}}\n', mtime=0)
    )
    write_lines(tmp_path / "queries.jsonl", {"_id": "q", "text": "query"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")
    assert read(tmp_path) == ([Document("1", "t", "T", {"url": "u"})], [])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.jsonl", None, "is not there"),
        ("a.docx", b"", "unknown suffix.*read are .jsonl, .ndjson, .csv"),
        ("a.jsonl.gz", b"plain", "cannot be read: it is not gzip"),
        ("a.jsonl.gz", gzip.compress(b"x" * 10_000, mtime=0)[:20], "cannot be read: it is cut off"),
        ("a.jsonl.zst", b"plain", "cannot be read: it is not Zstandard"),
        ("a.parquet", b"plain", "is not Parquet, or damaged"),
        ("a.parquet.gz", gzip.compress(b"plain", mtime=0), "is not Parquet, or damaged"),
    ],
)
def test_sources_that_are_not_what_they_say(
    tmp_path: Path, name: str, content: bytes | None, message: str
):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        SourceReader([str(write_lines(tmp_path / "good.jsonl", {"text": "t"})), str(path)])
    assert str(path) in str(caught.value)


def test_no_source_and_an_empty_folder(tmp_path: Path):
    with pytest.raises(SourceError, match="no source given"):
        SourceReader([])
    with pytest.raises(SourceError, match="a source is empty"):
        SourceReader([""])
    with pytest.raises(SourceError, match="holds no file that is read"):
        SourceReader([str(tmp_path)])
    os.mkfifo(tmp_path / "a.jsonl")
    with pytest.raises(SourceError, match="not a regular file; pipe it in with -"):
        SourceReader([str(tmp_path / "a.jsonl")])


def test_a_named_source_that_breaks_off_is_an_error(tmp_path: Path):
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(b"".join(b'{"text":"%d"}\n' % n for n in range(100_000)))
    path.write_bytes(whole[: len(whole) // 2])
    items = SourceReader([str(path)]).read()
    assert isinstance(next(items), Record)
    with pytest.raises(SourceError, match="it is cut off: the gzip data has no end"):
        list(items)


def test_relative_sources_have_absolute_origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "a.jsonl", {"id": "1"})
    _, rejects = read("a.jsonl")
    assert str(rejects[0].origin) == f"{tmp_path}/a.jsonl:1"


@pytest.mark.parametrize(
    ("content", "documents"),
    [
        ('\n{"id":"1","text":"a"}\n', [Document("1", "a")]),
        ("첫 줄\n\n둘째 줄\n", [Document("stdin:1", "첫 줄"), Document("stdin:3", "둘째 줄")]),
        ("", []),
    ],
)
def test_standard_input(monkeypatch: pytest.MonkeyPatch, content: str, documents: list[Document]):
    reading, writing = os.pipe()
    os.write(writing, content.encode())
    os.close(writing)
    with os.fdopen(reading) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        reader = SourceReader(["-"])
        assert reader.count_bytes() is None
        assert [item.document for item in reader.read() if isinstance(item, Record)] == documents


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    import tracemalloc

    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wt") as file:
        for number in range(20_000):
            file.write(f'{{"id":"{number}","text":"{"x" * 1000}"}}\n')
    reader = SourceReader([str(path)])
    tracemalloc.start()
    try:
        assert sum(1 for _ in reader.read()) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_the_page_names_every_suffix_column_and_limit():
    page = (Path(__file__).parents[2] / "docs" / "indexing.md").read_text("utf-8")
    words = [*FORMATS, *PACKINGS, *ID_NAMES, *TEXT_NAMES, *TITLE_NAMES]
    assert [word for word in words if f"`{word}`" not in page] == []
    limits = [MAX_TEXT_BYTES, MAX_ID_BYTES, MAX_METADATA_BYTES, MOST_AUTO_TOKENS]
    limits += [MAX_LINE_CHARACTERS, MAX_FILE_BYTES, LEAST_TOKENS, LEAST_WINDOW, MOST_WINDOW]
    assert [limit for limit in limits if f"{limit:,}" not in page] == []
