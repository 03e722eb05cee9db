"""`meari serve`: the HTTP API and the web page."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.output import note
from service.cli.store import Data, settings

Host = Annotated[
    str | None,
    typer.Option("--host", metavar="H", help="Address. [default: $MEARI_HOST or 127.0.0.1]"),
]
Port = Annotated[
    int | None,
    typer.Option("--port", metavar="P", help="0: a free one. [default: $MEARI_PORT or 8080]"),
]
EncoderName = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="E",
        help="For new collections. [default: $MEARI_ENCODER or meari-ko-en]",
    ),
]
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="D", help="cpu, cuda, cuda:1, mps. [default: a GPU if any]"),
]


def serve(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    encoder: EncoderName = None,
    device: Device = None,
) -> None:
    """Answer the HTTP API and the web page until Ctrl-C or SIGTERM."""
    chosen = settings(data=data, host=host, port=port, encoder=encoder, device=device)
    from service.server import serve as answer

    def tell(url: str) -> None:
        note(f"Meari answers at {url} (API: {url}/docs); Ctrl-C stops it")

    answer(chosen, on_start=tell)
