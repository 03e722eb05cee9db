"""Where verbs find collections: in a data folder, or behind a server."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, Unpack

import typer

from service.cli.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.client import Client, JsonObject
    from service.client.questions import OptimizeOptions, RecommendOptions, SearchOptions
    from service.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Data folder. [default: $MEARI_DATA or ./meari-data]"
    ),
]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Speak to a server instead of opening the folder."),
]


class Store(Protocol):
    """What answers a verb; every answer is the JSON object HTTP would give."""

    def collections(self) -> JsonObject:
        """The collections there are: `{"collections": [...]}`."""

    def collection(self, name: str) -> JsonObject:
        """Card and status of one collection."""

    def drop(self, name: str) -> JsonObject:
        """Remove a collection and everything in it."""

    def search(
        self, name: str, query: str | None = None, **options: Unpack[SearchOptions]
    ) -> JsonObject:
        """The best matches and the receipt."""

    def recommend(
        self, name: str, positive: Sequence[str], **options: Unpack[RecommendOptions]
    ) -> JsonObject:
        """What is like the documents of `positive` and unlike those of `negative`."""

    def optimize(self, name: str, **wish: Unpack[OptimizeOptions]) -> JsonObject:
        """Build the index that is wished for (`recall`, `memory_bytes`, `kind`), or as before."""

    def verify(self, name: str, *, repair: bool = False) -> JsonObject:
        """Whether the collection's files agree with each other."""


@contextmanager
def opened(
    data: Path | None, url: str | None, *, mode: Literal["read", "write"] = "read"
) -> Iterator[Store]:
    """The server at `url`, or the data folder; given back when the block ends.

    Args:
        data: data folder; None takes the environment's or `./meari-data`.
        url: a server; the folder is not looked at.
        mode: how the folder is opened; a missing one is an error.
    """
    check_place(data, url)
    if url is not None:
        with connect(url) as client:
            yield client
        return
    from indexing.data_folder import DataFolder
    from service.cli.local import LocalStore

    chosen = settings(data=data)
    with DataFolder.open(
        chosen.data,
        mode=mode,
        create=False,
        device=chosen.device,
        reranker=chosen.reranker,
        memory=chosen.memory,
        sample_rate=0.0,
    ) as folder:
        yield LocalStore(folder)


def check_place(data: Path | None, url: str | None) -> None:
    """Refuse a data folder together with a server.

    Raises:
        MisuseError: both are named.
    """
    if data is not None and url is not None:
        message = f"--data {data} and --url {url} name two places; leave one of them out"
        raise MisuseError(message)


def connect(url: str) -> Client:
    """A client of the server at `url`.

    The API key of `--api-key-file` or the environment is sent along.

    Raises:
        ClientError: not an address.
        MisuseError: the file of the key holds none.
    """
    from service.cli.api_key import api_key
    from service.client import Client

    return Client(url, api_key=api_key())


def settings(**given: Any) -> Settings:  # noqa: ANN401 - pydantic checks them
    """The settings of the environment, those given and not None in their place.

    Raises:
        MisuseError: an impossible one; named as it was given, `--port` or `MEARI_PORT`.
    """
    from pydantic import ValidationError

    from embeddings.load import choose_computing
    from indexing.index.threads import limit_processors
    from service.settings import Settings
    from service.validation import describe_validation

    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        settings = Settings(**chosen)
    except ValidationError as error:
        faults = [{**each, "loc": (error.title, *each["loc"])} for each in error.errors()]
        name = str(error.errors()[0]["loc"][0])
        shown = f"--{name}" if name in chosen else f"MEARI_{name.upper()}"
        message = describe_validation(faults).message.replace(name, shown, 1)
        raise MisuseError(message) from error
    choose_computing(settings.computing)
    limit_processors(settings.threads)
    return settings
