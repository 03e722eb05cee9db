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
        (
            point["reach"],
            point["candidates"] or "all",
            f"{point['recall']:.4f}",
            f"{point['microseconds']:,.0f} µs",
            "in use" if _effort(point) == _effort(card) else "",
        )
        for point in card["curve"]
    ]
    columns = ("reach", "candidates", "recall@10", "a query", "")
    write_table(columns, rows, numbers="reach candidates recall@10 query")


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
        *([] if answer["index_card"] is None else _index_facts(answer["index_card"])),
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
    parts = [
        f"{_SCRIPTS.get(name, name)} {_percent(share)}"
        for name, share in shares.items()
        if name != "all"
    ]
    return f"vectors trusted for {', '.join(parts)}" if parts else f"{_percent(shares['all'])}"


def _effort(told: JsonObject) -> tuple[int, int]:
    return told["reach"], told["candidates"]


def _index_facts(card: JsonObject) -> list[tuple[str, object]]:
    """What was wished for, what it takes, and when that was measured."""
    allowed = "" if card["memory_bytes"] is None else f" of {told_bytes(card['memory_bytes'])}"
    each = f"{card['bytes_per_vector']:,.0f} bytes a vector"
    what = "live queries" if card["asked"] else "rows held back"
    return [
        ("target", f"recall {card['target']:g}"),
        ("index memory", f"{told_bytes(card['bytes'])}{allowed}, {each}"),
        ("measured", f"{card['built']}, with {card['queries']:,} {what}"),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"
