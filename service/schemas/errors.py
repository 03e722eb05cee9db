"""The one shape of every refusal."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from service.schemas.fields import Answer


class ErrorDetail(Answer):
    """What is wrong."""

    message: Annotated[
        str,
        Field(
            description="A sentence: the value, the limit, the remedy.",
            examples=["limit is 0; 1 to 10,000 are possible"],
        ),
    ]
    type: Annotated[
        str,
        Field(
            description="`invalid_request_error` (mend the request) or `server_error`.",
            examples=["invalid_request_error"],
        ),
    ]
    param: Annotated[
        str | None, Field(description="Path of the field at fault.", examples=["limit"])
    ]
    code: Annotated[
        str, Field(description="A stable word for programs.", examples=["invalid_value"])
    ]


class ErrorAnswer(Answer):
    """The body of every answer with a status of 400 or more."""

    error: ErrorDetail
