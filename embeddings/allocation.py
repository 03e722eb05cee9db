"""A bound on what torch may allocate in this thread while a folder is opened.

A configuration of a few bytes can ask for a model of terabytes, or for millions of layers. Tensors
that are read from a file are as large as the file; those that are made to be filled are counted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode

from embeddings.errors import EncoderRefusedError

if TYPE_CHECKING:
    import torch

_MAKING = frozenset(
    f"aten::{name}"
    for name in (
        *("empty", "empty_strided", "empty_like", "new_empty", "new_empty_strided"),
        *("zeros", "zeros_like", "new_zeros", "ones", "ones_like", "new_ones"),
        *("full", "full_like", "new_full", "rand", "randn", "randint", "arange", "eye"),
        *("_to_copy", "clone", "cat", "tril", "triu", "repeat"),
    )
)
_AT_LEAST = 512 << 20
_TIMES = 8
"""Half precision is read as single; buffers and a copy of a layer or two come on top."""
_MOST_CALLS = 10_000


class Allocation(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts tensors made within a `with` block and refuses those beyond the bound.

    Args:
        name: what is opened, for the message.
        weight_bytes: of the files it is made of.
        header_bytes: of their headers: a layer that is in none of them has no weights.
    """

    def __init__(self, name: str, *, weight_bytes: int, header_bytes: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = name
        self._bytes_left = _AT_LEAST + _TIMES * weight_bytes
        self._calls_left = _MOST_CALLS + header_bytes
        self._told = f"its weights have {weight_bytes:,} bytes"

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - as torch calls it
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Do what was asked, if there is room left for it."""
        given = kwargs or {}
        if func._schema.name not in _MAKING:
            return func(*args, **given)
        self._calls_left -= 1
        if self._calls_left < 0:
            self._refuse("more tensors than any model of that size has")
        shape = next((each for each in args if _is_shape(each)), None)
        if shape is not None and not _is_meta(given.get("device")):
            self._check(math.prod(shape))
        made = func(*args, **given)
        if getattr(made, "device", None) is not None and made.device.type != "meta":
            self._bytes_left -= made.numel() * made.element_size()
            self._check(0)
        return made

    def _check(self, more: int) -> None:
        if more > self._bytes_left:
            self._refuse("far more memory than that")

    def _refuse(self, what: str) -> None:
        message = f"model folder {self._name} asks for {what}: {self._told}; refused"
        raise EncoderRefusedError(message)


def _is_shape(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, int) for each in value)


def _is_meta(device: str | torch.device | None) -> bool:
    return device is not None and str(device).startswith("meta")
