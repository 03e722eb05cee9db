"""The Markdown page of a retrieval report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eval.markdown import facts, shorten, table, tell, tell_share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embeddings.types import EncoderCard
    from eval.outcomes import BadAnswer, Shown
    from eval.provenance import Provenance
    from eval.report import RetrievalReport
    from eval.statistics import Estimate
    from eval.target import TargetFacts, TextCounts

READ_COLUMNS = ("texts", "tokens", "tokens read", "cut short", "unknown tokens")
"""Of the table whose rows `read_row` gives, behind the name."""


def retrieval_page(report: RetrievalReport) -> str:
    """A page that stands alone: what was measured, on what, by what, and where it failed."""
    dataset, target = report.dataset, report.target
    measures = table(
        ("measure", "mean", "95 % interval"),
        (
            (name, value.value, f"{value.low:.4f} to {value.high:.4f}")
            for name, value in report.measures.items()
        ),
        numbers={"mean"},
    )
    parts = [
        f"# Retrieval: {dataset.name} ({dataset.split}) by {_who(target)}",
        measures,
        f"Means over {tell(dataset.queries)} queries, {tell(report.depth)} documents answered to "
        "each at most; unanswered queries count zero. Intervals: percentile bootstrap over "
        f"queries, {tell(report.resamples)} resamples, seed {report.seed}.",
        "## Data",
        facts(_dataset_rows(report)),
        "## What answered",
        facts(_target_rows(target)),
        *(f"> {warning}" for warning in target.warnings),
        "## How much was read",
        table(
            ("of", *READ_COLUMNS),
            (read_row("documents", target.documents), read_row("queries", target.queries)),
            numbers=READ_COLUMNS,
        ),
        "## Run",
        facts(provenance_rows(report.provenance, report.seconds)),
        f"## Worst answers by {next(iter(report.measures))}",
        *_worst(report.worst),
    ]
    return "\n\n".join(parts) + "\n"


def estimates_table(what: str, figures: Mapping[str, Estimate]) -> str:
    """Figures by name, each with its interval; `what` heads the names, `value` the figures."""
    rows = [
        (name, value.value, f"{value.low:.4f} to {value.high:.4f}")
        for name, value in figures.items()
    ]
    return table((what, "value", "95 % interval"), rows, numbers={"value"})


def pairs_parts(
    left_out: str,
    card: EncoderCard,
    texts: TextCounts,
    provenance: Provenance,
    seconds: Mapping[str, float],
) -> list[str]:
    """What stands at the end of a page about pairs of texts and the encoder that read them."""
    return [
        facts([("pairs left out", left_out), *encoder_rows(card)]),
        table(("of", *READ_COLUMNS), [read_row("different texts", texts)], numbers=READ_COLUMNS),
        facts(provenance_rows(provenance, seconds)),
    ]


def provenance_rows(
    provenance: Provenance, seconds: Mapping[str, float]
) -> list[tuple[str, object]]:
    """Facts of a run: times, machine and versions."""
    versions = ", ".join(
        f"{name} {number or '(not installed)'}" for name, number in provenance.versions.items()
    )
    return [
        ("date", provenance.created),
        ("seconds", ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items())),
        ("machine", f"{provenance.processor}, {provenance.cpus} CPUs, {provenance.platform}"),
        ("versions", f"{versions}, python {provenance.python}"),
    ]


def encoder_rows(card: EncoderCard) -> list[tuple[str, object]]:
    """Facts of an encoder that decide what its figures mean."""
    prompts = ", ".join(f"{role} {prompt!r}" for role, prompt in card.prompts.items())
    return [
        ("encoder", f"{card.name} ({card.kind}, {card.pooling} pooling, {card.dtype})"),
        ("fingerprint", card.fingerprint),
        ("prompts", prompts or "none"),
        ("dimensions", card.dim),
        ("tokens read of a text at most", card.max_tokens),
        ("languages it was made for", ", ".join(card.languages) or "not said"),
    ]


def _who(target: TargetFacts) -> str:
    return f"{target.kind} {target.name}"


def _dataset_rows(report: RetrievalReport) -> list[tuple[str, object]]:
    dataset = report.dataset
    rows: list[tuple[str, object]] = [
        ("documents", dataset.documents),
        ("queries evaluated", dataset.queries),
        ("judgements", f"{dataset.judgements:,}, {dataset.relevant:,} of them relevant"),
        ("queries unanswered", report.unanswered),
    ]
    gaps = [
        ("judged queries left out, no text", dataset.queries_without_text),
        ("judged queries left out, nothing relevant", dataset.queries_without_positive),
        ("queries with blank text, counted zero", dataset.queries_blank),
        ("judged documents outside the corpus", dataset.judged_missing),
        ("relevant documents outside the corpus, not to be found", dataset.relevant_missing),
        ("relevant documents the target lacks, not to be found", dataset.relevant_lacking),
    ]
    rows += [(name, count) for name, count in gaps if count != 0]
    return [*rows, ("fingerprint of queries and judgements", dataset.fingerprint)]


def _target_rows(target: TargetFacts) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [("target", _who(target))]
    if target.encoder is not None:
        rows += encoder_rows(target.encoder)
    recall = target.recall_estimate
    estimate = "" if target.exact or recall is None else f", recall estimate {recall:.4f}"
    rows += [
        ("metric", target.metric),
        ("index", f"{target.index}, {'exact' if target.exact else 'approximate'}{estimate}"),
        ("chunks folded into their texts", target.grouped),
    ]
    if target.blank_documents:
        rows.append(("blank documents, not to be found", target.blank_documents))
    return rows


def read_row(name: str, counts: TextCounts) -> tuple[object, ...]:
    """A row of the table of texts, tokens, tokens read, cut texts and unknown tokens."""
    return (
        name,
        counts.texts,
        counts.tokens,
        counts.tokens_read,
        tell_share(counts.truncated, counts.texts),
        tell_share(counts.unknown, counts.tokens_read),
    )


def _worst(answers: Sequence[BadAnswer]) -> list[str]:
    if not answers:
        return ["Every query is answered perfectly."]
    return [_bad_answer(answer) for answer in answers]


def _bad_answer(answer: BadAnswer) -> str:
    query = answer.query
    measure, value = next(iter(query.values.items()))
    first = "none" if query.first_relevant is None else f"rank {query.first_relevant}"
    lines = [
        f"**{tell(shorten(query.text, 200)) or '(blank)'}** (query {query.id}; {measure} "
        f"{value:.4f}; first relevant document: {first})",
        "",
        *(f"- expected: {_shown(document)}" for document in answer.expected),
        *(f"- found: {_shown(document)}" for document in answer.found),
    ]
    return "\n".join(lines)


def _shown(document: Shown) -> str:
    notes = [
        "not answered" if document.rank is None else f"rank {document.rank}",
        "not judged" if document.grade is None else f"grade {document.grade}",
    ]
    title = shorten(document.title)
    return f"{title} ({document.id}; {', '.join(notes)})"
