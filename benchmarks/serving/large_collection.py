"""A collection of many short documents for measuring a server that searches.

    python -m benchmarks.serving.large_collection --texts pairs.parquet --column ko --column en \
        --data DATA [--name large] [--documents 200000] [--encoded 20000]

Encoding all of them takes longer than any measurement; so the first `--encoded` texts are encoded,
and every other document has the vector of one of them, moved at random so far that their cosine is
about .8: as near as sentences of one subject are. Words are found in the texts themselves. What a
search costs depends on how many documents there are and how they lie, not on which is which; what
it finds here means nothing.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow.parquet as pq
import typer

from embeddings.load import load_encoder
from indexing.data_folder import DataFolder
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 5_000
_COSINE = 0.8


def main(
    texts: Annotated[Path, typer.Option(help="A parquet file.")],
    column: Annotated[list[str], typer.Option(help="Of texts; several are taken by turns.")],
    data: Annotated[Path, typer.Option(help="Data folder; made if missing.")],
    name: str = "large",
    documents: int = 200_000,
    encoded: int = 20_000,
    encoder: str = "meari-ko-en",
) -> None:
    """Make it, index and all."""
    found = list(islice(dict.fromkeys(_read(texts, column)), documents))
    if len(found) < documents:
        message = f"{texts} holds {len(found):,} different texts; {documents:,} are needed"
        raise typer.BadParameter(message)
    true = load_encoder(encoder, device="cpu").encode(found[:encoded], role="document").vectors
    random = np.random.default_rng(0)
    with DataFolder.open(data) as folder:
        made = folder.create(name, encoder=encoder)
        for first in range(0, documents, _BLOCK):
            block = [
                Document(f"d{first + i}", text)
                for i, text in enumerate(found[first : first + _BLOCK])
            ]
            rows = np.arange(first, first + len(block))
            vectors = true[rows % encoded]
            far = rows >= encoded
            vectors[far] = _moved(vectors[far], random)
            made.add(block, vectors=vectors)
            typer.echo(f"{first + len(block):,} of {documents:,}", err=True)
        typer.echo(made.optimize())


def _read(path: Path, columns: list[str]) -> Iterator[str]:
    table = pq.read_table(path, columns=columns)
    for row in zip(*(table[column].to_pylist() for column in columns), strict=True):
        yield from row


def _moved(vectors: np.ndarray, random: np.random.Generator) -> np.ndarray:
    noise = random.standard_normal(vectors.shape, dtype=np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    moved: np.ndarray = _COSINE * vectors + np.sqrt(1 - _COSINE**2) * noise
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


if __name__ == "__main__":
    typer.run(main)
