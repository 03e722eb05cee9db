r"""Documents a second of indexing, beside the encoder alone and beside peers on the same lines.

    python -m benchmarks.index_throughput [--texts FILE] [--documents 400] [--rounds 5]
        [--peers-python PYTHON]

Every side takes the same JSONL file of paragraphs and the same weights (minilm) to a new store on
disk, loading of model and libraries not counted. Sides take turns, so that a drifting machine is
shared by all; medians and per-round ratios are kept. Peers run in an environment of their own:

    python3 -m venv peers && peers/bin/pip install torch==2.13.0 sentence-transformers==6.2.0 \
        faiss-cpu==1.15.1 txtai==9.14.0 chromadb==1.5.9
"""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.record import save
from embeddings.load import load_encoder
from embeddings.minilm import bundled_folder
from indexing.card import CollectionCard
from indexing.ingest import IngestOptions, ingest
from indexing.local import LocalCollection
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from embeddings.types import Encoder

PEERS = ("script", "txtai", "chroma")
PARAGRAPHS = Path(__file__).parents[2] / "shared/data/en_wiki_text/enwiki.tsv.gz"
BOOKSHOP = Path(__file__).parents[1] / "examples/bookshop/corpus.jsonl"


def main(
    texts: Annotated[Path | None, typer.Option(help="Text or .tsv.gz, a paragraph a line.")] = None,
    documents: Annotated[int, typer.Option(min=32)] = 400,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    peers_python: Annotated[str | None, typer.Option(help="Python that has the peers.")] = None,
) -> None:
    """Measure every side in turn, print the table and save it."""
    import torch

    torch.set_num_threads(threads)
    encoder = load_encoder("minilm", device="cpu")
    paragraphs = read_paragraphs(texts, documents)
    tokens = encoder.count_tokens(paragraphs, role="document")
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        lines = Path(scratch) / "paragraphs.jsonl"
        lines.write_text(
            "".join(
                json.dumps({"_id": f"p{number}", "text": text}, ensure_ascii=False) + "\n"
                for number, text in enumerate(paragraphs)
            ),
            encoding="utf-8",
        )
        sides: dict[str, Callable[[], float]] = {
            "encoder alone": lambda: time_encoder(encoder, paragraphs),
            "meari index": lambda: time_ingest(encoder, lines, len(paragraphs)),
        }
        versions: dict[str, Any] = {}
        if peers_python is not None:
            for peer in PEERS:
                measure, versions[peer] = stack.enter_context(
                    running(peer, peers_python, lines, threads, len(paragraphs))
                )
                sides[peer] = measure
        for measure in sides.values():
            measure()  # once each, not counted
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(rounds):
            order = list(sides) if turn % 2 == 0 else list(reversed(sides))
            for name in order:
                seconds[name].append(sides[name]())
    result = summarise(seconds, len(paragraphs)) | {
        "documents": len(paragraphs),
        "mean_tokens": round(float(tokens.mean()), 1),
        "truncated": int((tokens > encoder.max_tokens).sum()),
        "rounds": rounds,
        "threads": threads,
        "peers": versions,
    }
    for name, row in result["sides"].items():
        print(f"{name:15} {row['documents_per_second']:8.1f} documents/s {row['ratio']}")
    print("saved", save("index_throughput", result))


def read_paragraphs(texts: Path | None, documents: int) -> list[str]:
    """Evenly spread lines of a file of paragraphs; the bookshop's texts where there is none."""
    path = texts or (PARAGRAPHS if PARAGRAPHS.is_file() else None)
    if path is None:
        rows = [json.loads(line)["text"] for line in BOOKSHOP.open(encoding="utf-8")]
    else:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        rows = [line.rpartition("\t")[2] for line in text.splitlines()]
    step = max(len(rows) // documents, 1)
    return rows[::step][:documents]


def time_encoder(encoder: Encoder, paragraphs: list[str]) -> float:
    """Seconds of encoding everything in one call."""
    started = time.perf_counter()
    encoder.encode(paragraphs, role="document")
    return time.perf_counter() - started


def time_ingest(encoder: Encoder, lines: Path, documents: int) -> float:
    """Seconds from the file to a collection on disk with its index, checked to be whole."""
    with tempfile.TemporaryDirectory() as folder:
        card = CollectionCard.new("bench", encoder.card, Metric.COSINE)
        with LocalCollection.create(Path(folder), card, load_encoder=lambda _: encoder) as made:
            started = time.perf_counter()
            report = ingest([str(lines)], made, encoder, IngestOptions())
            made.optimize()
            seconds = time.perf_counter() - started
    if report.added != documents:
        message = f"{report.added} of {documents} documents were indexed"
        raise RuntimeError(message)
    return seconds


@contextmanager
def running(
    peer: str, python: str, lines: Path, threads: int, documents: int
) -> Iterator[tuple[Callable[[], float], dict[str, str]]]:
    """A peer's process that measures once a call, and the peer's versions."""
    script = Path(__file__).with_name("peer_index.py")
    command = [python, str(script), peer, str(bundled_folder()), str(lines), str(threads)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a pipe could not be opened")
    stdin, stdout = process.stdin, process.stdout
    ready = next((line for line in stdout if line.startswith("ready ")), "")
    if not ready:
        message = f"{peer} did not start"
        raise RuntimeError(message)

    def measure() -> float:
        stdin.write("go\n")
        stdin.flush()
        answer = json.loads(next(line for line in stdout if line.startswith("{")))
        if answer["documents"] != documents:
            message = f"{peer} indexed {answer['documents']} of {documents} documents"
            raise RuntimeError(message)
        return float(answer["seconds"])

    try:
        yield measure, json.loads(ready.removeprefix("ready "))
    finally:
        stdin.close()
        process.wait(timeout=60)


def summarise(seconds: dict[str, list[float]], documents: int) -> dict[str, Any]:
    """Medians, and each side's rate over the encoder's in the same round."""
    alone = seconds["encoder alone"]
    return {
        "sides": {
            name: {
                "seconds": [round(value, 3) for value in values],
                "documents_per_second": round(documents / statistics.median(values), 2),
                "ratio": round(
                    statistics.median(a / b for a, b in zip(alone, values, strict=True)), 4
                ),
            }
            for name, values in seconds.items()
        }
    }


if __name__ == "__main__":
    typer.run(main)
