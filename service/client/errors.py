"""What a server refused or could not do, as exceptions of one family."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from service.client.answers import WriteAnswer

_MISUSE = frozenset({400, 413, 422})
_OF_OTHERS = frozenset({404, 405, 501})
"""Statuses that a Meari server answers with words of its own."""


class ClientError(Exception):
    """The server refused, failed or could not be reached.

    Attributes:
        message: a sentence for people; the same as `str()`.
        status: the HTTP status of the answer; None if there was none.
        code: the server's word for the fault (`collection_not_found`); None if it said none.
        param: where in the request the fault is (`documents[3].text`); None if it said nowhere.
        retry_after: seconds the server asks to wait; None if it does not ask.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after

    @property
    def is_misuse(self) -> bool:
        """True if the same request can never succeed: what was asked is impossible."""
        return self.status in _MISUSE


class UnreachableError(ClientError):
    """No answer came: nobody listens there, the connection broke, or it took too long."""


class UploadError(ClientError):
    """An upload that stopped before its end; what it says of the fault is the server's.

    Attributes:
        receipt: what was written before, and by the requests that were under way.
        position: of the document at fault in the upload, from 0; None if the server names none.
        document_id: its id; None if the server names none.
    """

    def __init__(
        self,
        cause: ClientError,
        *,
        receipt: WriteAnswer,
        param: str | None,
        position: int | None,
        document_id: str | None,
    ) -> None:
        stored = sum(receipt[kind] for kind in ("added", "changed", "relabelled", "unchanged"))
        place = "" if position is None else f"document {position:,} ({document_id!r}): "
        message = (
            f"{place}{cause.message}; {stored:,} documents of the upload are stored, and cost "
            "nothing when it is repeated"
        )
        super().__init__(
            message,
            status=cause.status,
            code=cause.code,
            param=param,
            retry_after=cause.retry_after,
        )
        self.receipt = receipt
        self.position = position
        self.document_id = document_id


def refusal(response: httpx.Response, url: str) -> ClientError:
    """The server's own message, or what its status says."""
    try:
        error = response.json()["error"]
        message, code, param = str(error["message"]), error.get("code"), error.get("param")
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{url} answered {response.status_code} {response.reason_phrase}"
        if response.status_code in _OF_OTHERS:
            message += "; is this the address of a Meari server?"
        code = param = None
    return ClientError(
        message,
        status=response.status_code,
        code=code,
        param=param,
        retry_after=asked_wait(response),
    )


def asked_wait(response: httpx.Response) -> float | None:
    """Seconds the server asks to wait, 0 or more; None if it names neither seconds nor a date."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
