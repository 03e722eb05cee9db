"""What all questions about a whole collection share, and their answers."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from indexing.filters import Filter
from service.schemas.fields import Answer, Body, FilterJson, Query, Within

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from service.analyses.kept import Kept

R = TypeVar("R", bound="DataclassInstance")

MAX_PAGE = 1000
"""Clusters, outliers or groups on one page."""
_EXAMPLE_CHARACTERS = 280


class AnalysisBody(Body):
    """What is asked of a collection's documents, or of those that satisfy the filter."""

    filter: FilterJson | None = None

    @property
    def parsed_filter(self) -> Filter | None:
        """The filter.

        Raises:
            InvalidFilterError: with the path of the part at fault.
        """
        return None if self.filter is None else Filter.parse(self.filter)

    def request_of(self, kind: type[R]) -> R:
        """The analysis's own request, its fields taken from those of the same names.

        Raises:
            InvalidAnalysisError: an impossible value.
        """
        return kind(**{field.name: getattr(self, field.name) for field in fields(kind)})

    def to_json(self) -> dict[str, Any]:
        """What was said, as a job keeps it."""
        return self.model_dump(mode="json", exclude_unset=True)


class PageQuery(Query):
    """Which part of a result."""

    cursor: Annotated[str | None, Field(description="Of the page before.")] = None
    limit: Annotated[int, Within(1, MAX_PAGE), Field(description="How many on the page.")] = 100


class Made(Answer):
    """What a result was made from."""

    at: Annotated[str, Field(description="RFC 3339, UTC.")]
    request: Annotated[dict[str, Any], Field(description="What was asked.")]
    encoder: Annotated[str, Field(description="Fingerprint of the encoder of the vectors.")]
    version: Annotated[int, Field(description="Of the documents; another after each write.")]

    @classmethod
    def of(cls, kept: Kept[Any]) -> Made:
        """The origin of a kept result."""
        made = kept.made
        return cls(
            at=made["at"],
            request=made["request"],
            encoder=made["encoder"],
            version=made["version"],
        )


class ResultAnswer(Answer):
    """What every kept result is told with."""

    made: Made
    stale: Annotated[bool, Field(description="True if documents were written since.")]
    receipt: Annotated[dict[str, Any], Field(description="What was really done.")]


class Shown(Answer):
    """A document, short."""

    id: str
    title: str
    text: Annotated[
        str, Field(description=f"Its first {_EXAMPLE_CHARACTERS} characters, \u2026 behind a cut.")
    ]


def shortened(text: str) -> str:
    """The beginning of a text."""
    cut = text[:_EXAMPLE_CHARACTERS]
    return cut if len(text) <= _EXAMPLE_CHARACTERS else f"{cut.rstrip()}\u2026"
