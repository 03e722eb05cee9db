"""What an encoder is judged by before it becomes the default, one part at a time."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from benchmarks.kept_vectors import CutEncoder
from eval.datasets import RetrievalData
from eval.ladder_data import fingerprint_of
from eval.measures import Measure, evaluate
from eval.retrieval import evaluate_retrieval
from eval.searchers import EncoderSearcher
from eval.similarity import evaluate_similarity
from eval.statistics import estimate_mean, randomisation_test
from eval.translations import evaluate_translations
from indexing.card import CollectionCard
from indexing.errors import InvalidRequestError
from indexing.local import LocalCollection
from indexing.types import Metric, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from benchmarks.encoder_data import Judged, Part
    from embeddings.types import Encoder
    from eval.target import Progress

    Values = npt.NDArray[np.float64]

Figures: TypeAlias = "dict[str, dict[str, float]]"
"""By what was measured: `value`, and where there are some `low` and `high`, or `p`."""
MEASURE = Measure.parse("nDCG@10")
LIMIT = 10
SEED = 0
GROUPS = ("Korean", "English", "across")
_BATCH = 1024
_QUERY_BATCH = 64


def key_of(part: Part, data: Judged, encoder: Encoder, width: int | None) -> dict[str, Any]:
    """All that decides the part's figures, but the code."""
    return {
        "form": part.form,
        "data": fingerprint_of(data),
        "encoder": encoder.card.fingerprint,
        "width": width,
    }


def measure(
    part: Part, data: Judged, encoder: Encoder, *, width: int | None, progress: Progress | None
) -> dict[str, Any]:
    """The part's figures, and what they are of.

    Args:
        part: which.
        data: as `load_part` gives it.
        encoder: what is judged.
        width: cut its vectors to so many numbers; None: leave them.
        progress: told how far encoding and searching are.

    Returns:
        `figures` (see `Figures`), and counts of what was judged and cut short.
    """
    judged = encoder if width is None else CutEncoder(encoder, width)
    if part.form == "similarity":
        pairs: Any = data
        similar = evaluate_similarity(pairs, judged, seed=SEED, progress=progress)
        figures: Figures = {"Spearman": similar.spearman.to_json()}
        return {"figures": figures, "pairs": similar.pairs, "texts": similar.texts.to_json()}
    if part.form in ("translations", "titles"):
        texts: Any = data
        told = evaluate_translations(texts, judged, seed=SEED, progress=progress)
        source, target = ("ko", "en") if part.form == "translations" else ("title", "text")
        ways = {
            f"{source} to {target}": told.forward,
            f"{target} to {source}": told.backward,
            "both ways": told.both,
        }
        figures = {name: estimate.to_json() for name, estimate in ways.items()}
        return {"figures": figures, "pairs": told.pairs, "texts": told.texts.to_json()}
    if not isinstance(data, RetrievalData):
        message = f"part {part.name} is judged by queries, not by {type(data).__name__}"
        raise TypeError(message)
    groups = _groups(Path(part.path)) if part.grouped else {}
    if part.form == "dense":
        return _dense(data, judged, groups, progress)
    return _modes(data, judged, groups, progress)


def _dense(
    data: RetrievalData,
    encoder: Encoder,
    groups: Mapping[str, str],
    progress: Progress | None,
) -> dict[str, Any]:
    searcher = EncoderSearcher.over(encoder, data.documents.values(), progress=progress)
    report = evaluate_retrieval(data, searcher, measures=[MEASURE], depth=LIMIT, seed=SEED)
    values = {query.id: query.values[str(MEASURE)] for query in report.queries}
    facts = searcher.describe()
    return {
        "figures": _figures("dense", values, groups),
        "documents": facts.documents.texts,
        "queries": len(values),
        "documents_truncated": facts.documents.truncated,
        "tokens_unknown": facts.documents.unknown_share,
    }


def _modes(
    data: RetrievalData,
    encoder: Encoder,
    groups: Mapping[str, str],
    progress: Progress | None,
) -> dict[str, Any]:
    """Lexical and hybrid search of a collection that holds the documents, vectors brought along."""
    values = search_modes(data, encoder, ("lexical", "hybrid"), progress)
    figures: Figures = {}
    for mode, of_query in values.items():
        figures |= _figures(mode, of_query, groups)
    for group in ("", *GROUPS):
        chosen = [query for query in data.queries if not group or groups.get(query) == group]
        gains = np.array([values["hybrid"][q] - values["lexical"][q] for q in chosen])
        if not len(gains):
            continue
        p = randomisation_test(gains, seed=SEED).p
        name = f"{group} hybrid - lexical".strip()
        figures[name] = {"value": float(gains.mean()), "p": p}
    return {"figures": figures, "documents": len(data.documents), "queries": len(data.queries)}


def search_modes(
    data: RetrievalData,
    encoder: Encoder,
    modes: Sequence[Literal["dense", "lexical", "hybrid"]],
    progress: Progress | None = None,
) -> dict[str, dict[str, float]]:
    """nDCG@10 by mode and query, of a collection as users ask it; every vector is compared."""
    with judged_collection(data, encoder, progress) as collection:
        found: dict[str, dict[str, float]] = {}
        for mode in modes:
            rankings = _answers(collection, data, mode, progress)
            found[mode] = evaluate([MEASURE], data.qrels, rankings)[MEASURE]
    return found


@contextmanager
def judged_collection(
    data: RetrievalData, encoder: Encoder, progress: Progress | None = None
) -> Iterator[LocalCollection]:
    """A collection of the documents that have a text, calibrated; gone with the block."""
    given = sorted(data.documents.values(), key=lambda document: document.id)
    documents = [document for document in given if document.encoded_text]
    card = CollectionCard.new("judged", encoder.card, Metric.COSINE)
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCollection.create(
            Path(folder) / "judged", card, load_encoder=lambda _: encoder, maintain=False
        ) as collection,
    ):
        for start in range(0, len(documents), _BATCH):
            block = documents[start : start + _BATCH]
            texts = [document.encoded_text for document in block]
            vectors = encoder.encode(texts, role="document").vectors
            collection.add(block, vectors=vectors)
            if progress is not None:
                progress("add", start + len(block), len(documents))
        told = (lambda _: None) if progress is None else _shares(progress, len(documents))
        collection.storage.lexicon.catch_up(told)
        collection.storage.calibrate()
        yield collection


def _shares(progress: Progress, total: int) -> Callable[[float], None]:
    return lambda share: progress("words", round(share * total), total)


def _answers(
    collection: LocalCollection,
    data: RetrievalData,
    mode: Literal["dense", "lexical", "hybrid"],
    progress: Progress | None,
) -> dict[str, list[str]]:
    """Document ids by query, best first; a query without words to look for finds nothing."""
    asked = [query for query, text in data.queries.items() if text.strip()]
    rankings: dict[str, list[str]] = {}
    for start in range(0, len(asked), _QUERY_BATCH):
        batch = asked[start : start + _QUERY_BATCH]
        requests = [
            SearchRequest(query=data.queries[query], limit=LIMIT, mode=mode, exact=True)
            for query in batch
        ]
        for query, answer in zip(batch, _ask(collection, requests), strict=True):
            rankings[query] = answer
        if progress is not None:
            progress(mode, len(rankings), len(asked))
    return rankings


def _ask(collection: LocalCollection, requests: Sequence[SearchRequest]) -> list[list[str]]:
    """Document ids by request; none where words alone are asked for and the query has none."""
    try:
        results = collection.search_many(requests)
    except InvalidRequestError:
        if len(requests) > 1:
            return [answer for request in requests for answer in _ask(collection, [request])]
        if requests[0].mode != "lexical":
            raise
        return [[]]
    return [[match.document.id for match in result.matches] for result in results]


def _figures(
    mode: str, values: Mapping[str, float], groups: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """The mean over all queries, and over those of each group."""
    figures: Figures = {mode: _mean(list(values.values()))}
    for group in GROUPS:
        chosen = [value for query, value in values.items() if groups.get(query) == group]
        if chosen:
            figures[f"{group} {mode}"] = _mean(chosen)
    return figures


def _mean(values: Sequence[float]) -> dict[str, float]:
    return estimate_mean(np.array(values), seed=SEED).to_json()


def _groups(folder: Path) -> dict[str, str]:
    """By query of the bookshop: its language, or `across` if its answers are in another one."""
    groups: dict[str, str] = {}
    for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        query = json.loads(line)
        language = {"ko": "Korean", "en": "English"}[query["metadata"]["language"]]
        groups[query["_id"]] = "across" if query["metadata"]["cross"] else language
    return groups
