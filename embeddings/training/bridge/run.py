"""`train_bridge`: from a recipe to an encoder that gives another one's vectors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.errors import RecipeError
from embeddings.training.teaching import teach
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.bridge.recipe import BridgeRecipe
    from embeddings.training.precision import Place
    from embeddings.training.siamese.forms import Loaded
    from embeddings.types import Encoder


def train_bridge(
    recipe: BridgeRecipe, out: Path, *, listener: Listener | None = None
) -> dict[str, Any]:
    """Put layers behind an encoder that make another one's vectors of its own; the receipt.

    Both encoders read every text once; what is trained afterwards is a map between their
    vectors, which takes a minute. The folder holds the body, the layers and a length of 1.
    Maps between the spaces of words of two languages are Mikolov et al. 2013, arXiv:1309.4168;
    this one is of sentences, and not linear.

    Args:
        recipe: what to do.
        out: the model folder; made if absent.
        listener: told how it goes.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the data cannot be used; told before any compute.
        TrainingError: the folder holds a model already.
        EncoderNotFoundError: no such body or teacher.
    """
    from embeddings.load import load_encoder
    from embeddings.training.bodies import find_body
    from embeddings.training.bridge.layers import learn_layers
    from embeddings.training.loop import check_folder_is_free
    from embeddings.training.options import Running
    from embeddings.training.precision import choose_place
    from embeddings.training.siamese.forms import load_examples

    begun = time.monotonic()
    listener = listener or Listener()
    check_folder_is_free(out)
    folder = find_body(recipe.body)
    if folder is None:
        message = (
            f"recipe key 'body' is {recipe.body!r}, which is made from scratch; name a trained "
            "encoder"
        )
        raise RecipeError(message)
    train = [load_examples(source) for source in recipe.train]
    dev = [load_examples(source) for source in recipe.dev]
    place = choose_place(Running(device=recipe.device, precision=recipe.precision))
    body = load_encoder(str(folder), device=place.device, runtime="torch")
    teacher = load_encoder(recipe.teacher, device=place.device, runtime="torch")
    read, aimed, count = _texts(train)
    listener.note(
        f"vectors of the body and of the teacher (texts: {count:,}, sources: {len(train)})"
    )
    given = teach(body, read, role=recipe.role, place=place, listener=listener)
    targets = teach(teacher, aimed, role="document", place=place, listener=listener)
    places = {text: row for row, text in enumerate(aimed)}
    pairs = [pair for loaded in train for pair in _pairs(loaded)]
    rows = {text: row for row, text in enumerate(read)}
    modules, losses = learn_layers(
        given[[rows[text] for text, _ in pairs]],
        targets[[places[text] for _, text in pairs]],
        recipe,
        lambda done, total: listener.progress("train", done, total),
    )
    model = _behind(folder, modules, body.card.prompts.get(recipe.role, ""), recipe)
    taken = time.monotonic() - begun
    return _conclude(recipe, out, model, train, dev, teacher, losses, taken, place)


def _pairs(loaded: Loaded) -> list[tuple[str, str]]:
    """What the body reads, and the text whose vector of the teacher is the aim."""
    first, *others = loaded.texts.values()
    made = list(zip(first, first, strict=True))
    for other in others:
        made += zip(other, first, strict=True)
    return made


def _texts(train: list[Loaded]) -> tuple[list[str], list[str], int]:
    """Each text the body reads and each the teacher reads, once; how many there are in all."""
    pairs = [pair for loaded in train for pair in _pairs(loaded)]
    read = list(dict.fromkeys(text for text, _ in pairs))
    aimed = list(dict.fromkeys(text for _, text in pairs))
    return read, aimed, len({*read, *aimed})


def _behind(folder: Path, modules: list[Any], prompt: str, recipe: BridgeRecipe) -> Any:  # noqa: ANN401
    """The body with the layers and a Normalize behind; one prompt for queries and documents."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    from embeddings.progress import without_bars
    from embeddings.training.pipelines import set_window

    with without_bars():
        model = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, trust_remote_code=False
        )
    for module in (*modules, Normalize()):
        model.append(module.eval())
    model.prompts = {"query": prompt, "document": prompt}
    if recipe.max_tokens is not None:
        set_window(model, recipe.max_tokens)
    return model


def _conclude(
    recipe: BridgeRecipe,
    out: Path,
    model: Any,  # noqa: ANN401 - a library's
    train: list[Loaded],
    dev: list[Loaded],
    teacher: Encoder,
    losses: list[float],
    seconds: float,
    place: Place,
) -> dict[str, Any]:
    from embeddings.load import load_encoder
    from embeddings.progress import without_bars
    from embeddings.training.card import write_encoder_card, write_model_card
    from embeddings.training.lineage import energy_of, stages_before
    from embeddings.training.receipt import Receipt, describe_hardware, write_receipt
    from embeddings.training.toml_text import plain

    with without_bars():
        model.save(str(out), create_model_card=False)
    name = recipe.name or out.name
    made = load_encoder(str(out), device=place.device)
    scores = {loaded.source.title: _translations(made, teacher, loaded) for loaded in dev}
    hardware = describe_hardware(place)
    stages = [*stages_before(recipe.teacher), *stages_before(recipe.body)]
    receipt = Receipt(
        kind="bridge",
        recipe=plain(recipe),
        data={
            "train": [file for loaded in train for file in loaded.files],
            "dev": [file for loaded in dev for file in loaded.files],
        },
        seed=recipe.seed,
        hardware=hardware,
        seconds=seconds,
        scores={
            "dev": {f"{key}, {way}": v for key, each in scores.items() for way, v in each.items()}
        }
        if scores
        else {},
        extra={
            "losses": losses,
            "stages": stages,
            "energy": energy_of([*stages, {"seconds": seconds, "hardware": hardware}]),
        },
    )
    written = write_receipt(receipt, out)
    card = write_encoder_card(out, name=name, languages=recipe.languages, training=written)
    write_model_card(out, name=name, training=written, card=card)
    return written


def _translations(made: Encoder, teacher: Encoder, loaded: Loaded) -> dict[str, float]:
    """Who finds whose translation: sources encoded by the teacher, targets by what was made."""
    source, target = loaded.texts["source"], loaded.texts["target"]
    aims = teacher.encode(source, role="document").vectors
    found = made.encode(target, role="query").vectors
    cosines = found @ aims.T
    right = np.arange(len(cosines))
    return {
        "target to source": float((cosines.argmax(axis=1) == right).mean()),
        "source to target": float((cosines.argmax(axis=0) == right).mean()),
        "cosine": float(cosines[right, right].mean()),
    }
