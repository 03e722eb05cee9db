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

    from embeddings.types import Encoder
    from indexing.card import CollectionCard
    from indexing.data_folder import DataFolder
    from indexing.hashes import State
    from indexing.ingest import IngestTarget
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
    """

    name: str
    encoder: str | None
    metric: str | None


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

    def add(self, documents: Sequence[Document]) -> WriteReceipt:
        """Nothing can be added.

        Raises:
            TypeError: always.
        """
        raise TypeError(_NOT_THERE)

    def trim_parents(self, chunks: Mapping[str, int]) -> int:
        """There is nothing to trim."""
        del chunks
        return 0


def find_in_folder(folder: DataFolder, wish: Wish) -> Target:
    """The collection wished for, made if it is missing.

    Raises:
        EncoderMismatchError: it stands already, with another encoder.
        FailedError: it stands already, with another metric.
    """
    from indexing.types import Metric

    created = wish.name not in folder.names()
    if created:
        metric = Metric(wish.metric or Metric.COSINE)
        collection = folder.create(wish.name, encoder=wish.encoder, metric=metric)
        _tell_created(collection.card)
    else:
        collection = folder.collection(wish.name)
        _check(wish, collection.card, folder.encoder)
    return Target(wish.name, collection, collection.encoder, LocalStore(folder), created)


def find_on_server(client: Client, wish: Wish) -> Target:
    """The collection wished for on a server, made if it is missing.

    Its encoder is loaded here too, to count tokens; vectors are made by the server.

    Raises:
        EncoderMismatchError: it stands already, with another encoder; or the encoder of that
            name is another one here.
        FailedError: it stands already, with another metric.
    """
    from embeddings.load import load_encoder
    from indexing.card import CollectionCard, check_encoder
    from service.cli.remote import RemoteCollection

    created = wish.name not in {each["name"] for each in client.collections()["collections"]}
    if created:
        made = client.create(wish.name, encoder=wish.encoder, metric=wish.metric or "cosine")
        card = CollectionCard.from_json(made)
        _tell_created(card)
    else:
        card = CollectionCard.from_json(client.collection(wish.name))
        _check(wish, card, load_encoder)
    encoder = load_encoder(card.encoder.name)
    check_encoder(card, encoder.card)
    return Target(wish.name, RemoteCollection(client, card), encoder, client, created)


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
