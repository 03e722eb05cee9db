"""The folder of a classifier: `classifier.json`, `head.safetensors`, perhaps `encoder/`."""

from __future__ import annotations

import hashlib
import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.classifier import ClassifierCard, Head, Layer, Rule
from embeddings.contents import check_contents, read_json
from embeddings.errors import EncoderNotFoundError, EncoderRefusedError, HeadMismatchError
from embeddings.load import BUILT_IN, load_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from embeddings.types import Encoder, EncoderCard, Role

FACTS = "classifier.json"
"""What marks a folder as a classifier."""
WEIGHTS = "head.safetensors"
ENCODER = "encoder"
"""The folder of the encoder; built-in ones are named instead."""
VERSION = 1


def holds_classifier(folder: Path) -> bool:
    """True if the folder is marked as a classifier."""
    return (folder / FACTS).is_file()


def is_built_in(name: str) -> bool:
    """True for encoders that come with the project and are named instead of copied."""
    return name.partition(":")[0] in BUILT_IN


def write_classifier(
    folder: Path,
    *,
    labels: Sequence[str],
    rule: Rule,
    role: Role,
    head: Head,
    encoder: EncoderCard,
) -> None:
    """Write head and rule beside the encoder, which is in `encoder/` already or built in.

    Args:
        folder: of the classifier.
        labels: C classes, in the order of logits.
        rule: how it decides.
        role: whose prompt goes before a text.
        head: the weights.
        encoder: whose vectors the head was made for.
    """
    from safetensors.numpy import save_file

    tensors = {
        f"{place}.{part}": np.ascontiguousarray(values, dtype=np.float32)
        for place, layer in enumerate(head.layers)
        for part, values in zip(("weight", "bias"), layer, strict=True)
    }
    save_file(tensors, folder / WEIGHTS)
    facts = {
        "version": VERSION,
        "task": rule.task,
        "labels": list(labels),
        "role": role,
        "temperature": rule.temperature,
        "thresholds": None if rule.thresholds is None else list(rule.thresholds),
        "least": rule.least,
        "encoder": {
            "built_in": encoder.name if is_built_in(encoder.name) else None,
            "dim": encoder.dim,
            "fingerprint": encoder.fingerprint,
        },
    }
    text = json.dumps(facts, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def read_classifier(
    folder: Path, *, name: str, load: Callable[[str], Encoder] | None = None
) -> tuple[ClassifierCard, Encoder, Head]:
    """The parts of the classifier in a folder; see `Classifier.open`."""
    if not folder.is_dir():
        message = (
            f"{folder} is no folder; name the folder of a classifier (`meari train classifier`)"
        )
        raise EncoderNotFoundError(message)
    if not holds_classifier(folder):
        message = (
            f"{folder} is no classifier: {FACTS} is not there. `meari train classifier --out DIR` "
            "makes one"
        )
        raise EncoderNotFoundError(message)
    check_contents(folder)
    facts = _read_facts(folder / FACTS)
    head = _read_head(folder / WEIGHTS, facts)
    encoder = _open_encoder(folder, facts["encoder"], load or load_encoder)
    rule = Rule(
        task=facts["task"],
        temperature=float(facts["temperature"]),
        thresholds=None if facts["thresholds"] is None else tuple(facts["thresholds"]),
        least=facts["least"],
    )
    card = ClassifierCard(
        name=name,
        labels=tuple(facts["labels"]),
        rule=rule,
        role=facts["role"],
        head=head.kind,
        encoder=encoder.card,
        fingerprint=_fingerprint(facts, head),
    )
    return card, encoder, head


def _read_facts(path: Path) -> dict[str, Any]:
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        found = facts.get("version") if isinstance(facts, dict) else type(facts).__name__
        message = f"{path} is of version {found!r}; {VERSION} is read here: train it again"
        raise EncoderRefusedError(message)
    for key, is_right in _CHECKS.items():
        if key not in facts or not is_right(facts[key]):
            message = f"{path} is damaged: {key!r} is {str(facts.get(key))[:80]}; train it again"
            raise EncoderRefusedError(message)
    thresholds = facts["thresholds"]
    if thresholds is not None and len(thresholds) != len(facts["labels"]):
        message = (
            f"{path} is damaged: {len(thresholds)} thresholds for {len(facts['labels'])} labels; "
            "train it again"
        )
        raise EncoderRefusedError(message)
    return facts


def _read_head(path: Path, facts: Mapping[str, Any]) -> Head:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        message = f"{path} cannot be read ({error}); train the classifier again"
        raise EncoderRefusedError(message) from error
    count = len(tensors) // 2
    wanted = {f"{place}.{part}" for place in range(count) for part in ("weight", "bias")}
    if not count or wanted != set(tensors):
        message = f"{path} is no head: it holds {', '.join(sorted(tensors)) or 'nothing'}"
        raise EncoderRefusedError(message)
    layers = tuple(
        Layer(tensors[f"{place}.weight"], tensors[f"{place}.bias"]) for place in range(count)
    )
    shapes = [layer.weight.shape for layer in layers]
    fits = (
        all(len(shape) == 2 for shape in shapes)
        and all(layer.bias.shape == layer.weight.shape[:1] for layer in layers)
        and all(above[1] == below[0] for below, above in pairwise(shapes))
        and shapes[0][1] == facts["encoder"]["dim"]
        and shapes[-1][0] == len(facts["labels"])
        and all(
            np.isfinite(part).all() and part.dtype == np.float32 for each in layers for part in each
        )
    )
    if not fits:
        message = (
            f"{path} does not fit {FACTS}: layers of {shapes} for vectors of "
            f"{facts['encoder']['dim']} numbers and {len(facts['labels'])} labels, all float32 and "
            "finite; train the classifier again"
        )
        raise EncoderRefusedError(message)
    return Head(layers)


def _open_encoder(
    folder: Path, known: Mapping[str, Any], load: Callable[[str], Encoder]
) -> Encoder:
    built_in = known.get("built_in")
    place = folder / ENCODER
    if built_in is None and not place.is_dir():
        message = f"{place} is not there; a classifier does not work without its encoder"
        raise EncoderNotFoundError(message)
    encoder = load(built_in or str(place.resolve()))
    found, wanted = encoder.card.fingerprint, known["fingerprint"]
    if found != wanted:
        message = (
            f"the head in {folder} was made for an encoder with fingerprint {wanted[:16]}; "
            f"{built_in or place} has {found[:16]}, whose vectors mean something else. Put the "
            "first one back, or train the classifier again"
        )
        raise HeadMismatchError(message)
    return encoder


def _fingerprint(facts: Mapping[str, Any], head: Head) -> str:
    """sha256 (hex) of all that decides answers."""
    decisive = {key: facts[key] for key in sorted(_CHECKS) if key != "encoder"}
    decisive["encoder"] = facts["encoder"]["fingerprint"]
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True, ensure_ascii=False).encode())
    for layer in head.layers:
        for part in layer:
            digest.update(str(part.shape).encode())
            digest.update(np.ascontiguousarray(part, dtype="<f4").tobytes())
    return digest.hexdigest()


def _is_labels(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(each, str) and each for each in value)
        and len(set(value)) == len(value)
    )


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_encoder(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("fingerprint"), str)
        and isinstance(value.get("dim"), int)
        and (
            value.get("built_in") is None
            or (isinstance(value["built_in"], str) and is_built_in(value["built_in"]))
        )
    )


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "task": lambda value: value in ("single", "multi"),
    "labels": _is_labels,
    "role": lambda value: value in ("query", "document"),
    "temperature": lambda value: isinstance(value, int | float) and 0 < value < math.inf,
    "thresholds": lambda value: (
        value is None or (isinstance(value, list) and all(map(_is_share, value)))
    ),
    "least": lambda value: value is None or _is_share(value),
    "encoder": _is_encoder,
}
"""Keys of `classifier.json` and whether a value of them can be."""
