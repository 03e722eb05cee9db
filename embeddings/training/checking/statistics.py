"""What the data look like: lengths against the model's window, classes, scores."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.checking.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.training.checking.findings import State
    from embeddings.training.subjects.table import Table

TRUNCATED = 0.25
"""Share of texts that may be cut at the model's window."""
MAJORITY = 0.9
"""Share of the examples that the most frequent class, or one tenth of the scores, may have."""
_SAMPLE = 2_000
"""Texts whose tokens are counted, of each column."""
_BINS = 10


def check_lengths(tables: Sequence[Table], model: Any, *, seed: int) -> list[Finding]:  # noqa: ANN401
    """Tokens of texts against the window, one finding a source.

    Args:
        tables: the sources.
        model: with `tokenizer` and `max_seq_length`; of others there is nothing to tell.
        seed: of the sample of texts.
    """
    window = getattr(model, "max_seq_length", None)
    count = _counter(model)
    if not window or count is None:
        return [
            Finding(
                check="lengths",
                state="skipped",
                sentence="the model has no window that texts could be too long for",
            )
        ]
    return [_check_table(table, int(window), count, seed) for table in tables]


def check_answers(tables: Sequence[Table]) -> list[Finding]:
    """Balance of classes and histogram of scores, one finding a source that has them."""
    made = []
    known: set[str] = set()
    for table in tables:
        if table.part == "train" and table.labels is not None:
            known |= set(table.labels)
    for table in tables:
        if table.labels is not None:
            made.append(_check_classes(table, known))
        elif table.scores is not None:
            made.append(_check_scores(table))
    return made


def _check_table(table: Table, window: int, count: Any, seed: int) -> Finding:  # noqa: ANN401
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    cut = seen = 0
    for name, texts in table.texts.items():
        rows = list(range(len(texts)))
        if len(rows) > _SAMPLE:
            rows = np.sort(random.choice(len(texts), _SAMPLE, replace=False)).tolist()
        lengths = np.array(count([texts[row] for row in rows]))
        cut += int((lengths > window).sum())
        seen += len(lengths)
        middle, long, longest = np.quantile(lengths, [0.5, 0.95, 1.0])
        columns[name] = {
            "median": float(middle),
            "p95": float(long),
            "longest": int(longest),
            "truncated": float(np.mean(lengths > window)),
            "texts": len(lengths),
        }
    share = cut / seen
    state: State = "warned" if share > TRUNCATED else "passed"
    told = "; ".join(
        f"{name} {each['median']:.0f} tokens (median), {each['p95']:.0f} (95 %)"
        for name, each in columns.items()
    )
    sentence = (
        f"{table.part} {table.name}: {100 * share:.1f} % of texts are longer than the model's "
        f"window of {window:,} tokens (limit {100 * TRUNCATED:.0f} %); {told}"
    )
    if state == "warned":
        sentence += ". The rest of them is never read: raise max_tokens, or cut texts into chunks"
    return Finding(
        check="lengths",
        state=state,
        sentence=sentence,
        value=share,
        limit=TRUNCATED,
        details={"window": window, "columns": columns},
    )


def _check_classes(table: Table, known: set[str]) -> Finding:
    labels = [label for joined in table.labels or () for label in joined.split("|")]
    counts = Counter(labels)
    (most, largest), (least, smallest) = counts.most_common()[0], counts.most_common()[-1]
    share = largest / len(table)
    unseen = sorted(set(counts) - known) if table.part != "train" else []
    state: State = "passed"
    sentence = (
        f"{table.part} {table.name}: {len(counts):,} classes, from {most!r} "
        f"({100 * share:.1f} %, limit {100 * MAJORITY:.0f} %) to {least!r} ({smallest:,})"
    )
    if unseen:
        state = "failed"
        told = ", ".join(map(repr, unseen[:5]))
        sentence += (
            f"; {len(unseen):,} of them are never in the training data ({told}) and cannot be "
            "answered: add examples of them, or leave them out"
        )
    elif share > MAJORITY:
        state = "warned"
        sentence += (
            f". Always saying {most!r} is right as often: look at macro-F1 rather than accuracy, "
            "and add examples of the others"
        )
    return Finding(
        check="balance",
        state=state,
        sentence=sentence,
        value=share,
        limit=MAJORITY,
        details={"classes": dict(counts.most_common(200)), "unseen": unseen},
    )


def _check_scores(table: Table) -> Finding:
    scores = np.array(table.scores)
    counts, _ = np.histogram(scores, bins=_BINS, range=(0, 1))
    share = float(counts.max() / len(scores))
    state: State = "warned" if share > MAJORITY else "passed"
    sentence = (
        f"{table.part} {table.name}: scores from {scores.min():.2f} to {scores.max():.2f} of 0 to "
        f"1, mean {scores.mean():.2f}; the fullest tenth holds {100 * share:.1f} % (limit "
        f"{100 * MAJORITY:.0f} %)"
    )
    if state == "warned":
        sentence += ". There is little to tell apart: add pairs of other scores"
    return Finding(
        check="balance",
        state=state,
        sentence=sentence,
        value=share,
        limit=MAJORITY,
        details={"histogram": counts.tolist(), "mean": float(scores.mean())},
    )


def _counter(model: Any) -> Any:  # noqa: ANN401 - a function of texts to lengths
    """Counts tokens of whole texts; None for a model without a tokenizer."""
    tokenizer = getattr(model, "tokenizer", None)
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
    if tokenizer is None:
        return None
    if callable(tokenizer):

        def by_library(texts: list[str]) -> list[int]:
            # verbose=False: a text longer than the window is what is looked for, not a warning.
            found = tokenizer(texts, truncation=False, padding=False, verbose=False)
            return [len(ids) for ids in found["input_ids"]]

        return by_library
    return lambda texts: [len(tokenizer.tokenize(text)) for text in texts]
