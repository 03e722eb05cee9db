r"""Clusters against scikit-learn's: agreement with people, time, and how well names hold together.

    python -m benchmarks.structure agreement --data DATA [--cache CACHE] [--seeds 3]
    python -m benchmarks.structure speed --data DATA [--cache CACHE] [--repeats 3]
    python -m benchmarks.structure labels --data DATA [--cache CACHE] [--documents 10000]

DATA holds the data sets; CACHE keeps vectors from run to run. Each part prints its figures and
keeps them as `benchmarks/results/structure_PART.json`.

- agreement: banking77, clinc150 (rows in scope) and parakqc, encoded by `meari-ko-en`, in as many
  clusters as there are labels; both sides get the same vectors and the same seeds.
- speed: 50,000 short texts, 384 numbers each, in 100 clusters: those of the three sets above, then
  reviews of nsmc.
- labels: NPMI of the ten foremost terms of 50 clusters. Ours are measured over the analyzer's
  terms, plain TF-IDF and class-based TF-IDF over the words between blanks that they are made of.
"""

from __future__ import annotations

import gzip
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from analysis.clusters.labels import TERMS, name_groups
from analysis.clusters.words import count_terms
from analysis.progress import unwatched
from benchmarks.record import save
from eval.agreement import MEASURES, npmi
from eval.clustering import ListedTexts
from indexing.index.exact import unit
from indexing.index.kmeans import fit_kmeans
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from embeddings.types import Vectors

DEFAULT = "meari-ko-en"
SETS = {"banking77": "label", "clinc150": "intent", "parakqc": "group"}
TEXTS = 50_000
REVIEWS = 20_000
CLUSTERS = 100
NAMED = 50

app = typer.Typer(add_completion=False, rich_markup_mode=None)
Data = Annotated[Path, typer.Option("--data", help="Folder of the data sets.")]
Cache = Annotated[Path, typer.Option("--cache", help="Folder that keeps vectors.")]


@app.command()
def agreement(
    data: Data,
    cache: Cache = Path("/tmp/meari-structure"),  # noqa: S108
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    only: Annotated[str | None, typer.Option(help="One of the sets.")] = None,
) -> None:
    """NMI, ARI and V-measure beside scikit-learn's KMeans."""
    result: dict[str, Any] = {"encoder": DEFAULT, "seeds": seeds, "sets": {}}
    for name in [only] if only else SETS:
        texts, labels = read_set(data, name)
        vectors = encoded(cache, name, DEFAULT, texts)
        truth = np.unique(np.array(labels), return_inverse=True)[1]
        k = int(truth.max()) + 1
        sides: dict[str, Callable[[int], npt.NDArray[np.integer]]] = {
            "meari": lambda seed, v=vectors, k=k: grouped(v, k, seed),
            "scikit-learn": lambda seed, v=vectors, k=k: by_sklearn(v, k, seed),
        }
        figures: dict[str, Any] = {}
        for side, group in sides.items():
            found, seconds = [], []
            for seed in range(seeds):
                started = time.perf_counter()
                found.append(group(seed))
                seconds.append(time.perf_counter() - started)
            figures[side] = {
                measure: [round(value(truth, one), 4) for one in found]
                for measure, value in MEASURES.items()
            } | {"seconds": [round(value, 3) for value in seconds]}
            show(name, side, figures[side])
        result["sets"][name] = {"documents": len(texts), "k": k, **figures}
    print(f"saved {save('structure_agreement', result)}")


@app.command()
def speed(
    data: Data,
    cache: Cache = Path("/tmp/meari-structure"),  # noqa: S108
    repeats: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Seconds for 50,000 vectors in 100 clusters beside scikit-learn's KMeans and FAISS's."""
    parts = [encoded(cache, name, DEFAULT, read_set(data, name)[0]) for name in SETS]
    missing = TEXTS - sum(map(len, parts))
    reviews = read_set(data, "nsmc")[0][:missing]
    parts.append(encoded(cache, f"nsmc-{missing}", DEFAULT, reviews))
    vectors = np.concatenate(parts)
    fit_kmeans(vectors[:2000], 10, Metric.COSINE)
    result: dict[str, Any] = {"encoder": DEFAULT, "vectors": list(vectors.shape), "k": CLUSTERS}
    ways: dict[str, Callable[[int], npt.NDArray[np.integer]]] = {
        "meari": lambda seed: grouped(vectors, CLUSTERS, seed),
        "faiss": lambda seed: by_faiss(vectors, CLUSTERS, seed),
        "scikit-learn": lambda seed: by_sklearn(vectors, CLUSTERS, seed),
    }
    for name, way in ways.items():
        seconds, cosines = [], []
        for seed in range(repeats):
            started = time.perf_counter()
            labels = way(seed)
            seconds.append(round(time.perf_counter() - started, 3))
            cosines.append(round(mean_cosine(vectors, labels), 5))
        result[name] = {
            "seconds": seconds,
            "median_seconds": statistics.median(seconds),
            "mean_cosine": cosines,
        }
        print(f"{name:<14}{result[name]}", flush=True)
    ratio = result["meari"]["median_seconds"] / result["scikit-learn"]["median_seconds"]
    result["ratio_to_scikit_learn"] = round(ratio, 4)
    print(f"ratio {ratio:.3f}; saved {save('structure_speed', result)}")


@app.command()
def labels(
    data: Data,
    cache: Cache = Path("/tmp/meari-structure"),  # noqa: S108
    documents: Annotated[int, typer.Option(min=1000)] = 10_000,
) -> None:
    """Coherence of names of clusters of Korean texts beside TF-IDF over blank-separated words."""
    result: dict[str, Any] = {"encoder": "meari-static", "k": NAMED, "terms": TERMS, "sets": {}}
    for name in ("nsmc", "ko_wiki_text"):
        texts = read_set(data, name)[0][:documents]
        vectors = encoded(cache, f"{name}-{documents}", "meari-static", texts)
        groups = grouped(vectors, NAMED, 0).astype(np.int32)
        ours, names = our_coherence(texts, groups)
        plain = word_coherence(texts, groups)
        result["sets"][name] = {
            "documents": len(texts),
            "npmi": {"meari": round(ours, 4), **{k: round(v, 4) for k, v in plain.items()}},
            "examples": names,
        }
        print(name, result["sets"][name], flush=True)
    print(f"saved {save('structure_labels', result)}")


def read_set(data: Path, name: str) -> tuple[list[str], list[str]]:
    """Texts and labels; those of clinc150 that are in scope, the first 20,000 of nsmc."""
    if name == "ko_wiki_text":
        with gzip.open(data / name / "kowiki.tsv.gz", "rt", encoding="utf-8") as lines:
            texts = [line.rstrip("\n").partition("\t")[2] for line in lines]
        return texts[::7], []
    from pyarrow import parquet

    rows = parquet.read_table(sorted((data / name).glob("*.parquet"))[0]).to_pylist()
    if name == "nsmc":
        rows = [row for row in rows if (row["text"] or "").strip()][:REVIEWS]
    rows = [row for row in rows if not row.get("is_oos")]
    label = SETS.get(name, "label")
    return [row["text"] for row in rows], [str(row[label]) for row in rows]


def encoded(cache: Path, name: str, encoder: str, texts: Sequence[str]) -> Vectors:
    """Vectors of length 1, from the cache where it has them."""
    from embeddings.load import load_encoder

    path = cache / f"{name}-{encoder}.npy"
    if path.is_file():
        vectors: Vectors = np.load(path)
        if len(vectors) == len(texts):
            return vectors
    loaded = load_encoder(encoder)
    parts = [
        loaded.encode(texts[first : first + 1024], role="document").vectors
        for first in range(0, len(texts), 1024)
    ]
    vectors = unit(np.concatenate(parts))
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors


def grouped(vectors: Vectors, k: int, seed: int) -> npt.NDArray[np.int32]:
    """Our clusters."""
    return fit_kmeans(vectors, k, Metric.COSINE, seed=seed).labels


def by_sklearn(vectors: Vectors, k: int, seed: int) -> npt.NDArray[np.integer]:
    """Clusters by scikit-learn's KMeans with its own settings."""
    from sklearn.cluster import KMeans

    found: npt.NDArray[np.integer] = KMeans(k, random_state=seed).fit(vectors).labels_
    return found


def by_faiss(vectors: Vectors, k: int, seed: int) -> npt.NDArray[np.integer]:
    """Clusters by FAISS's spherical Kmeans with its own settings."""
    import faiss

    means = faiss.Kmeans(vectors.shape[1], k, spherical=True, seed=seed + 1)
    means.train(vectors)
    found: npt.NDArray[np.integer] = means.assign(vectors)[1]
    return found


def mean_cosine(vectors: Vectors, groups: npt.NDArray[np.integer]) -> float:
    """Mean cosine of vectors to the middle of their group; what spherical k-means maximises."""
    sums = np.zeros((int(groups.max()) + 1, vectors.shape[1]))
    np.add.at(sums, groups, vectors)
    return float(np.linalg.norm(sums, axis=1).sum() / len(vectors))


def our_coherence(texts: list[str], groups: npt.NDArray[np.int32]) -> tuple[float, list[str]]:
    """Mean NPMI of our names' terms, and the labels of the five largest clusters."""
    from embeddings.text.analyzer import load_analyzer

    source, analyzer = ListedTexts(texts), load_analyzer()
    counted = count_terms(source, groups, analyzer, seed=0, progress=unwatched)
    k = int(groups.max()) + 1
    names = name_groups(source, counted, [[row] for row in range(k)], analyzer)
    largest = np.argsort(-np.bincount(groups), kind="stable")[:5]
    return mean_npmi(counted.holds, [name.columns for name in names]), [
        names[row].label for row in largest
    ]


def word_coherence(texts: list[str], groups: npt.NDArray[np.int32]) -> dict[str, float]:
    """Mean NPMI of each cluster's ten heaviest words between blanks, weighed in two ways."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    counter = CountVectorizer(token_pattern=r"\S+")  # noqa: S106 - a pattern, no password
    counts = counter.fit_transform(texts)
    holds = (counts > 0).astype(np.float32).tocsr()
    tfidf = TfidfTransformer().fit_transform(counts).tocsr()
    k = int(groups.max()) + 1
    plain, by_class = [], []
    joined = np.zeros((k, counts.shape[1]))
    for row in range(k):
        members = np.flatnonzero(groups == row)
        plain.append(heaviest(np.asarray(tfidf[members].mean(axis=0)).ravel()))
        joined[row] = np.asarray(counts[members].sum(axis=0)).ravel()
    share = joined / np.maximum(joined.sum(axis=1, keepdims=True), 1)
    weights = share * np.log1p(joined.sum() / k / joined.sum(axis=0))
    by_class = [heaviest(row) for row in weights]
    return {
        "tf-idf over blanks": mean_npmi(holds, plain),
        "class-based tf-idf over blanks": mean_npmi(holds, by_class),
    }


def heaviest(weights: npt.NDArray[np.floating]) -> list[int]:
    """Places of the ten greatest weights."""
    return [int(place) for place in np.argsort(-weights, kind="stable")[:TERMS]]


def mean_npmi(holds: Any, chosen: Sequence[Sequence[int]]) -> float:  # noqa: ANN401 - CSR
    """Mean over the clusters that have two terms."""
    values = [npmi(holds, columns) for columns in chosen]
    return float(np.mean([value for value in values if value is not None]))


def show(name: str, side: str, figures: dict[str, list[float]]) -> None:
    """Print the means of one side."""
    told = "  ".join(f"{key} {statistics.mean(values):.4f}" for key, values in figures.items())
    print(f"{name:<12}{side:<14}{told}", flush=True)


if __name__ == "__main__":
    app()
