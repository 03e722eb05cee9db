"""`meari search`: ask a collection, read the answer and how it was found."""

from __future__ import annotations

import base64
from pathlib import Path
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
from service.cli.errors import MisuseError
from service.cli.input import read_text
from service.cli.language import warn_of_korean
from service.cli.matches import show_answer
from service.cli.output import AsJson, write_json
from service.cli.progress import waiting
from service.cli.receipt import by_meaning
from service.cli.store import Data, Url, opened

if TYPE_CHECKING:
    from service.client.questions import SearchOptions

Query = Annotated[
    str | None, typer.Argument(metavar="QUERY", help="What to look for; - reads stdin.")
]
ImageFile = Annotated[
    Path | None,
    typer.Option("--image", metavar="FILE", help="Find pictures like this one, in place of QUERY."),
]
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
    query: Query = None,
    image: ImageFile = None,
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
    """Find documents by meaning, by words, or by both; or pictures by a picture."""
    text = read_text() if query == "-" else query
    picture = _picture(text, image)
    options: SearchOptions = {
        "limit": limit,
        "offset": offset,
        "cursor": cursor,
        # A picture has no words: of the usual mode its other half is left.
        "mode": None if picture is not None and mode == "hybrid" else mode,
        **({} if picture is None else {"image": picture}),
        "exact": exact,
        "recall": recall,
        "rerank": rerank,
        "filter": parsed(filter_json),
        "group": "parents" if parents else "documents",
    }
    with opened(data, url) as store, waiting("searching"):
        answer = store.search(name, text, **options)
        language = warn_of_korean(
            [text] if text is not None and by_meaning(answer["receipt"]) else [],
            answer["receipt"]["encoder"]["name"],
            lambda: store.collection(name)["encoder"]["languages"],
        )
    if as_json:
        write_json(answer)
    else:
        show_answer(answer, text or "", [language] if language else [])


def _picture(query: str | None, image: Path | None) -> str | None:
    """The picture to ask with, in base64; None where a text asks.

    Raises:
        MisuseError: neither is given, or both, or the file cannot be read.
    """
    if (query is None) == (image is None):
        given = "nothing" if image is None else "both QUERY and --image"
        message = f"{given} to ask with is given; name a QUERY or --image FILE"
        raise MisuseError(message)
    if image is None:
        return None
    try:
        return base64.b64encode(image.read_bytes()).decode()
    except OSError as error:
        message = f"--image {image} cannot be read: {error.strerror or error}"
        raise MisuseError(message) from error
