"""`meari encode`: texts to vectors."""

from __future__ import annotations

import errno
import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.errors import MisuseError
from service.cli.input import read_lines
from service.cli.output import (
    counted,
    facts,
    results,
    told_bytes,
    warn,
    write,
    write_json,
    write_line,
)
from service.cli.progress import Amount, metered, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from embeddings.types import Encoder, Encoding

Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="Texts to encode; - reads lines from stdin."),
]
Lines = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Encode every line of a text file.")
]
EncoderName = Annotated[
    str | None,
    typer.Option(
        "--encoder", metavar="E", help="Encoder. [default: $MEARI_ENCODER or meari-ko-en]"
    ),
]
RoleName = Annotated[
    Literal["query", "document"],
    typer.Option("--role", help="Whose prompt is put before the text, if the encoder has prompts."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE.npy", help="Write float32 (n, dim) there, and a summary."),
]

SummaryJson = Annotated[bool, typer.Option("--json", help="With --out: print the summary as JSON.")]

_BATCH = 64


def encode(
    texts: Texts = None,
    lines: Lines = None,
    encoder: EncoderName = None,
    role: RoleName = "document",
    out: Out = None,
    as_json: SummaryJson = False,
) -> None:
    """Print the vectors of texts, or write them to a file.

    Prints one JSON object a line: index, tokens, truncated, vector.
    """
    inputs = _inputs(texts or [], lines)
    if out is not None:
        _check_place(out)
    with waiting("loading the encoder"):
        loaded = load(encoder)
    # A bar on stderr would stand between the lines on a terminal.
    meter = metered("text") if out or not results().is_terminal else nullcontext(lambda _: None)
    with meter as tell:
        batches = _batches(loaded, inputs, role, tell)
        if out is None:
            _print_lines(batches)
            return
        encodings = [encoding for _, encoding in batches]
    _save(out, loaded, encodings, as_json=as_json)


def _check_place(out: Path) -> None:
    """Refuse a file that cannot be written before the work, not after it.

    Raises:
        MisuseError: another format than `.npy`.
        FileNotFoundError: its folder is not there.
    """
    if out.suffix != ".npy":
        message = f"--out {out} does not end in .npy, the one format written"
        raise MisuseError(message)
    if not out.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(out))


def load(name: str | None) -> Encoder:
    """The encoder of that name; None means the one of the settings."""
    from embeddings.load import load_encoder
    from service.cli.store import settings

    chosen = settings(encoder=name)
    return load_encoder(chosen.encoder, device=chosen.device)


def _inputs(texts: list[str], lines: Path | None) -> list[str]:
    """The texts named, or the lines of a file or of stdin.

    Raises:
        MisuseError: none of the three is given, or two; or a line is blank.
        InvalidInputError: a text is blank; its index is named.
    """
    from embeddings.types import as_texts

    if (lines is None) == (not texts):
        message = "give either texts, or --file FILE, or - for lines from stdin"
        raise MisuseError(message)
    if texts and texts != ["-"]:
        return as_texts(texts)
    return read_lines(lines)


def _batches(
    encoder: Encoder,
    inputs: list[str],
    role: Literal["query", "document"],
    tell: Callable[[Amount], None],
) -> Iterator[tuple[int, Encoding]]:
    """Encodings with the index of their first text; one of no rows for no texts."""
    begun = time.monotonic()
    for start in range(0, max(len(inputs), 1), _BATCH):
        yield start, encoder.encode(inputs[start : start + _BATCH], role=role)
        done = min(start + _BATCH, len(inputs))
        tell(Amount.after(time.monotonic() - begun, done, len(inputs)))


def _print_lines(batches: Iterator[tuple[int, Encoding]]) -> None:
    for start, encoding in batches:
        for offset in range(len(encoding)):
            write_line(
                {
                    "index": start + offset,
                    "tokens": int(encoding.tokens[offset]),
                    "truncated": bool(encoding.truncated[offset]),
                    "vector": [float(number) for number in encoding.vectors[offset]],
                }
            )


def _save(out: Path, encoder: Encoder, encodings: list[Encoding], *, as_json: bool) -> None:
    import numpy as np

    from indexing.files import replacing

    vectors = np.concatenate([encoding.vectors for encoding in encodings])
    with replacing(out) as temporary, temporary.open("wb") as file:
        np.save(file, vectors)
    truncated = sum(int(encoding.truncated.sum()) for encoding in encodings)
    summary: dict[str, Any] = {
        "texts": len(vectors),
        "dim": vectors.shape[1],
        "tokens": sum(int(encoding.tokens.sum()) for encoding in encodings),
        "truncated": truncated,
        "encoder": {"name": encoder.card.name, "fingerprint": encoder.card.fingerprint},
        "out": str(out),
        "bytes": out.stat().st_size,
    }
    if as_json:
        write_json(summary)
    else:
        told = {**summary, "encoder": encoder.card.name, "bytes": told_bytes(summary["bytes"])}
        write(facts(told.items()))
    if truncated:
        warn(
            f"{counted(truncated, 'text')} longer than the encoder's {encoder.max_tokens:,} "
            "tokens; what stands behind them is not in the vector"
        )
