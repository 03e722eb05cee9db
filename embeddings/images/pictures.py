"""What an encoder of images takes: a file's path, its bytes, or a picture that is decoded.

A `str` is always a text, for there are encoders that read both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from embeddings.errors import InvalidInputError, ModalityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from PIL.Image import Image

    from embeddings.types import Encoding, Role

Picture: TypeAlias = "os.PathLike[str] | bytes | Image"


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A picture as the network of one encoder takes it; kept while others are computed.

    Attributes:
        pixels: (3, height, width), uint8, or float32 where the network's own processor made it.
    """

    pixels: torch.Tensor


Input: TypeAlias = "str | Picture | Prepared"


class ImageReader(Protocol):
    """An encoder that reads images, and maybe texts."""

    @property
    def batch(self) -> int:
        """Pictures computed at once."""

    @property
    def least_side(self) -> int:
        """Pixels that the shorter side of a picture should have, for it to lose nothing."""

    def prepare(self, image: Image) -> Prepared:
        """A decoded picture as the network takes it; any number of threads may ask."""

    def encode(self, inputs: Sequence[Input], *, role: Role) -> Encoding:
        """Vectors of pictures (and of texts, where it reads them), in order.

        Raises:
            TypeError: `inputs` is one string or the bytes of one file, or holds something that
                is neither a text nor a picture.
            ModalityError: a text, and it reads images alone.
            InvalidImageError: a picture cannot be read; the message names its position.
            InvalidInputError: a text is empty or blank.
        """


def as_inputs(inputs: Sequence[Input], modalities: frozenset[Any]) -> list[Input]:
    """`inputs` as a list of what these modalities read.

    Raises:
        TypeError: one string or the bytes of one file in place of a list, or an item of another
            kind.
        ModalityError: a text, where none are read.
        InvalidInputError: a text is empty or blank, or bytes are none.
    """
    if isinstance(inputs, str | bytes | os.PathLike):
        message = f"inputs is one {type(inputs).__name__}; pass a list"
        raise TypeError(message)
    return [_as_input(item, position, modalities) for position, item in enumerate(inputs)]


def _as_input(item: object, position: int, modalities: frozenset[Any]) -> Input:
    from PIL.Image import Image

    if isinstance(item, str):
        if "text" not in modalities:
            message = (
                f"input {position} is a text, and this encoder reads images alone; a file is named "
                "by a Path"
            )
            raise ModalityError(message)
        if not item.strip():
            message = f"input {position} is empty or blank; there is nothing to encode"
            raise InvalidInputError(message)
        return item
    if not isinstance(item, os.PathLike | bytes | Image | Prepared):
        message = (
            f"input {position} is {type(item).__name__}; a Path, bytes or a PIL image is needed"
        )
        raise TypeError(message)
    return item
