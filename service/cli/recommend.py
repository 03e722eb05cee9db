"""`meari recommend`: the like of some documents, and the unlike of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from service.cli.matches import show_answer
from service.cli.output import AsJson, write_json
from service.cli.progress import waiting
from service.cli.store import Data, Url, opened

if TYPE_CHECKING:
    from service.client.questions import RecommendOptions

Like = Annotated[
    list[str],
    typer.Option("--like", metavar="ID", help="A document to find the like of; may be repeated."),
]
Unlike = Annotated[
    list[str] | None,
    typer.Option("--unlike", metavar="ID", help="A document to keep away from; may be repeated."),
]


def recommend(
    name: Name,
    like: Like,
    unlike: Unlike = None,
    limit: Limit = 10,
    offset: Offset = 0,
    cursor: Cursor = None,
    filter_json: FilterJson = None,
    exact: Exact = False,
    recall: Recall = None,
    parents: Parents = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Find documents like some and unlike others; these are left out."""
    options: RecommendOptions = {
        "negative": unlike or [],
        "limit": limit,
        "offset": offset,
        "cursor": cursor,
        "exact": exact,
        "recall": recall,
        "filter": parsed(filter_json),
        "group": "parents" if parents else "documents",
    }
    with opened(data, url) as store, waiting("searching"):
        answer = store.recommend(name, like, **options)
    if as_json:
        write_json(answer)
    else:
        show_answer(answer)
