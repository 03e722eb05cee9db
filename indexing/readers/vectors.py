"""Vectors that come along with records, as an export writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

VECTOR, ENCODER = "vector", "encoder"
"""Keys of a record, which are no metadata where both are there and hold what an export writes."""
_KEYS = frozenset(("name", "fingerprint", "metric"))


@dataclass(frozen=True, slots=True)
class VectorOrigin:
    """What made a vector, and how it is compared.

    Attributes:
        name: of the encoder.
        fingerprint: the encoder's.
        metric: of the collection it comes from, whose vectors have length 1 for `cosine`.
    """

    name: str
    fingerprint: str
    metric: str

    def to_json(self) -> dict[str, str]:
        """Plain JSON values."""
        return {"name": self.name, "fingerprint": self.fingerprint, "metric": self.metric}

    @classmethod
    def read(cls, value: object) -> VectorOrigin | None:
        """The origin that an export wrote; None for anything else."""
        if not isinstance(value, dict) or value.keys() != _KEYS:
            return None
        if not all(isinstance(each, str) for each in value.values()):
            return None
        return cls(**value)


@dataclass(frozen=True, slots=True, eq=False)
class ReadyVector:
    """A vector that was made before.

    Attributes:
        values: float32 (dim,), finite.
        origin: what made it.
    """

    values: npt.NDArray[np.float32]
    origin: VectorOrigin


def take_vector(values: dict[str, Any]) -> ReadyVector | None:
    """The vector of a record, whose keys go; None where there is none.

    Raises:
        ValueError: it is no list of finite numbers.
    """
    origin = VectorOrigin.read(values.get(ENCODER))
    if origin is None or not isinstance(values.get(VECTOR), list):
        return None
    numbers = values.pop(VECTOR)
    del values[ENCODER]
    if not numbers or any(type(number) not in {int, float} for number in numbers):
        message = f"{VECTOR!r} is not a list of numbers"
        raise ValueError(message)
    try:
        with np.errstate(over="ignore"):  # told as infinity
            vector = np.array(numbers, dtype=np.float32)
    except OverflowError:  # as an integer that no float holds
        vector = np.full(1, np.inf, dtype=np.float32)
    return ReadyVector(finite(vector), origin)


def finite(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The vector.

    Raises:
        ValueError: it holds NaN or infinity.
    """
    if not np.isfinite(vector).all():
        message = f"{VECTOR!r} holds numbers that are not finite in 32 bits"
        raise ValueError(message)
    return vector


def origin_of_table(metadata: Mapping[bytes, bytes] | None) -> VectorOrigin | None:
    """What made the vectors of a Parquet file; None for a file that is no export with vectors."""
    content = (metadata or {}).get(TABLE_KEY)
    if content is None:
        return None
    try:
        return VectorOrigin.read(json.loads(content).get(ENCODER))
    except (ValueError, AttributeError):
        return None


def is_export(metadata: Mapping[bytes, bytes] | None) -> bool:
    """True for the Parquet file of an export, whose metadata are JSON."""
    return TABLE_KEY in (metadata or {})


TABLE_KEY = b"meari"
"""Of a Parquet schema's metadata: a JSON object about the export."""
