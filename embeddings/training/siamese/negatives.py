"""Hard negatives for pairs and retrieval: near a query, and not its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING

from embeddings.training.errors import DataError, TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from embeddings.training.siamese.forms import Loaded
    from embeddings.training.siamese.recipe import Negatives, Prompts

Searcher = Callable[[str, Sequence[str], int], list[list[tuple[str, float]]]]
"""A collection's name, queries and k to each query's nearest documents: text and score, best
first. The service gives one; this floor knows no collections."""


def add_negatives(
    loaded: Loaded,
    wanted: Negatives,
    *,
    model: Callable[[], SentenceTransformer],
    prompts: Prompts,
    searcher: Searcher | None,
    batch: int,
) -> Loaded:
    """The examples with columns `negative_1` to `negative_N` behind the answer.

    Queries without so many negatives are left out.

    Args:
        loaded: pairs or retrieval.
        wanted: how many and which.
        model: gives the encoder to search with where no collection is named.
        prompts: of that encoder.
        searcher: searches collections.
        batch: texts encoded at once.

    Raises:
        DataError: no query has so many negatives.
        TrainingError: a collection is named and nobody can search it.
    """
    if wanted.judged is not None:
        columns = _from_judged(loaded, wanted)
    elif wanted.collection is None:
        columns = _from_own(loaded, wanted, model(), prompts, batch)
    elif searcher is None:
        message = (
            f"negatives.collection is {wanted.collection!r}; collections are searched by "
            "`meari train siamese` alone, not from Python"
        )
        raise TrainingError(message)
    else:
        columns = _from_collection(loaded, wanted, wanted.collection, searcher)
    if not next(iter(columns.values())):
        message = (
            f"no query of {loaded.source.path} has {wanted.count} negatives; ask for fewer "
            "(negatives.count), look further (negatives.among) or raise negatives.margin"
        )
        raise DataError(message)
    return loaded.with_columns(columns)


def _from_judged(loaded: Loaded, wanted: Negatives) -> dict[str, list[str]]:
    """Documents judged to be no answers; other ones for each answer of a query, while they last."""
    names = [*loaded.texts, *(f"negative_{n + 1}" for n in range(wanted.count))]
    columns: dict[str, list[str]] = {name: [] for name in names}
    used: dict[str, int] = {}
    for query, document in zip(*loaded.texts.values(), strict=True):
        rejected = loaded.rejected.get(query, [])
        if len(rejected) < wanted.count:
            continue
        begin = used.get(query, 0)
        used[query] = begin + wanted.count
        negatives = [rejected[(begin + n) % len(rejected)] for n in range(wanted.count)]
        for name, text in zip(names, [query, document, *negatives], strict=True):
            columns[name].append(text)
    return columns


def _from_own(
    loaded: Loaded, wanted: Negatives, model: SentenceTransformer, prompts: Prompts, batch: int
) -> dict[str, list[str]]:
    """Mined by the library among the source's documents (its answers, for pairs)."""
    from sentence_transformers.util import mine_hard_negatives

    first, second = list(loaded.texts)[:2]
    corpus = list(dict.fromkeys(loaded.documents.values())) or None
    # The library draws bars whatever it is told.
    with redirect_stderr(StringIO()):
        mined = mine_hard_negatives(
            loaded.to_dataset().select_columns([first, second]),
            model,
            anchor_column_name=first,
            positive_column_name=second,
            corpus=corpus,
            range_min=wanted.skip,
            range_max=wanted.skip + wanted.among,
            relative_margin=1 - wanted.margin,
            num_negatives=wanted.count,
            query_prompt=prompts.query or None,
            corpus_prompt=prompts.document or None,
            output_format="n-tuple",
            batch_size=batch,
            use_faiss=False,
            verbose=False,
        )
    return {name: list(mined[name]) for name in mined.column_names}


def _from_collection(
    loaded: Loaded, wanted: Negatives, collection: str, searcher: Searcher
) -> dict[str, list[str]]:
    firsts, seconds = list(loaded.texts.values())[:2]
    names = [*list(loaded.texts)[:2], *(f"negative_{n + 1}" for n in range(wanted.count))]
    answers: dict[str, set[str]] = {}
    for first, second in zip(firsts, seconds, strict=True):
        answers.setdefault(first, set()).add(second)
    found = dict(
        zip(answers, searcher(collection, list(answers), wanted.skip + wanted.among), strict=True)
    )
    columns: dict[str, list[str]] = {name: [] for name in names}
    for first, second in zip(firsts, seconds, strict=True):
        negatives = _choose(found[first], answers[first], wanted)
        if len(negatives) == wanted.count:
            for name, text in zip(names, [first, second, *negatives], strict=True):
                columns[name].append(text)
    return columns


def _choose(found: list[tuple[str, float]], answers: set[str], wanted: Negatives) -> list[str]:
    """The nearest documents that are no answers and lie below the margin under the best answer."""
    scores = [score for text, score in found if text in answers]
    # An answer that was not found is further away than all that was: nothing is known to be wrong.
    limit = wanted.margin * max(scores) if scores else float("-inf")
    others = [(text, score) for text, score in found[wanted.skip :] if text not in answers]
    return [text for text, score in others if score <= limit][: wanted.count]
