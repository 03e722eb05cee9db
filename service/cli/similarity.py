"""`meari similarity`: how near two texts are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.encode import EncoderName, load
from service.cli.output import AsJson, counted, results, warn, write_json
from service.cli.progress import waiting
from service.cli.store import Url, connect

if TYPE_CHECKING:
    from service.client import JsonObject

First = Annotated[str, typer.Argument(metavar="A", help="A text.")]
Second = Annotated[str, typer.Argument(metavar="B", help="The text to compare it with.")]


def similarity(
    a: First,
    b: Second,
    encoder: EncoderName = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print how near two texts are: the cosine, -1 to 1."""
    with waiting("comparing"):
        answer = _from_server(url, a, b, encoder) if url else _from_here(a, b, encoder)
    if as_json:
        write_json(answer)
        return
    receipt = answer["receipt"]
    console = results()
    console.print(f"{answer['scores'][0]:.4f}", style="bold cyan")
    tokens = counted(receipt["tokens"], "token")
    console.print(f"cosine · {receipt['encoder']['name']} · {tokens}", style="dim")
    for name, cut in (("A", receipt["source_truncated"]), ("B", bool(receipt["truncated"]))):
        if cut:
            warn(f"the encoder did not read {name} to its end")


def _from_server(url: str, a: str, b: str, encoder: str | None) -> JsonObject:
    with connect(url) as client:
        return client.similarity(a, [b], model=encoder)


def _from_here(a: str, b: str, encoder: str | None) -> JsonObject:
    import numpy as np

    from service.schemas.encoding import SimilarityAnswer, SimilarityReceipt

    loaded = load(encoder)
    encoding = loaded.encode([a, b], role="query")
    lengths = np.linalg.norm(encoding.vectors, axis=1, keepdims=True)
    first, second = encoding.vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    receipt = SimilarityReceipt(
        encoder={"name": loaded.card.name, "fingerprint": loaded.card.fingerprint},
        tokens=int(encoding.tokens.sum()),
        source_truncated=bool(encoding.truncated[0]),
        truncated=[0] if encoding.truncated[1] else [],
    )
    cosine = float(np.clip(first @ second, -1, 1))
    return SimilarityAnswer(scores=[cosine], receipt=receipt).model_dump(mode="json")
