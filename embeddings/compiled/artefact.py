"""What compiling left on disk, so that the next start needs neither torch nor the library.

A folder for each encoder, machine and version of OpenVINO: `manifest.json`, the graph
(`model.xml`, `model.bin`), `tokenizer.json`, and `probes.npy`, the library's vectors of the probes.
All of it can be made again; whatever cannot be read is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.compiled.library import load_openvino
from embeddings.compiled.parity import Parity, Precision
from embeddings.fingerprint import hash_file
from embeddings.tokens import Marks
from embeddings.types import EncoderCard

if TYPE_CHECKING:
    from embeddings.types import Vectors

logger = logging.getLogger(__name__)

FORMAT = 2
"""Of this folder, and of the way graphs are written; another one is made again."""
KEPT = 8
"""Artefacts; the ones that were used longest ago make room."""
_DECIDING = {".safetensors", ".json", ".txt", ".model"}
"""Suffixes of the files of a model folder that decide its vectors."""
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """A compiled encoder without its weights, which are in the graph.

    Attributes:
        card: of the encoder.
        precision: of the products.
        marks: what its tokenizer's ids mean.
        parity: as it was measured when this was made.
        refused: what precisions agreed too little, and how much.
        paces: texts a second of the precisions that were held against each other here.
        reference: the library's vectors of the probes, float32.
        tokenizer: as Hugging Face JSON, without truncation or padding.
        graph: an openvino.Model, or the path of `model.xml`.
    """

    card: EncoderCard
    precision: Precision
    marks: Marks
    parity: Parity
    refused: dict[str, Any]
    paces: dict[Precision, float]
    reference: Vectors
    tokenizer: str
    graph: Any


def default_cache() -> Path:
    """Where programs of this system keep what can be made again: `~/.cache/meari` on Linux."""
    places = {"darwin": "Library/Caches", "win32": "AppData/Local"}
    return Path.home() / places.get(sys.platform, ".cache") / "meari"


def key_of(folder: Path, choice: str) -> str:
    """A name for what compiling `folder` gives here: its files, this machine, these versions."""
    digest = hashlib.sha256()
    parts = [str(FORMAT), choice, str(load_openvino().get_version()), *_processor()]
    for path in sorted(folder.rglob("*")):
        if path.suffix in _DECIDING and path.is_file():
            parts += [path.relative_to(folder).as_posix(), hash_file(path)]
    for part in parts:
        digest.update(f"{part}\0".encode())
    return digest.hexdigest()[:32]


def _processor() -> list[str]:
    """What tells apart processors on which something else is fastest."""
    core = load_openvino().Core()
    abilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    facts = [core.get_property("CPU", "FULL_DEVICE_NAME"), *sorted(abilities)]
    described = Path("/proc/cpuinfo")
    if described.is_file():  # one name stands for several processors on a virtual machine
        lines = described.read_text(errors="replace").splitlines()
        facts += [line for line in lines if line.startswith(("flags", "Features"))][:1]
    return facts


def discard(cache: Path, key: str) -> None:
    """Forget the artefact of that key."""
    shutil.rmtree(cache / "encoders" / key, ignore_errors=True)


def find(cache: Path, key: str) -> Artefact | None:
    """The artefact of that key, or None if it is not there or cannot be read."""
    place = cache / "encoders" / key
    if not place.is_dir():
        return None
    try:
        facts = json.loads((place / "manifest.json").read_bytes())
        graph = place / "model.xml"
        for name, wanted in facts["sums"].items():
            if hash_file(place / name) != wanted:
                message = f"{place / name} is damaged"
                raise ValueError(message)
        artefact = Artefact(
            card=EncoderCard.from_json(facts["card"]),
            precision=facts["precision"],
            marks=Marks(**facts["marks"]),
            parity=Parity.from_json(facts["parity"]),
            refused=facts["refused"],
            paces=facts["paces"],
            reference=np.load(place / "probes.npy", allow_pickle=False),
            tokenizer=(place / "tokenizer.json").read_text(encoding="utf-8"),
            graph=graph,
        )
    except _UNREADABLE as error:
        logger.warning("compiled encoder in %s is made again: %s", place, error)
        shutil.rmtree(place, ignore_errors=True)
        return None
    _touch(place)
    return artefact


def keep(cache: Path, key: str, artefact: Artefact) -> None:
    """Write an artefact, whole or not at all; a folder that cannot be written to is no failure."""
    encoders = cache / "encoders"
    try:
        encoders.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=encoders) as part:
            made = Path(part) / key
            made.mkdir()
            _write(artefact, made)
            if not (encoders / key).exists():
                made.replace(encoders / key)
    except OSError as error:
        logger.warning("compiled encoder is not kept, each start makes it again: %s", error)
        return
    _make_room(encoders)


def _write(artefact: Artefact, place: Path) -> None:
    load_openvino().save_model(artefact.graph, place / "model.xml", compress_to_fp16=False)
    (place / "tokenizer.json").write_text(artefact.tokenizer, encoding="utf-8")
    np.save(place / "probes.npy", artefact.reference, allow_pickle=False)
    facts = {
        "format": FORMAT,
        "precision": artefact.precision,
        "card": artefact.card.to_json(),
        "marks": asdict(artefact.marks),
        "parity": artefact.parity.to_json(),
        "refused": artefact.refused,
        "paces": artefact.paces,
        "sums": {path.name: hash_file(path) for path in sorted(place.iterdir())},
    }
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    (place / "manifest.json").write_text(text + "\n", encoding="utf-8")


def _make_room(encoders: Path) -> None:
    made = [path for path in encoders.iterdir() if not path.name.startswith(".")]
    made.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in made[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _touch(place: Path) -> None:
    try:
        os.utime(place)
    except OSError:
        logger.debug("%s cannot be marked as used", place)
