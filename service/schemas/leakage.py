"""Leakage: which collections shall be held against each other, and what both have."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from indexing.filters import Filter
from service.schemas.analysis import ResultAnswer, Shown
from service.schemas.duplicates import DuplicateBody
from service.schemas.fields import FilterJson  # noqa: TC001 - pydantic reads it


class LeakageBody(DuplicateBody):
    """Which documents of another collection are looked for in this one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"other": "animals"}]})

    other: Annotated[str, Field(description="The other collection, as of test questions.")]
    other_filter: FilterJson | None = None

    @property
    def parsed_other_filter(self) -> Filter | None:
        """The filter of the other collection's documents.

        Raises:
            InvalidFilterError: an impossible one.
        """
        return None if self.other_filter is None else Filter.parse(self.other_filter)


class LeakedAnswer(Shown):
    """A document of this collection that the other one has as well."""

    other: Annotated[str, Field(description="Id of the document there.")]
    score: Annotated[float, Field(description="How alike they are; 1 where the text is the same.")]
    exact: Annotated[bool, Field(description="The same text but for case, width and spaces.")]


class LeakageAnswer(ResultAnswer):
    """Documents that both collections have, the most similar first."""

    pairs: list[LeakedAnswer]
    other: Annotated[str, Field(description="The other collection.")]
    count: Annotated[int, Field(description="Documents of the other that are here as well.")]
    share: Annotated[float, Field(description="Of the other collection's documents, 0 to 1.")]
    threshold: Annotated[
        float | None, Field(description="How alike at least; null: the same texts alone.")
    ]
    cursor: Annotated[str | None, Field(description="For the next page; null on the last.")]
