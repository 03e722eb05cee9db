"""What a sentence-transformers model is made of, where it is a BERT with pooling behind it.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
2019, arXiv:1810.04805; Liu et al., "RoBERTa", 2019, arXiv:1907.11692.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from embeddings.compiled.errors import NotCompiledError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from sentence_transformers import SentenceTransformer

    State = Mapping[str, np.ndarray]
    """float32 weights of a body by their names in transformers."""

Activation = Literal["gelu", "gelu_tanh", "relu"]
Pooling = Literal["mean", "cls"]

_BODIES = ("bert", "roberta", "xlm-roberta")
_ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What decides a body's graph, weights aside.

    Attributes:
        layers: of attention and feed-forward.
        heads: of attention in each.
        width: of a token's state.
        epsilon: of every layer normalisation.
        activation: between the two feed-forward products.
        first_position: row of the position table that a text's first token has.
        pooling: `mean` of all tokens' states, or the first one's (`cls`).
        normalised: True if vectors are scaled to length 1.
    """

    layers: int
    heads: int
    width: int
    epsilon: float
    activation: Activation
    first_position: int
    pooling: Pooling
    normalised: bool


def read_anatomy(model: SentenceTransformer) -> Anatomy:
    """The anatomy of a model.

    Raises:
        NotCompiledError: it is made of something else; the message names what.
    """
    modules: list[Any] = list(model)
    kinds = [type(module).__name__ for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        message = f"it is made of {', '.join(kinds)}, not of Transformer, Pooling, Normalize"
        raise NotCompiledError(message)
    config, pooling = modules[0].model.config, modules[1]
    _check_body(config)
    if pooling.pooling_mode not in ("mean", "cls") or not pooling.include_prompt:
        message = f"its pooling is {pooling.pooling_mode!r} or leaves prompts out, not mean or cls"
        raise NotCompiledError(message)
    roberta = config.model_type != "bert"
    return Anatomy(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        width=config.hidden_size,
        epsilon=config.layer_norm_eps,
        activation=_ACTIVATIONS[config.hidden_act],
        first_position=config.pad_token_id + 1 if roberta else 0,
        pooling=cast("Pooling", pooling.pooling_mode),
        normalised=kinds[-1] == "Normalize",
    )


def read_state(model: SentenceTransformer) -> State:
    """The body's weights as float32 arrays; they share memory with the model's."""
    body: Any = model[0]
    return {
        name: tensor.detach().float().numpy()
        for name, tensor in body.model.state_dict().items()
        if tensor.is_floating_point()
    }


def _check_body(config: Any) -> None:  # noqa: ANN401 - a transformers configuration
    if config.model_type not in _BODIES:
        message = f"its body is {config.model_type!r}, not one of {', '.join(_BODIES)}"
        raise NotCompiledError(message)
    positions = getattr(config, "position_embedding_type", "absolute")
    if positions != "absolute" or getattr(config, "is_decoder", False):
        message = f"its positions are {positions!r}, not 'absolute', or it is a decoder"
        raise NotCompiledError(message)
    if config.hidden_act not in _ACTIVATIONS:
        message = f"its activation is {config.hidden_act!r}, not one of {', '.join(_ACTIVATIONS)}"
        raise NotCompiledError(message)
