"""The encoders in use: the service's own and those of its collections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.errors import ModelNotFoundError

if TYPE_CHECKING:
    from embeddings.types import Encoder, EncoderCard
    from service.engine import Engine


@dataclass(frozen=True, slots=True)
class EncoderInUse:
    """One encoder, whatever it is called.

    Attributes:
        names: what it is called here (`hash` and `hash:64` are one encoder); the first is the one
            it is listed by, the service's own name for its own.
        card: its identity; None if it is the service's own and cannot be loaded.
        collections: names of those that use it, in order.
    """

    names: tuple[str, ...]
    card: EncoderCard | None
    collections: tuple[str, ...]


def encoders_in_use(engine: Engine) -> list[EncoderInUse]:
    """Every encoder once, the service's own first; reads the disk."""
    default = engine.settings.encoder
    loaded = engine.readiness.phase == "ready"
    used = [EncoderInUse((default,), engine.folder.encoder(default).card if loaded else None, ())]
    for card in engine.for_each(lambda collection: collection.card):
        place = next((n for n, each in enumerate(used) if _is(each, card.encoder)), None)
        if place is None:
            used.append(EncoderInUse((card.encoder.name,), card.encoder, (card.name,)))
            continue
        same = used[place]
        names = tuple(dict.fromkeys([*same.names, card.encoder.name]))
        used[place] = EncoderInUse(names, same.card, (*same.collections, card.name))
    return used


def _is(used: EncoderInUse, card: EncoderCard) -> bool:
    same = used.card is not None and used.card.fingerprint == card.fingerprint
    return same or card.name in used.names


def encoder_named(engine: Engine, model: str | None) -> Encoder:
    """The service's own encoder, or the one of that name if a collection here uses it.

    Raises:
        ModelNotFoundError: nothing here uses an encoder of that name, so that no request makes
            the service load a folder or download a model.
    """
    default = engine.settings.encoder
    if model is None or model == default:
        return engine.folder.encoder(default)
    used = encoders_in_use(engine)
    for each in used:
        if model in each.names:
            return engine.folder.encoder(each.names[0])
    known = ", ".join(name for each in used for name in each.names)
    raise ModelNotFoundError(f"model {model!r} is not in use here; there is: {known}")
