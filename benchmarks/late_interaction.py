r"""Would reading candidates once more, token by token, lift hybrid search? A trial before a model.

    python -m benchmarks.late_interaction --encoder meari-ko-en --data DATA \
        [--set miracl_ko] [--set medquad] [--questions 100]

The encoder's own token states are compared (Khattab and Zaharia 2020, equation 3): what late
interaction is worth with no weights but those that are there. Dev rows alone. Candidates are the
50 best of a collection's hybrid search; they are ordered by z-scores of the hybrid score and of
the relevance, the second counted `weight` times.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from benchmarks import record
from benchmarks.encoder_parts import MEASURE, judged_collection
from benchmarks.kept_vectors import KeptEncoder
from embeddings.bundled import BUNDLED, find_bundled
from embeddings.late_interaction import LateInteractionReranker
from embeddings.load import load_encoder
from eval.datasets import load_beir
from eval.measures import evaluate
from eval.statistics import randomisation_test
from indexing.types import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from embeddings.types import Encoder
    from eval.datasets import RetrievalData

WEIGHTS = (0.25, 0.5, 1.0, 2.0, float("inf"))
CANDIDATES = 50
SEED = 0

Scored = dict[str, list[tuple[str, float, float]]]
"""By query: id, hybrid score and relevance of each candidate."""


def main(
    *,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Holds the data sets.")],
    cache: Annotated[Path, typer.Option(metavar="DIR", help="Keeps vectors.")],
    encoder: Annotated[str, typer.Option(metavar="E", help="Name or folder.")] = "meari-ko-en",
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="SET")] = None,
    questions: Annotated[int, typer.Option(help="Of each set, drawn with seed 0.")] = 100,
) -> None:
    """Print nDCG@10 of hybrid search and of each mixture, and save them."""
    loaded = KeptEncoder(load_encoder(encoder, device="cpu"), cache / "vectors")
    folder = find_bundled(encoder) if encoder in BUNDLED else Path(encoder)
    reader = late_reader(folder)
    found: dict[str, Any] = {}
    for name in sets or ["miracl_ko", "medquad"]:
        judged = load_beir(data / name, "dev")
        chosen = draw(sorted(judged.queries), questions)
        started = time.perf_counter()
        scored = score_candidates(judged, chosen, loaded, reader)
        found[name] = compare(judged, scored) | {
            "questions": len(chosen),
            "seconds": round(time.perf_counter() - started, 1),
        }
        print(name, found[name], flush=True)
    saved = record.save("late_interaction", {"encoder": loaded.card.to_json(), "sets": found})
    print(saved)


def late_reader(folder: Path) -> LateInteractionReranker:
    """The body of an encoder as one that keeps its token states."""
    from sentence_transformers import MultiVectorEncoder

    with tempfile.TemporaryDirectory() as place:
        opened = MultiVectorEncoder(str(folder), device="cpu", local_files_only=True)
        # The library puts an untrained layer behind a body that has no head of this kind.
        modules = [part for part in opened if type(part).__name__ != "Dense"]
        model = MultiVectorEncoder(modules=modules, device="cpu")
        model.float().save(place)
        return LateInteractionReranker.from_folder(Path(place), "late", "cpu")


def draw(queries: Sequence[str], count: int) -> list[str]:
    """So many queries, always the same ones."""
    order = np.random.default_rng(SEED).permutation(len(queries))[:count]
    return [queries[place] for place in sorted(order)]


def score_candidates(
    judged: RetrievalData, queries: Sequence[str], encoder: Encoder, reader: LateInteractionReranker
) -> Scored:
    """Hybrid candidates of the queries with their relevances."""
    with judged_collection(judged, encoder) as collection:
        scored: Scored = {}
        for query in queries:
            request = SearchRequest(query=judged.queries[query], limit=CANDIDATES, mode="hybrid")
            matches = collection.search(request).matches
            texts = [match.document.encoded_text for match in matches]
            relevances = reader.score(judged.queries[query], texts)
            scored[query] = [
                (match.document.id, float(match.score), float(relevance))
                for match, relevance in zip(matches, relevances, strict=True)
            ]
    return scored


def compare(judged: RetrievalData, scored: Scored) -> dict[str, Any]:
    """nDCG@10 of hybrid search, and by weight what the mixture adds with its p."""
    qrels = {query: judged.qrels[query] for query in scored if query in judged.qrels}
    hybrid = evaluate([MEASURE], qrels, order(scored, 0.0))[MEASURE]
    told: dict[str, Any] = {"hybrid": mean(hybrid), "weights": {}}
    for weight in WEIGHTS:
        values = evaluate([MEASURE], qrels, order(scored, weight))[MEASURE]
        gains = np.array([values[query] - hybrid[query] for query in qrels])
        p = randomisation_test(gains, seed=SEED).p
        told["weights"][str(weight)] = {"ndcg@10": mean(values), "p": p}
    return told


def order(scored: Scored, weight: float) -> dict[str, list[str]]:
    """Candidates of each query by the mixture, best first; infinity counts relevances alone."""
    rankings: dict[str, list[str]] = {}
    for query, candidates in scored.items():
        first, second = (_standard([each[at] for each in candidates]) for at in (1, 2))
        mixed = second if weight == float("inf") else first + weight * second
        by = sorted(
            zip(candidates, mixed.tolist(), strict=True), key=lambda each: (-each[1], each[0][0])
        )
        rankings[query] = [candidate[0] for candidate, _ in by]
    return rankings


def mean(values: Mapping[str, float]) -> float:
    """Of all queries."""
    return round(float(np.mean(list(values.values()))), 4)


def _standard(values: Sequence[float]) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    spread = float(numbers.std()) if len(numbers) else 0.0
    return (numbers - numbers.mean()) / spread if spread else np.zeros_like(numbers)


if __name__ == "__main__":
    typer.run(main)
