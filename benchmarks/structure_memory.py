r"""Every analysis of a million documents under an allowance of memory: time, and memory at most.

    python -m benchmarks.structure_memory /var/tmp/million [--documents 1000000] [--allowed 4GB]

The collection is made once in that folder: vectors of 384 numbers in 200 topics of 20 subjects
each, sizes falling like 1 / rank; of every thousand documents ten nearly repeat another and one is
like none. Each analysis is a job as a server runs it, in a process of its own; memory is what is
counted
against MEARI_PROCESS_MEMORY, of this process and of the job, looked at twenty times a second.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import nullcontext
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from pydantic import TypeAdapter

from benchmarks.record import RESULTS, save
from embeddings.load import load_encoder
from indexing.card import CollectionCard
from indexing.local import LocalCollection
from indexing.types import Document, Metric
from service.jobs.errors import TaskFailedError
from service.jobs.process import Place
from service.jobs.types import Job, JobProgress
from service.resources import Resources
from service.settings import Size

if TYPE_CHECKING:
    from embeddings.types import Vectors
    from service.jobs.types import Kind

SEED = 0
DIM, TOPICS, SUBJECTS = 384, 200, 20
BLOCK = 10_000
_SPREAD, _NEAR = (0.7, 0.7), 0.12
"""Of a subject about its topic and of a document about its subject; of a twin: lengths of noise."""
_TWINS, _STRANGE = 100, 1_000
_HALVES = [{"filter": {"must": [{"key": "half", "match": {"value": half}}]}} for half in (0, 1)]
ASKED: dict[Kind, dict[str, Any]] = {
    "clusters": {},
    "outliers": {},
    "duplicates": {},
    "drift": {"before": _HALVES[0], "after": _HALVES[1]},
    "map": {},
}


def main(
    folder: Annotated[Path, typer.Argument(help="Where the collection is made, and stays.")],
    documents: Annotated[int, typer.Option(min=10_000)] = 1_000_000,
    allowed: Annotated[str, typer.Option(help="Memory of this process and the job.")] = "4GB",
    only: Annotated[list[str] | None, typer.Option(help="Kinds of analysis.")] = None,
) -> None:
    """Run them one after the other; what was measured before of others stays in the figures."""
    name = f"structure_memory_{documents}"
    if not (folder / "card.json").exists():
        print(f"made in {_make(folder, documents):.0f} s", flush=True)
    bytes_allowed = TypeAdapter(Size).validate_python(allowed)
    kept = RESULTS / f"{name}.json"
    runs = json.loads(kept.read_text("utf-8"))["runs"] if kept.exists() else {}
    for kind, request in ASKED.items():
        if only and kind not in only:
            continue
        runs[kind] = _run(folder, kind, request, bytes_allowed)
        print(kind, json.dumps(runs[kind], ensure_ascii=False), flush=True)
        vectors = documents * DIM * 4
        told = {"documents": documents, "dim": DIM, "bytes_of_vectors": vectors, "seed": SEED}
        print(f"saved {save(name, {**told, 'runs': runs})}", flush=True)


def _make(folder: Path, documents: int) -> float:
    started = time.perf_counter()
    card = CollectionCard.new("million", load_encoder(f"hash:{DIM}").card, Metric.COSINE)
    draw = np.random.default_rng(SEED)
    words = _words(draw, 4_000 + 20_000)
    topics = _unit(draw.normal(size=(TOPICS, DIM)))
    subjects = np.repeat(topics, SUBJECTS, axis=0) + _noise(draw, TOPICS * SUBJECTS, _SPREAD[0])
    subjects = _unit(subjects)
    weights = 1 / np.arange(1, len(subjects) + 1)
    order = draw.permutation(len(subjects))
    with LocalCollection.create(folder, card) as collection:
        for first in range(0, documents, BLOCK):
            n = min(BLOCK, documents - first)
            of = order[draw.choice(len(subjects), n, p=weights / weights.sum())]
            vectors = _unit(subjects[of] + _noise(draw, n, _SPREAD[1]))
            vectors[::_STRANGE] = _unit(draw.normal(size=vectors[::_STRANGE].shape))
            texts = [
                " ".join(
                    [words[subject // SUBJECTS], words[subject], *map(words.__getitem__, some)]
                )
                for subject, some in zip(of, draw.integers(4_000, len(words), (n, 5)), strict=True)
            ]
            for place in range(1, n, _TWINS):
                vectors[place] = _unit(vectors[place - 1] + _noise(draw, 1, _NEAR)[0])
                texts[place] = texts[place - 1] + " again"
            collection.add(
                [
                    Document(
                        str(first + place),
                        text,
                        "",
                        {"half": int(2 * (first + place) // documents)},
                    )
                    for place, text in enumerate(texts)
                ],
                vectors=vectors,
            )
    return time.perf_counter() - started


def _words(draw: np.random.Generator, number: int) -> list[str]:
    """Different words of three syllables."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    drawn = draw.choice(len(syllables) ** 3, number, replace=False).tolist()
    n = len(syllables)
    return [syllables[w % n] + syllables[w // n % n] + syllables[w // n // n] for w in drawn]


def _noise(draw: np.random.Generator, number: int, length: float) -> Vectors:
    return (draw.normal(size=(number, DIM)) * (length / DIM**0.5)).astype(np.float32)


def _unit(vectors: Vectors) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _run(folder: Path, kind: Kind, request: dict[str, Any], allowed: int) -> dict[str, Any]:
    """One job, watched from beside."""
    collection = LocalCollection.open(folder, maintain=False)
    processes: set[int] = set()
    resources = Resources(folder, memory=allowed, disk=0, processes=lambda: tuple(processes))
    place = Place(lambda _: nullcontext(collection), processes=processes, resources=resources)
    job = Job("measured", kind, "million", request, "")
    ended, most, stages = threading.Event(), [0], dict[str, float]()

    def watch() -> None:
        while not ended.wait(0.05):
            most[0] = max(most[0], resources.memory_used)

    def told(progress: JobProgress) -> None:
        stages.setdefault(progress.stage, round(time.perf_counter() - started, 1))

    threading.Thread(target=watch, daemon=True).start()
    started = time.perf_counter()
    try:
        receipt, failed = dict(place.begin(job).run(told, lambda: None)), None
    except TaskFailedError as error:
        receipt, failed = {}, {"code": error.fault.code, "message": error.fault.message}
    finally:
        ended.set()
        collection.close()
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "allowed": allowed,
        "most": most[0],
        "kept": most[0] <= allowed,
        "failed": failed,
        "stages_began": stages,
        "warnings": receipt.get("warnings", []),
        "milliseconds": receipt.get("milliseconds", {}),
    }


if __name__ == "__main__":
    typer.run(main)
