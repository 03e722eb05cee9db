"""HTML pages: title, language and the text of the main part, without scripts and navigation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from indexing.errors import SourceError
from indexing.readers.lines import find_codec
from indexing.readers.plain import decode, make_file_record, read_whole
from indexing.readers.records import Origin, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selectolax.lexbor import LexborHTMLParser, LexborNode

    from indexing.readers.fields import FieldMapping
    from indexing.readers.files import OpenFile, SourceFile
    from indexing.readers.records import Item

_DROPPED = frozenset(
    {"script", "style", "noscript", "template", "nav", "svg", "iframe", "object", "canvas"}
    | {"button", "select", "textarea", "dialog", "audio", "video", "head"}
)
_FRAME = frozenset({"header", "footer", "aside"})
"""Left out of a page that does not mark its main part; inside the main part they belong to it."""
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary"})
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "dl", "table"}
    | {"figure"}
)
_BLOCKS = _PARAGRAPHS | frozenset(
    {"address", "article", "aside", "body", "caption", "center", "dd", "details", "div", "dt"}
    | {"fieldset", "figcaption", "footer", "form", "header", "hr", "html", "legend", "li", "main"}
    | {"section", "summary", "tbody", "tfoot", "thead", "tr"}
)
_NESTING_TAG = re.compile(
    r"<(/?)(?:address|article|aside|blockquote|center|details|dialog|div|dl|fieldset|figure|footer"
    r"|header|main|menu|nav|ol|pre|section|table|ul)(?=[\s/>])",
    re.I,
)
"""Blocks that stay open until they are closed, unlike paragraphs, list items, rows and cells."""
_MOST_NESTED = 5_000
"""Blocks open at once: the parser's time grows with the square of them. Browsers build 512."""
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.I)
_SPACE = re.compile(r"[ \t\n\r\f\v\xa0]+")


def read_html(
    file: SourceFile, opened: OpenFile, mapping: FieldMapping, encoding: str
) -> Iterator[Item]:
    """The page as one document.

    Raises:
        SourceError: it is neither UTF-8 nor what it says of itself nor `encoding`.
    """
    del mapping
    content = read_whole(file, opened)
    if isinstance(content, Reject):
        yield content
        return
    source = _decode(content, encoding, file.shown)
    if reason := find_fault(source):
        yield Reject(Origin(file.shown), reason, file.name)
        return
    title, text, language = extract_page(source)
    yield make_file_record(file, text, title, {"lang": language} if language else {})


def _decode(content: bytes, encoding: str, where: str) -> str:
    """UTF-8 if it is, else what the page declares, else `encoding`."""
    declared = _CHARSET.search(content[:4096])
    names = ["utf-8", *([declared[1].decode()] if declared else [])]
    for name in names:
        try:
            return content.decode(find_codec(name))
        except (UnicodeDecodeError, SourceError):
            continue
    return decode(content, encoding, where)


def find_fault(source: str) -> str | None:
    """Why the parser would hardly come to an end with this page; None if it would soon."""
    depth = deepest = 0
    for tag in _NESTING_TAG.finditer(source):
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        deepest = max(deepest, depth)
    if deepest <= _MOST_NESTED:
        return None
    return f"elements are nested deeper than {_MOST_NESTED:,} levels"


def extract_page(source: str) -> tuple[str, str, str]:
    """Title, text and language of a page; each may be empty.

    The text is that of `main` (or the only `article`, or else the whole body without header,
    footer and asides); blocks are apart by newlines, paragraphs by an empty line.
    """
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(source)
    heading, html = page.css_first("h1"), page.css_first("html")
    title = page.css_first("head > title")
    words = _collapse(title.text()) if title is not None else ""
    if not words and heading is not None:
        words = _collapse(heading.text())
    language = (html.attributes.get("lang") or "").strip() if html is not None else ""
    main, dropped = _main_part(page)
    return words, "" if main is None else _text_of(main, dropped), language


def extract_fragment(source: str) -> str:
    """The text of a piece of HTML."""
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(source).body
    return "" if body is None else _text_of(body, _DROPPED)


def _main_part(page: LexborHTMLParser) -> tuple[LexborNode | None, frozenset[str]]:
    main = page.css_first("main, [role=main]")
    articles = page.css("article")
    if main is None and len(articles) == 1:
        main = articles[0]
    if main is not None:
        return main, _DROPPED
    return page.body, _DROPPED | _FRAME


def _text_of(root: LexborNode, dropped: frozenset[str]) -> str:
    """The text below `root`, walked without recursion: pages nest as deep as they like."""
    writer = _Writer()
    node: LexborNode | None = root
    while node is not None:
        tag = node.tag
        if tag == "-text":
            writer.write(node.text_content or "")
        elif node is root or not _is_dropped(node, dropped):
            writer.enter(str(tag))
            if node.first_child is not None:
                node = node.first_child
                continue
            writer.leave(str(tag))
        node = _following(node, root, writer)
    return writer.text()


def _following(node: LexborNode, root: LexborNode, writer: _Writer) -> LexborNode | None:
    """The next node in document order outside `node`, leaving elements on the way."""
    current: LexborNode | None = node
    while current is not None and current.mem_id != root.mem_id:
        if current.next is not None:
            return current.next
        current = current.parent
        if current is not None:
            writer.leave(str(current.tag))
    return None


def _is_dropped(node: LexborNode, dropped: frozenset[str]) -> bool:
    if node.tag in dropped or not node.is_element_node:
        return True
    attributes: dict[str, Any] = node.attributes
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or attributes.get("role") in _ROLES
    )


class _Writer:
    """Text with its blanks collapsed, as a browser would show it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._gap = 0
        self._preformatted = 0

    def write(self, text: str) -> None:
        if not self._preformatted:
            text = _SPACE.sub(" ", text)
            if self._gap or not self._parts or self._parts[-1].endswith((" ", "\n", "\t")):
                text = text.lstrip(" ")
        if text:
            if self._parts and self._gap:
                self._parts[-1] = self._parts[-1].rstrip(" ")
                self._parts.append("\n" * self._gap)
            self._gap = 0
            self._parts.append(text)

    def enter(self, tag: str) -> None:
        self._space(tag)
        if tag == "pre":
            self._preformatted += 1
        elif tag == "br":
            self._gap = max(self._gap, 1)
        elif tag in {"td", "th"} and self._parts and not self._gap:
            self._parts.append("\t")

    def leave(self, tag: str) -> None:
        self._space(tag)
        if tag == "pre":
            self._preformatted -= 1

    def _space(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._gap = 2
        elif tag in _BLOCKS:
            self._gap = max(self._gap, 1)

    def text(self) -> str:
        return "".join(self._parts).strip()


def _collapse(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
