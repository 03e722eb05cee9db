"""The part of a classifier's README.md that is about its classes, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFUSIONS = "confusion_matrix.png"


def tell_classes(receipt: Mapping[str, Any], folder: Path) -> str:
    """The part of README.md about classes, in Markdown."""
    facts = receipt["extra"]["classifier"]
    parts = [_use(facts, folder), _compared(facts), _table(facts), _confusions(facts)]
    if (folder / CONFUSIONS).is_file():
        parts.append(f"![confusion matrix]({CONFUSIONS})\n")
    return "\n" + "\n".join(part for part in parts if part)


def _use(facts: Mapping[str, Any], folder: Path) -> str:
    several = "any number of" if facts["task"] == "multi" else "one of"
    lines = [
        "## How to use it",
        "",
        f"It gives a text {several} {len(facts['labels']):,} labels.",
        "",
        "```sh",
        f"meari classify {folder.name} 'a text' 'another'",
        "```",
        "",
    ]
    calibration = facts["calibration"]
    if calibration.get("temperature"):
        before, after = calibration["dev_before"], calibration["dev_after"]
        lines += [
            f"Its probabilities are calibrated by a temperature of {calibration['temperature']:g}: "
            f"on the dev split the expected calibration error went from "
            f"{before['calibration_error']:.4f} to {after['calibration_error']:.4f}.",
            "",
        ]
    if calibration.get("unknown"):
        unknown = calibration["unknown"]
        lines += [
            f"A text whose best probability is below {unknown['least']:.4f} gets no label "
            f"(set by: {unknown['set_by']}).",
            "",
        ]
    return "\n".join(lines)


def _compared(facts: Mapping[str, Any]) -> str:
    compared = facts.get("compared")
    if not compared:
        return ""
    splits = [split for split in ("dev", "test") if split in compared["head"]["scores"]]
    names = list(dict.fromkeys(n for s in splits for n in compared["head"]["scores"][s]))
    columns = [(split, name) for split in splits for name in names]
    head = f"| | time | {' | '.join(f'{split} {name}' for split, name in columns)} |"
    rows = []
    for way, told in (("head", "head alone, encoder frozen"), ("full", "encoder and head")):
        found = compared[way]
        cells = [f"{found['scores'][split].get(name, float('nan')):.4f}" for split, name in columns]
        kept = " (kept)" if compared["kept"] == way else ""
        rows.append(f"| {told}{kept} | {found['seconds']:,.1f} s | {' | '.join(cells)} |")
    rule = f"|---|---|{'---|' * len(columns)}"
    return "\n".join(["## Head alone against full fine-tuning", "", head, rule, *rows, ""])


def _table(facts: Mapping[str, Any]) -> str:
    head = f"## Classes, on the {facts['measured_on']} split\n\n"
    head += "| class | learned from | texts | given | precision | recall | F1 |\n"
    head += "|---|---|---|---|---|---|---|"
    rows = [
        f"| {_cell(each['label'])} | {each['learned']:,} | {each['texts']:,} | {each['given']:,} | "
        f"{each['precision']:.3f} | {each['recall']:.3f} | {each['f1']:.3f} |"
        for each in facts["classes"]
    ]
    return "\n".join([head, *rows, ""])


def _confusions(facts: Mapping[str, Any]) -> str:
    if not facts["confusions"]:
        return ""
    lines = ["## What it confuses", ""]
    for each in facts["confusions"]:
        texts = "; ".join(f"“{_cell(example['text'])}”" for example in each["examples"])
        lines.append(
            f"- {_cell(each['true'])} taken for {_cell(each['given'])}: {each['count']:,} "
            f"({each['share']:.1%} of its texts), such as {texts}"
        )
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    """The text in one line that breaks no table and runs no HTML."""
    plain = " ".join(text.split())
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
