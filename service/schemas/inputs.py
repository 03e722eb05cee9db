"""Texts to encode as clients send them: one or several, or token ids in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import PlainValidator, WithJsonSchema

from service.schemas.fields import broken_rule

if TYPE_CHECKING:
    from pydantic import ValidationInfo


@dataclass(frozen=True, slots=True)
class TokenArrays:
    """Token ids of texts.

    Attributes:
        arrays: one for each text; none is empty.
        alone: True if the one array came without a list around it.
    """

    arrays: list[list[int]]
    alone: bool

    def place(self, field: str, array: int, position: int) -> str:
        """The path of one id in the request's field."""
        return f"{field}[{position}]" if self.alone else f"{field}[{array}][{position}]"


def _read(value: Any, info: ValidationInfo) -> list[str] | TokenArrays:  # noqa: ANN401 - anything
    """The field's value; says plainly what a union of types would say in several errors."""
    field = info.field_name or "input"
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        message = f"{field} is not a text or a list of texts; send either, or token ids"
        raise broken_rule(message, field)
    if not value:
        raise broken_rule(f"{field} is a list of 0 items; at least 1 is needed", field)
    if _is_number(value[0]):
        _check_items(value, field, _is_number, "is no token id, and what stands before it is")
        return TokenArrays([value], alone=True)
    if isinstance(value[0], list):
        return TokenArrays(_arrays(value, field), alone=False)
    _check_items(value, field, lambda item: isinstance(item, str), "is not a text; send strings")
    return value


def _arrays(value: list[Any], field: str) -> list[list[int]]:
    _check_items(
        value, field, lambda row: isinstance(row, list), "is no list of token ids, others are"
    )
    for position, row in enumerate(value):
        param = f"{field}[{position}]"
        if not row:
            raise broken_rule(f"{param} is a list of 0 token ids; at least 1 is needed", param)
        _check_items(row, param, _is_number, "is no token id: a whole number")
    return value


def _is_number(item: object) -> bool:
    return type(item) is int  # and no bool


def _check_items(items: list[Any], place: str, is_right: Any, wrong: str) -> None:  # noqa: ANN401
    for position, item in enumerate(items):
        if not is_right(item):
            param = f"{place}[{position}]"
            raise broken_rule(f"{param} {wrong}", param)


_NUMBERS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        _NUMBERS,
        {"type": "array", "items": _NUMBERS, "minItems": 1},
    ],
    "description": "One text or several; or the token ids of one or several, by the encoder's own "
    "tokenizer (`POST /tokenize`).",
    "examples": [["배송은 얼마나 걸리나요?", "How long does delivery take?"]],
}

TextsOrTokens: TypeAlias = Annotated[
    list[str] | TokenArrays, PlainValidator(_read), WithJsonSchema(_SCHEMA)
]
"""A field that takes a text, texts, an array of token ids, or several."""
