"""README.md of a folder of word vectors: what it is, from what, how good, how to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.words.tensors import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from embeddings.types import EncoderCard

_METHODS = {
    "skip-gram": "word2vec skip-gram",
    "cbow": "word2vec CBOW",
    "fasttext": "fastText skip-gram over words and their n-grams",
    "fasttext-cbow": "fastText CBOW over words and their n-grams",
}


def write_card(folder: Path, card: EncoderCard, receipt: Mapping[str, Any]) -> None:
    """Write README.md from the receipt."""
    parts = [
        _head(folder, card, receipt),
        _data(receipt),
        _course(receipt),
        _use(folder, receipt),
    ]
    write_text(folder / "README.md", "\n".join(parts))


def _head(folder: Path, card: EncoderCard, receipt: Mapping[str, Any]) -> str:
    extra, recipe = receipt["extra"], receipt["recipe"]
    facts = {
        "Method": _METHODS[recipe["method"]],
        "Words": f"{extra['vocabulary']['words']:,}, each seen at least "
        f"{extra['vocabulary']['least_count']:,} times",
        "Width": f"{card.dim} numbers",
        "Languages": ", ".join(card.languages) or "not said",
        "Words are found by": extra["corpus"]["analyzer"],
        "Texts are pooled by": card.pooling,
        "Trained": f"{receipt['finished'][:10]}, {receipt['seconds']:,.0f} s on "
        f"{receipt['hardware']['threads']} threads",
        "Seed": receipt["seed"],
        "Fingerprint": f"`{card.fingerprint[:16]}`",
    }
    lines = [f"# {folder.name}\n", "Word vectors, and a sentence encoder made of them.\n"]
    return "\n".join([*lines, *(f"- **{name}**: {value}" for name, value in facts.items()), ""])


def _data(receipt: Mapping[str, Any]) -> str:
    rows = [
        f"| {each['name']} | {each['rows']:,} | {each['licence'] or 'not said'} | "
        f"`{each['sha256'][:12]}` |"
        for each in receipt["data"]["train"]
    ]
    corpus = receipt["extra"]["corpus"]
    told = f"{corpus['words']:,} words in {corpus['lines']:,} lines.\n"
    head = "| data | texts | licence | sha256 |\n|---|---|---|---|"
    return "\n".join(["## What it learned from\n", told, head, *rows, ""])


def _course(receipt: Mapping[str, Any]) -> str:
    sentences = [*receipt["verdict"]["sentences"], *receipt["notes"]]
    rows = [
        f"| {each['epoch']} | {_number(each['loss'])} | {_number(each['ranking'])} | "
        f"{each['words_per_s']:,.0f} |"
        for each in receipt["curves"]["epochs"]
    ]
    head = "| epoch | held-out loss | noise ranked below | words/s |\n|---|---|---|---|"
    told = [f"- {each[:1].upper()}{each[1:]}." for each in sentences]
    picture = "\n![learning curves](learning_curves.png)\n" if receipt["scores"] else ""
    return "\n".join(["## How the training went\n", *told, "", head, *rows, picture])


def _use(folder: Path, receipt: Mapping[str, Any]) -> str:
    without = (
        "An unknown word is answered from its n-grams, and the answer says so."
        if str(receipt["recipe"]["method"]).startswith("fasttext")
        else "An unknown word is answered from its morphemes where they are known, and refused "
        "where not; the answer says so."
    )
    return (
        "## How to use it\n\n"
        "```sh\n"
        f"meari words neighbours WORD --model {folder.name}\n"
        f"meari index documents.jsonl --into mine --encoder {folder.name}\n"
        "```\n\n"
        f"{without} `training.json` has the recipe, every figure and the versions.\n"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
