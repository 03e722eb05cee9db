"""What `meari index` writes to: a collection of the data folder, or one behind a server."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.cli.errors import FailedError
from service.cli.local import LocalStore
from service.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from embeddings.types import Encoder, Vectors
    from indexing.card import CollectionCard
    from indexing.data_folder import DataFolder
    from indexing.hashes import State
    from indexing.ingest import IngestOptions, IngestTarget
    from indexing.types import Document, WriteReceipt
    from service.cli.store import Store
    from service.client import Client


_NOT_THERE = "a collection that is not there takes no documents"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks of a collection.

    Attributes:
        name: of the collection.
        encoder: asked for; None takes the collection's, or the default for a new one.
        metric: asked for; None takes the collection's, or cosine for a new one.
        may_be_made: False if it must stand already.
    """

    name: str
    encoder: str | None
    metric: str | None
    may_be_made: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """A collection that is being written to.

    Attributes:
        name: its name.
        collection: takes the documents.
        encoder: the collection's; counts tokens.
        store: where the collection stands.
        created: True if it was made for this run.
    """

    name: str
    collection: IngestTarget
    encoder: Encoder
    store: Store
    created: bool

    def abandon(self) -> None:
        """Take back a collection that was made for this run and is still empty, if possible."""
        from indexing.errors import IndexingError
        from service.client import ClientError

        if not self.created:
            return
        with suppress(ClientError, IndexingError):
            if self.store.collection(self.name)["documents"] == 0:
                self.store.drop(self.name)
                note(f"collection {self.name} is taken back: nothing came into it")


class Nothing:
    """A collection that is not there yet: every document would be new."""

    def states(self, documents: Sequence[Document]) -> list[State]:
        """`new` for each."""
        return ["new"] * len(documents)

    def add(self, documents: Sequence[Document], *, vectors: Vectors | None = None) -> WriteReceipt:
        """Nothing can be added.

        Raises:
            TypeError: always.
        """
        raise TypeError(_NOT_THERE)

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """There is nothing to trim."""
        del chunks
        return 0


def find_in_folder(folder: DataFolder, wish: Wish, options: IngestOptions) -> Target:
    """The collection wished for, made if it is missing and may be.

    Raises:
        CollectionNotFoundError: it is missing, and may not be made.
        InvalidRequestError: it is missing, and its encoder cannot read such chunks.
        EncoderMismatchError: it stands already, with another encoder.
        FailedError: it stands already, with another metric.
    """
    from indexing.ingest.stream import make_chunker
    from indexing.types import Metric

    created = wish.may_be_made and wish.name not in folder.names()
    if created:
        make_chunker(folder.encoder(wish.encoder), options)
        metric = Metric(wish.metric or Metric.COSINE)
        collection = folder.create(wish.name, encoder=wish.encoder, metric=metric)
        _tell_created(collection.card)
    else:
        collection = folder.collection(wish.name)
        _check(wish, collection.card, folder.encoder)
    return Target(wish.name, collection, collection.encoder, LocalStore(folder), created)


def find_on_server(client: Client, wish: Wish, options: IngestOptions) -> Target:
    """The collection wished for on a server, made if it is missing.

    Its encoder is loaded here too, to count tokens; vectors are made by the server.

    Raises:
        InvalidRequestError: it is missing, and its encoder cannot read such chunks.
        EncoderMismatchError: it stands already, with another encoder; or the encoder of that
            name is another one here.
        FailedError: it stands already, with another metric.
    """
    from indexing.card import CollectionCard, check_encoder
    from indexing.ingest.stream import make_chunker
    from service.cli.remote import RemoteCollection

    card = _card_on_server(client, wish.name)
    created = card is None
    encoder = _load_here(client, wish) if card is None else _load(card.encoder.name)
    if card is None:
        make_chunker(encoder, options)
        made = client.create(wish.name, encoder=wish.encoder, metric=wish.metric or "cosine")
        card = CollectionCard.from_json(made)
        _tell_created(card)
    else:
        _check(wish, card, _load)
    check_encoder(card, encoder.card)
    return Target(wish.name, RemoteCollection(client, card), encoder, client, created)


def look_in_folder(folder: DataFolder | None, wish: Wish) -> tuple[IngestTarget, Encoder]:
    """The collection wished for, or one that holds nothing; and its encoder. Nothing is made.

    Raises:
        EncoderMismatchError: it stands already, with another encoder.
        FailedError: it stands already, with another metric.
    """
    if folder is None:
        return Nothing(), _load(wish.encoder)
    if wish.name not in folder.names():
        return Nothing(), folder.encoder(wish.encoder)
    collection = folder.collection(wish.name)
    _check(wish, collection.card, folder.encoder)
    return collection, collection.encoder


def look_on_server(client: Client, wish: Wish) -> tuple[IngestTarget, Encoder]:
    """`look_in_folder` for a server."""
    from indexing.card import check_encoder
    from service.cli.remote import RemoteCollection

    card = _card_on_server(client, wish.name)
    if card is None:
        return Nothing(), _load_here(client, wish)
    _check(wish, card, _load)
    encoder = _load(card.encoder.name)
    check_encoder(card, encoder.card)
    return RemoteCollection(client, card), encoder


def _card_on_server(client: Client, name: str) -> CollectionCard | None:
    """The collection's card; None if there is no collection of that name."""
    from indexing.card import CollectionCard

    known = {each["name"]: each for each in client.collections()["collections"]}
    return CollectionCard.from_json(known[name]) if name in known else None


def _load_here(client: Client, wish: Wish) -> Encoder:
    """The encoder a new collection of the server would have."""
    if wish.encoder is not None:
        return _load(wish.encoder)
    known = client.encoders()["encoders"]
    return _load(next(each["name"] for each in known if each["default"]))


def _load(name: str | None) -> Encoder:
    """The encoder of that name (None: the settings') where the settings say."""
    from embeddings.load import load_encoder
    from service.cli.store import settings

    chosen = settings(encoder=name)
    return load_encoder(chosen.encoder, device=chosen.device)


def _check(wish: Wish, card: CollectionCard, load: Callable[[str], Encoder]) -> None:
    """Refuse to write what was wished into a collection that is something else."""
    from indexing.card import check_encoder

    if wish.encoder not in {None, card.encoder.name}:
        check_encoder(card, load(wish.encoder or "").card)
    if wish.metric not in {None, card.metric.value}:
        message = (
            f"collection {card.name!r} compares by {card.metric.value}, --metric says "
            f"{wish.metric}; leave --metric out, or index into a new collection"
        )
        raise FailedError(message)


def _tell_created(card: CollectionCard) -> None:
    note(f"new collection {card.name}: encoder {card.encoder.name}, metric {card.metric.value}")
