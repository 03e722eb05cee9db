"""Pictures in and out: base64 in bodies, references in answers."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from service.schemas.fields import Answer

if TYPE_CHECKING:
    from indexing.types import ImageReference

_ADDRESS = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.I)
"""What a browser puts in front of a picture's base64."""


def _check_base64(value: str) -> str:
    try:
        data = unpack_image(value)
    except (binascii.Error, ValueError) as error:
        message = "it is no base64 of a picture's file"
        raise PydanticCustomError("impossible_image", message) from error
    if not data:
        raise PydanticCustomError("impossible_image", "it is empty; send the picture's file")
    return value


ImageBase64 = Annotated[
    str,
    AfterValidator(_check_base64),
    PlainSerializer(str),
    Field(
        description=(
            "A picture's file (JPEG, PNG, WebP, GIF) in base64, with or without "
            "`data:image/...;base64,` in front."
        ),
        examples=["iVBORw0KGgo="],
    ),
]


def unpack_image(text: str) -> bytes:
    """The bytes of a picture's base64.

    Raises:
        binascii.Error: it is none.
    """
    head = _ADDRESS.match(text)
    return base64.b64decode(text[head.end() :] if head else text, validate=True)


class ImageAnswer(Answer):
    """What is known of a document's picture; `GET .../thumbnails/{id}` shows it."""

    format: str
    width: Annotated[int, Field(description="In pixels, as it is shown.")]
    height: int
    source: Annotated[
        str, Field(description="Path of the original; empty where it came in a request.")
    ]
    kept: Annotated[bool, Field(description="True if the collection keeps the original too.")]

    @classmethod
    def of(cls, image: ImageReference | None) -> Self | None:
        """The reference as an answer; None for a document without a picture."""
        if image is None:
            return None
        return cls(
            format=image.format,
            width=image.width,
            height=image.height,
            source=image.source,
            kept=image.kept,
        )
