"""`meari similarity`: how near two texts are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.encode import EncoderName, load
from service.cli.errors import MisuseError
from service.cli.language import warn_of_korean
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
    for name, text in (("A", a), ("B", b)):
        if not text.strip():
            message = f"{name} is empty; there is nothing to compare"
            raise MisuseError(message)
    with waiting("comparing"):
        ask = _from_here if url is None else _from_server
        answer, languages = ask(a, b, encoder, url)
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
    if language := warn_of_korean([a, b], receipt["encoder"]["name"], lambda: languages):
        warn(language)


def _from_server(
    a: str, b: str, encoder: str | None, url: str | None
) -> tuple[JsonObject, list[str]]:
    """The answer, and the languages of the encoder as far as the server knows them."""
    with connect(url or "") as client:
        answer = client.similarity(a, [b], model=encoder)
        name = answer["receipt"]["encoder"]["name"]
        cards = [each["card"] for each in client.encoders()["encoders"] if each["name"] == name]
    return answer, cards[0]["languages"] if cards and cards[0] else []


def _from_here(
    a: str, b: str, encoder: str | None, url: str | None
) -> tuple[JsonObject, list[str]]:
    import numpy as np

    from service.schemas.encoding import SimilarityAnswer, SimilarityReceipt

    del url
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
    answer = SimilarityAnswer(scores=[cosine], receipt=receipt).model_dump(mode="json")
    return answer, list(loaded.card.languages)
