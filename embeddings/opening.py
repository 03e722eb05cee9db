"""Opening a model folder that nobody vouches for: memory bounded, one kind of error, tried once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.contents import header_bytes
from embeddings.errors import EmbeddingError, EncoderRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    from sentence_transformers import SentenceTransformer
    from torch import nn

_PANIC = "PanicException"
"""What libraries in Rust raise where they did not expect to be; no `Exception`."""


@contextmanager
def opening(folder: Path, *, what: str = "model folder") -> Iterator[None]:
    """A block in which a library opens a folder, after `check_folder`.

    Raises:
        EncoderRefusedError: whatever went wrong in the block, if it is no error of this floor;
            also where the folder asks for far more memory than its weights have bytes.
    """
    from embeddings.allocation import Allocation

    files = _weight_files(folder)
    weights = sum(path.stat().st_size for path in files)
    headers = sum(map(header_bytes, files))
    try:
        with Allocation(str(folder), weight_bytes=weights, header_bytes=headers):
            yield
    except EmbeddingError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        message = f"{what} {folder} cannot be loaded: {first_line(error)}"
        raise EncoderRefusedError(message) from error


def check_weights(folder: Path, model: nn.Module) -> None:
    """Refuse weights that are no numbers, or that no file holds: libraries draw those at random.

    Raises:
        EncoderRefusedError: NaN or infinity, the tensor is named; or fewer bytes than weights.
    """
    import torch

    count = sum(weight.numel() for weight in model.parameters())
    held = sum(path.stat().st_size - header_bytes(path) for path in _weight_files(folder))
    if held < count:
        message = (
            f"model folder {folder} is not whole: {held:,} bytes of weights for a model of "
            f"{count:,} numbers; refused"
        )
        raise EncoderRefusedError(message)
    for name, weight in model.named_parameters():
        if weight.is_floating_point() and not bool(torch.isfinite(weight).all()):
            message = f"model folder {folder} is damaged: {name} holds NaN or infinity; refused"
            raise EncoderRefusedError(message)


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def check_rows(folder: Path, model: SentenceTransformer) -> None:
    """Refuse a tokenizer that knows more tokens than the model has vectors for.

    Raises:
        EncoderRefusedError: its largest id is beyond the table.
    """
    first: Any = model[0]
    tokenizer = getattr(first, "tokenizer", None)
    body = getattr(first, "auto_model", None)
    table = getattr(first, "embedding", None) if body is None else body.get_input_embeddings()
    rows = getattr(table, "num_embeddings", None)
    known = getattr(getattr(tokenizer, "backend_tokenizer", tokenizer), "get_vocab", None)
    if rows is None or known is None:
        return
    largest = max(known(with_added_tokens=False).values(), default=-1)
    if largest >= rows:
        message = (
            f"model folder {folder} is damaged: its tokenizer gives ids up to {largest:,}, and "
            f"there are {rows:,} vectors; refused"
        )
        raise EncoderRefusedError(message)


def check_vectors(folder: Path, vectors: npt.NDArray[np.float32], dim: int) -> None:
    """Refuse an encoder whose first vectors are not what its card says.

    Raises:
        EncoderRefusedError: of another width, or not finite.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dim or not np.isfinite(vectors).all():
        message = (
            f"model folder {folder} does not work: vectors of shape {vectors.shape} where "
            f"{dim} finite numbers each are promised; refused"
        )
        raise EncoderRefusedError(message)


def first_line(error: BaseException) -> str:
    """What an error says first; its name where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
