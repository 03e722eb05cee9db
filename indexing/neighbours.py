"""The nearest documents of many vectors at once: ids and scores, and one receipt for all."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import InvalidRequestError
from indexing.types import MAX_LIMIT, Hits, Neighbours, SearchReceipt
from indexing.validation import check_vectors

if TYPE_CHECKING:
    import numpy.typing as npt

    from embeddings.types import Vectors
    from indexing.filters import Filter
    from indexing.local import LocalCollection
    from indexing.row_mask import RowMask
    from indexing.snapshot import Found


def find_neighbours(
    collection: LocalCollection,
    vectors: Vectors,
    k: int = 10,
    *,
    filter: Filter | None = None,
    exact: bool = False,
    recall: float | None = None,
) -> Neighbours:
    """The k nearest documents of each vector; see `LocalCollection.nearest`."""
    started = time.perf_counter()
    card, storage = collection.card, collection.storage
    queries = check_vectors(vectors, card.encoder.dim, card.metric, "vectors")
    if not 1 <= k <= MAX_LIMIT:
        message = f"k is {k}; 1 to {MAX_LIMIT:,} are possible"
        raise InvalidRequestError(message, "k")
    if recall is not None and not 0 < recall <= 1:
        message = f"recall is {recall}; above 0 to 1 is possible"
        raise InvalidRequestError(message, "recall")
    found, ids, mask, spent = _look(collection, queries, k, filter, exact=exact, recall=recall)
    if found is None:
        with storage.publishing:
            found, ids, mask, spent = _look(
                collection, queries, k, filter, exact=exact, recall=recall, settled=True
            )
    if found is None:
        message = "documents came and went while they were searched; ask again"
        raise RuntimeError(message)
    sampled, samples = storage.sampler.recall()
    receipt = SearchReceipt(
        exact=found.exact,
        index=found.index,
        searched=found.allowed,
        documents=storage.snapshot.documents,
        matched_by_filter=None if mask is None else mask.count,
        recall_estimate=found.recall,
        encoder={"name": card.encoder.name, "fingerprint": card.encoder.fingerprint},
        query_tokens=None,
        query_truncated=False,
        query_unknown=0,
        truncated_matches=0,
        milliseconds=spent | {"total": round(1e3 * (time.perf_counter() - started), 3)},
        warnings=collection.problems,
        visited=found.visited,
        sampled_recall=sampled,
        sampled_queries=samples,
    )
    return Neighbours(ids, found.hits.scores, receipt)


def _look(
    collection: LocalCollection,
    queries: Vectors,
    k: int,
    filter: Filter | None,
    *,
    exact: bool,
    recall: float | None,
    settled: bool = False,
) -> tuple[Found | None, npt.NDArray[np.str_], RowMask | None, dict[str, float]]:
    """One look; nothing found if a writer came between rows and ids."""
    storage = collection.storage
    version, generation = storage.version, storage.generation
    snapshot = generation.snapshot
    times = [time.perf_counter()]
    mask = None
    if filter is not None:
        mask = generation.columns.live_mask(filter, snapshot.live)
        times.append(time.perf_counter())
    found = snapshot.find(queries, k, rows=mask, exact=exact, recall=recall)
    times.append(time.perf_counter())
    ids = generation.row_ids.of(found.hits.ids)
    times.append(time.perf_counter())
    if not settled:
        undisturbed = version % 2 == 0 and version == storage.version
        lost = bool(((ids == "") & (found.hits.ids >= 0)).any())
        if lost or (filter is not None and not undisturbed):
            return None, ids, None, {}
    hits = _arranged(found.hits, ids)
    if not found.exact:
        storage.sampler.offer(snapshot, queries, hits.scores, mask)
    names = ("filter", "search", "fetch")[-len(times) + 1 :]
    spent = [round(1e3 * (after - before), 3) for before, after in pairwise(times)]
    return found, ids, mask, dict(zip(names, spent, strict=True))


def _arranged(hits: Hits, ids: npt.NDArray[np.str_]) -> Hits:
    """Equal scores by document id, in place; they come by row."""
    scores = hits.scores
    tied = np.flatnonzero(((scores[:, 1:] == scores[:, :-1]) & np.isfinite(scores[:, 1:])).any(1))
    for place in tied.tolist():
        keys = list(zip((-scores[place]).tolist(), ids[place].tolist(), strict=True))
        order = sorted(range(len(keys)), key=keys.__getitem__)
        ids[place] = ids[place][order]
        hits.ids[place] = hits.ids[place][order]
    return hits
