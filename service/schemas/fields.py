"""What the bodies share: strict types, unknown fields refused, limits named in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


class Body(BaseModel):
    """What a caller sends: no unknown fields, and no string where a number belongs."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(frozen=True)


class Query(BaseModel):
    """The part of an address behind `?`: no unknown names; all values come as text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Within:
    """A whole number from `low` to `high`; the refusal names both ends."""

    low: int
    high: int

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """The type's own schema and then the bounds."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The bounds as JSON Schema says them."""
        return {**handler(schema), "minimum": self.low, "maximum": self.high}

    def _check(self, value: int) -> int:
        if self.low <= value <= self.high:
            return value
        limits = {"low": f"{self.low:,}", "high": f"{self.high:,}"}
        raise PydanticCustomError("out_of_range", "{low} to {high} are possible", limits)


def broken_rule(message: str, param: str) -> PydanticCustomError:
    """The error for fields that are each possible but not together; `param` is the one to mend."""
    return PydanticCustomError("request_rule", "{rule}", {"rule": message, "param": param})


def _check_id(value: str) -> str:
    if "\0" in value:
        message = "it holds U+0000; no document can have such an id"
        raise PydanticCustomError("impossible_id", message)
    return value


GivenId = Annotated[str, AfterValidator(_check_id)]
"""The id of a document that may be there or not; SQLite would read it only up to U+0000."""

FilterJson = Annotated[
    dict[str, Any],
    Field(
        description=(
            "Only documents that satisfy it: `must`, `should`, `must_not`, `min_should` over "
            "conditions on metadata (`match`, `range`, `is_empty`, `is_null`), on ids (`has_id`) "
            "or nested filters."
        ),
        examples=[{"must": [{"key": "lang", "match": {"value": "ko"}}]}],
    ),
]
"""A filter as it comes; `Filter.parse` is its judge."""
