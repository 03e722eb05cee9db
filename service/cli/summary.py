"""What came of indexing, and what would come of it, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.collections import told_index
from service.cli.output import counted, facts, told_rate, told_time

if TYPE_CHECKING:
    from rich.table import Table

    from indexing.ingest import IngestPlan, IngestReport
    from service.client import JsonObject

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
    if report.truncated:
        told.append(
            f"{counted(report.truncated, 'document')} longer than the {encoder['max_tokens']:,} "
            f"tokens {encoder['name']} reads; --chunk {encoder['max_tokens']} cuts them into pieces"
        )
    if report.tokens and report.unknown / report.tokens > _MANY_UNKNOWN:
        languages = ", ".join(encoder["languages"]) or "nobody said which"
        told.append(
            f"{100 * report.unknown / report.tokens:.0f} % of the tokens are unknown to "
            f"{encoder['name']} (languages: {languages}); it will find little in these texts: "
            "--encoder names another"
        )
    return told


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"
