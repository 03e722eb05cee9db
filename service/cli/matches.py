"""Matches on the terminal: how good each is, the passage that shows why, and the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.output import counted, note, results, visible, warn, write
from service.cli.receipt import by_meaning, doubts, receipt_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from service.client import JsonObject

_SNIPPET_LINES = 2
_INDENT = 5
_CHANNELS = {"dense": ("meaning", 2), "lexical": ("words", 1), "rerank": ("reranker", 2)}
"""By channel: what people call it, and digits of its score."""
_SURETY = ((0.9, "sure", "green"), (0.6, "likely", "green"), (0.3, "perhaps", "yellow"))
"""From which confidence on which word and colour."""
_UNLIKELY = ("unlikely", "red")


def show_answer(answer: JsonObject, query: str = "", warnings: Sequence[str] = ()) -> None:
    """Matches and receipt on stdout, what to doubt and the next page on stderr.

    Args:
        answer: as the API gives it.
        query: whose words are marked in titles.
        warnings: what else to doubt.
    """
    from rich.console import Group
    from rich.text import Text

    width = results().width
    receipt = answer["receipt"]
    if receipt["no_good_answer"] and answer["matches"] and query:
        warn("probably none of these answers it: all score as documents do that do not")
    parts = [part for match in answer["matches"] for part in _match(match, query, receipt, width)]
    write(Group(*(parts or [_none_found(receipt)])))
    write(Text(receipt_line(receipt), style="dim"))
    for message in [*doubts(receipt), *warnings]:
        warn(message)
    if answer["cursor"] is not None:
        last = answer["matches"][-1]["rank"]
        note(f"next page: --offset {last}, or the --cursor that --json tells")


def told_confidence(confidence: float) -> tuple[str, str]:
    """The confidence as a word and a share, and its colour: (`likely 71 %`, `green`).

    Args:
        confidence: 0 to 1; never told as 100 %, which nothing found by likeness can be.
    """
    word, colour = next(
        ((word, colour) for least, word, colour in _SURETY if confidence >= least), _UNLIKELY
    )
    return f"{word} {min(round(100 * confidence), 99)} %", colour


def _match(match: JsonObject, query: str, receipt: JsonObject, width: int) -> list[RenderableType]:
    """Rank, score, confidence, title and id on one line, the passage below."""
    from rich.padding import Padding
    from rich.text import Text

    from service.cli.snippet import passage, title

    score = _score(match, receipt)
    head = Text.assemble((f"{match['rank']:>3}", "bold"), "  ", (score, "cyan"), "  ")
    taken = len(score)
    if match["confidence"] is not None:
        sure, colour = told_confidence(match["confidence"])
        if round(match["confidence"], 2) == round(match["score"], 2):
            sure = sure.split()[0]  # the score is the share
        head.append(sure, style=colour).append("  ")
        taken += len(sure) + 2
    if match["title"]:
        head.append_text(title(match["title"], query, cells=max(width - 34 - taken, 20)))
        head.append("  ")
    head.append(visible(match["id"]), style="dim")
    if match["truncated"]:
        head.append("  cut", style="yellow")
    image = match.get("image")
    if image is not None and not match["text"]:
        size = f"{image['width']} x {image['height']}"
        shown = Text(f"{visible(image['source']) or 'picture'}  {size}", style="dim")
        return [head, Padding(shown, (0, 0, 1, _INDENT))]
    cells = max((width - _INDENT) * _SNIPPET_LINES - 8, 20)
    return [head, Padding(passage(match, cells=cells), (0, 0, 1, _INDENT))]


def _score(match: JsonObject, receipt: JsonObject) -> str:
    """The score, and where several were made one those too: `0.83 (meaning 0.41, words 12.3)`."""
    score: float = match["score"]
    if receipt["query_terms"] is None and receipt["reranker"] is None:
        return f"{score:.4f}"
    if not by_meaning(receipt) and receipt["reranker"] is None:
        return f"{score:.2f}"
    told = [
        f"{name} {match['channels'][channel]:.{digits}f}"
        for channel, (name, digits) in _CHANNELS.items()
        if channel in match["channels"]
    ]
    return f"{score:.2f} ({', '.join(told)})"


def _none_found(receipt: JsonObject) -> str:
    if receipt["matched_by_filter"] == 0:
        return f"none of {counted(receipt['documents'], 'document')} satisfies the filter"
    return "nothing found"
