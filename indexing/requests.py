"""Checks of search requests: what cannot be answered is refused by the name of its field."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TYPE_CHECKING

from indexing.errors import InvalidRequestError
from indexing.filters import Filter
from indexing.types import MAX_EXAMPLES, MAX_IMAGE_BYTES, MAX_LIMIT, MAX_QUERY_BYTES, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexing.types import SearchRequest

_MODES = ("dense", "lexical", "hybrid")
_GROUPS = ("documents", "parents")
_SWITCHES = ("exact", "with_vectors", "rerank", "with_snippets")
_SHOWN = 80

_DENSE: Mapping[Metric, tuple[float, float]] = {
    Metric.COSINE: (-1.0, 1.0),
    Metric.EUCLIDEAN: (-math.inf, 0.0),
    Metric.DOT: (-math.inf, math.inf),
}


def check_request(request: SearchRequest, metric: Metric) -> None:
    """Refuse a search that cannot be answered, or that no document could satisfy.

    Args:
        request: what is asked; vectors and ids are judged where they are looked up.
        metric: the collection's.

    Raises:
        InvalidRequestError: naming the field, its value and the limit.
    """
    if request.filter is not None and not isinstance(request.filter, Filter):
        raise _wrong("filter", request.filter, "a Filter; Filter.parse reads one from JSON")
    for name in _SWITCHES:
        value = getattr(request, name)
        if not isinstance(value, bool):
            raise _wrong(name, value, "True or False")
    _check_examples(request)
    given = _given(request)
    _check_query(request, given)
    _check_image(request.image)
    _check_page(request)
    _check_threshold(request, metric)
    _check_recall(request)


def score_range(request: SearchRequest, metric: Metric) -> tuple[float, float]:
    """Least and largest score that a match can have in the request's mode."""
    if request.mode == "hybrid":
        return 0.0, 1.0
    return (0.0, math.inf) if request.mode == "lexical" else _DENSE[metric]


def _given(request: SearchRequest) -> str:
    """What is asked by: `query`, `vector`, `image`, `document_id` or `positive`."""
    values = {
        "query": request.query,
        "vector": request.vector,
        "image": request.image,
        "document_id": request.document_id,
        "positive": request.positive or None,
    }
    given = [name for name, value in values.items() if value is not None]
    if len(given) == 1:
        return given[0]
    if not given and request.negative:
        message = "negative alone finds nothing; name at least one document in positive"
        raise InvalidRequestError(message, "positive")
    found = " and ".join(given) or "none"
    message = (
        f"exactly one of query, vector, image, document_id and positive is needed, {found} given"
    )
    raise InvalidRequestError(message, given[1] if given else "query")


def _check_query(request: SearchRequest, given: str) -> None:
    if request.mode not in _MODES:
        message = f"mode {request.mode!r} is unknown; this version has {', '.join(_MODES)}"
        raise InvalidRequestError(message, "mode")
    if request.query is not None:
        _check_text(request.query)
    elif request.mode != "dense":
        message = f"mode {request.mode!r} needs a query; {given} can be asked in mode dense"
        raise InvalidRequestError(message, "mode")
    elif request.rerank:
        message = f"rerank needs a query to read beside each document; {given} is none"
        raise InvalidRequestError(message, "rerank")
    if request.document_id is not None and not isinstance(request.document_id, str):
        raise _wrong("document_id", request.document_id, "a string")
    if request.group not in _GROUPS:
        message = f"group {request.group!r} is unknown; use {' or '.join(_GROUPS)}"
        raise InvalidRequestError(message, "group")


def _check_text(query: str) -> None:
    """Refuse what is no readable question."""
    if not isinstance(query, str):
        raise _wrong("query", query, "a string")
    if not query.strip():
        raise InvalidRequestError("query is empty; ask something", "query")
    try:
        size = len(query.encode())
    except UnicodeEncodeError as error:
        message = (
            f"query holds half a surrogate pair at character {error.start}; it is not valid Unicode"
        )
        raise InvalidRequestError(message, "query") from error
    if size > MAX_QUERY_BYTES:
        message = (
            f"query has {size:,} bytes, at most {MAX_QUERY_BYTES:,} are possible; to find what is "
            "like a long text, add it and search by its document_id"
        )
        raise InvalidRequestError(message, "query")


def _check_image(image: bytes | None) -> None:
    """Refuse what is no file, or too large a one; whether it is a picture, decoding tells."""
    if image is None:
        return
    if not isinstance(image, bytes):
        raise _wrong("image", image, "the bytes of a picture's file")
    if len(image) > MAX_IMAGE_BYTES:
        message = f"image has {len(image):,} bytes; at most {MAX_IMAGE_BYTES:,} are read"
        raise InvalidRequestError(message, "image")


def _check_page(request: SearchRequest) -> None:
    limit, offset = request.limit, request.offset
    for name, number in (("limit", limit), ("offset", offset)):
        if not _is_whole(number):
            raise _wrong(name, number, "a whole number")
    if limit < 1 or limit > MAX_LIMIT:
        message = f"limit is {limit:,}; 1 to {MAX_LIMIT:,} are possible"
        raise InvalidRequestError(message, "limit")
    if offset < 0 or offset + limit > MAX_LIMIT:
        message = (
            f"offset is {offset:,}; 0 to {MAX_LIMIT:,} together with limit are possible, a cursor "
            "goes deeper"
        )
        raise InvalidRequestError(message, "offset")
    if request.cursor is None:
        return
    if not isinstance(request.cursor, str):
        raise _wrong("cursor", request.cursor, "a string that a page gave")
    if offset:
        message = f"offset is {offset:,} beside a cursor, which says where to go on; leave it out"
        raise InvalidRequestError(message, "offset")
    if request.rerank:
        message = "cursor cannot lead through reranked matches; page them by offset"
        raise InvalidRequestError(message, "cursor")


def _check_examples(request: SearchRequest) -> None:
    """Lists of ids that are strings, none of them twice."""
    seen: dict[str, str] = {}
    for name, ids in (("positive", request.positive), ("negative", request.negative)):
        if not isinstance(ids, tuple | list):
            raise _wrong(name, ids, "a tuple of document ids")
        if len(ids) > MAX_EXAMPLES:
            message = f"{name} has {len(ids):,} ids; at most {MAX_EXAMPLES} are possible"
            raise InvalidRequestError(message, name)
        for id_ in ids:
            if not isinstance(id_, str):
                raise _wrong(name, id_, "a tuple of document ids")
            if id_ in seen:
                where = "twice" if seen[id_] == name else "in positive and in negative"
                message = f"id {id_[:_SHOWN]!r} stands {where}; name each document once"
                raise InvalidRequestError(message, name)
            seen[id_] = name
    if request.negative and not request.positive and _asks_otherwise(request):
        message = "negative works beside positive alone; leave it out"
        raise InvalidRequestError(message, "negative")


def _asks_otherwise(request: SearchRequest) -> bool:
    others = (request.query, request.vector, request.image, request.document_id)
    return any(value is not None for value in others)


def _check_threshold(request: SearchRequest, metric: Metric) -> None:
    threshold = request.score_threshold
    if threshold is None:
        return
    if not _is_number(threshold):
        raise _wrong("score_threshold", threshold, "a number")
    if not math.isfinite(threshold):
        message = f"score_threshold is {threshold}; a finite number is needed"
        raise InvalidRequestError(message, "score_threshold")
    least, most = score_range(request, metric)
    if least <= threshold <= most:
        return
    if math.isinf(most):
        possible = f"are {least:g} or above"
    elif math.isinf(least):
        possible = f"are {most:g} or below (minus the distance)"
    else:
        possible = f"lie from {least:g} to {most:g}"
    scale = metric.value if request.mode == "dense" else request.mode
    message = f"score_threshold is {threshold}; {scale} scores {possible}"
    raise InvalidRequestError(message, "score_threshold")


def _check_recall(request: SearchRequest) -> None:
    recall = request.recall
    if recall is None:
        return
    if not _is_number(recall):
        raise _wrong("recall", recall, "a number")
    if not 0 < recall <= 1:
        message = f"recall is {recall}; a share above 0, at most 1, can be reached"
        raise InvalidRequestError(message, "recall")


def _is_whole(number: object) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool)


def _is_number(number: object) -> bool:
    return isinstance(number, Real) and not isinstance(number, bool)


def _wrong(field: str, value: object, wanted: str) -> InvalidRequestError:
    """The error for a value of another type."""
    shown = repr(value)[:_SHOWN]
    message = f"{field} is {shown} ({type(value).__name__}); it must be {wanted}"
    return InvalidRequestError(message, field)
