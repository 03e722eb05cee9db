r"""Outliers against PyOD's: tables, strangers among texts, questions out of scope, and time.

    python -m benchmarks.structure_outliers tables --data DATA
    python -m benchmarks.structure_outliers strangers --data DATA --cache CACHE
    python -m benchmarks.structure_outliers questions --data DATA --cache CACHE
    python -m benchmarks.structure_outliers speed --data DATA --cache CACHE

`tables` and `strangers` need PyOD beside the project (`pip install pyod==3.6.7`); its detectors run
with their defaults, the forest with random state 0. Each part prints its figures and keeps them as
`benchmarks/results/structure_outliers_PART.json`.

- tables: the files of `adbench`, every dimension standardised, of those with more than 10,000 rows
  so many drawn with seed 0; all detectors get the same numbers.
- strangers: 2,500 texts of one set and 2 % of another, first 300 characters, as vectors of
  `meari-ko-en`; all detectors get the same vectors.
- questions: clinc150, learned from the questions in scope of its train rows, scored on its test
  rows, where those out of scope are the outliers.
- speed: 200,000 vectors of 384 numbers: those of the text sets, drawn with repetition, each with
  noise of three tenths of its length.
"""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow.parquet as pq
import typer

from analysis.outliers.fitting import fit_outliers
from analysis.outliers.request import METHODS, OutlierRequest
from benchmarks.record import save
from eval.detection import MEASURES
from eval.outlier_data import JudgedVectors, find_files, load_vectors
from eval.outliers import judge
from indexing.index.exact import unit
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from embeddings.types import Vectors

ENCODER = "meari-ko-en"
TEXTS, BASE, SHARE, CHARACTERS = 2_600, 2_500, 0.02, 300
ROWS = 10_000
PEERS = ("KNN", "LOF", "IForest", "ECOD")
TABLES = {
    "nsmc": ("nsmc/nsmc.parquet", "text"),
    "parakqc": ("parakqc/parakqc.parquet", "text"),
    "banking77": ("banking77/banking77.parquet", "text"),
    "clinc150": ("clinc150/clinc150.parquet", "text"),
    "python_ko": ("parallel_python_docs/python_docs_ko_en.parquet", "ko"),
    "python_en": ("parallel_python_docs/python_docs_ko_en.parquet", "en"),
    "tldr_ko": ("parallel_tldr/tldr_ko_en.parquet", "ko"),
    "tldr_en": ("parallel_tldr/tldr_ko_en.parquet", "en"),
    "product_qa": ("product_qa/hetpqa_pairs.parquet", "question"),
    "snli_en": ("snli_en/snli_en.parquet", "hypothesis"),
    "klue_nli": ("klue_nli/klue_nli_dev.parquet", "premise"),
}
MIXES = (
    *(("nsmc", "parakqc"), ("parakqc", "nsmc"), ("banking77", "clinc150")),
    *(("clinc150", "banking77"), ("medquad", "boolq_en"), ("python_ko", "tldr_ko")),
    *(("ko_wiki", "nsmc"), ("snli_en", "product_qa"), ("product_qa", "banking77")),
    *(("en_wiki", "medquad"), ("tldr_en", "python_en"), ("klue_nli", "nsmc")),
    *(("nsmc", "klue_nli"), ("miracl_ko", "python_ko"), ("boolq_en", "en_wiki")),
)
SEED = 0

app = typer.Typer(add_completion=False, rich_markup_mode=None)
Data = Annotated[Path, typer.Option("--data", help="Folder of the data sets.")]
Every = Annotated[bool, typer.Option("--every", help="Each detector here alone as well.")]
Cache = Annotated[Path, typer.Option("--cache", help="Folder that keeps vectors.")]


@app.command()
def tables(data: Data, *, every: Every = False) -> None:
    """Tables with judged outliers."""
    sets = (load_vectors(file, most=ROWS, seed=SEED) for file in find_files(data / "adbench"))
    compare("tables", sets, Metric.EUCLIDEAN, METHODS if every else METHODS[:1])


@app.command()
def strangers(data: Data, cache: Cache, *, every: Every = False) -> None:
    """Strangers from one set of texts in another."""
    sets = (mixed(data, cache, *pair) for pair in MIXES)
    compare("strangers", sets, Metric.COSINE, METHODS if every else METHODS[:1])


@app.command()
def questions(data: Data, cache: Cache) -> None:
    """Questions out of scope."""
    rows = pq.read_table(data / "clinc150" / "clinc150.parquet").to_pylist()
    vectors = unit(kept(cache, "clinc150_all", lambda: [row["text"] for row in rows]))
    truth = np.array([row["is_oos"] == 1 for row in rows])
    train, test = (np.array([row["split"] == name for row in rows]) for name in ("train", "test"))
    judged = JudgedVectors("clinc150", vectors[test], truth[test], vectors[train & ~truth])
    found = {
        method: judge(judged, Metric.COSINE, OutlierRequest(method=method)).to_json()
        for method in METHODS
    }
    for method, one in found.items():
        print(method, one["measures"])
    print(save("structure_outliers_questions", {"encoder": ENCODER, "methods": found}))


@app.command()
def speed(data: Data, cache: Cache, number: int = 200_000) -> None:
    """Time for many vectors."""
    names = sorted({name for pair in MIXES for name in pair})
    real = np.concatenate([unit(kept(cache, name, texts_of(data, name))) for name in names])
    random = np.random.default_rng(SEED)
    noise = random.standard_normal((number, real.shape[1]), dtype=np.float32)
    noise *= 0.3 / np.sqrt(real.shape[1])
    vectors = unit(real[random.integers(len(real), size=number)] + noise)
    started = time.perf_counter()
    fitted = fit_outliers(vectors, Metric.COSINE, OutlierRequest())
    seconds = time.perf_counter() - started
    result = {
        "vectors": vectors.shape,
        "seconds": round(seconds, 1),
        "milliseconds": dict(fitted.milliseconds),
        "recall": fitted.recall,
        "exact": fitted.exact,
    }
    print(result)
    print(save(f"structure_outliers_speed_{number}", result))


def compare(
    name: str, sets: Iterable[JudgedVectors], metric: Metric, methods: Sequence[str]
) -> None:
    """Methods from here and every peer on the same vectors; prints and saves the means."""
    found: dict[str, dict[str, Any]] = {}
    for judged in sets:
        scores = {
            method: dict(judge(judged, metric, OutlierRequest(method=method)).measures)
            for method in methods
        }
        for peer in PEERS:
            by = peer_scores(peer, judged.vectors)
            scores[f"PyOD {peer}"] = {
                measure: value(judged.truth, by) for measure, value in MEASURES.items()
            }
        found[judged.name] = {
            "rows": len(judged.truth),
            "dim": judged.vectors.shape[1],
            "outliers": int(judged.truth.sum()),
            "scores": scores,
        }
        print(judged.name, {who: round(of["ROC-AUC"], 3) for who, of in scores.items()}, flush=True)
    everyone = next(iter(found.values()))["scores"]
    means = {
        who: {
            measure: round(
                float(np.mean([one["scores"][who][measure] for one in found.values()])), 4
            )
            for measure in MEASURES
        }
        for who in everyone
    }
    for who, values in means.items():
        print(who, values)
    from importlib.metadata import version

    told = {"means": means, "sets": found, "pyod": version("pyod"), "metric": str(metric)}
    print(save(f"structure_outliers_{name}", told))


def peer_scores(name: str, vectors: Vectors) -> np.ndarray:
    """What PyOD says of the vectors it was fitted to."""
    from pyod.models.ecod import ECOD
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN
    from pyod.models.lof import LOF

    made = {
        "KNN": KNN,
        "LOF": LOF,
        "IForest": lambda: IForest(random_state=SEED),
        "ECOD": ECOD,
    }[name]()
    made.fit(vectors.astype(np.float64))
    scores: np.ndarray = made.decision_scores_
    return scores


def mixed(data: Path, cache: Path, base: str, other: str) -> JudgedVectors:
    """Texts of one set with a few of another behind them."""
    random = np.random.default_rng(SEED)
    inside, outside = (unit(kept(cache, name, texts_of(data, name))) for name in (base, other))
    inside = inside[random.permutation(len(inside))[:BASE]]
    number = max(1, round(SHARE * len(inside)))
    outside = outside[random.permutation(len(outside))[:number]]
    truth = np.arange(len(inside) + number) >= len(inside)
    return JudgedVectors(f"{other} in {base}", np.concatenate([inside, outside]), truth)


def kept(cache: Path, name: str, texts: Callable[[], list[str]]) -> Vectors:
    """Vectors of texts, from the folder if they are there."""
    path = cache / f"{name}.npy"
    if not path.is_file():
        from embeddings.load import load_encoder

        cache.mkdir(parents=True, exist_ok=True)
        encoder, read = load_encoder(ENCODER, device="cpu"), texts()
        blocks = [
            encoder.encode(read[first : first + 512], role="document").vectors
            for first in range(0, len(read), 512)
        ]
        np.save(path, np.concatenate(blocks))
    vectors: Vectors = np.load(path)
    return vectors


def texts_of(data: Path, name: str) -> Callable[[], list[str]]:
    """Some texts of a set, always the same, each once and cut to 300 characters."""

    def texts() -> list[str]:
        every = list(dict.fromkeys(text for text in read(data, name) if text.strip()))
        order = np.random.default_rng(SEED).permutation(len(every))[:TEXTS]
        return [every[place][:CHARACTERS] for place in sorted(order)]

    return texts


def read(data: Path, name: str) -> Iterable[str]:
    """All texts of a set; of clinc150 those in scope."""
    if name in TABLES:
        file, column = TABLES[name]
        for row in pq.read_table(data / file).to_pylist():
            if row.get("is_oos") != 1 and row[column]:
                yield row[column]
    elif name in {"ko_wiki", "en_wiki"}:
        file = data / f"{name}_text" / f"{name.replace('_', '')}.tsv.gz"
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n").split("\t", 1)[1]
    else:
        with gzip.open(data / name / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield f"{row.get('title', '')} {row['text']}".strip()


if __name__ == "__main__":
    app()
