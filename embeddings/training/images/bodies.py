"""Bodies of image encoders: one recipe key to a pipeline of modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.training.errors import RecipeError, TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from embeddings.training.images.recipe import ImageRecipe


def find_body(recipe: ImageRecipe) -> Path | None:
    """The folder of a trained body, checked; None for one made from scratch.

    Raises:
        RecipeError: no such body, or one that reads no images.
        EncoderNotFoundError: no hub model of that name.
        EncoderRefusedError: it asks for code or pickle.
    """
    from embeddings.folder import check_folder
    from embeddings.images.backbones.plan import BACKBONES
    from embeddings.images.folder import reads_pictures
    from embeddings.sentence import download_folder

    if recipe.from_scratch:
        return None
    name = recipe.body
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if name.startswith((".", "/", "~")) or name.count("/") != 1:
            message = (
                f"recipe key 'body' is {name!r}: neither a folder nor one made from scratch "
                f"({', '.join(BACKBONES)}); hub names are organisation/model"
            )
            raise RecipeError(message)
        folder = download_folder(name)
    check_folder(folder)
    if not reads_pictures(folder):
        message = f"body {name!r} reads no images; name the folder of an image encoder"
        raise RecipeError(message)
    return folder


def build_body(recipe: ImageRecipe, device: str) -> SentenceTransformer:
    """A model to train, its first weights drawn from torch's own generator: seed it before.

    Raises:
        RecipeError: the body's parts do not fit each other.
        TrainingError: a trained body cannot be loaded.
    """
    from sentence_transformers import SentenceTransformer

    from embeddings.images.network import ImageNetwork, NetworkConfig
    from embeddings.progress import without_bars
    from embeddings.training.images.assembly import freeze_body
    from embeddings.training.initialisation import initialise, set_dropout

    folder, shape = find_body(recipe), recipe.shape
    with without_bars():
        if folder is not None:
            model = _trained(recipe, folder, device)
        else:
            config = NetworkConfig(
                backbone=recipe.body,  # type: ignore[arg-type]
                size=shape.size,
                width=shape.width,
                normalise=shape.normalise,
                dropout=recipe.dropout,
                fit=shape.fit,
            )
            network = ImageNetwork(config)
            initialise(network, shape.initialisation)
            model = SentenceTransformer(modules=[network], device=device)
    _add_head(model, recipe)
    if folder is not None and recipe.dropout and not set_dropout(model, recipe.dropout):
        message = f"recipe key 'dropout' does nothing: body {recipe.body!r} has no dropout layers"
        raise RecipeError(message)
    if recipe.learn == "head":
        freeze_body(model)
    return model.to(device)


def size_of(recipe: ImageRecipe) -> int:
    """Pixels a side that the recipe's body takes."""
    folder = find_body(recipe)
    if folder is None:
        return recipe.shape.size
    from embeddings.images.encoder import ImageEncoder

    return ImageEncoder.from_folder(folder, device="cpu").least_side


def _trained(recipe: ImageRecipe, folder: Path, device: str) -> SentenceTransformer:
    from safetensors import SafetensorError

    from embeddings.images.backbones.layers import steady
    from embeddings.images.folder import load_model
    from embeddings.opening import first_line
    from embeddings.sentence import LOAD_ERRORS

    try:
        model = load_model(folder, device).float()
    except (*LOAD_ERRORS, SafetensorError) as error:
        message = f"body {recipe.body} cannot be loaded: {first_line(error)}"
        raise TrainingError(message) from error
    steady(model)
    return model


def _add_head(model: SentenceTransformer, recipe: ImageRecipe) -> None:
    """A layer behind the body, and vectors of length 1."""
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    last: Any = model[-1]
    ends_unit = type(last).__name__ == "Normalize"
    if ends_unit and (recipe.dense is not None or not recipe.unit):
        del model[-1]
        ends_unit = False
    if recipe.dense is not None:
        model.append(Dense(int(model.get_embedding_dimension() or 0), recipe.dense))
    if recipe.unit and not ends_unit:
        model.append(Normalize())
