"""What a result says of the corpus it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.corpus import Corpus


def made_from(corpus: Corpus) -> dict[str, Any]:
    """A JSON object: collection, version of its documents, fingerprint of its encoder, filter."""
    return {
        "collection": corpus.card.name,
        "version": corpus.version,
        "encoder": corpus.card.encoder.fingerprint,
        "filter": None if corpus.filter is None else corpus.filter.to_json(),
    }
