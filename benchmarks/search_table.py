"""Putting together what the sides of the search benchmark reported, and the table of it."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TARGETS = (0.95, 0.98, 0.99)
MEDIANS = ("p50_ms", "p99_ms", "batch_qps")
MIB = 1 << 20


def merge(folder: Path) -> dict[str, Any]:
    """What a side reported: stages by name, the rounds of `serve` as one; {} of nothing."""
    side: dict[str, Any] = {}
    for stage in ("build", "write", "mixed"):
        path = folder / f"{stage}.json"
        if path.is_file():
            side[stage] = json.loads(path.read_text(encoding="utf-8"))
    rounds = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("serve-*.json"))
    ]
    if rounds:
        side["serve"] = merge_rounds(rounds)
    return side


def merge_rounds(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last round with the speeds and times of all."""
    merged = dict(rounds[-1])
    for part in ("settings", "filters"):
        series = [report[part] for report in rounds if part in report]
        if series:
            points = zip(*series, strict=True)
            merged[part] = [merge_points(each) for each in points]
    return {**merged, "rounds": len(rounds)}


def merge_points(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One measured point of several rounds."""
    merged = dict(points[-1])
    for name in ("qps", "cpu_ms"):
        if f"{name}_all" in merged:
            merged[f"{name}_all"] = [value for point in points for value in point[f"{name}_all"]]
            merged[name] = statistics.median(merged[f"{name}_all"])
    for name in MEDIANS:
        if name in merged:
            merged[name] = statistics.median(point[name] for point in points)
    return merged


def best(side: Mapping[str, Any], target: float) -> dict[str, Any] | None:
    """The fastest point that reaches a recall; None if none does."""
    points = side.get("serve", {}).get("settings", [])
    good = [point for point in points if point["recall"] >= target]
    return max(good, key=lambda point: float(point["qps"]), default=None)


def show(sides: Mapping[str, dict[str, Any]]) -> str:
    """The tables and, where raw FAISS was measured, what ours is beside it."""
    served = {name: side for name, side in sides.items() if "serve" in side}
    lines = [*_speeds(served), "", *_costs(served), "", *_filters(served)]
    if mixed := sides.get("ours", {}).get("mixed"):
        lines += ["", *_mixed(mixed)]
    return "\n".join([*lines, "", *_beside(served)])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _speeds(sides: Mapping[str, dict[str, Any]]) -> list[str]:
    head = ["side", *(f"QPS at >= {t} (p50/p99 ms)" for t in TARGETS), "CPU ms at .98", "queries"]
    rows = []
    for name, side in sides.items():
        points = [best(side, target) for target in TARGETS]
        most = max(point["recall"] for point in side["serve"]["settings"])
        cells = [
            f"{p['qps']:,.0f} ({p['p50_ms']:.2f}/{p['p99_ms']:.2f}) {_setting(p)}"
            if p
            else f"never ({most:.3f})"
            for p in points
        ]
        cpu = f"{points[1]['cpu_ms']:.3f}" if points[1] else "-"
        asked = str(min(point["queries"] for point in side["serve"]["settings"]))
        rows.append([name, *cells, cpu, asked])
    return _table(head, rows)


def _setting(point: Mapping[str, Any]) -> str:
    text = "/".join(f"{value:g}" for value in point["setting"].values())
    return f"[{text}: {point['recall']:.4f}]"


def _costs(sides: Mapping[str, dict[str, Any]]) -> list[str]:
    head = [
        *(
            "side",
            "build s (CPU)",
            "bytes/vector",
            "load s",
            "MiB start",
            "loaded",
            "asked",
            "all settings",
        ),
        *("upsert/delete 1,000 s", "seen/gone at once", "durable"),
    ]
    rows = []
    for name, side in sides.items():
        build, serve, write = side["build"], side["serve"], side.get("write")
        memory = [
            f"{serve['memory'][when]['anonymous'] / MIB:,.0f}"
            f"+{serve['memory'][when]['file'] / MIB:,.0f}"
            for when in ("start", "loaded", "asked", "queried")
        ]
        writes = ["none", "", ""]
        if write:
            writes = [
                f"{write['upsert_seconds']:.3f}/{write['delete_seconds']:.3f}",
                f"{write['seen_at_once']:.2f}/{write['gone_at_once']:.2f}",
                write["durable"],
            ]
        rows.append(
            [
                name,
                f"{build['seconds']:.1f} ({build['cpu_seconds']:.1f})",
                f"{build['bytes_per_vector']:,.0f}",
                f"{serve['load_seconds']:.2f}",
                *memory,
                *writes,
            ]
        )
    return [*_table(head, rows), "memory: anonymous + of files"]


def _filters(sides: Mapping[str, dict[str, Any]]) -> list[str]:
    measured = {name: side["serve"].get("filters") for name, side in sides.items()}
    first = next((points for points in measured.values() if points), None)
    if first is None:
        return []
    head = ["recall under filter (p50 ms)", *(f"{100 * p['keeps']:g} %" for p in first)]
    rows = [
        [
            name,
            *(
                f"{p['recall']:.3f} ({p['p50_ms']:.2f}) batch {p['batch_recall']:.3f}"
                f" {p['batch_qps']:,.0f}/s" + (f" WRONG {p['wrong']}" if p["wrong"] else "")
                for p in points
            ),
        ]
        for name, points in measured.items()
        if points
    ]
    return _table(head, rows)


def _mixed(mixed: Mapping[str, Any]) -> list[str]:
    lines = [f"{mixed['replaced']:,} replaced, {mixed['deleted']:,} deleted during queries:"]
    for phase in ("quiet", "writes", "optimize", "after"):
        p = mixed[phase]
        lines.append(
            f"  {phase}: p50 {p['p50_ms']:.2f}, p99 {p['p99_ms']:.2f} ms of {p['queries']:,} in "
            f"{p['seconds']:.0f} s, errors {p['errors'] or 'none'}"
        )
    ratio = mixed["optimize"]["p99_ms"] / mixed["quiet"]["p99_ms"]
    lines.append(
        f"  p99 of optimize / quiet {ratio:.2f}; exact answers as of a fresh collection "
        f"{mixed['same_exact_answers']:.3f}; recall {mixed['recall_used']:.3f}, fresh "
        f"{mixed['recall_fresh']:.3f}; documents {mixed['counts']}"
    )
    return lines


def _beside(sides: Mapping[str, dict[str, Any]]) -> list[str]:
    """Ours over the best raw index and over each peer, at each recall; and the builds."""
    raw = {name: side for name, side in sides.items() if name.startswith("faiss-")}
    peers = {n: side for n, side in sides.items() if not n.startswith(("faiss-", "ours"))}
    lines = []
    for name in [name for name in sides if name.startswith("ours")]:
        for target in TARGETS:
            point = best(sides[name], target)
            if point is None:
                lines.append(f"{name} at {target}: never")
                continue
            points = {n: p for n, side in raw.items() if (p := best(side, target))}
            texts = []
            if points:
                top = max(points, key=lambda n: float(points[n]["qps"]))
                lead = point["p50_ms"] - points[top]["p50_ms"]
                texts.append(
                    f"{_ratio(point, points[top])} of {top}, the best raw; p50 {lead:+.2f} ms"
                )
            for peer, side in peers.items():
                other = best(side, target)
                texts.append(f"{peer} {_ratio(point, other) if other else 'never'}")
            lines.append(f"{name} at {target}, QPS: {'; '.join(texts)}")
        build = sides[name]["build"]
        others = (
            f"{other} {side['build']['seconds']:.1f} ({side['build']['cpu_seconds']:.1f})"
            for other, side in raw.items()
        )
        lines.append(
            f"{name} built {build['index']['kind']} in {build['index_seconds']:.1f} s (CPU "
            f"{build['index_cpu_seconds']:.1f}); {', '.join(others)}"
        )
    return lines


def _ratio(ours: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return f"x{ours['qps'] / other['qps']:.2f}"
