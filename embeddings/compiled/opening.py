"""A model folder to its compiled encoder: from the cache, or made now."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from embeddings.compiled.artefact import default_cache, discard, find, keep, key_of
from embeddings.compiled.build import build, described
from embeddings.compiled.encoder import CompiledEncoder
from embeddings.compiled.errors import NotCompiledError
from embeddings.compiled.parity import BOUNDS, compare
from embeddings.compiled.texts import probes
from embeddings.processors import usable_processors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.compiled.artefact import Artefact
    from embeddings.compiled.parity import Precision
    from embeddings.sentence import SentenceEncoder

logger = logging.getLogger(__name__)

_LEAST_WIDTH = 128
"""Below, a body takes no time worth saving."""
_building = threading.Lock()


def open_compiled(
    folder: Path,
    load: Callable[[], SentenceEncoder],
    *,
    name: str,
    languages: tuple[str, ...] = (),
    choice: Precision | None = None,
    cache: Path | None = None,
    threads: int | None = None,
) -> CompiledEncoder | SentenceEncoder:
    """The folder's encoder, compiled; torch's, which says why on its card, if that cannot be.

    Args:
        folder: in the sentence-transformers layout, already checked.
        load: opens it with torch, where it must be compiled first.
        name: for the card.
        languages: for the card; empty takes the folder's.
        choice: take this precision or fail; None takes the fastest that agrees with the library.
        cache: where compiled encoders are kept; None is `default_cache`.
        threads: to compute with; None is all that this process may use.

    Raises:
        NotCompiledError: `choice` is given and cannot be had.
    """
    threads = threads or usable_processors()
    place = cache or default_cache()
    encoder: SentenceEncoder | None = None
    try:
        key = key_of(folder, choice or "fastest")
        found = find(place, key)
        kept = None if found is None else _checked(found, name, languages, threads)
        if kept is not None:
            return kept
        discard(place, key)
        with _building:
            encoder = load()
            _check_worth(encoder, choice)
            logger.info("encoder %s is compiled; it takes some seconds, once", name)
            artefact, made = build(encoder, choice=choice, threads=threads)
            keep(place, key, artefact)
    except NotCompiledError as error:
        if choice is not None:
            message = f"encoder {name!r} cannot be computed in {choice}: {error}; use runtime torch"
            raise NotCompiledError(message) from error
        logger.info("encoder %s stays with torch: %s", name, error)
        return (encoder or load()).with_fallback(str(error))
    logger.info("encoder %s is compiled: %s, %s", name, artefact.precision, artefact.parity)
    return made


def _checked(
    artefact: Artefact, name: str, languages: tuple[str, ...], threads: int
) -> CompiledEncoder | None:
    """The artefact's encoder; None if its vectors are not those of the library any more."""
    card = replace(artefact.card, name=name, languages=languages or artefact.card.languages)
    encoder = CompiledEncoder(artefact, card, threads)
    parity = compare(encoder.encode(probes(), role="document").vectors, artefact.reference)
    bound = BOUNDS[artefact.precision]
    if not parity.reaches(bound):
        logger.warning(
            "encoder %s is compiled again: what was kept no longer agrees with the library here: "
            "%s; needed: %s",
            *(name, parity, bound),
        )
        return None
    encoder.describe(described(artefact, card, parity))
    return encoder


def _check_worth(encoder: SentenceEncoder, choice: Precision | None) -> None:
    if choice is None and encoder.dim < _LEAST_WIDTH:
        message = f"its vectors are {encoder.dim} wide; below {_LEAST_WIDTH} there is no gain"
        raise NotCompiledError(message)
