"""Another encoder for a collection: begun or gone on with, compared, and let take the name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from indexing.errors import CollectionExistsError, InvalidRequestError
from indexing.reembedding import (
    Followed,
    catch_up,
    check_encoder,
    compare,
    follow,
    followed,
    mark,
    prepare,
)
from indexing.validation import check_name
from service.schemas.reembedding import QUERIES, ReembeddedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexing.backup.making import Told
    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of a collection.

    Attributes:
        name: the collection's.
        encoder: the new one.
        shadow: name of the collection beside it; None: `NAME.reembedded`.
        retired: name that the old one has after a swap; None: `NAME.before`.
        swap: let the new one take the name.
        queries: documents that are sampled to ask both with, 1 or more.
        seed: of the sample.
    """

    name: str
    encoder: str
    shadow: str | None = None
    retired: str | None = None
    swap: bool = False
    queries: int = QUERIES
    seed: int = 0

    @property
    def names(self) -> tuple[str, str, str]:
        """Of the collection, of the one beside it, and of the old one.

        Raises:
            InvalidNameError: no collection can have one of them.
            InvalidRequestError: two are the same.
        """
        shadow = f"{self.name}.reembedded" if self.shadow is None else self.shadow
        retired = f"{self.name}.before" if self.retired is None else self.retired
        names = (self.name, check_name(shadow, "shadow"), check_name(retired, "retired"))
        if len(set(names)) < len(names):
            message = f"{', '.join(names)}: the collection, the new one and the old one need three"
            raise InvalidRequestError(f"{message} names", "shadow")
        return names

    def check(self, folder: DataFolder) -> None:
        """Refuse what would stop in the end; loads the encoder.

        Args:
            folder: of the collection.

        Raises:
            As `names`; and
            CollectionNotFoundError: there is no such collection.
            CollectionExistsError: the old one's name is taken, or the encoder is the old one.
            EncoderNotFoundError: no such encoder.
        """
        *_, retired = self.names
        if self.swap and retired in folder.names():
            message = f"collection {retired!r} stands already; drop it, or have the old one keep "
            raise CollectionExistsError(f"{message}another name")
        check_encoder(folder, folder.collection(self.name), self.encoder)

    def is_done(self, folder: DataFolder) -> bool:
        """True if the new one has taken the name already: a job was cut off behind that.

        Args:
            folder: of the collection.
        """
        name, shadow, retired = self.names
        there = folder.names()
        if not self.swap or shadow in there or not {name, retired} <= set(there):
            return False
        if followed(folder.collection(retired)) != name:
            return False
        fingerprint = folder.encoder(self.encoder).card.fingerprint
        return folder.collection(name).card.encoder.fingerprint == fingerprint


def reembed(
    folder: DataFolder,
    wish: Wish,
    told: Told,
    exchange: Callable[[Callable[[], object]], object],
    between: Callable[[LocalCollection, LocalCollection], object] = lambda _, __: None,
) -> ReembeddedAnswer:
    """Have it done; what an earlier run left is gone on with.

    Args:
        folder: open for writing; others may write to the collection meanwhile.
        wish: checked.
        told: hears of documents written and queries asked; may raise to stop, and what was
            written stays.
        exchange: lets the new one take the name; calls what it is given while nobody writes.
        between: called with both before that.

    Raises:
        CollectionNotFoundError: there is no such collection.
        CollectionExistsError: the new one's name is another collection's, or the encoder is the
            old one.
        EncoderNotFoundError: no such encoder.
        StorageFullError: the disk is full; what was written stays.
    """
    if wish.is_done(folder):
        return _told_again(folder, wish, told)
    source = folder.collection(wish.name)
    shadow = prepare(folder, source, wish.names[1], wish.encoder)
    cards = (source.card, shadow.card)
    taken = catch_up(source, shadow, told)
    told("index", 0, 1)
    shadow.optimize()
    agreement = compare(source, shadow, told, queries=wish.queries, seed=wish.seed)
    documents = shadow.count()
    between(source, shadow)
    if wish.swap:
        taken += catch_up(source, shadow, told)
        mark(source, wish.name)  # so that it can be brought up again, and take its name back

        def last() -> None:
            nonlocal taken, documents
            taken += follow(source, shadow, told)
            documents = shadow.count()

        exchange(last)
    retired = wish.names[2] if wish.swap else None
    return ReembeddedAnswer.of(cards, taken, agreement, documents, retired)


def _told_again(folder: DataFolder, wish: Wish, told: Told) -> ReembeddedAnswer:
    """What came of an exchange whose answer was lost; nothing is written."""
    name, shadow, retired = wish.names
    old, new = folder.collection(retired), folder.collection(name)
    agreement = compare(old, new, told, queries=wish.queries, seed=wish.seed)
    cards = (replace(old.card, name=name), replace(new.card, name=shadow))
    return ReembeddedAnswer.of(cards, Followed(), agreement, new.count(), retired)
