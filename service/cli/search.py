"""`meari search`: ask a collection, read the answer and how it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.asking import (
    Cursor,
    Exact,
    FilterJson,
    Limit,
    Name,
    Offset,
    Parents,
    Recall,
    parsed,
)
from service.cli.input import read_text
from service.cli.language import warn_of_korean
from service.cli.matches import show_answer
from service.cli.output import AsJson, write_json
from service.cli.progress import waiting
from service.cli.receipt import by_meaning
from service.cli.store import Data, Url, opened

if TYPE_CHECKING:
    from service.client.questions import SearchOptions

Query = Annotated[str, typer.Argument(metavar="QUERY", help="What to look for; - reads stdin.")]
ModeName = Annotated[
    Literal["hybrid", "dense", "lexical"],
    typer.Option(
        "--mode",
        metavar="MODE",
        help="dense finds by meaning, lexical by words, hybrid by both.",
    ),
]
Rerank = Annotated[bool, typer.Option("--rerank", help="Order the best again by $MEARI_RERANKER.")]


def search(
    name: Name,
    query: Query,
    limit: Limit = 10,
    offset: Offset = 0,
    cursor: Cursor = None,
    filter_json: FilterJson = None,
    mode: ModeName = "hybrid",
    exact: Exact = False,
    recall: Recall = None,
    rerank: Rerank = False,
    parents: Parents = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Find documents by meaning, by words, or by both."""
    text = read_text() if query == "-" else query
    options: SearchOptions = {
        "limit": limit,
        "offset": offset,
        "cursor": cursor,
        "mode": mode,
        "exact": exact,
        "recall": recall,
        "rerank": rerank,
        "filter": parsed(filter_json),
        "group": "parents" if parents else "documents",
    }
    with opened(data, url) as store, waiting("searching"):
        answer = store.search(name, text, **options)
        language = warn_of_korean(
            [text] if by_meaning(answer["receipt"]) else [],
            answer["receipt"]["encoder"]["name"],
            lambda: store.collection(name)["encoder"]["languages"],
        )
    if as_json:
        write_json(answer)
    else:
        show_answer(answer, text, [language] if language else [])
