"""The receipt of an answer as one line, and what to doubt of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.output import counted, told_time, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.client import JsonObject

_MOST_TERMS = 8


def by_meaning(receipt: JsonObject) -> bool:
    """Whether vectors were compared."""
    return bool(receipt["index"] != "bm25")


def receipt_line(receipt: JsonObject) -> str:
    """What answered, how surely, out of how many, for which words, and in what time."""
    parts = [receipt["index"], _surety(receipt)]
    if receipt["visited"] is not None and not receipt["exact"]:
        parts.append(f"visited {counted(receipt['visited'], 'vector')}")
    of_all = f"searched {receipt['searched']:,} of {counted(receipt['documents'], 'document')}"
    parts.append(of_all)
    if by_meaning(receipt):
        parts.append(receipt["encoder"]["name"])
    if receipt["query_terms"] is not None:
        parts.append(_terms(receipt["query_terms"]))
    if receipt["reranker"] is not None:
        parts.append(f"ordered by {receipt['reranker']}")
    return visible(" · ".join([*parts, _times(receipt["milliseconds"])]))


def doubts(receipt: JsonObject) -> list[str]:
    """What a reader should know before trusting the answer, a sentence each."""
    told = list(receipt["warnings"])
    tokens, unknown = receipt["query_tokens"], receipt["query_unknown"]
    if receipt["query_truncated"]:
        told.append(f"the encoder did not read all {tokens:,} tokens of the query; shorten it")
    if tokens and unknown:
        told.append(f"the encoder does not know {unknown:,} of the query's {tokens:,} tokens")
    if receipt["truncated_matches"]:
        cut = counted(receipt["truncated_matches"], "match")
        told.append(f"{cut} marked `cut`: the encoder did not read the document to its end")
    return told


def _surety(receipt: JsonObject) -> str:
    """`exact`, or `recall 0.984 measured, 0.990 over 37 live queries`."""
    if receipt["exact"]:
        return "exact"
    told = f"recall {receipt['recall_estimate']:.3f} measured"
    if receipt["sampled_recall"] is None:
        return told
    queries = f"{receipt['sampled_queries']:,} live quer"
    queries += "y" if receipt["sampled_queries"] == 1 else "ies"
    return f"{told}, {receipt['sampled_recall']:.3f} over {queries}"


def _terms(terms: Sequence[str]) -> str:
    """`words late, bus`; each once, the first ones of many."""
    each = list(dict.fromkeys(terms))
    shown = ", ".join(each[:_MOST_TERMS])
    return f"words {shown}, …" if len(each) > _MOST_TERMS else f"words {shown}"


def _times(milliseconds: JsonObject) -> str:
    """The stages that took half a millisecond or more, and the whole."""
    return ", ".join(
        f"{stage} {told_time(value / 1000)}"
        for stage, value in milliseconds.items()
        if value >= 0.5 or stage == "total"
    )
