"""What a trained folder says of itself: `encoder_card.json` for programs, README.md for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from embeddings.types import EncoderCard

ENCODER_CARD = "encoder_card.json"
_KINDS = {
    "siamese": "a sentence encoder, fine-tuned on judged or paired texts",
    "words": "a sentence encoder over word vectors",
    "bridge": "a sentence encoder with layers behind it that give another one's vectors",
    "pretrain": "a language model trained on plain text",
    "classifier": "a classifier of texts",
    "images": "an encoder of pictures, trained on labelled ones",
}


def write_encoder_card(
    folder: Path, *, name: str, languages: Sequence[str], training: Mapping[str, Any]
) -> EncoderCard:
    """Open the folder as the service will, and write its identity into `encoder_card.json`.

    Args:
        folder: a finished model folder.
        name: of the encoder.
        languages: ISO 639-1 codes it was made for.
        training: the receipt; kind, data, recipe and scores of it go into the card.

    Raises:
        EncoderRefusedError: the folder cannot be served.
    """
    from embeddings.images.encoder import ImageEncoder
    from embeddings.images.folder import reads_pictures
    from embeddings.sentence import SentenceEncoder

    kind = ImageEncoder if reads_pictures(folder) else SentenceEncoder
    encoder = kind.from_folder(folder, name=name, device="cpu", languages=tuple(languages))
    kept = {key: training[key] for key in ("kind", "data", "recipe", "scores") if key in training}
    data = {**encoder.card.to_json(), "training": kept}
    text = json.dumps(data, ensure_ascii=False, indent=2)
    (folder / ENCODER_CARD).write_text(text + "\n", encoding="utf-8")
    return encoder.card


def write_model_card(
    folder: Path, *, name: str, training: Mapping[str, Any], card: EncoderCard | None = None
) -> None:
    """Write README.md: what the model is, what it learned from, how good it is, how to use it.

    Args:
        folder: a finished model folder; `learning_curves.png` in it is shown.
        name: of the model.
        training: the receipt.
        card: its identity; None for models that are no encoders.
    """
    parts = [
        _front_matter(training, card),
        f"# {name}\n",
        f"This is {_KINDS.get(str(training['kind']), 'a model')}.\n",
        _facts(training, card),
        _data(training),
        _scores(training),
        _course(folder, training),
        _use(folder, card),
    ]
    (folder / "README.md").write_text("\n".join(part for part in parts if part), encoding="utf-8")


def _front_matter(training: Mapping[str, Any], card: EncoderCard | None) -> str:
    licences = sorted({each["licence"] for each in _sources(training) if each.get("licence")})
    lines = ["---", "library_name: sentence-transformers"]
    if card is not None and card.languages:
        lines.append(f"language: [{', '.join(card.languages)}]")
    if licences:
        lines += ["license: other", f"license_name: {json.dumps('data: ' + '; '.join(licences))}"]
    return "\n".join([*lines, "---\n"])


def _facts(training: Mapping[str, Any], card: EncoderCard | None) -> str:
    facts: list[tuple[str, object]] = []
    if card is not None:
        facts += [
            ("Vectors", f"{card.dim} numbers, {'length 1' if card.normalised else 'any length'}"),
            ("Reads", _told_reading(training, card)),
            ("Pooling", card.pooling),
            *(
                [("Languages", ", ".join(card.languages) or "not said")]
                * ("text" in card.modalities)
            ),
            ("Fingerprint", f"`{card.fingerprint[:16]}`"),
        ]
    hardware = training["hardware"]
    facts += [
        ("Trained", f"{training['finished'][:10]}, {_told_time(training['seconds'])}"),
        ("On", f"{hardware['name']} ({hardware['precision']})"),
        ("Seed", training["seed"]),
    ]
    extra = training.get("extra", {})
    if "energy" in extra:
        facts.append(("Power, estimated", _told_energy(extra)))
    return "\n".join(f"- **{name}**: {value}" for name, value in facts) + "\n"


def _told_reading(training: Mapping[str, Any], card: EncoderCard) -> str:
    """What the encoder reads, and how much of it."""
    window = "no limit" if card.max_tokens >= 1 << 24 else f"{card.max_tokens:,} tokens"
    told = [f"{window} of a text"] if "text" in card.modalities else []
    if "image" in card.modalities:
        pixels = training.get("extra", {}).get("pixels")
        told.append(f"pictures at {pixels} x {pixels} pixels" if pixels else "pictures")
    return ", ".join(told)


def _told_energy(extra: Mapping[str, Any]) -> str:
    """Energy and carbon of all stages, with what they were reckoned from."""
    from embeddings.training.lineage import KG_A_KWH, WATTS_A_THREAD

    energy, stages = extra["energy"], len(extra.get("stages", ())) + 1
    return (
        f"{energy['kwh']:.3g} kWh, {1000 * energy['kg_co2e']:.3g} g CO2e for "
        f"{_told_time(energy['seconds'])} in {stages} stage{'s' * (stages > 1)} (at "
        f"{WATTS_A_THREAD:g} W a thread, {KG_A_KWH:g} kg/kWh)"
    )


def _data(training: Mapping[str, Any]) -> str:
    stages = [*training.get("extra", {}).get("stages", ()), training]
    rows = [
        f"| {f'{number}. ' * (len(stages) > 1)}{role} | {each['name']} | {each['rows']:,} | "
        f"{each.get('licence') or 'not said'} | `{each['sha256'][:12]}` |"
        for number, stage in enumerate(stages, 1)
        for role, sources in stage["data"].items()
        for each in sources
    ]
    head = "## What it learned from\n\n| | data | rows | licence | sha256 |\n|---|---|---|---|---|"
    return "\n".join([head, *rows]) + "\n" if rows else ""


def _scores(training: Mapping[str, Any]) -> str:
    splits = {split: measures for split, measures in training["scores"].items() if measures}
    if not splits:
        return ""
    names = list(dict.fromkeys(name for measures in splits.values() for name in measures))
    head = f"## How good it is\n\n| | {' | '.join(splits)} |\n|---|{'---|' * len(splits)}"
    rows = [
        f"| {name} | {' | '.join(_told(measures.get(name)) for measures in splits.values())} |"
        for name in names
    ]
    return "\n".join([head, *rows]) + "\n"


def _course(folder: Path, training: Mapping[str, Any]) -> str:
    sentences = [*training["verdict"].get("sentences", []), *training["notes"]]
    lines = ["## How the training went\n", *(f"- {_sentence(each)}" for each in sentences)]
    speed = training["throughput"]
    if speed.get("tokens"):
        mfu = speed.get("mfu")
        share = "" if mfu is None else f", {100 * mfu:.1f} % of the device's peak"
        tokens, samples = speed["tokens_per_s"], speed["samples_per_s"]
        lines.append(f"- {samples:,.0f} texts/s, {tokens:,.0f} tokens/s{share}.")
    elif training["kind"] == "images" and speed.get("samples"):
        lines.append(f"- {speed['samples_per_s']:,.0f} pictures/s.")
    if (folder / "learning_curves.png").is_file():
        lines.append("\n![learning curves](learning_curves.png)")
    lines.append("\n`training.json` has all of it: the recipe, every figure, the versions.\n")
    return "\n".join(lines)


def _use(folder: Path, card: EncoderCard | None) -> str:
    if card is None:
        return ""
    if "text" not in card.modalities:
        return (
            "## How to use it\n\n"
            "```sh\n"
            f"meari index photos/ --into photos --encoder {folder.name}\n"
            "meari search photos --image one.jpg\n"
            "```\n\n"
            "Its layout is that of sentence-transformers; `embeddings.load.load_encoder` opens it, "
            "for the network is described in words and its code is Meari's.\n"
        )
    return (
        "## How to use it\n\n"
        "```sh\n"
        f"meari index documents.jsonl --into mine --encoder {folder.name}\n"
        f"meari similarity 'one text' 'another' --encoder {folder.name}\n"
        "```\n\n"
        "It is a sentence-transformers folder: `SentenceTransformer(folder)` opens it too.\n"
    )


def _sources(training: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Data of all stages."""
    stages = [*training.get("extra", {}).get("stages", ()), training]
    return [each for stage in stages for sources in stage["data"].values() for each in sources]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _told(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str("-" if value is None else value)


def _told_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
