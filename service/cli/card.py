"""What a collection is, on the terminal: facts, and the curve of its index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.output import counted, facts, told, told_bytes, write, write_table

if TYPE_CHECKING:
    from service.client import JsonObject

_SCRIPTS = {"hangul": "Korean", "cjk": "Chinese and Japanese", "other": "other scripts"}


def write_card(answer: JsonObject) -> None:
    """Facts about a collection, and what its index finds by effort."""
    write(facts(_facts(answer)))
    card = answer["index_card"]
    if card is None or not card["curve"]:
        return
    write("")
    rows = [
        (point["effort"], f"{point['recall']:.4f}", _remark(point, card)) for point in card["curve"]
    ]
    write_table(("effort", "recall@10", ""), rows, numbers="effort recall@10")


def told_index(collection: JsonObject) -> str:
    """Kind, measured recall and what is not in the index yet, in one phrase."""
    if collection["index"] == "flat":
        return "flat (exact)"
    behind = collection["tail"]
    rest = f", {counted(behind, 'row')} behind it compared one by one" if behind else ""
    return f"{collection['index']} (recall {collection['recall']:.3f} measured{rest})"


def told_maintenance(answer: JsonObject) -> str:
    """`idle`, or what is being done and how much of it is (`rebuilding, 40 %`)."""
    phase, done = answer["maintenance"], answer["progress"]
    return f"{phase}, {_percent(done)}" if done else str(phase)


def _facts(answer: JsonObject) -> list[tuple[str, object]]:
    encoder, documents = answer["encoder"], answer["documents"]
    chunks = f", cut from {answer['parents']:,} longer texts" if answer["parents"] else ""
    return [
        ("name", answer["name"]),
        ("documents", f"{documents:,}{chunks}"),
        ("not read to the end", _share(answer["truncated"], documents) if documents else None),
        ("tokens", answer["tokens"]),
        ("unknown tokens", _share(answer["unknown"], answer["tokens"])),
        ("encoder", f"{encoder['name']} ({told(encoder['dim'])} dimensions)"),
        ("window", f"{encoder['max_tokens']:,} tokens"),
        ("fingerprint", encoder["fingerprint"]),
        ("metric", answer["metric"]),
        ("analyzer", answer["analyzer"]),
        ("index", told_index(answer)),
        ("deleted rows", answer["tombstones"]),
        ("maintenance", told_maintenance(answer)),
        ("confidence", _confidence(answer["calibration"])),
        ("size", told_bytes(answer["bytes"])),
        ("created", answer["created"]),
    ]


def _confidence(calibration: JsonObject | None) -> str:
    """What confidence is made from: how far vectors are trusted, of all and by script."""
    if calibration is None:
        return "none, for want of documents"
    shares = dict(calibration["reliability"])
    if not shares:
        return f"from {counted(calibration['documents'], 'document')}"
    whole = shares.pop("all", None)
    trusted = [] if whole is None else [f"vectors trusted {_percent(whole)}"]
    trusted += [f"{_SCRIPTS.get(name, name)} {_percent(share)}" for name, share in shares.items()]
    return ", ".join(trusted)


def _remark(point: JsonObject, card: JsonObject) -> str:
    return "in use" if point["effort"] == card["effort"] else ""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"
