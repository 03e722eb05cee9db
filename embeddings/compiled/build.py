"""From a model that torch computes to an artefact that agrees with it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embeddings.compiled.anatomy import read_anatomy, read_state
from embeddings.compiled.artefact import Artefact
from embeddings.compiled.batches import pad
from embeddings.compiled.encoder import CompiledEncoder
from embeddings.compiled.errors import NotCompiledError
from embeddings.compiled.graph import GraphWriter
from embeddings.compiled.library import load_openvino
from embeddings.compiled.parity import BOUNDS, Parity, Precision, compare
from embeddings.compiled.quantisation import find_scales
from embeddings.compiled.texts import calibration_texts, probes
from embeddings.tokens import FastTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from embeddings.compiled.anatomy import Anatomy, State
    from embeddings.sentence import SentenceEncoder
    from embeddings.types import EncoderCard

logger = logging.getLogger(__name__)

_FASTEST_FIRST: tuple[Precision, ...] = ("int8", "bfloat16", "float32")


def build(
    encoder: SentenceEncoder, *, choice: Precision | None, threads: int
) -> tuple[Artefact, CompiledEncoder]:
    """The fastest precision that agrees with the library, and an encoder that computes in it.

    Args:
        encoder: the library's, on a CPU.
        choice: take this precision or none; None takes the fastest that agrees.
        threads: to compute with.

    Raises:
        NotCompiledError: the model is made of something else, or no precision agrees.
    """
    anatomy = read_anatomy(encoder.model)
    state = read_state(encoder.model)
    tokens = encoder.tokens
    if not isinstance(tokens, FastTokens) or not tokens.pools_prompt:
        message = "its tokenizer is not one that the tokenizers library runs alone"
        raise NotCompiledError(message)
    texts = probes()
    reference = encoder.encode(texts, role="document").vectors
    refused: dict[str, Any] = {}
    for precision in (choice,) if choice else _possible():
        graph = _write(anatomy, state, tokens, precision)
        draft = Artefact(
            card=encoder.card,
            precision=precision,
            marks=tokens.marks,
            parity=Parity(0, 0, 0, 0),
            refused=dict(refused),
            reference=reference,
            tokenizer=tokens.to_json(),
            graph=graph,
        )
        made = CompiledEncoder(draft, encoder.card, threads)
        parity = compare(made.encode(texts, role="document").vectors, reference)
        if parity.reaches(BOUNDS[precision]):
            artefact = replace(draft, parity=parity, card=described(draft, encoder.card, parity))
            return artefact, CompiledEncoder(artefact, artefact.card, threads)
        logger.warning(
            "encoder %s in %s agrees too little: %s", encoder.card.name, precision, parity
        )
        refused[precision] = parity.to_json()
    message = f"no precision agrees with the library well enough: {refused}"
    raise NotCompiledError(message)


def described(artefact: Artefact, card: EncoderCard, parity: Parity) -> EncoderCard:
    """The card with what computes, in which precision, and how far it agrees."""
    version = str(load_openvino().get_version()).partition("-")[0]
    fallback = "; ".join(
        f"{precision} agrees too little: {Parity.from_json(facts)}"
        for precision, facts in artefact.refused.items()
    )
    return replace(
        card,
        dtype=artefact.precision,
        runtime=f"openvino {version}",
        parity=parity.to_json(),
        fallback=fallback,
    )


def _possible() -> tuple[Precision, ...]:
    """Precisions this machine computes faster than the next, fastest first."""
    abilities = load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    needed = {"int8": "INT8", "bfloat16": "BF16", "float32": "FP32"}
    return tuple(each for each in _FASTEST_FIRST if needed[each] in abilities)


def _write(anatomy: Anatomy, state: State, tokens: FastTokens, precision: Precision) -> Any:  # noqa: ANN401 - an openvino.Model
    if precision != "int8":
        return GraphWriter(anatomy, state, half=precision == "bfloat16").write()

    def features(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        ids = tokens.count(texts).ids
        return pad(ids, max(map(len, ids)), tokens.marks.padding)

    scales = find_scales(anatomy, state, calibration_texts(), features)
    return GraphWriter(anatomy, state, scales=scales).write()
