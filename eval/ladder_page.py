"""The Markdown page of a ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eval.markdown import facts, table
from eval.report_page import provenance_rows

if TYPE_CHECKING:
    from eval.encoders import LadderReport
    from eval.ladder import Judge
    from eval.ladder_bench import RowScore
    from eval.statistics import Estimate


def ladder_page(report: LadderReport) -> str:
    """The table, what the columns are, and how it came about."""
    ladder = report.ladder
    names = [judge.name for judge in ladder.judge]
    columns = ["encoder", *names, "width", "trained"]
    rows = [
        [
            row.name,
            *(_figure(row.figures.get(name)) for name in names),
            _widths(row),
            _time(row.seconds),
        ]
        for row in report.rows
    ]
    notes = [f"- **{row.name}**: {row.note}" for row in report.rows if row.note]
    parts = [
        f"# {ladder.title}",
        ladder.note,
        table(columns, rows, numbers=set(columns[1:])),
        f"In brackets: 95 % percentile bootstrap over pairs or queries, {ladder.resamples:,} "
        f"resamples, seed {ladder.seed}.",
        "\n".join(_judge(report, judge) for judge in ladder.judge),
        "\n".join(notes),
        facts(provenance_rows(report.provenance, {})),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure(value: Estimate | None) -> str:
    return "-" if value is None else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _widths(row: RowScore) -> str:
    return " / ".join(dict.fromkeys(f"{each['dim']:,}" for each in row.encoders.values()))


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _judge(report: LadderReport, judge: Judge) -> str:
    counts = report.judged.get(judge.name, {})
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    what = "Spearman's rank correlation of cosines and judged similarity"
    if judge.form == "translations":
        what = "how often the nearest text of the other language is the translation, both ways"
    if judge.form == "retrieval":
        what = f"{judge.measure}, every document compared"
        if judge.documents is not None:
            what += "; the judged documents and others drawn at random"
    return f"- **{judge.name}** ({judge.path}, {judge.split}): {what}. {told.capitalize()}."
