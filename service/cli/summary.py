"""What came of indexing, and what would come of it, for people."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from service.cli.card import told_index
from service.cli.language import knows_korean, made_for
from service.cli.output import counted, facts, told_rate, told_time

if TYPE_CHECKING:
    from rich.table import Table

    from indexing.ingest import IngestPlan, IngestReport
    from service.client import JsonObject

_REASONS = 3
"""Refused records that are told on the spot."""
_MANY_UNKNOWN = 0.2
"""Share of unknown tokens from which the encoder hardly knows the language."""


def summarise(report: IngestReport, collection: JsonObject) -> Table:
    """What an indexing run did and what stands now."""
    encoded = report.added + report.changed
    rate = (
        f", {told_rate(encoded / report.seconds, 'document')}" if report.seconds and encoded else ""
    )
    return facts(
        [
            ("added", report.added),
            ("changed", report.changed),
            ("metadata only", report.relabelled),
            ("unchanged", report.unchanged),
            ("duplicates", report.duplicates),
            ("rejected", report.rejected),
            ("not read to the end", report.truncated),
            ("tokens encoded", report.tokens),
            ("unknown tokens", _share(report.unknown, report.tokens)),
            ("time", f"{told_time(report.seconds)}{rate}"),
            ("collection", f"{collection['name']}, {counted(collection['documents'], 'document')}"),
            ("index", told_index(collection)),
        ]
    )


def summarise_plan(plan: IngestPlan) -> Table:
    """What an indexing run would do."""
    return facts(
        [
            ("new", plan.new),
            ("changed", plan.changed),
            ("metadata only", plan.relabelled),
            ("unchanged", plan.unchanged),
            ("duplicates", plan.duplicates),
            ("rejected", plan.rejected),
            ("too long for the encoder", plan.too_long),
            ("chunks", plan.chunks),
            ("tokens to encode", plan.tokens),
            ("time, about", told_time(60 * plan.minutes)),
        ]
    )


def hints(report: IngestReport, encoder: JsonObject) -> list[str]:
    """What a reader of the summary should know and can do."""
    told = []
    documents = report.added + report.changed + report.relabelled + report.unchanged
    name, window, languages = encoder["name"], encoder["max_tokens"], encoder["languages"]
    if not documents + report.duplicates + report.rejected:
        told.append("nothing was read: the sources hold no record")
    if report.truncated:
        told.append(
            f"{counted(report.truncated, 'document')} longer than the {window:,} tokens {name} "
            f"reads; --chunk {window} cuts them into pieces"
        )
    if report.korean and not knows_korean(languages):
        told.append(
            f"{report.korean:,} of {counted(documents, 'document')} are Korean and {name} was "
            f"made for {made_for(languages)}: it will hardly find what they mean; index them into "
            "a new collection with --encoder and a multilingual encoder"
        )
    elif report.tokens and report.unknown / report.tokens > _MANY_UNKNOWN:
        told.append(
            f"{100 * report.unknown / report.tokens:.0f} % of the tokens are unknown to {name} "
            f"(languages: {made_for(languages) or 'nobody said which'}); it will find little in "
            "these texts: --encoder names another"
        )
    return told


def first_reasons(report: IngestReport) -> list[str]:
    """Why the first few records of the list were refused, and how many more there are."""
    if report.rejects is None:
        return []
    with report.rejects.open(encoding="utf-8") as file:
        first = [json.loads(line) for line in islice(file, _REASONS)]
    told = [_reason(each) for each in first]
    more = report.rejected - len(told)
    return [*told, f"and {more:,} more"] if more > 0 else told


def _reason(reject: JsonObject) -> str:
    """`FILE:LINE: REASON`, the file once."""
    origin, line, reason = reject["origin"], reject["line"], reject["reason"]
    if reason.startswith(origin):
        return str(reason)
    return f"{origin}: {reason}" if line is None else f"{origin}:{line}: {reason}"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"
