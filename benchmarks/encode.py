"""Texts a second of the default runtime, beside sentence-transformers on the same model.

    python -m benchmarks.encode --data FOLDER [--encoder minilm] [--peer-python PYTHON]

`FOLDER` is a BEIR folder: its queries are the questions, its passages the paragraphs. All sides
encode the same texts in turn, cut at the model's window, each in a process of its own; figures are
medians of the rounds behind one that is not counted. Seconds of a processor stand beside those of
the clock: on a machine that does other work too they are the fairer ones. The peer's int8 backend
needs optimum-intel and nncf, in an environment whose Python is `--peer-python`; without, it is left
out and the result says so.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import save
from embeddings.processors import usable_processors
from eval.datasets import RetrievalData, load_beir
from eval.measures import parse_measures

WORKER = Path(__file__).parent / "encode_worker.py"
SIDES = ("library", "library-openvino-int8", "ours-torch", "ours-int8", "ours-bfloat16", "ours")


class Side:
    """One implementation in its own process.

    Args:
        name: one of `SIDES`.
        python: that has what it needs.
        options: of the worker.
    """

    def __init__(self, name: str, python: str, options: dict[str, Any]) -> None:
        self.name = name
        process = subprocess.Popen(
            [python, str(WORKER), json.dumps({"side": name, **options})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        if process.stdin is None or process.stdout is None:
            message = f"{name} has no pipes"
            raise RuntimeError(message)
        self._process, self._ask, self._told = process, process.stdin, process.stdout
        self.facts = self._answer()

    def encode(self, texts: Path, role: str) -> dict[str, Any]:
        """`wall` and `cpu` seconds, and the path of the `vectors`, of the texts in a JSON file."""
        self._ask.write(json.dumps({"texts": str(texts), "role": role}) + "\n")
        self._ask.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._ask.close()
        self._process.wait(60)

    def _answer(self) -> dict[str, Any]:
        while line := self._told.readline():
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        message = f"{self.name} ended: exit status {self._process.wait()}"
        raise RuntimeError(message)


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a BEIR folder")
    parser.add_argument("--split", default="test")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--questions", type=int, default=4000)
    parser.add_argument("--paragraphs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=usable_processors())
    parser.add_argument("--peer-python", help="has sentence-transformers, optimum-intel and nncf")
    parser.add_argument("--quality", action="store_true", help="nDCG@10 of each side too")
    parser.add_argument("--side", action="append", choices=SIDES, help="only these")
    parser.add_argument("--name", help="of the file of results; encode-ENCODER")
    chosen = parser.parse_args()
    judged = load_beir(chosen.data, chosen.split)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(chosen, judged, Path(folder))
    name = chosen.name or f"encode-{chosen.encoder}"
    print(json.dumps(result, indent=1), save(name, result), sep="\n")


def measure(chosen: argparse.Namespace, judged: RetrievalData, folder: Path) -> dict[str, Any]:
    """Texts a second by kind and side, ratios, cosines to the library's vectors, and nDCG@10."""
    documents = [f"{each.title} {each.text}".strip() for each in judged.documents.values()]
    kinds = {
        "questions": (list(judged.queries.values())[: chosen.questions], "query"),
        "paragraphs": (documents[: chosen.paragraphs], "document"),
    }
    options = {"encoder": chosen.encoder, "threads": chosen.threads}
    sides, notes = open_sides(chosen, {**options, "folder": str(folder)})
    figures: dict[str, Any] = {}
    for kind, (texts, role) in kinds.items():
        path = folder / f"{kind}.json"
        path.write_text(json.dumps(texts), encoding="utf-8")
        seen: dict[str, list[dict[str, Any]]] = {side.name: [] for side in sides}
        for turn in range(chosen.rounds + 1):
            for side in sides if turn % 2 else reversed(sides):
                answer = side.encode(path, role)
                if turn:
                    seen[side.name].append(answer)
                print(
                    kind, turn, side.name, f"{len(texts) / answer['wall']:.1f} texts/s", flush=True
                )
        figures[kind] = {"texts": len(texts), "sides": compared(seen, len(texts))}
    quality = {
        side.name: _quality(side, judged, documents, folder)
        for side in (sides if chosen.quality else ())
    }
    for side in sides:
        side.close()
    return {
        "encoder": chosen.encoder,
        "data": chosen.data.name,
        "threads": chosen.threads,
        "rounds": chosen.rounds,
        "load": [round(each, 2) for each in os.getloadavg()],
        "sides": {side.name: side.facts for side in sides},
        "figures": figures,
        "ndcg@10": quality,
        "notes": notes,
    }


def open_sides(chosen: argparse.Namespace, options: dict[str, Any]) -> tuple[list[Side], list[str]]:
    """The sides that start, and why others do not."""
    sides, notes = [], []
    for name in chosen.side or SIDES:
        python = chosen.peer_python if name == "library-openvino-int8" else sys.executable
        if python is None:
            notes.append(f"{name} was left out: no --peer-python")
            continue
        try:
            sides.append(Side(name, python, options))
        except RuntimeError as error:
            notes.append(f"{name} was left out: {error}")
    return sides, notes


def compared(seen: dict[str, list[dict[str, Any]]], texts: int) -> dict[str, Any]:
    """Medians of each side, and against the first one's vectors and time."""
    figures: dict[str, Any] = {}
    first = next(iter(seen))
    reference = _unit(np.load(seen[first][-1]["vectors"]))
    for name, answers in seen.items():
        wall = statistics.median(answer["wall"] for answer in answers)
        cpu = statistics.median(answer["cpu"] for answer in answers)
        cosines = np.einsum("ij,ij->i", _unit(np.load(answers[-1]["vectors"])), reference)
        figures[name] = {
            "texts_per_second": round(texts / wall, 1),
            "texts_per_cpu_second": round(texts / cpu, 1),
            "mean_cosine": round(float(cosines.mean()), 5),
            "least_cosine": round(float(cosines.min()), 5),
        }
    for each in figures.values():
        for key in ("texts_per_second", "texts_per_cpu_second"):
            each[f"ratio_{key}"] = round(each[key] / figures[first][key], 2)
    return figures


def _quality(side: Side, judged: RetrievalData, documents: list[str], folder: Path) -> float:
    """nDCG@10 of the whole split, by cosine."""
    vectors = []
    for texts, role in ((list(judged.queries.values()), "query"), (documents, "document")):
        path = folder / f"all-{role}.json"
        path.write_text(json.dumps(texts), encoding="utf-8")
        vectors.append(_unit(np.load(side.encode(path, role)["vectors"])))
    names = list(judged.documents)
    nearest = np.argsort(-(vectors[0] @ vectors[1].T), axis=1, kind="stable")[:, :10]
    rankings = {
        query: [names[row] for row in rows]
        for query, rows in zip(judged.queries, nearest.tolist(), strict=True)
    }
    (measure,) = parse_measures(["nDCG@10"])
    values = [measure.value(rankings[query], judged.qrels[query]) for query in judged.queries]
    return round(statistics.fmean(values), 4)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
