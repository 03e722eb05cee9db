"""`meari search`: ask a collection, read the answer and how it was found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.errors import MisuseError
from service.cli.input import read_text
from service.cli.language import warn_of_korean
from service.cli.output import AsJson, counted, results, told_time, visible, warn, write, write_json
from service.cli.progress import waiting
from service.cli.store import Data, Url, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from service.client import JsonObject

Name = Annotated[str, typer.Argument(metavar="NAME", help="Collection to ask.")]
Query = Annotated[str, typer.Argument(metavar="QUERY", help="What to look for; - reads stdin.")]
Limit = Annotated[int, typer.Option("-k", "--limit", metavar="K", help="Matches wanted.")]
Offset = Annotated[int, typer.Option("--offset", metavar="N", help="Matches left out first.")]
FilterJson = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="JSON",
        help='Only documents that satisfy it: {"must":[{"key":"language","match":{"value":"ko"}}]}',
    ),
]
ModeName = Annotated[
    Literal["hybrid", "dense", "lexical"],
    typer.Option(
        "--mode",
        metavar="MODE",
        help="dense finds by meaning, lexical by words, hybrid by both.",
    ),
]
Exact = Annotated[bool, typer.Option("--exact", help="Compare with every vector.")]
Parents = Annotated[
    bool, typer.Option("--parents", help="Only the best chunk of each longer text.")
]

_SNIPPET_LINES = 2
_INDENT = 5
_CHANNELS = {"dense": "meaning", "lexical": "words"}
_MOST_TERMS = 8


def search(
    name: Name,
    query: Query,
    limit: Limit = 10,
    offset: Offset = 0,
    filter_json: FilterJson = None,
    mode: ModeName = "hybrid",
    exact: Exact = False,
    parents: Parents = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Find documents by meaning, by words, or by both."""
    text = read_text() if query == "-" else query
    body: JsonObject = {
        "query": text,
        "limit": limit,
        "offset": offset,
        "mode": mode,
        "exact": exact,
        "filter": _parsed(filter_json),
        "group": "parents" if parents else "documents",
    }
    with opened(data, url) as store, waiting("searching"):
        answer = store.search(name, body)
        language = warn_of_korean(
            [text] if _by_meaning(answer["receipt"]) else [],
            answer["receipt"]["encoder"]["name"],
            lambda: store.collection(name)["encoder"]["languages"],
        )
    if as_json:
        write_json(answer)
    else:
        _show(answer, text, [language] if language else [])


def _parsed(filter_json: str | None) -> Any:  # noqa: ANN401 - any JSON; the grammar comes later
    if filter_json is None:
        return None
    try:
        return json.loads(filter_json)
    except ValueError as error:
        message = (
            f"--filter is not JSON ({error}); quote it for the shell: "
            """--filter '{"must":[{"key":"language","match":{"value":"ko"}}]}'"""
        )
        raise MisuseError(message) from error


def _show(answer: JsonObject, query: str, warnings: list[str]) -> None:
    from rich.console import Group
    from rich.text import Text

    width = results().width
    receipt = answer["receipt"]
    parts = [
        part
        for match in answer["matches"]
        for part in _match(match, query, _score(match, receipt), width)
    ]
    write(Group(*(parts or [_none_found(receipt)])))
    write(Text(_receipt_line(receipt), style="dim"))
    for message in [*_warnings(receipt), *warnings]:
        warn(message)


def _by_meaning(receipt: JsonObject) -> bool:
    """Whether vectors were compared."""
    return bool(receipt["index"] != "bm25")


def _score(match: JsonObject, receipt: JsonObject) -> str:
    """The score, and where two were fused those by channel: `0.83 (meaning 0.41, words 12.3)`."""
    score: float = match["score"]
    if receipt["query_terms"] is None:
        return f"{score:.4f}"
    if not _by_meaning(receipt):
        return f"{score:.2f}"
    digits = {"dense": 2, "lexical": 1}
    told = [
        f"{name} {match['channels'][channel]:.{digits[channel]}f}"
        for channel, name in _CHANNELS.items()
        if channel in match["channels"]
    ]
    return f"{score:.2f} ({', '.join(told)})"


def _match(match: JsonObject, query: str, score: str, width: int) -> list[RenderableType]:
    """Rank, score, title and id on one line, the snippet below."""
    from rich.padding import Padding
    from rich.text import Text

    from service.cli.snippet import snippet

    head = Text.assemble((f"{match['rank']:>3}", "bold"), "  ", (score, "cyan"), "  ")
    if match["title"]:
        head.append_text(snippet(match["title"], query, cells=max(width - 34 - len(score), 20)))
        head.append("  ")
    head.append(visible(match["id"]), style="dim")
    if match["truncated"]:
        head.append("  cut", style="yellow")
    cells = max((width - _INDENT) * _SNIPPET_LINES - 8, 20)
    return [head, Padding(snippet(match["text"], query, cells=cells), (0, 0, 1, _INDENT))]


def _none_found(receipt: JsonObject) -> str:
    if receipt["matched_by_filter"] == 0:
        return f"none of {counted(receipt['documents'], 'document')} satisfies the filter"
    return "nothing found"


def _receipt_line(receipt: JsonObject) -> str:
    """What answered, how surely, out of how many, for which words, and in what time."""
    recall = receipt["recall_estimate"]
    surety = "exact" if receipt["exact"] else f"recall {recall:.3f} measured"
    of_all = f"searched {receipt['searched']:,} of {counted(receipt['documents'], 'document')}"
    spent = ", ".join(
        f"{stage} {told_time(value / 1000)}"
        for stage, value in receipt["milliseconds"].items()
        if value >= 0.5 or stage == "total"
    )
    parts = [receipt["index"], surety, of_all]
    if _by_meaning(receipt):
        parts.append(receipt["encoder"]["name"])
    if receipt["query_terms"] is not None:
        parts.append(_terms(receipt["query_terms"]))
    return " · ".join([*parts, spent])


def _terms(terms: Sequence[str]) -> str:
    """`words late, bus`; each once, the first ones of many."""
    each = list(dict.fromkeys(terms))
    shown = visible(", ".join(each[:_MOST_TERMS]))
    return f"words {shown}, …" if len(each) > _MOST_TERMS else f"words {shown}"


def _warnings(receipt: JsonObject) -> list[str]:
    told = list(receipt.get("warnings", ()))
    tokens, unknown = receipt.get("query_tokens"), receipt.get("query_unknown", 0)
    if receipt.get("query_truncated"):
        told.append(f"the encoder did not read all {tokens:,} tokens of the query; shorten it")
    if tokens and unknown:
        told.append(f"the encoder does not know {unknown:,} of the query's {tokens:,} tokens")
    if receipt.get("truncated_matches"):
        cut = counted(receipt["truncated_matches"], "match")
        told.append(f"{cut} marked `cut`: the encoder did not read the document to its end")
    return told
