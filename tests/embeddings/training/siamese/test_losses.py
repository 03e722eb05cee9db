"""Losses by name, what they begin with, and which data they fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from embeddings.training.batches import Batches
from embeddings.training.bodies import Body, Shape, build_body
from embeddings.training.errors import RecipeError
from embeddings.training.recipe import from_mapping
from embeddings.training.siamese.losses import expected_loss, make_loss
from embeddings.training.siamese.recipe import Loss, SiameseRecipe, loss_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEXTS = [f"w{n} w{n + 1} w{n + 2}" for n in range(40)]


@pytest.fixture(scope="module")
def model() -> SentenceTransformer:
    torch.manual_seed(0)
    shape = Shape(tokenizer="words", width=8, heads=1)
    return build_body(Body(name="words", shape=shape), TEXTS, device="cpu")


def value(loss: Any, model: SentenceTransformer, columns: int, labels: list[float] | None) -> float:  # noqa: ANN401
    features = [model.preprocess(TEXTS[n * 8 : n * 8 + 8]) for n in range(columns)]
    given = None if labels is None else torch.tensor(labels)
    return float(loss(features, given).detach())


@pytest.mark.parametrize("name", ["ranking", "cached-ranking"])
def test_vectors_that_know_nothing_begin_at_the_expected_loss(
    model: SentenceTransformer, name: str
) -> None:
    batches = Batches(8, 1, 4 if name == "cached-ranking" else None)
    made = make_loss(name, Loss(scale=0.01), model, batches)
    expected = expected_loss(name, Loss(), per_step=8, candidates=2, width=8, from_scratch=True)
    assert expected is not None
    assert expected.value == pytest.approx(math.log(16))
    assert value(made, model, 3, None) == pytest.approx(expected.value, abs=0.01)


def test_a_cached_loss_is_the_same_loss(model: SentenceTransformer) -> None:
    plain = make_loss("ranking", Loss(), model, Batches(8))
    cached = make_loss("cached-ranking", Loss(), model, Batches(8, 1, 2))
    assert value(plain, model, 2, None) == pytest.approx(value(cached, model, 2, None), abs=1e-5)


def test_cosine_is_the_squared_distance_from_the_score(model: SentenceTransformer) -> None:
    made = make_loss("cosine", Loss(), model, Batches(8))
    with torch.no_grad():
        a, b = (model(model.preprocess(TEXTS[n : n + 8]))["sentence_embedding"] for n in (0, 8))
    by_hand = float(((torch.cosine_similarity(a, b) - 0.25) ** 2).mean())
    assert value(made, model, 2, [0.25] * 8) == pytest.approx(by_hand, abs=1e-6)


def taught(loss: Any, model: SentenceTransformer, vectors: torch.Tensor) -> float:  # noqa: ANN401
    features = [model.preprocess(TEXTS[:8])]
    return float(loss(features, vectors).detach())


def test_distillation_is_over_when_the_teacher_s_vectors_are_told(
    model: SentenceTransformer,
) -> None:
    with torch.no_grad():
        own = model(model.preprocess(TEXTS[:8]))["sentence_embedding"]
    made = make_loss("distil", Loss(teacher="minilm"), model, Batches(8))
    assert taught(made, model, own) == pytest.approx(0, abs=1e-5)
    # Neither the length of a teacher's vector counts, nor what the student has no room for.
    longer = torch.cat([3 * own, torch.ones(8, 5)], dim=1)
    assert taught(made, model, longer) == pytest.approx(0, abs=1e-5)
    assert taught(made, model, own.flip(0)) > 0.1


def test_distillation_by_hand(model: SentenceTransformer) -> None:
    torch.manual_seed(1)
    vectors = torch.randn(8, 8)
    with torch.no_grad():
        own = model(model.preprocess(TEXTS[:8]))["sentence_embedding"].numpy()
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    aims = vectors.numpy() / np.linalg.norm(vectors.numpy(), axis=1, keepdims=True)

    def shares(cosines: np.ndarray) -> np.ndarray:
        powers = np.exp(20 * cosines)
        return powers / powers.sum(axis=1, keepdims=True)

    wanted, told = shares(aims @ aims.T), shares(own @ aims.T)
    expected = (1 - (own * aims).sum(axis=1)).mean()
    expected += (wanted * np.log(wanted / told)).sum(axis=1).mean()
    made = make_loss("distil", Loss(teacher="minilm"), model, Batches(8))
    assert taught(made, model, vectors) == pytest.approx(float(expected), rel=1e-4)
    widths = make_loss("distil", Loss(teacher="minilm", matryoshka=(4,)), model, Batches(8))
    assert taught(widths, model, vectors) > taught(made, model, vectors)


def test_matryoshka_adds_the_losses_of_its_widths(model: SentenceTransformer) -> None:
    options = Loss(matryoshka=(4, 2))
    made = make_loss("ranking", options, model, Batches(8))
    assert made.matryoshka_dims == (8, 4, 2)
    expected = expected_loss(
        "ranking", options, per_step=8, candidates=1, width=8, from_scratch=True
    )
    assert expected is not None
    assert expected.value == pytest.approx(3 * math.log(8))
    with pytest.raises(RecipeError, match="asks for 9 numbers; vectors of this body have 8"):
        make_loss("ranking", Loss(matryoshka=(9,)), model, Batches(8))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cosent", "CoSENTLoss"),
        ("angle", "AnglELoss"),
        ("contrastive", "ContrastiveLoss"),
        ("triplet", "TripletLoss"),
        ("softmax", "SoftmaxLoss"),
        ("mse", "MSELoss"),
    ],
)
def test_losses_are_the_library_s(model: SentenceTransformer, name: str, kind: str) -> None:
    assert type(make_loss(name, Loss(), model, Batches(8))).__name__ == kind
    width = {"per_step": 8, "candidates": 1, "width": 8, "from_scratch": True}
    expected = expected_loss(name, Loss(), **width)  # type: ignore[arg-type]
    assert (expected and expected.value) == (math.log(3) if name == "softmax" else None)


@pytest.mark.parametrize(
    ("form", "loss", "chosen"),
    [
        ("scores", {}, "cosine"),
        ("pairs", {}, "ranking"),
        ("triplets", {}, "ranking"),
        ("nli", {}, "softmax"),
        ("parallel", {}, "ranking"),
        ("parallel", {"teacher": "minilm"}, "mse"),
        ("retrieval", {}, "ranking"),
        ("scores", {"name": "cosent"}, "cosent"),
    ],
)
def test_a_form_has_its_usual_loss(form: str, loss: dict[str, str], chosen: str) -> None:
    source = {"path": "a.tsv", "form": form}
    recipe = from_mapping(SiameseRecipe, {"train": [source], "loss": loss})
    assert loss_of(recipe, recipe.train[0]) == chosen


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"no data to learn from; add a \[\[train\]\] table"),
        (
            {"train": [{"path": "a.tsv"}], "loss": {"name": "triplet"}},
            r"loss 'triplet' cannot learn from a.tsv \(form 'scores'\); possible: cosine",
        ),
        (
            {"train": [{"path": "a.tsv", "form": "parallel"}], "loss": {"name": "mse"}},
            "loss mse needs loss.teacher",
        ),
        (
            {"train": [{"path": "a", "form": "nli"}], "loss": {"matryoshka": [8]}},
            "every loss but softmax",
        ),
        ({"train": [{"path": "a", "from": "nli"}]}, r"'train\.0\.from' is unknown; did you mean"),
    ],
)
def test_recipes_that_do_not_fit_together(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        from_mapping(SiameseRecipe, given)
