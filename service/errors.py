"""Exceptions to answers: the only place that knows status codes.

Every error leaves as `{"error": {"message", "type", "param", "code"}}`, the shape OpenAI's
clients read. `type` is `invalid_request_error` where the caller can mend it and `server_error`
where not; `code` is a stable word; `param` is the path of the field at fault.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from analysis.errors import (
    AnalysisError,
    CancelledError,
    InvalidAnalysisError,
    ResultNotFoundError,
    UnsuitableCorpusError,
)
from embeddings.errors import (
    AnalyzerError,
    DeviceError,
    EmbeddingError,
    EncoderNotFoundError,
    EncoderRefusedError,
    HeadMismatchError,
    InvalidImageError,
    InvalidInputError,
    ModalityError,
    UnknownWordError,
)
from indexing.errors import (
    BackupNotFoundError,
    CollectionClosedError,
    CollectionExistsError,
    CollectionNotFoundError,
    DamagedError,
    DimensionMismatchError,
    DocumentNotFoundError,
    EncoderMismatchError,
    FolderLockedError,
    IndexingError,
    InvalidDocumentError,
    InvalidFilterError,
    InvalidNameError,
    InvalidRequestError,
    LexicalIndexError,
    ModalityMismatchError,
    SourceError,
    StorageFailedError,
    StorageFullError,
    UnreadableImagesError,
)
from service.access.errors import (
    AccessError,
    CollectionForbiddenError,
    HostError,
    InvalidKeyError,
    KeysFileError,
    MissingKeyError,
    RateError,
    ScopeError,
)
from service.jobs.errors import (
    JobError,
    JobNotFoundError,
    JobsClosedError,
    JobStateError,
    TaskLostError,
    TooManyJobsError,
)
from service.jobs.types import Fault
from service.validation import describe_validation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request
    from starlette.types import Receive, Scope, Send

_RETRY_SECONDS = {429: "1", 503: "2"}


class ServiceError(Exception):
    """Base of this floor's errors; `param` is the path of the field at fault, if there is one."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class BadValueError(ServiceError):
    """A value that cannot be: the message names it and the limit."""


class BadJsonError(ServiceError):
    """A body that is not JSON as RFC 8259 has it (UTF-8, finite numbers)."""


class MediaTypeError(ServiceError):
    """A body of another type than JSON."""


class BodyTooLargeError(ServiceError):
    """A body larger than this request may have; it was not read to its end."""


class BadTextError(ServiceError):
    """A text that cannot be encoded: too long, or not valid Unicode."""


class BadDocumentError(ServiceError):
    """A document that cannot be stored; `param` says which of the request's it is."""


class ModelNotFoundError(ServiceError):
    """`model` is no encoder in use here."""


class WordNotFoundError(ServiceError):
    """A word that word vectors do not know; `param` says which of the request's it is."""


class BusyError(ServiceError):
    """As many requests wait for the threads as may; this one does not join them."""


class NotReadyError(ServiceError):
    """The encoder or the collections are still being loaded, or the service is stopping."""


class MemoryShortError(ServiceError):
    """A request that writes or is large, while too little memory is left for it."""


class DiskShortError(ServiceError):
    """A request that writes, while less disk is free than has to stay so."""


class NoBackupsError(ServiceError):
    """The service has no folder for backups."""

    def __init__(self) -> None:
        super().__init__(
            "this service has no folder for backups; whoever runs it names one by MEARI_BACKUPS"
        )


class SlowBodyError(ServiceError):
    """A body that did not come to its end in time."""


class TooLongError(ServiceError):
    """A read that took longer than any may."""


class ExampleNotFoundError(ServiceError):
    """A document to find the like of is not there; `param` says which of the request's it is."""


class EntryError(ServiceError):
    """What is wrong with one entry of a list; told like its cause, behind the entry's place.

    Attributes:
        place: path of the entry (`searches[3]`).
        cause: what is wrong with it.
    """

    def __init__(self, place: str, cause: Exception) -> None:
        super().__init__(f"{place}: {cause}", place)
        self.place = place
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Problem:
    """What the caller is told of an error.

    Attributes:
        status: HTTP status.
        code: a stable word for programs.
        message: a sentence for people: the value, the limit, the remedy.
        param: path of the field at fault (`documents[3].text`).
        headers: to send along.
    """

    status: int
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Who can mend it; a request that came at a busy moment needs no mending."""
        ours = self.status >= 500 or self.status == 429
        return "server_error" if ours else "invalid_request_error"

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }

    def to_response(self) -> JSONResponse:
        """The answer."""
        return ProblemResponse(self)


PROBLEM = "meari.problem"
"""Where a request's scope says which code it was refused with."""


class ProblemResponse(JSONResponse):
    """The answer to a request that is refused; has its code known to who logs and counts."""

    def __init__(self, problem: Problem) -> None:
        headers = dict(problem.headers)
        super().__init__(problem.to_json(), status_code=problem.status, headers=headers)
        self._code = problem.code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell the code, then answer."""
        scope[PROBLEM] = self._code
        await super().__call__(scope, receive, send)


TABLE: dict[type[Exception], tuple[int, str, str | None]] = {
    BadValueError: (400, "invalid_value", None),
    BadJsonError: (400, "invalid_json", None),
    MediaTypeError: (415, "unsupported_media_type", None),
    BodyTooLargeError: (413, "body_too_large", None),
    BadTextError: (422, "invalid_text", None),
    BadDocumentError: (422, "invalid_document", "documents"),
    ModelNotFoundError: (404, "model_not_found", "model"),
    WordNotFoundError: (404, "word_not_found", "word"),
    BusyError: (429, "busy", None),
    NotReadyError: (503, "not_ready", None),
    MemoryShortError: (429, "memory_short", None),
    DiskShortError: (507, "storage_full", None),
    NoBackupsError: (409, "no_backups_folder", None),
    SlowBodyError: (408, "body_too_slow", None),
    TooLongError: (503, "took_too_long", None),
    MissingKeyError: (401, "missing_api_key", None),
    InvalidKeyError: (401, "invalid_api_key", None),
    ScopeError: (403, "insufficient_scope", None),
    CollectionForbiddenError: (403, "collection_forbidden", "collection"),
    RateError: (429, "rate_limited", None),
    HostError: (421, "unknown_host", None),
    KeysFileError: (503, "keys_unreadable", None),
    EncoderNotFoundError: (404, "model_not_found", "encoder"),
    EncoderRefusedError: (400, "encoder_refused", "encoder"),
    HeadMismatchError: (409, "encoder_mismatch", "model"),
    UnknownWordError: (404, "word_not_found", "word"),
    DeviceError: (500, "device_unavailable", None),
    InvalidInputError: (422, "invalid_text", "input"),
    InvalidImageError: (422, "invalid_image", "image"),
    ModalityError: (409, "modality_mismatch", "input"),
    ModalityMismatchError: (409, "modality_mismatch", None),
    CollectionNotFoundError: (404, "collection_not_found", "collection"),
    BackupNotFoundError: (404, "backup_not_found", "backup"),
    CollectionExistsError: (409, "collection_exists", "name"),
    InvalidNameError: (400, "invalid_name", "name"),
    FolderLockedError: (423, "locked", None),
    EncoderMismatchError: (409, "encoder_mismatch", "encoder"),
    DimensionMismatchError: (409, "dimension_mismatch", "vector"),
    InvalidDocumentError: (422, "invalid_document", "documents"),
    UnreadableImagesError: (422, "invalid_document", "documents"),
    ExampleNotFoundError: (404, "document_not_found", "positive"),
    DocumentNotFoundError: (404, "document_not_found", "document_id"),
    InvalidFilterError: (400, "invalid_filter", "filter"),
    InvalidRequestError: (400, "invalid_value", None),
    StorageFullError: (507, "storage_full", None),
    StorageFailedError: (500, "storage_failed", None),
    CollectionClosedError: (503, "collection_closed", "collection"),
    DamagedError: (500, "collection_damaged", "collection"),
    AnalyzerError: (500, "lexical_unavailable", "mode"),
    LexicalIndexError: (500, "lexical_unavailable", "mode"),
    SourceError: (400, "invalid_source", None),
    InvalidAnalysisError: (400, "invalid_value", None),
    UnsuitableCorpusError: (422, "unsuitable_documents", "collection"),
    ResultNotFoundError: (404, "result_not_found", "collection"),
    CancelledError: (409, "cancelled", None),
    JobNotFoundError: (404, "job_not_found", "job"),
    JobStateError: (409, "job_not_resumable", "job"),
    TooManyJobsError: (429, "busy", None),
    JobsClosedError: (503, "not_ready", None),
    TaskLostError: (500, "job_lost", None),
}
"""Status, code and the field at fault where the exception does not name one."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HTTP = {
    404: ("path_not_found", "nothing answers {method} {path}; /docs lists what does"),
    405: ("method_not_allowed", "{path} does not answer {method}; /docs lists what does"),
}


def install_handlers(app: FastAPI) -> None:
    """Have `app` answer every known exception in the shape above."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        return answer_error(request, error)

    for kind in (
        ServiceError,
        AccessError,
        EmbeddingError,
        IndexingError,
        AnalysisError,
        JobError,
        OSError,
        RequestValidationError,
        HTTPException,
    ):
        app.add_exception_handler(kind, answer)


def answer_error(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that met an error; one that nobody knows is raised again."""
    problem = find_problem(error)
    if problem is None:
        raise error
    if isinstance(error, HTTPException):
        problem = _http_problem(request, error)
    told = request.app.state.engine.without_folder(problem.message)
    return replace(problem, message=told).to_response()


def find_problem(error: Exception) -> Problem | None:
    """What to tell of `error`; None if it is nobody's fault but ours."""
    if isinstance(error, RequestValidationError):
        complaint = describe_validation(error.errors())
        return Problem(400, "invalid_value", complaint.message, complaint.param)
    if isinstance(error, HTTPException):
        return Problem(error.status_code, "http_error", str(error.detail))
    if isinstance(error, EntryError):
        return _entry_problem(error)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Problem(507, "storage_full", f"the disk is full: {error.strerror}")
    for kind in type(error).__mro__:
        if kind in TABLE:
            status, code, param = TABLE[kind]
            wait = _RETRY_SECONDS.get(status)
            headers = {"Retry-After": wait} if wait else {}
            headers |= error.headers if isinstance(error, AccessError) else {}
            return Problem(status, code, str(error), _field(error) or param, headers)
    return None


def _entry_problem(error: EntryError) -> Problem | None:
    problem = find_problem(error.cause)
    if problem is None:
        return None
    param = f"{error.place}.{problem.param}" if problem.param else error.place
    return replace(problem, message=str(error), param=param)


def internal_problem(request_id: str) -> Problem:
    """What to tell of an error of ours: nothing but where to look it up."""
    message = f"internal error; the log tells more under request id {request_id}"
    return Problem(500, "internal_error", message)


def explain(error: Exception) -> tuple[Fault, bool]:
    """What is told of an error behind a request's back, and whether it is our fault."""
    problem = find_problem(error)
    if problem is not None:
        return Fault(problem.message, problem.type, problem.param, problem.code), False
    message = "internal error; the log tells more"
    return Fault(message, "server_error", None, "internal_error"), True


def _field(error: Exception) -> str | None:
    if isinstance(error, InvalidFilterError):
        return f"filter.{error.path}" if error.path else "filter"
    named = InvalidRequestError | InvalidAnalysisError | InvalidNameError | ModalityMismatchError
    if isinstance(error, named):
        return error.field
    return error.param if isinstance(error, ServiceError) else None


def _http_problem(request: Request, error: HTTPException) -> Problem:
    code, template = _HTTP.get(error.status_code, ("http_error", str(error.detail)))
    message = template.format(method=request.method, path=request.url.path)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return Problem(error.status_code, code, message, headers=headers)


def _methods(request: Request) -> list[str]:
    """What the path answers (RFC 9110, 10.2.1); a route tells only what it answers itself."""
    asked = ({**request.scope, "method": method} for method in _METHODS)
    routes = request.app.routes
    return [
        scope["method"]
        for scope in asked
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]
