"""A language model as a folder that encodes texts, and that pre-training can go on from."""
# ruff: noqa: ANN401 - models and tokenizers are the libraries'

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.pretraining.recipe import PretrainRecipe


def save_encoder(
    model: Any, tokenizer: Any, out: Path, *, recipe: PretrainRecipe, weights: Path | None
) -> None:
    """Write a sentence-transformers folder whose Transformer keeps the language model's head.

    sentence-transformers takes the body alone out of the weights, `train pretrain` the whole.
    What stood behind the Transformer in the folder the weights are from stands there again; else
    tokens are pooled by their mean, those of a causal model by the last.

    Args:
        model: with its head.
        tokenizer: its tokenizer.
        out: the model folder.
        recipe: for the window and the objective.
        weights: the folder the run began with, or None.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    from embeddings.training.pretraining.models import tell_all
    from embeddings.training.pretraining.quiet import quietly

    out.mkdir(parents=True, exist_ok=True)
    tell_all(model)
    with quietly():
        model.save_pretrained(str(out))
        tokenizer.save_pretrained(str(out))
        first = Transformer(
            str(out),
            max_seq_length=recipe.max_tokens,
            model_kwargs={"use_safetensors": True, "local_files_only": True},
        )
        modules: list[Any] = [first, *_following(weights)]
        if len(modules) == 1:
            pooling = "lasttoken" if recipe.objective == "causal" else "mean"
            modules.append(Pooling(first.get_embedding_dimension(), pooling))
        SentenceTransformer(modules=modules, device="cpu").save(str(out), create_model_card=False)
        model.save_pretrained(str(out))


def _following(weights: Path | None) -> list[Any]:
    """The modules behind the Transformer of an encoder folder; none of any other folder."""
    if weights is None or not (weights / "modules.json").is_file():
        return []
    from sentence_transformers import SentenceTransformer

    opened = SentenceTransformer(
        str(weights),
        device="cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )
    return list(opened)[1:]
