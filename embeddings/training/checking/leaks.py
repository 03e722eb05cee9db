"""Rows of dev and test data that are in the training data, and contradictions in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embeddings.training.checking.findings import Finding
from embeddings.training.checking.shingles import LIKENESS, find_alike, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embeddings.training.checking.findings import State
    from embeddings.training.subjects.table import Table

SAME = 0.01
"""Share of measured rows that may stand in the training data word by word."""
NEAR = 0.05
"""Share that may nearly do so."""
CONTRADICTING = 0.01
"""Share of training rows that may be there twice with another answer."""
_MOST = 100_000
"""Training rows compared for near-duplicates; more are sampled, and it is said."""
_SHOWN = 10
_APART = 0.5
"""Scores of the same texts that differ by so much contradict each other."""


def check_leaks(tables: Sequence[Table], *, seed: int) -> list[Finding]:
    """One finding for each dev and test source, and one about contradictions."""
    learned = [table for table in tables if table.part == "train"]
    findings = [_check_part(learned, table, seed=seed) for table in tables if table.part != "train"]
    return [*findings, *_check_contradictions(learned)]


def _check_part(learned: Sequence[Table], measured: Table, *, seed: int) -> Finding:
    known: dict[str, tuple[Table, int]] = {}
    for table in learned:
        for row in range(len(table)):
            known.setdefault(_key(table, row), (table, row))
    keys = [_key(measured, row) for row in range(len(measured))]
    same = [(row, *known[key], 1.0) for row, key in enumerate(keys) if key in known]
    compared = list(known)
    if len(compared) > _MOST:
        chosen = np.random.default_rng(seed).choice(len(compared), _MOST, replace=False)
        compared = [compared[place] for place in np.sort(chosen)]
    others = {row: key for row, key in enumerate(keys) if key not in known}
    rows = list(others)
    near = [
        (rows[each.second], *known[compared[each.first]], each.share)
        for each in find_alike(compared, list(others.values()))
    ]
    total = len(measured)
    pairs = [
        {"row": measured.place(row), "learned": table.place(at), "likeness": round(share, 3)}
        for row, table, at, share in [*same, *near]
    ]
    exact, alike = len(same) / total, len(near) / total
    state: State = "passed"
    if exact > SAME or alike > NEAR:
        state = "failed"
    elif same:
        state = "warned"
    sampled = (
        f" (among {_MOST:,} of {len(known):,} training examples)" if len(known) > _MOST else ""
    )
    told = (
        f"{len(same):,} of {total:,} {measured.part} examples of {measured.name} ({_share(exact)}, "
        f"limit {_share(SAME)}) stand in the training data, {len(near):,} more ({_share(alike)}, "
        f"limit {_share(NEAR)}) nearly do{sampled}"
    )
    if state != "passed":
        first = pairs[0]
        told += (
            f"; the first is {first['row']} and {first['learned']}. What was learned by "
            "heart is measured as if it were understood: take them out of the training data"
        )
    return Finding(
        check="leaks",
        state=state,
        sentence=told,
        value=exact,
        limit=SAME,
        details={
            "part": measured.part,
            "source": measured.name,
            "same": len(same),
            "near": len(near),
            "likeness": LIKENESS,
            "examples": pairs[:_SHOWN],
        },
    )


def _check_contradictions(learned: Sequence[Table]) -> list[Finding]:
    """The same texts with two answers: nobody can learn both."""
    answers: dict[str, tuple[Table, int]] = {}
    pairs, rows = [], 0
    for table in learned:
        if table.labels is None and table.scores is None:
            continue
        for row in range(len(table)):
            rows += 1
            other, at = answers.setdefault(_key(table, row), (table, row))
            if _differ(table, row, other, at):
                pairs.append({"row": table.place(row), "other": other.place(at)})
    if not rows:
        return []
    share = len(pairs) / rows
    state: State = "warned" if share > CONTRADICTING else "passed"
    told = (
        f"{len(pairs):,} of {rows:,} training examples ({_share(share)}, limit "
        f"{_share(CONTRADICTING)}) stand there twice with different answers"
    )
    if state == "warned":
        told += (
            f"; the first is {pairs[0]['row']} against {pairs[0]['other']}. Nobody can learn "
            "both: keep one, or correct the answers"
        )
    return [
        Finding(
            check="contradictions",
            state=state,
            sentence=told,
            value=share,
            limit=CONTRADICTING,
            details={"examples": pairs[:_SHOWN]},
        )
    ]


def _differ(table: Table, row: int, other: Table, at: int) -> bool:
    if table.labels is not None and other.labels is not None:
        return table.labels[row] != other.labels[at]
    if table.scores is not None and other.scores is not None:
        return abs(table.scores[row] - other.scores[at]) >= _APART
    return False


def _key(table: Table, row: int) -> str:
    parts = [normalise(text) or text for text in table.example(row)]
    return "\n".join(sorted(parts) if table.symmetric else parts)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
