"""One side of `benchmarks.encode`, alone in a process: reads requests, answers with seconds."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Encode = Callable[[list[str], str], np.ndarray]


def main() -> None:
    """Answer one line of JSON for each line read."""
    options = json.loads(sys.argv[1])
    sys.path.insert(0, str(Path(__file__).parents[1]))
    started = time.perf_counter()
    encode, facts = open_side(options)
    facts["load_seconds"] = round(time.perf_counter() - started, 2)
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        texts = json.loads(Path(request["texts"]).read_text(encoding="utf-8"))
        wall, cpu = time.perf_counter(), time.process_time()
        vectors = encode(texts, request["role"])
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        path = request["texts"].removesuffix(".json") + f".{options['side']}.npy"
        np.save(path, vectors)
        print(json.dumps({**took, "vectors": path, "rss_mb": _resident()}), flush=True)


def open_side(options: dict[str, Any]) -> tuple[Encode, dict[str, Any]]:
    """What encodes, and facts about it."""
    if options["side"].startswith("library"):
        return _library(options, int8=options["side"] == "library-openvino-int8")
    return _ours(options)


def _ours(options: dict[str, Any]) -> tuple[Encode, dict[str, Any]]:
    from embeddings.load import load_encoder

    runtime = options["side"].partition("-")[2] or "auto"
    encoder = load_encoder(
        options["encoder"],
        device="cpu",
        runtime=runtime,  # type: ignore[arg-type]
        threads=options["threads"],
    )
    card = encoder.card
    facts = {"runtime": card.runtime, "dtype": card.dtype, "parity": dict(card.parity)}
    return lambda texts, role: encoder.encode(texts, role=role).vectors, facts


def _library(options: dict[str, Any], *, int8: bool) -> tuple[Encode, dict[str, Any]]:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(options["threads"])
    folder = _folder(options["encoder"])
    if int8:
        folder = _quantise(folder, Path(options["folder"]))
        model = SentenceTransformer(
            str(folder),
            backend="openvino",
            device="cpu",
            model_kwargs={"file_name": "openvino_model_qint8_quantized.xml"},
        )
    else:
        model = SentenceTransformer(str(folder), device="cpu").float()
    facts = {"runtime": "sentence-transformers", "dtype": "int8" if int8 else "float32"}
    return lambda texts, _: np.asarray(model.encode(texts)), facts


def _quantise(folder: Path, out: Path) -> Path:
    """The library's own static quantisation, calibrated on the texts that ours is."""
    import shutil

    from optimum.intel import OVQuantizationConfig
    from sentence_transformers import SentenceTransformer, export_static_quantized_openvino_model

    from embeddings.compiled.texts import calibration_texts

    texts = calibration_texts()
    given = out / "calibration"
    given.mkdir()
    lines = [json.dumps({"sentence": text}) for text in texts]
    (given / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    made = Path(shutil.copytree(folder, out / "openvino-int8"))
    model = SentenceTransformer(str(made), backend="openvino", device="cpu")
    model.save_pretrained(str(made))
    export_static_quantized_openvino_model(
        model,
        OVQuantizationConfig(num_samples=len(texts)),
        str(made),
        dataset_name=str(given),
        dataset_config_name="default",
        dataset_split="train",
        column_name="sentence",
    )
    return made


def _folder(name: str) -> Path:
    from embeddings.bundled import BUNDLED, find_bundled
    from embeddings.minilm import bundled_folder

    if name in BUNDLED:
        return find_bundled(name)
    return bundled_folder() if name == "minilm" else Path(name)


def _resident() -> int:
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * 4 // 1024 if pages.exists() else 0


if __name__ == "__main__":
    main()
