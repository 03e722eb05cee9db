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
from embeddings.compiled.pace import choose, measure_paces
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
"""As a rule; also the least exact first."""
_MEASURED = 2
"""So many of those that agree are held against each other: the next would be slower than both."""


def build(
    encoder: SentenceEncoder, *, choice: Precision | None, threads: int
) -> tuple[Artefact, CompiledEncoder]:
    """The fastest precision that agrees with the library, and an encoder that computes in it.

    Args:
        encoder: the library's, on a CPU.
        choice: take this precision or none; None measures the two least exact that agree, and
            takes the faster one.
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
    agreeing: dict[Precision, tuple[Artefact, CompiledEncoder]] = {}
    for precision in (choice,) if choice else _possible():
        draft = Artefact(
            card=encoder.card,
            precision=precision,
            marks=tokens.marks,
            parity=Parity(0, 0, 0, 0),
            refused={},
            paces={},
            reference=reference,
            tokenizer=tokens.to_json(),
            graph=_write(anatomy, state, tokens, precision),
        )
        made = CompiledEncoder(draft, encoder.card, threads)
        parity = compare(made.encode(texts, role="document").vectors, reference)
        if parity.reaches(BOUNDS[precision]):
            agreeing[precision] = (replace(draft, parity=parity), made)
            if len(agreeing) == _MEASURED:
                break
            continue
        logger.warning(
            "encoder %s in %s agrees too little: %s", encoder.card.name, precision, parity
        )
        refused[precision] = parity.to_json()
    if not agreeing:
        message = f"no precision agrees with the library well enough: {refused}"
        raise NotCompiledError(message)
    return _fastest(agreeing, refused, encoder.card, texts)


def _fastest(
    agreeing: dict[Precision, tuple[Artefact, CompiledEncoder]],
    refused: dict[str, Any],
    card: EncoderCard,
    texts: Sequence[str],
) -> tuple[Artefact, CompiledEncoder]:
    """That of those that agree, least exact first, which this machine is to compute."""
    encoders = {precision: made for precision, (_, made) in agreeing.items()}
    paces = measure_paces(encoders, texts) if len(encoders) > 1 else {}
    draft, made = agreeing[choose(paces) if paces else next(iter(agreeing))]
    artefact = replace(draft, refused=refused, paces=dict(paces))
    artefact = replace(artefact, card=described(artefact, card, artefact.parity))
    made.describe(artefact.card)
    return artefact, made


def described(artefact: Artefact, card: EncoderCard, parity: Parity) -> EncoderCard:
    """The card with what computes, in which precision, and how far it agrees."""
    version = str(load_openvino().get_version()).partition("-")[0]
    chosen = artefact.paces.get(artefact.precision, 0.0)
    reasons = [
        f"{precision} agrees too little: {Parity.from_json(facts)}"
        for precision, facts in artefact.refused.items()
    ]
    reasons += [
        f"{precision} is not clearly faster here: {pace:,.0f} texts/s, "
        f"{artefact.precision} {chosen:,.0f}"
        for precision, pace in artefact.paces.items()
        if _FASTEST_FIRST.index(precision) < _FASTEST_FIRST.index(artefact.precision)
    ]
    return replace(
        card,
        dtype=artefact.precision,
        runtime=f"openvino {version}",
        parity=parity.to_json(),
        fallback="; ".join(reasons),
    )


def _possible() -> tuple[Precision, ...]:
    """Precisions that this machine computes in, the least exact first."""
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
