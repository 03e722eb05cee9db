"""Pipelines of modules: of a trained folder, of a body made from scratch, and what is behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embeddings.training.errors import RecipeError, TrainingError
from embeddings.training.initialisation import initialise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

    from embeddings.training.bodies import Body, Pool


def trained_pipeline(body: Body, folder: Path, device: str) -> SentenceTransformer:
    """The model in a folder, its pooling and window as the recipe has them.

    Raises:
        RecipeError: the body has no such pooling, or not so many positions.
        TrainingError: it cannot be loaded.
    """
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    try:
        if (folder / "modules.json").is_file():
            model = SentenceTransformer(
                str(folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
            _set_pooling(model, body.pooling)
        else:
            first = Transformer(str(folder), model_kwargs={"use_safetensors": True})
            _give_padding(first)
            pooling = body.pooling
            if pooling == "auto":
                pooling = "lasttoken" if _is_decoder(first) else "mean"
            width = first.get_embedding_dimension()
            model = SentenceTransformer(modules=[first, Pooling(width, pooling)], device=device)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"body {body.name} cannot be loaded: {reason}"
        raise TrainingError(message) from error
    if body.max_tokens is not None:
        limit = _positions(model)
        if limit is not None and body.max_tokens > limit:
            message = f"max_tokens is {body.max_tokens}; body {body.name} reads {limit} at most"
            raise RecipeError(message)
        set_window(model, body.max_tokens)
    # Steps are smaller than half precision can tell; mixed precision keeps its own halves.
    return model.float()


def scratch_pipeline(body: Body, texts: Sequence[str], device: str) -> SentenceTransformer:
    """A model with a vocabulary of the texts and weights that know nothing."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import CNN, LSTM, Dropout, Pooling

    from embeddings.training.static import static_table
    from embeddings.training.vocabularies import bag_of_words, small_transformer, word_table

    shape = body.shape
    if body.name == "bow":
        modules: list[Any] = [bag_of_words(shape, texts)]
    elif body.name == "transformer":
        modules = [small_transformer(body, texts)]
    elif body.name == "static":
        modules = [static_table(body, texts, device)]
    else:
        modules = [word_table(body, texts)]
        width = modules[0].get_embedding_dimension()
        if body.name == "cnn":
            modules.append(CNN(width, shape.channels, list(shape.kernels)))
        elif body.name == "lstm":
            modules.append(LSTM(width, shape.channels, shape.layers, dropout=0.0))
    given = shape.vectors is not None or shape.encoder is not None
    for module in modules[1 if given else 0 :]:
        initialise(module, shape.initialisation)
    if body.name not in {"bow", "static"}:
        pooling = "mean" if body.pooling == "auto" else body.pooling
        modules.append(Pooling(modules[-1].get_embedding_dimension(), pooling))
    if body.dropout is not None and body.name != "transformer":
        modules.append(Dropout(body.dropout))
    return SentenceTransformer(modules=modules, device=device)


def add_head(model: SentenceTransformer, body: Body) -> None:
    """Dense behind the pooling, Normalize at the end."""
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    ends_normalised = type(model[-1]).__name__ == "Normalize"
    wanted = ends_normalised if body.normalise is None else body.normalise
    if ends_normalised and (body.dense is not None or not wanted):
        del model[-1]
        ends_normalised = False
    if body.dense is not None:
        width = model.get_embedding_dimension()
        layer = Dense(int(width or 0), body.dense)
        initialise(layer, body.shape.initialisation)
        model.append(layer)
    if wanted and not ends_normalised:
        model.append(Normalize())


def set_window(model: SentenceTransformer, max_tokens: int) -> None:
    """Make the model read so many tokens of a text."""
    first: Any = model[0]
    if type(first).__name__ == "StaticEmbedding":
        first.tokenizer.enable_truncation(max_tokens)
    else:
        model.max_seq_length = max_tokens


def _set_pooling(model: SentenceTransformer, mode: Pool) -> None:
    if mode == "auto":
        return
    from sentence_transformers.sentence_transformer.modules import Pooling

    for name, module in list(model.named_children()):
        if isinstance(module, Pooling):
            width = module.embedding_dimension
            model[int(name)] = Pooling(width, mode)
            return
    message = f"recipe key 'pooling' is {mode!r}; this body has no pooling that could be changed"
    raise RecipeError(message)


def _give_padding(first: Any) -> None:  # noqa: ANN401 - the library's module
    """Decoders often have no padding token; the end of text stands in, masked."""
    tokenizer = first.tokenizer
    if tokenizer.pad_token is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token


def _is_decoder(first: Any) -> bool:  # noqa: ANN401 - the library's module
    config = first.auto_model.config
    if getattr(config, "is_encoder_decoder", False):
        return False
    architectures = getattr(config, "architectures", None) or []
    causal = any("CausalLM" in name or "LMHead" in name for name in architectures)
    return causal or config.model_type in {"gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3"}


def _positions(model: SentenceTransformer) -> int | None:
    """Positions the body has weights for; None where there is no such limit."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    found = getattr(config, "max_position_embeddings", None)
    return int(found) if found else None
