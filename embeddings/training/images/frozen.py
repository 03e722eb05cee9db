"""A head on vectors that do not change: every picture goes through the body once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embeddings.classifier import Head as TrainedHead
from embeddings.training.classifier.fitting import Labelled, fit_head
from embeddings.training.classifier.objective import Objective
from embeddings.training.images.assembly import fresh_model, split_measures, vectors_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from embeddings.training.classifier.fitting import Fitted
    from embeddings.training.images.work import Work


@dataclass(frozen=True, slots=True, eq=False)
class OnFeatures:
    """What a head learned from a frozen body.

    Attributes:
        model: the body, as it was.
        fitted: the head and how it went.
        seconds: of encoding and learning.
        scores: of the splits that are measured.
    """

    model: SentenceTransformer
    fitted: Fitted
    seconds: float
    scores: dict[str, dict[str, float]]


def fit_on_features(work: Work) -> OnFeatures:
    """Encode every split once, and let a head learn from the vectors; nothing is augmented."""
    begun = time.perf_counter()
    recipe, pictures = work.recipe, work.pictures
    model = fresh_model(work)
    classes = len(pictures.classes)
    vectors = {}
    for name, split in pictures.splits():
        work.listener.note(f"encoding {len(split):,} {name} pictures by {recipe.body}")
        vectors[name] = vectors_of(model, split, batch=work.batch)
    truths = {name: np.eye(classes, dtype=bool)[split.labels] for name, split in pictures.splits()}
    fitted = fit_head(
        recipe.head,
        Objective("single", np.ones(classes, np.float32), float(np.log(classes))),
        Labelled(vectors["train"], truths["train"]),
        Labelled(vectors["dev"], truths["dev"]) if "dev" in vectors else None,
        measure="loss" if work.measured == "loss" else "accuracy",
        seed=recipe.run.seed,
        device=work.device,
        listener=work.listener,
    )
    head = TrainedHead(fitted.layers)
    scores = {
        name: split_measures(vectors[name], split, head.logits)
        for name, split in pictures.splits()
        if name != "train"
    }
    return OnFeatures(model, fitted, time.perf_counter() - begun, scores)
