"""`meari collections export`: the documents as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.asking import FilterJson, parsed
from service.cli.errors import MisuseError
from service.cli.output import AsJson, counted, told_bytes, write, write_json
from service.cli.progress import waiting
from service.cli.store import Data, Url, check_place, connect, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexing.card import CollectionCard
    from indexing.filters import Filter
    from indexing.types import Document
    from service.client import Client, JsonObject

Name = Annotated[str, typer.Argument(metavar="NAME", help="The collection.")]
To = Annotated[
    Path,
    typer.Option("--to", metavar="FILE", help="Ends in .parquet, .jsonl, .jsonl.gz or .jsonl.zst."),
]
Vectors = Annotated[
    bool, typer.Option("--vectors", help="With the vectors; `meari index` reads them back.")
]
_PAGE = 500


def export(
    name: Name,
    to: To,
    filter_json: FilterJson = None,
    vectors: Vectors = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Write the documents into a file, as they are at this moment, whole or not at all."""
    check_place(data, url)
    if vectors and url is not None:
        message = (
            "--vectors are read from the data folder; a server gives them by its backups alone: "
            "leave --url or --vectors out"
        )
        raise MisuseError(message)
    from indexing.exporting import check_ending
    from indexing.filters import Filter

    check_ending(to)
    asked = parsed(filter_json)
    filter = None if asked is None else Filter.parse(asked)
    with waiting(f"exporting {name}"):
        if url is not None:
            with connect(url) as client:
                count = _from_server(client, name, to, asked)
        else:
            count = _from_folder(data, name, to, filter, vectors=vectors)
    size = to.stat().st_size
    if as_json:
        write_json({"name": name, "file": str(to), "documents": count, "bytes": size})
    else:
        write(f"{to}: {counted(count, 'document')} of {name}, {told_bytes(size)}")


def _from_folder(
    data: Path | None, name: str, to: Path, filter: Filter | None, *, vectors: bool
) -> int:
    from indexing.data_folder import DataFolder
    from indexing.exporting import export

    chosen = settings(data=data)
    with DataFolder.open(chosen.data, mode="read", create=False, maintain=False) as folder:
        return export(folder.collection(name), to, filter=filter, vectors=vectors)


def _from_server(client: Client, name: str, to: Path, filter: JsonObject | None) -> int:
    """Page by page: what is written meanwhile may or may not be there."""
    from indexing.card import CollectionCard
    from indexing.exporting import write_rows

    card: CollectionCard = CollectionCard.from_json(client.collection(name))

    def blocks() -> Iterator[tuple[list[Document], None]]:
        block: list[Document] = []
        for answer in client.all_documents(name, filter=filter, page=_PAGE):
            block.append(_document(answer))
            if len(block) == _PAGE:
                yield block, None
                block = []
        yield block, None

    return write_rows(to, card, blocks(), vectors=False)


def _document(answer: JsonObject) -> Document:
    from indexing.types import Document, ImageReference, Parent

    parent, image = answer["parent"], answer.get("image")
    return Document(
        answer["id"],
        answer["text"],
        answer["title"],
        answer["metadata"],
        None if parent is None else Parent(**parent),
        None if image is None else ImageReference("", "", 0, 0),
    )
