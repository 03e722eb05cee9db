"""What is loaded behind the start, so that no request waits for it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import EmbeddingError
from indexing.index import kind_of
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from service.engine import Engine

logger = logging.getLogger(__name__)

_OPENED_AT_ONCE = 4


def warm(engine: Engine, tell: Callable[[str | None], None]) -> None:
    """Load encoder, collections and the analyzer, each in a thread of its own.

    Args:
        engine: whose.
        tell: called once encoder and collections are there, with what is wrong with them or None;
            the analyzer may still be loading.
    """
    with ThreadPoolExecutor(3, "warm") as pool:
        encoder = pool.submit(_load_encoder, engine)
        collections = pool.submit(_open_collections, engine)
        pool.submit(_load_analyzer, engine, collections)
        # If both fail the collections are told of: without them even words find nothing.
        found = [encoder.result(), collections.result()]
        tell(found[1] or found[0])


def _load_encoder(engine: Engine) -> str | None:
    """Load the service's own encoder and encode once; what is wrong with it, if anything."""
    name = engine.settings.encoder
    try:
        encoder = engine.folder.encoder(name)
        if "text" in encoder.modalities:
            encoder.encode(["ready"], role="query")
    except EmbeddingError as error:
        logger.exception("encoder %s cannot be loaded", name)
        return f"encoder {name!r} cannot be used: {error}"
    except Exception:
        logger.exception("encoder %s cannot be loaded", name)
        return f"encoder {name!r} failed to load; the log tells more"
    return None


def _open_collections(engine: Engine) -> str | None:
    """Open all collections, several at once, and load what searches them."""
    try:
        with ThreadPoolExecutor(_OPENED_AT_ONCE, "open") as pool:
            list(pool.map(lambda name: _open(engine, name), engine.folder.names()))
        engine.for_each(lambda collection: collection.card)  # notes which cannot be opened
        vector = np.ones((1, 1), dtype=np.float32)
        kind_of("flat").build(vector, Metric.COSINE).search(vector, 1, effort=None)
    except Exception:
        logger.exception("the collections cannot be opened")
        return "the collections cannot be opened; the log tells more"
    return None


def _open(engine: Engine, name: str) -> None:
    with suppress(Exception), engine.using(name):
        pass  # what is wrong is told by whoever opens it next


def _load_analyzer(engine: Engine, collections: Future[str | None]) -> None:
    """Load the Korean dictionary, for which the first question would wait seconds."""
    collections.result()
    try:
        engine.for_each(lambda collection: collection.storage.lexicon.terms_of("준비"))
    except Exception:
        logger.exception("the analyzer cannot be loaded")
