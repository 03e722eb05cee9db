"""Texts of requests on their way to an encoder: read, bounded, encoded, cut to a width."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from embeddings.errors import InvalidInputError
from embeddings.matryoshka import first_numbers, trained_widths
from embeddings.token_ids import TokenIds
from service.encoders import encoder_named
from service.errors import BadTextError, BadValueError
from service.routes.access import JsonAnswer, check_texts
from service.schemas.inputs import TokenArrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from embeddings.types import Encoder, EncoderCard, Encoding, Role, Vectors
    from service.engine import Engine

_WRITTEN_AT_ONCE = 50_000
"""Numbers of an answer that are written without a thread: a millisecond's work."""
_FRAME = 64
"""Tokens a text may have besides its bytes: its prompt's and special ones."""


async def read_texts(
    engine: Engine, model: str | None, given: list[str] | TokenArrays, field: str
) -> list[str]:
    """The texts of a request's field, checked; token ids are read by the encoder's own tokenizer.

    Args:
        engine: the service's.
        model: the encoder's name; None for the service's own.
        given: what came.
        field: where it came, for messages.

    Raises:
        ModelNotFoundError: nothing here uses an encoder of that name.
        BadValueError: an id is not in its vocabulary, or it has none.
        BadTextError: a text is blank or too long.
    """
    if isinstance(given, TokenArrays):
        texts = await engine.read(_decode, engine, model, given, field)
    else:
        texts = given
    check_texts(field, texts, engine.settings)
    return texts


def _decode(engine: Engine, model: str | None, given: TokenArrays, field: str) -> list[str]:
    encoder = encoder_named(engine, model)
    ids = ids_of(encoder, field)
    for number, array in enumerate(given.arrays):
        position = ids.find_unknown(array)
        if position is not None:
            param = given.place(field, number, position)
            name, last = encoder.card.name, ids.size - 1
            message = (
                f"{param} is the token id {array[position]:,}, which {name!r} gives for no text "
                f"(it has 0 to {last:,}): send ids of its own tokenizer, or texts"
            )
            raise BadValueError(message, param)
    return [ids.decode(array) for array in given.arrays]


def ids_of(encoder: Encoder, field: str) -> TokenIds:
    """The encoder's tokenizer, read once; for use in threads.

    Raises:
        BadValueError: it has no token ids.
    """
    try:
        return TokenIds.of(encoder)
    except InvalidInputError as error:
        raise BadValueError(f"{field}: {error}; send texts", field) from error


async def encode_texts(
    engine: Engine, model: str | None, texts: Sequence[str], role: Role, field: str
) -> tuple[Encoder, Encoding]:
    """Vectors of checked texts, and the encoder that made them.

    Raises:
        BadValueError: together they have more tokens than a request may.
        ModelNotFoundError: nothing here uses an encoder of that name.
    """
    most = engine.settings.max_input_tokens
    if sum(len(text.encode()) + _FRAME for text in texts) > most:  # else it cannot be
        check_token_number(await engine.read(_count, engine, model, texts, role), most, field)
    encoder, encoding = await engine.encode(model, texts, role)
    check_token_number(int(encoding.tokens.sum()), most, field)
    return encoder, encoding


def _count(engine: Engine, model: str | None, texts: Sequence[str], role: Role) -> int:
    return int(encoder_named(engine, model).count_tokens(texts, role=role).sum())


def check_token_number(number: int, most: int, field: str) -> None:
    """Refuse more tokens than one request may have.

    Raises:
        BadValueError: naming both numbers.
    """
    if number > most:
        message = f"{field} has {number:,} tokens in all; at most {most:,} are taken in one request"
        raise BadValueError(f"{message}: send several", field)


def offered_widths(card: EncoderCard) -> list[int]:
    """The widths an encoder's vectors are good at, widest first: its own, and trained ones."""
    return [card.dim, *(width for width in trained_widths(card.name) if width < card.dim)]


def check_width(width: int | None, card: EncoderCard) -> None:
    """Refuse a width that vectors were not trained to be cut to.

    Raises:
        BadValueError: naming those that are offered.
    """
    if width is None or width == card.dim:
        return
    widths = offered_widths(card)
    if widths[-1] <= width < card.dim:
        return
    if len(widths) == 1:
        offer = f"{card.dim} alone, for it was not trained to be cut: leave it out"
    else:
        trained = f"{', '.join(map(str, widths[:-1]))} and {widths[-1]}"
        offer = f"{trained}, at which it was trained, and any between them"
    raise BadValueError(f"dimensions is {width:,}; {card.name!r} offers {offer}", "dimensions")


def check_direction(direction: str, field: str) -> None:
    """Refuse to keep the ends of texts.

    Raises:
        BadValueError: that was asked for.
    """
    if direction.lower() == "left":
        message = f"{field} is {direction!r}; of long texts the beginning is read: send 'right'"
        raise BadValueError(message, field)


def check_whole(truncated: npt.NDArray[np.bool_], field: str, model: str) -> None:
    """Refuse texts that were not read to their end, where that was asked for.

    Raises:
        BadTextError: naming the first.
    """
    cut = truncated.nonzero()[0].tolist()
    if cut:
        param = field if len(truncated) == 1 else f"{field}[{cut[0]}]"
        message = f"{param} has more tokens than {model!r} reads at once, and truncate is false"
        raise BadTextError(f"{message}: split it", param)


def truncation_headers(truncated: npt.NDArray[np.bool_]) -> dict[str, str]:
    """How many texts were not read to their end, for answers whose shape has no place for it."""
    return {"X-Truncated": str(int(truncated.sum()))}


def cut_vectors(vectors: Vectors, width: int | None) -> Vectors:
    """The vectors' first numbers, as long as they were; all of them without a width."""
    return vectors if width is None else first_numbers(vectors, width)


async def write_rows(
    rows: Sequence[object],
    numbers: int,
    *,
    around: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JsonAnswer:
    """The answer (see `JsonAnswer.of_rows`), in a thread where there are many numbers."""
    write = partial(JsonAnswer.of_rows, rows, around=around, headers=headers)
    return write() if numbers <= _WRITTEN_AT_ONCE else await asyncio.to_thread(write)
