"""What a dev or test source says of an encoder, by the library's own evaluators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.training.errors import RecipeError
from embeddings.training.siamese.forms import as_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.evaluation import BaseEvaluator

    from embeddings.training.siamese.forms import Loaded
    from embeddings.training.siamese.recipe import Prompts

MEAN = "sequential_score"
"""The library's name of the mean over several sources' main measures."""
_CORRELATIONS = ("spearman_cosine", "pearson_cosine")
_RANKS = ("cosine_ndcg@10", "cosine_mrr@10", "cosine_recall@10", "cosine_accuracy@1")
_MEASURES = {
    "scores": _CORRELATIONS,
    "nli": _CORRELATIONS,
    "pairs": _RANKS,
    "groups": _RANKS,
    "crops": _RANKS,
    "parts": _RANKS,
    "parallel": _RANKS,
    "glosses": _RANKS,
    "retrieval": _RANKS,
    "triplets": ("cosine_accuracy",),
}
"""Measures of each form, the main one first."""
_KEPT = {name for names in _MEASURES.values() for name in names}


def make_evaluator(
    sources: Sequence[Loaded], prompts: Prompts, *, batch: int
) -> tuple[BaseEvaluator, str]:
    """What measures the sources, and the name of the measure that decides.

    That is the source's main measure (Spearman of cosines for scores and NLI, nDCG@10 for
    pairs, translations and retrieval, accuracy for triplets); the mean of them for several.
    """
    from sentence_transformers.base.evaluation import SequentialEvaluator

    names = _distinct([loaded.source.title for loaded in sources])
    made = [
        _evaluator(loaded, name, prompts, batch)
        for loaded, name in zip(sources, names, strict=True)
    ]
    if len(made) == 1:
        return made[0], f"{names[0]}_{_MEASURES[sources[0].source.form][0]}"
    return SequentialEvaluator(made, main_score_function=lambda each: sum(each) / len(each)), MEAN


def check_measure(name: str | None, sources: Sequence[Loaded]) -> None:
    """Refuse a measure that the dev sources do not have.

    Raises:
        RecipeError: no such measure; the message has those there are.
    """
    if name is None:
        return
    titles = _distinct([loaded.source.title for loaded in sources])
    known = [
        f"{title}_{measured}"
        for title, loaded in zip(titles, sources, strict=True)
        for measured in _MEASURES[loaded.source.form]
    ]
    known += ["mean"] if len(sources) > 1 else []
    if name not in known:
        there = ", ".join(known) or "none without a [[dev]] table"
        message = f"recipe key 'run.measure' is {name!r}; possible: {there}"
        raise RecipeError(message)


def measure(
    model: SentenceTransformer, sources: Sequence[Loaded], prompts: Prompts, *, batch: int
) -> dict[str, float]:
    """Measures of the encoder on the sources, by `SOURCE measure`; empty without sources."""
    if not sources:
        return {}
    evaluator, _ = make_evaluator(sources, prompts, batch=batch)
    found: Any = evaluator(model)
    return tidy(found)


def tidy(found: dict[str, Any]) -> dict[str, float]:
    """The measures people ask for, of all that the library computes."""
    made: dict[str, float] = {}
    for name, value in found.items():
        measured = next((kept for kept in _KEPT if name.endswith(f"_{kept}")), None)
        if measured is not None:
            made[f"{name.removesuffix(f'_{measured}')} {measured}"] = float(value)
        elif name == MEAN:
            made["mean"] = float(value)
    return made


def _evaluator(loaded: Loaded, name: str, prompts: Prompts, batch: int) -> Any:  # noqa: ANN401
    from sentence_transformers.sentence_transformer import evaluation as library

    form = loaded.source.form
    given: dict[str, Any] = {"name": name, "batch_size": batch, "write_csv": False}
    if form in {"scores", "nli"}:
        scored = as_scores(loaded) if form == "nli" else loaded
        first, second = scored.texts.values()
        targets = [float(value) for value in scored.target or []]
        return library.EmbeddingSimilarityEvaluator(
            first,
            second,
            targets,
            similarity_fn_names=["cosine"],
            main_similarity="cosine",
            **given,
        )
    if form == "triplets":
        anchors, positives, negatives = loaded.texts.values()
        return library.TripletEvaluator(
            anchors,
            positives,
            negatives,
            similarity_fn_names=["cosine"],
            main_similarity_function="cosine",
            **given,
        )
    found: tuple[Any, Any, dict[str, set[str]]] = _judged(loaded)
    queries, documents, judged = found
    return library.InformationRetrievalEvaluator(
        queries,
        documents,
        judged,
        query_prompt=prompts.query or None,
        corpus_prompt=prompts.document or None,
        score_functions={"cosine": _cosine()},
        main_score_function="cosine",
        **given,
    )


def _judged(loaded: Loaded) -> tuple[dict[str, str], dict[str, str], dict[str, set[str]]]:
    """Queries, documents and answers; the second texts of pairs are the documents."""
    if loaded.judged:
        queries = {f"q{place}": text for place, text in enumerate(loaded.judged)}
        answers = dict(zip(queries, loaded.judged.values(), strict=True))
        return queries, loaded.documents, answers
    firsts, seconds = list(loaded.texts.values())[:2]
    documents = {text: f"d{place}" for place, text in enumerate(dict.fromkeys(seconds))}
    asked: dict[str, set[str]] = {}
    for first, second in zip(firsts, seconds, strict=True):
        asked.setdefault(first, set()).add(documents[second])
    queries = {f"q{place}": text for place, text in enumerate(asked)}
    answers = dict(zip(queries, asked.values(), strict=True))
    return queries, {key: text for text, key in documents.items()}, answers


def _cosine() -> Any:  # noqa: ANN401 - the library's function
    from sentence_transformers.util import cos_sim

    return cos_sim


def _distinct(names: list[str]) -> list[str]:
    """The names, a number behind those that were there before."""
    made: list[str] = []
    for name in names:
        again = sum(each == name or each.startswith(f"{name}-") for each in made)
        made.append(f"{name}-{again + 1}" if again else name)
    return made
