"""Which target an evaluation asks, and opening it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from eval.errors import ChoiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eval.datasets import RetrievalData
    from eval.target import Progress, Searcher

logger = logging.getLogger(__name__)

DEFAULT_DATA = Path("meari-data")


@dataclass(frozen=True, slots=True)
class TargetSelection:
    """What to evaluate.

    Without `collection` and `encoder` it is the collection named like the data set (always,
    with `url`; without, if the data folder has it), else `default_encoder`.

    Attributes:
        collection: name of a collection in the data folder or on the server.
        encoder: name of an encoder, evaluated by exact search in memory.
        data: the data folder.
        url: a server that holds the collection.
        exact: compare every vector, whatever index there is.
        default_encoder: name of the encoder where nothing else is meant; None is `meari-ko-en`.
        device: where an encoder computes; None takes a GPU where there is one.
        api_key: for a server that asks for one.

    Raises:
        ChoiceError: an encoder together with a collection or a server.
    """

    collection: str | None = None
    encoder: str | None = None
    data: Path = DEFAULT_DATA
    url: str | None = None
    exact: bool = False
    default_encoder: str | None = None
    device: str | None = None
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.encoder is not None and (self.collection is not None or self.url is not None):
            other = f"url {self.url!r}" if self.collection is None else repr(self.collection)
            message = (
                f"encoder {self.encoder!r} and {other} are both given; a collection brings its "
                "own encoder: leave one of them out"
            )
            raise ChoiceError(message)

    @contextmanager
    def open(self, judged: RetrievalData, progress: Progress | None = None) -> Iterator[Searcher]:
        """What answers the queries of `judged`; given back when the block ends.

        Raises:
            TargetError: the server or the collection on it cannot be asked.
            IndexingError: the collection cannot be opened.
            EmbeddingError: the encoder cannot be loaded.
        """
        if self.url is not None:
            yield from self._on_server(self.collection or judged.name, progress)
        elif self.collection is not None:
            yield from self._in_folder(self.collection, progress)
        elif self.encoder is None and self._has(judged.name):
            logger.info("evaluating collection %r of %s", judged.name, self.data)
            yield from self._in_folder(judged.name, progress)
        else:
            yield self._in_memory(judged, progress)

    def _has(self, name: str) -> bool:
        """Whether the data folder has that collection; looks without asking for its lock."""
        from indexing.card import CARD_FILE

        return (self.data.expanduser() / name / CARD_FILE).is_file()

    def _on_server(self, name: str, progress: Progress | None) -> Iterator[Searcher]:
        from eval.server import ServerSearcher

        searcher = ServerSearcher.connect(
            self.url or "", name, api_key=self.api_key, exact=self.exact, progress=progress
        )
        try:
            yield searcher
        finally:
            searcher.close()

    def _in_folder(self, name: str, progress: Progress | None) -> Iterator[Searcher]:
        from eval.searchers import CollectionSearcher
        from indexing.data_folder import DataFolder

        with DataFolder.open(
            self.data, mode="read", owner="meari eval", create=False, device=self.device
        ) as folder:
            yield CollectionSearcher(folder.collection(name), exact=self.exact, progress=progress)

    def _in_memory(self, judged: RetrievalData, progress: Progress | None) -> Searcher:
        from embeddings.load import DEFAULT_ENCODER, load_encoder
        from eval.searchers import EncoderSearcher

        name = self.encoder or self.default_encoder or DEFAULT_ENCODER
        encoder = load_encoder(name, device=self.device)
        logger.info("evaluating encoder %r by exact search in memory", encoder.card.name)
        return EncoderSearcher.over(encoder, judged.documents.values(), progress=progress)
