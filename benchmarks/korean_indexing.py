r"""Documents a second of indexing Korean, beside the encoder alone.

    python -m benchmarks.korean_indexing [--documents 600] [--rounds 5] [--threads 2]

Passages of miracl_ko with their titles, minilm, whole rounds in turn on one machine, loading of
model and dictionary not counted. Sides: the encoder alone; analysing alone; the two one after the
other; analysing in a thread beside the encoder; and `meari index` from a JSONL file to a
collection on disk. Wall time, process time and the time of the calling thread are kept: where
others use the machine, process time still tells what the words cost.
"""

from __future__ import annotations

import gzip
import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.index_throughput import time_ingest
from benchmarks.record import save
from embeddings.load import load_encoder
from embeddings.text.analyzer import load_analyzer
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from embeddings.text.analyzer import Analyzer
    from embeddings.types import Encoder

PASSAGES = Path(__file__).parents[2] / "shared/data/miracl_ko/corpus.jsonl.gz"
ALONE = "encoder alone"


@dataclass(frozen=True, slots=True)
class Seconds:
    """What one side took once: on the clock, of all threads, of the calling thread."""

    wall: float
    process: float
    caller: float

    @classmethod
    def of(cls, side: Callable[[], object]) -> Seconds:
        """Of one call."""
        wall, process, caller = time.perf_counter(), time.process_time(), time.thread_time()
        side()
        return cls(
            time.perf_counter() - wall,
            time.process_time() - process,
            time.thread_time() - caller,
        )


def main(
    documents: Annotated[int, typer.Option(min=16)] = 600,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Of the encoder.")] = 2,
) -> None:
    """Measure every side in turn, print the table and save it."""
    import torch

    torch.set_num_threads(threads)
    encoder, analyzer = load_encoder("minilm", device="cpu"), load_analyzer("kiwi")
    passages = read_passages(documents)
    with tempfile.TemporaryDirectory() as scratch:
        lines = Path(scratch) / "passages.jsonl"
        lines.write_text(
            "".join(
                json.dumps({"_id": d.id, "title": d.title, "text": d.text}, ensure_ascii=False)
                + "\n"
                for d in passages
            ),
            encoding="utf-8",
        )
        sides = choose_sides(encoder, analyzer, passages)
        sides["meari index"] = lambda: time_ingest(encoder, lines, len(passages))
        encoder.encode([passages[0].encoded_text], role="document")
        analyzer.analyze([passages[0].text] * 8)
        seconds: dict[str, list[Seconds]] = {name: [] for name in sides}
        for turn in range(rounds):
            order = list(sides) if turn % 2 == 0 else list(reversed(sides))
            for name in order:
                seconds[name].append(Seconds.of(sides[name]))
    result = {"sides": summarise(seconds, len(passages)), "documents": len(passages)}
    for name, row in result["sides"].items():  # type: ignore[attr-defined]
        print(f"{name:22} {row}")
    print("saved", save("korean_indexing", result | {"rounds": rounds, "threads": threads}))


def read_passages(documents: int) -> list[Document]:
    """Evenly spread passages."""
    with gzip.open(PASSAGES, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    step = max(len(rows) // documents, 1)
    return [Document(row["_id"], row["text"], row["title"]) for row in rows[::step][:documents]]


def choose_sides(
    encoder: Encoder, analyzer: Analyzer, passages: list[Document]
) -> dict[str, Callable[[], object]]:
    """What is measured, without the collection."""
    texts = [passage.encoded_text for passage in passages]

    def encode() -> None:
        encoder.encode(texts, role="document")

    def analyse() -> None:
        analyzer.analyze([passage.text for passage in passages])
        analyzer.analyze([passage.title for passage in passages])

    def one_after_the_other() -> None:
        analyse()
        encode()

    def beside_each_other() -> None:
        with ThreadPoolExecutor(1) as pool:
            analysing = pool.submit(analyse)
            encode()
            analysing.result()

    return {
        ALONE: encode,
        "analyzer alone": analyse,
        "one after the other": one_after_the_other,
        "beside each other": beside_each_other,
    }


def summarise(seconds: dict[str, list[Seconds]], documents: int) -> dict[str, dict[str, Any]]:
    """Medians in ms a document, and the encoder's time over each side's in the same round."""
    alone = seconds[ALONE]
    return {
        name: {
            f"{clock}_ms": round(
                1e3 * statistics.median(getattr(each, clock) for each in values) / documents, 3
            )
            for clock in ("wall", "process", "caller")
        }
        | {
            f"{clock}_ratio": round(
                statistics.median(
                    getattr(a, clock) / getattr(b, clock)
                    for a, b in zip(alone, values, strict=True)
                ),
                4,
            )
            for clock in ("wall", "process")
        }
        for name, values in seconds.items()
    }


if __name__ == "__main__":
    typer.run(main)
