r"""Planted duplicates found at the suggested threshold, and the time of many documents.

    python -m benchmarks.structure_duplicates DATA --cache DIR [--hosts 1500] [--twins 150]
    python -m benchmarks.structure_duplicates DATA --cache DIR --documents 200000

DATA holds `ko_wiki_text`, `en_wiki_text`, `korsts_stsb`, `nsmc`. Planted: of the openings
of articles twins made by `benchmarks.planting` (typos in 3 % of the letters, sentences
or clauses in another order, other words by rule); and pairs of STS sentences that people gave 5 of
5, as paraphrases nobody made by rule. Every other pair of documents counts as false, so real
duplicates among the articles count against precision; texts that are equal are taken once.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import tempfile
import time
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from analysis.corpus import read_corpus
from analysis.duplicates.finding import DuplicateRequest, find_duplicates
from analysis.duplicates.wording import normalised
from benchmarks.planting import paraphrased, reordered, typos
from benchmarks.record import save
from indexing.data_folder import DataFolder
from indexing.types import Document

if TYPE_CHECKING:
    from analysis.corpus import Corpus
    from analysis.duplicates.result import Duplicates

SEEDS = (0, 1)
SHARES = (1.0, 0.5, 0.2, 0.05)
_ARTICLES = {"ko": "ko_wiki_text/kowiki.tsv.gz", "en": "en_wiki_text/enwiki.tsv.gz"}
_MAKERS = {"typos": typos, "order": reordered, "words": paraphrased}


def main(
    data: Annotated[Path, typer.Argument(help="Folder of the data sets.")],
    hosts: Annotated[int, typer.Option(min=100, help="Articles of each language.")] = 1_500,
    twins: Annotated[int, typer.Option(min=10, help="Of each kind and language.")] = 150,
    documents: Annotated[int, typer.Option(help="Time so many reviews instead.")] = 0,
    *,
    cache: Annotated[Path, typer.Option(help="Keeps vectors between runs.")],
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    cache.mkdir(parents=True, exist_ok=True)
    if documents:
        result = _timed(data, documents, cache)
        name = f"structure_duplicates_{documents}"
    else:
        runs = []
        for seed in SEEDS:
            planted = _planted(data, hosts, twins, seed)
            runs += _judged(planted, cache, seed)
        counts = dict(Counter(kind for _, _, kind in planted))
        result = {"encoder": "meari-ko-en", "planted": counts, "runs": runs}
        name = "structure_duplicates"
    print(json.dumps(result, ensure_ascii=False, indent=1))
    print(f"saved {save(name, result)}")


def _planted(data: Path, hosts: int, twins: int, seed: int) -> list[tuple[str, int, str]]:
    """Texts with the position of what they repeat, -1 for nothing, and their kind."""
    draw = random.Random(seed)
    found: list[tuple[str, int, str]] = []
    for language, path in _ARTICLES.items():
        articles = draw.sample(_openings(data / path), hosts)
        first = len(found)
        found += [(text, -1, language) for text in articles]
        order = draw.sample(range(hosts), hosts)
        for kind, make in _MAKERS.items():
            made = 0
            while order and made < twins:
                host = order.pop()
                text = make(articles[host], draw)
                if text is not None and normalised(text) != normalised(articles[host]):
                    found.append((text, first + host, f"{language} {kind}"))
                    made += 1
    return found + _sentences(data, twins, draw, len(found))


def _openings(path: Path) -> list[str]:
    """The first sentences of each article, some 50 to 220 letters, different ones."""
    found: dict[str, str] = {}
    titles = set()
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            title, _, text = line.rstrip("\n").partition("\t")
            if title in titles or len(text) < 60 or "|" in text:
                continue
            opening = ""
            for sentence in re.split(r"(?<=[.!?])\s+", text):
                if len(opening) + len(sentence) > 220:
                    break
                opening = f"{opening} {sentence}".strip()
            if len(opening) >= 50:
                titles.add(title)
                found.setdefault(normalised(opening), opening)
    return list(found.values())


def _sentences(
    data: Path, twins: int, draw: random.Random, first: int
) -> list[tuple[str, int, str]]:
    """Pairs that people found equal, no two of them about the same; each in one language."""
    import pyarrow.parquet as pq

    (path,) = (data / "korsts_stsb").glob("*.parquet")
    rows = [row for row in pq.read_table(path).to_pylist() if row["score"] >= 5]
    draw.shuffle(rows)
    rows.sort(key=lambda row: bool(row["split"] == "train"))  # its Korean is machine-translated
    found: list[tuple[str, int, str]] = []
    counts: Counter[str] = Counter()
    seen: list[set[str]] = []
    for row in rows:
        language = min(_ARTICLES, key=lambda name: counts[name])
        if counts[language] == twins:
            break
        words = [
            _words(row[f"{name}_sentence1"]) | _words(row[f"{name}_sentence2"])
            for name in _ARTICLES
        ]
        if any(len(w & s) > 0.4 * min(len(w), len(s)) for w in words for s in seen):
            continue
        one, other = row[f"{language}_sentence1"], row[f"{language}_sentence2"]
        if _words(one) == _words(other):
            continue
        seen += words
        counts[language] += 1
        found.append((one, -1, f"{language} sentence"))
        found.append((other, first + len(found) - 1, f"{language} paraphrase"))
    return found


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _judged(planted: list[tuple[str, int, str]], cache: Path, seed: int) -> list[dict[str, Any]]:
    vectors = encoded([text for text, _, _ in planted], "meari-ko-en", cache / f"planted_{seed}")
    runs = []
    for share in SHARES:
        draw = random.Random(seed)
        kept = [
            place for place, (_, twin, _) in enumerate(planted) if twin < 0 or draw.random() < share
        ]
        with tempfile.TemporaryDirectory() as folder, DataFolder.open(Path(folder)) as opened:
            texts = [planted[place][0] for place in kept]
            corpus = corpus_of(opened, texts, vectors[kept], kept)
            found = find_duplicates(corpus, DuplicateRequest(translations=False))
            runs.append({"seed": seed, "share_of_twins": share} | _measured(found, planted, kept))
            if share == 1.0:
                request = DuplicateRequest(same_numbers=False, translations=False)
                given = find_duplicates(corpus, request)
                runs.append({"seed": seed, "same_numbers": False} | _measured(given, planted, kept))
    return runs


def _measured(
    found: Duplicates, planted: list[tuple[str, int, str]], kept: list[int]
) -> dict[str, Any]:
    """Over pairs in one group."""
    true = {
        tuple(sorted((place, planted[place][1]))): planted[place][2]
        for place in kept
        if planted[place][1] >= 0
    }
    together = {
        tuple(sorted((int(one), int(other))))
        for group in found.groups
        for one, other in combinations(
            [group.representative, *(member.id for member in group.members)], 2
        )
    }
    hit = together & true.keys()
    recall = {
        kind: round(sum(true[pair] == kind for pair in hit) / number, 4)
        for kind, number in sorted(Counter(true.values()).items())
    }
    false = sorted(together - true.keys())
    return {
        "documents": len(kept),
        "planted_pairs": len(true),
        "threshold": found.threshold,
        "false_share": found.receipt.false_share,
        "precision": round(len(hit) / max(1, len(together)), 4),
        "recall": round(len(hit) / max(1, len(true)), 4),
        "recall_by_kind": recall,
        "told_apart": found.receipt.told_apart,
        "false_examples": [[planted[place][0][:80] for place in pair] for pair in false[:5]],
    }


def _timed(data: Path, documents: int, cache: Path) -> dict[str, Any]:
    """Reviews of nsmc by the encoder that costs least: it is not encoding that is timed."""
    import pyarrow.parquet as pq

    table = pq.read_table(data / "nsmc" / "nsmc.parquet")
    texts = [text or "" for text in table["text"].to_pylist()[:documents]]
    texts = [text if text.strip() else "-" for text in texts]
    vectors = encoded(texts, "meari-static", cache / f"nsmc_{documents}")
    with DataFolder.open(cache / f"nsmc_{documents}_collection") as opened:
        if "planted" in opened.names():
            corpus = read_corpus(opened.collection("planted"))
        else:
            corpus = corpus_of(opened, texts, vectors, list(range(len(texts))))
        started, computing = time.perf_counter(), time.process_time()
        found = find_duplicates(corpus)
        seconds = time.perf_counter() - started
        computing = time.process_time() - computing
    receipt = found.receipt
    return {
        "dataset": "nsmc",
        "encoder": "meari-static",
        "dim": vectors.shape[1],
        "documents": documents,
        "seconds": round(seconds, 1),
        "processor_seconds": round(computing, 1),
        "milliseconds": dict(receipt.milliseconds),
        "threshold": receipt.threshold,
        "suggested": receipt.suggested,
        "warnings": receipt.warnings,
        "neighbour_recall": receipt.neighbour_recall,
        "groups": len(found.groups),
        "exact_documents": receipt.exact_documents,
        "near_documents": receipt.near_documents,
    }


def corpus_of(
    opened: DataFolder, texts: list[str], vectors: np.ndarray, names: list[int]
) -> Corpus:
    """A collection of those texts, their ids the names."""
    collection = opened.create("planted", encoder=f"hash:{vectors.shape[1]}")
    for first in range(0, len(texts), 5_000):
        block = range(first, min(first + 5_000, len(texts)))
        collection.add(
            [Document(str(names[place]), texts[place]) for place in block],
            vectors=vectors[first : first + 5_000],
        )
    return read_corpus(collection)


def encoded(texts: list[str], encoder: str, path: Path) -> np.ndarray:
    """float32 (n, dim), kept at that path."""
    kept, listed = path.with_suffix(".npy"), path.with_suffix(".json")
    if kept.exists() and json.loads(listed.read_text("utf-8")) == texts:
        return np.load(kept)
    from embeddings.load import load_encoder

    loaded = load_encoder(encoder)
    vectors = np.concatenate(
        [
            loaded.encode(texts[first : first + 4_096], role="document").vectors
            for first in range(0, len(texts), 4_096)
        ]
    )
    np.save(kept, vectors)
    listed.write_text(json.dumps(texts, ensure_ascii=False), "utf-8")
    return vectors


if __name__ == "__main__":
    typer.run(main)
