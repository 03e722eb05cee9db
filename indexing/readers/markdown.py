"""Markdown files: front matter to metadata, the first heading to the title, the rest to text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from indexing.readers.html import extract_fragment, find_fault
from indexing.readers.plain import decode, make_file_record, read_whole
from indexing.readers.records import Origin, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

    from indexing.readers.fields import FieldMapping
    from indexing.readers.files import OpenFile, SourceFile
    from indexing.readers.records import Item

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S | re.M)
_KEY = re.compile(r"([\w][\w .-]*?)\s*:(?:\s+(.*))?")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d+)?")
_WORDS = {"true": True, "false": False, "null": None, "~": None}


def read_markdown(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """The file as one document.

    Raises:
        SourceError: it is in another encoding.
    """
    del mapping
    content = read_whole(file, opened)
    if isinstance(content, Reject):
        yield content
        return
    metadata, source = split_front_matter(decode(content, encoding, file.shown))
    if reason := find_fault(source):
        yield Reject(Origin(file.shown), reason, file.name)
        return
    heading, text = strip_markup(source)
    title = metadata.pop("title", None)
    if isinstance(title, str) and title:
        heading, text = title, "\n\n".join(part for part in (heading, text) if part)
    yield make_file_record(file, text or heading, heading, metadata)


def split_front_matter(source: str) -> tuple[dict[str, Any], str]:
    """The pairs between the `---` lines at the top, and what follows them.

    Values are text, numbers, true, false and null, and lists of them (`[a, b]`, or one `- a` a
    line). What is indented deeper under a key is kept as it stands, as text. Without front
    matter, or where it holds anything else, nothing is taken off.
    """
    found = _FRONT_MATTER.match(source)
    if found is None:
        return {}, source
    metadata: dict[str, Any] = {}
    below: dict[str, list[str]] = {}
    key = ""
    for line in found[1].splitlines():
        pair = _KEY.fullmatch(line.rstrip())
        if pair is not None:
            key, value = pair[1], (pair[2] or "").strip()
            metadata[key] = _value(value)
            below[key] = []
        elif key and (line.startswith((" ", "\t", "- ")) or not line.strip()):
            below[key].append(line)
        elif line.strip() and not line.startswith("#"):
            return {}, source
    for key, lines in below.items():
        if any(line.strip() for line in lines):
            metadata[key] = _block(lines)
    return metadata, source[found.end() :]


def _value(text: str) -> Any:  # noqa: ANN401
    if text.startswith("[") and text.endswith("]"):
        return [_value(item.strip()) for item in text[1:-1].split(",") if item.strip()]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def _block(lines: list[str]) -> Any:  # noqa: ANN401
    stripped = [line.strip() for line in lines if line.strip()]
    if all(line.startswith("- ") for line in stripped):
        return [_value(line[2:].strip()) for line in stripped]
    return "\n".join(stripped)


def strip_markup(source: str) -> tuple[str, str]:
    """The first heading ("" if none) and the text without it and without markup.

    Paragraphs stay apart by an empty line, list items and table rows by a newline, table cells
    by a tab; code stays, links keep their text and images their description.
    """
    from markdown_it import MarkdownIt

    blocks = _Blocks()
    tokens = MarkdownIt("commonmark").enable("table").parse(source)
    heading: str | None = None
    for place, token in enumerate(tokens):
        if token.type == "inline":
            before, text = tokens[place - 1], _inline(token.children or [])
            if before.type == "heading_open" and heading is None and token.level == 1:
                heading = text
            elif before.type in {"th_open", "td_open"}:
                blocks.cells.append(text)
            else:
                blocks.add(text, tight=before.hidden)
        elif token.type == "tr_close":
            blocks.end_row()
        elif token.type in {"fence", "code_block"}:
            blocks.add(token.content.rstrip("\n"))
        elif token.type == "html_block":
            blocks.add(extract_fragment(token.content))
    return heading or "", blocks.text


class _Blocks:
    """Pieces of text and how far they stand apart."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, text: str, *, tight: bool = False) -> None:
        if text and self._parts:
            self._parts.append("\n" if tight else "\n\n")
        if text:
            self._parts.append(text)

    def end_row(self) -> None:
        self.add("\t".join(self.cells), tight=True)
        self.cells = []


def _inline(tokens: Sequence[Token]) -> str:
    parts = []
    for token in tokens:
        if token.type in {"text", "code_inline", "text_special"}:
            parts.append(token.content)
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak" or token.content.lower().startswith("<br"):
            parts.append("\n")
        elif token.type == "image":
            parts.append(_inline(token.children or []))
    return "".join(parts).strip()
