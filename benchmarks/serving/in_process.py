"""What an encoder gives without a server: one text at a time, and in batches.

    python -m benchmarks.serving.in_process ENCODER TEXTS SECONDS [COLLECTION_FOLDER]

Prints one line of JSON: the p50 of single texts, and texts a second by batch size. With a folder of
a collection also queries a second of searching it (encoding and index), by batch size.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.load import load_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCHES = (1, 8, 32, 128)


def measure(name: str, texts: list[str], seconds: float, folder: str | None) -> dict[str, Any]:
    """Latencies and rates of the encoder, and of the collection if there is one."""
    encoder = load_encoder(name, device="cpu")
    supply = cycle(texts)

    def encode(batch: list[str]) -> None:
        encoder.encode(batch, role="document")

    found: dict[str, Any] = {"encode": rates(encode, supply, seconds)}
    if folder is not None:
        from indexing.collection import open_collection
        from indexing.types import SearchRequest

        with open_collection(folder) as collection:
            found["search"] = rates(
                lambda batch: collection.search_many(
                    [SearchRequest(query=text, mode="hybrid", with_snippets=True) for text in batch]
                ),
                supply,
                seconds,
            )
            found["documents"] = collection.count()
    return found


def rates(
    work: Callable[[list[str]], object], supply: Iterator[str], seconds: float
) -> dict[str, Any]:
    """Texts a second by batch size, and the p50 of one text in milliseconds."""
    for size in BATCHES:  # what is compiled for a shape is compiled before
        work(list(islice(supply, size)))
    told: dict[str, Any] = {"texts_per_second": {}}
    for size in BATCHES:
        taken: list[float] = []
        while sum(taken) < seconds:
            batch = list(islice(supply, size))
            begun = time.perf_counter()
            work(batch)
            taken.append(time.perf_counter() - begun)
        told["texts_per_second"][str(size)] = size * len(taken) / sum(taken)
        if size == 1:
            told["p50"] = 1000 * statistics.median(taken)
    return told


if __name__ == "__main__":
    encoder, path, duration, *collection = sys.argv[1:]
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    print(json.dumps(measure(encoder, lines, float(duration), next(iter(collection), None))))
