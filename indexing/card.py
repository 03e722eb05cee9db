"""The identity of a collection, kept as `card.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from embeddings.types import EncoderCard
from indexing.errors import CollectionNotFoundError, DamagedError, EncoderMismatchError, reason
from indexing.files import write_atomically
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
"""Version of the folder's layout; a newer one is refused, an older one migrated."""
CARD_FILE = "card.json"


@dataclass(frozen=True, slots=True)
class CollectionCard:
    """What a collection is, fixed when it is made.

    Attributes:
        name: the collection's name.
        encoder: the encoder whose vectors are stored.
        metric: how they are compared.
        analyzer: how words are found in text (`auto`).
        created: RFC 3339 time in UTC.
        format: version of the folder's layout.
    """

    name: str
    encoder: EncoderCard
    metric: Metric
    analyzer: str = "auto"
    created: str = ""
    format: int = FORMAT

    @classmethod
    def new(
        cls, name: str, encoder: EncoderCard, metric: Metric, analyzer: str = "auto"
    ) -> CollectionCard:
        """A card made now."""
        created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return cls(name, encoder, metric, analyzer, created)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, `from_json`'s inverse."""
        return {
            "format": self.format,
            "name": self.name,
            "encoder": self.encoder.to_json(),
            "metric": self.metric.value,
            "analyzer": self.analyzer,
            "created": self.created,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CollectionCard:
        """The card written by `to_json`.

        Raises:
            KeyError: a part is missing.
            TypeError: the encoder card has unknown parts.
            ValueError: an unknown metric.
        """
        return cls(
            name=data["name"],
            encoder=EncoderCard.from_json(data["encoder"]),
            metric=Metric(data["metric"]),
            analyzer=data["analyzer"],
            created=data["created"],
            format=data["format"],
        )

    def renamed(self, name: str) -> CollectionCard:
        """The same card under another name."""
        return replace(self, name=name)


def read_card(folder: Path) -> CollectionCard:
    """The card in `folder`.

    Raises:
        CollectionNotFoundError: the folder or its card is missing.
        DamagedError: the card is not one, or of a newer format than this version reads.
    """
    path = folder / CARD_FILE
    try:
        data = json.loads(path.read_bytes())
        version = data["format"]
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"no collection in {folder}: it has no {CARD_FILE}"
        raise CollectionNotFoundError(message) from error
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a collection card ({reason(error)}); restore it from a backup"
        raise DamagedError(message) from error
    if version != FORMAT:
        message = f"{path} has format {version}, this version reads {FORMAT}; update Meari"
        raise DamagedError(message)
    try:
        return CollectionCard.from_json(data)
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a collection card ({reason(error)}); restore it from a backup"
        raise DamagedError(message) from error


def write_card(folder: Path, card: CollectionCard) -> None:
    """Put the card into `folder`, whole or not at all."""
    content = json.dumps(card.to_json(), ensure_ascii=False, indent=2) + "\n"
    write_atomically(folder / CARD_FILE, content.encode())


def check_encoder(card: CollectionCard, encoder: EncoderCard) -> None:
    """Refuse an encoder whose vectors cannot be compared with the stored ones.

    Raises:
        EncoderMismatchError: another fingerprint than the card's.
    """
    if encoder.fingerprint != card.encoder.fingerprint:
        message = (
            f"collection {card.name!r} holds vectors of encoder {card.encoder.name!r} "
            f"(fingerprint {card.encoder.fingerprint}), not of {encoder.name!r} "
            f"(fingerprint {encoder.fingerprint}); use the first, or let `meari collections "
            "reembed` make a collection with the second"
        )
        raise EncoderMismatchError(message)
