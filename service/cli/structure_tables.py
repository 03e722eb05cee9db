"""What a collection is about, on the terminal: tables, and what is worth knowing of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.cli.output import counted, note, told_time, warn, write, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.client import JsonObject

_TEXT = 60
"""Characters of a text in a table."""
_TERMS = 5
_MEMBERS = 4


def show_clusters(name: str, answer: JsonObject) -> None:
    """The clusters: label, size, terms, examples."""
    rows = [
        (
            each["id"],
            each["label"],
            each["size"],
            ", ".join(each["terms"][:_TERMS]),
            _shown(each["examples"]),
        )
        for each in answer["clusters"]
    ]
    columns = ("cluster", "label", "documents", "terms", "for instance")
    write_table(columns, rows, numbers="cluster documents", folds="for instance")
    receipt = answer["receipt"]
    chosen = " (chosen by measure)" if receipt["chosen"] else ""
    found = (
        f"{counted(receipt['k'], 'cluster')}{chosen} of {counted(receipt['documents'], 'document')}"
    )
    outliers = f", {answer['outliers']:,} in none" if answer["outliers"] else ""
    write(f"{name}: {found}{outliers}, by {receipt['method']} in {_time(receipt)}")
    for event in answer["events"]:
        note(_event(event))
    _tell(answer)


def show_outliers(name: str, answer: JsonObject) -> None:
    """The most outlying documents with their reasons."""
    rows = [
        (
            f"{each['score']:.3f}",
            "yes" if each["is_outlier"] else "",
            each["id"],
            _text(each),
            each["reason"],
        )
        for each in answer["outliers"]
    ]
    columns = ("score", "outlier", "id", "text", "why")
    write_table(columns, rows, numbers="score", folds="why")
    receipt = answer["receipt"]
    write(
        f"{name}: {counted(answer['count'], 'outlier')} of "
        f"{counted(answer['documents'], 'document')}, from {answer['threshold']:.3f} on, "
        f"by {receipt['method']} in {_time(receipt)}"
    )
    _tell(answer)


def show_duplicates(name: str, answer: JsonObject) -> None:
    """Groups: the one to keep, and the others."""
    rows = [
        (
            each["representative"],
            _text(each),
            each["kind"],
            each["size"],
            _members(each["members"]),
        )
        for each in answer["groups"]
    ]
    columns = ("keep", "text", "kind", "documents", "others")
    write_table(columns, rows, numbers="documents", folds="others")
    receipt = answer["receipt"]
    line = (
        f" alike by {answer['threshold']:.3f} and more" if answer["threshold"] is not None else ""
    )
    suggested = " (suggested)" if receipt["suggested"] else ""
    translations = answer["translations"]
    across = f"{counted(translations, 'translation')}; " if translations else ""
    write(
        f"{name}: {counted(answer['count'] - translations, 'group')}{line}{suggested}; {across}"
        f"{answer['redundant']:,} of {counted(receipt['documents'], 'document')} could go; "
        f"{_time(receipt)}"
    )
    _tell(answer)


def show_leakage(name: str, answer: JsonObject) -> None:
    """Documents that both collections have."""
    rows = [
        (each["id"], each["other"], f"{each['score']:.3f}", _text(each)) for each in answer["pairs"]
    ]
    write_table((name, answer["other"], "alike", "text"), rows, numbers="alike", folds="text")
    receipt = answer["receipt"]
    write(
        f"{answer['count']:,} of {counted(receipt['documents'], 'document')} of "
        f"{answer['other']} ({100 * answer['share']:.1f} %) are in {name} as well; "
        f"{_time(receipt)}"
    )
    _tell(answer)


def show_drift(name: str, answer: JsonObject) -> None:
    """Whether it changed, which clusters did, what is new."""
    receipt = answer["receipt"]
    verdict = "changed" if answer["changed"] else "no change to be seen"
    write(
        f"{name}: {verdict} (p = {answer['p_value']:.4f}, {receipt['test']}; told apart with "
        f"AUC {answer['auc']:.3f}); {receipt['before_compared']:,} earlier and "
        f"{receipt['after_compared']:,} later documents in {_time(receipt)}"
    )
    moved = [each for each in answer["clusters"] if each["change"] != "same"]
    if moved:
        rows = [
            (
                each["label"] or each["cluster"],
                each["change"],
                f"{100 * each['share_before']:.1f} %",
                f"{100 * each['share_after']:.1f} %",
                f"{each['p_value']:.4f}",
            )
            for each in moved
        ]
        write("")
        write_table(("cluster", "change", "before", "after", "p"), rows, numbers="before after p")
    if answer["new"]:
        write("")
        new = [(each["id"], f"{each['score']:.3f}", _text(each)) for each in answer["new"]]
        write_table(("new", "nearest", "text"), new, numbers="nearest", folds="text")
        later = "later documents" if answer["questions"] is None else "questions"
        write(f"{100 * answer['new_share']:.1f} % of the {later} are unlike any earlier")
    if answer["questions"] is not None:
        _show_questions(answer["questions"])
    _tell(answer)


def _show_questions(answered: JsonObject) -> None:
    """Questions that nothing answers well."""
    if answered["poor"]:
        rows = [
            (f"{each['score']:.3f}", each["question"], each["nearest"], _text(each))
            for each in answered["poor"]
        ]
        write("")
        columns = ("score", "question", "nearest", "text")
        write_table(columns, rows, numbers="score", folds="text")
    asked = counted(answered["asked"], "question")
    if answered["least"] is None:
        write(f"the least similar to any document, of {asked}")
    else:
        share = f"{100 * answered['share']:.1f} %"
        write(f"{share} of {asked} have no document at {answered['least']:.3f} or above")


def show_map(name: str, answer: JsonObject) -> None:
    """The map in a sentence, and the largest names on it."""
    if answer["labels"]:
        rows = [
            (each["label"], each["size"], f"{each['x']:.1f}", f"{each['y']:.1f}")
            for each in answer["labels"]
        ]
        write_table(("cluster", "documents", "x", "y"), rows, numbers="documents x y")
    receipt = answer["receipt"]
    write(
        f"{name}: {counted(answer['points'], 'point')} in {counted(len(answer['tiles']), 'tile')}, "
        f"by {receipt['method']} in {_time(receipt)}"
    )
    _tell(answer)


def _tell(answer: JsonObject) -> None:
    """What to doubt, and the next page."""
    for warning in answer["receipt"].get("warnings", ()):
        warn(warning)
    if answer["stale"]:
        note("documents were written since; find it anew to take them in")
    if answer.get("cursor") is not None:
        note(f"more: --last --cursor {answer['cursor']}")


def _event(event: dict[str, Any]) -> str:
    """What became of clusters, in a sentence."""
    before = ", ".join(map(str, event["before"]))
    after = ", ".join(map(str, event["after"]))
    documents = counted(event["documents"], "document")
    return {
        "birth": f"new: cluster {after} ({documents})",
        "death": f"gone: cluster {before} ({documents})",
        "split": f"split: cluster {before} into {after} ({documents})",
        "merge": f"merged: clusters {before} into {after} ({documents})",
    }[event["kind"]]


def _text(document: dict[str, Any]) -> str:
    text = document["title"] or document["text"]
    text = " ".join(text.split())
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}\u2026"


def _shown(examples: Sequence[dict[str, Any]]) -> str:
    return " / ".join(_text(each) for each in examples[:2])


def _members(members: Sequence[dict[str, Any]]) -> str:
    told = [f"{each['id']} ({each['score']:.2f})" for each in members[:_MEMBERS]]
    more = len(members) - len(told)
    return ", ".join([*told, *([f"and {more:,} more"] if more else [])])


def _time(receipt: dict[str, Any]) -> str:
    stages = dict(receipt["milliseconds"])
    total = stages.pop("total", None)
    return told_time((sum(stages.values()) if total is None else total) / 1e3)
