from __future__ import annotations

import inspect
import re
import resource
from typing import TYPE_CHECKING

import pytest

import embeddings.errors
import indexing.errors
import service.errors
from embeddings.errors import EmbeddingError
from indexing.errors import CollectionNotFoundError, FolderLockedError, IndexingError
from service.errors import TABLE, EntryError, ServiceError, find_problem

if TYPE_CHECKING:
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

BASES = {EmbeddingError, IndexingError, ServiceError}
KINDS = [
    kind
    for module in (embeddings.errors, indexing.errors, service.errors)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, tuple(BASES))
    and kind not in {*BASES, EntryError}
    and kind.__module__ == module.__name__
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_exception_has_a_status(kind: str):
    status, code, _ = TABLE[kind]
    assert 400 <= status < 600
    assert code.islower()


def test_the_status_words_of_the_contract():
    assert {kind.__name__: status for kind, (status, _, _) in TABLE.items()} == {
        "BadValueError": 400,
        "DiskShortError": 507,
        "MemoryShortError": 429,
        "BadJsonError": 400,
        "MediaTypeError": 415,
        "BodyTooLargeError": 413,
        "BadTextError": 422,
        "SlowBodyError": 408,
        "TooLongError": 503,
        "MissingKeyError": 401,
        "InvalidKeyError": 401,
        "ScopeError": 403,
        "CollectionForbiddenError": 403,
        "RateError": 429,
        "HostError": 421,
        "KeysFileError": 503,
        "BadDocumentError": 422,
        "ModelNotFoundError": 404,
        "WordNotFoundError": 404,
        "BusyError": 429,
        "NotReadyError": 503,
        "EncoderNotFoundError": 404,
        "EncoderRefusedError": 400,
        "HeadMismatchError": 409,
        "UnknownWordError": 404,
        "DeviceError": 500,
        "InvalidInputError": 422,
        "InvalidImageError": 422,
        "ModalityError": 409,
        "ModalityMismatchError": 409,
        "UnreadableImagesError": 422,
        "CollectionNotFoundError": 404,
        "CollectionClosedError": 503,
        "ExampleNotFoundError": 404,
        "BackupNotFoundError": 404,
        "NoBackupsError": 409,
        "CollectionExistsError": 409,
        "InvalidNameError": 400,
        "FolderLockedError": 423,
        "EncoderMismatchError": 409,
        "DimensionMismatchError": 409,
        "InvalidDocumentError": 422,
        "DocumentNotFoundError": 404,
        "InvalidFilterError": 400,
        "InvalidRequestError": 400,
        "StorageFullError": 507,
        "StorageFailedError": 500,
        "DamagedError": 500,
        "AnalyzerError": 500,
        "LexicalIndexError": 500,
        "InvalidAnalysisError": 400,
        "UnsuitableCorpusError": 422,
        "ResultNotFoundError": 404,
        "CancelledError": 409,
        "JobNotFoundError": 404,
        "JobStateError": 409,
        "TooManyJobsError": 429,
        "JobsClosedError": 503,
        "TaskLostError": 500,
        "SourceError": 400,
    }


def test_a_kind_of_a_known_exception_is_known():
    class GoneError(CollectionNotFoundError):
        pass

    problem = find_problem(GoneError("gone"))
    assert (problem.status, problem.code, problem.message) == (404, "collection_not_found", "gone")


@pytest.mark.parametrize("error", [ValueError("x"), IndexingError("x"), OSError(5, "x")])
def test_what_is_nobodys_fault_but_ours(error: Exception):
    assert find_problem(error) is None


def test_a_full_disk_by_any_name():
    assert find_problem(OSError(28, "No space left on device")).status == 507


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "path_not_found"),
        ("POST", "/nothing", 404, "path_not_found"),
        ("GET", "/v1/collections/", 404, "path_not_found"),
        ("PUT", "/v1/collections", 405, "method_not_allowed"),
        ("PATCH", "/v1/collections/animals", 405, "method_not_allowed"),
        ("GET", "/v1/collections/animals/search", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
    ],
)
def test_paths_that_nothing_answers(steady: Client, method: str, path: str, status: int, code: str):
    answer = steady.request(method, path)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["type"], error["param"]) == (code, "invalid_request_error", None)
    assert method in error["message"]
    assert path in error["message"]
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/collections", "GET, POST"),
        ("OPTIONS", "/v1/collections/animals", "GET, DELETE"),
        ("GET", "/v1/collections/animals/search", "POST"),
        ("PUT", "/v1/collections/animals/documents/a/b", "GET, DELETE"),
        ("PUT", "/v1/collections/animals/documents/count", "GET, POST, DELETE"),
        ("POST", "/", "GET, HEAD"),
    ],
)
def test_a_refused_method_is_told_every_other(steady: Client, method: str, path: str, allowed: str):
    """A path's methods stand in several routes; the first that fits knows only its own."""
    answer = steady.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_an_error_of_ours_shows_nothing_but_its_id(
    animals: Client, caplog: pytest.LogCaptureFixture
):
    def fail():
        raise ZeroDivisionError("secret")

    animals.app.add_api_route("/fail", fail)
    answer = animals.get("/fail", headers={"x-request-id": "my-id-1"})
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "my-id-1"
    assert answer.json() == {
        "error": {
            "message": "internal error; the log tells more under request id my-id-1",
            "type": "server_error",
            "param": None,
            "code": "internal_error",
        }
    }
    assert "ZeroDivisionError: secret" in caplog.text
    assert animals.get("/v1/collections/animals").status_code == 200


def test_a_full_disk_keeps_what_was_written(animals: Client):
    documents = [{"id": str(number), "text": f"word{number}"} for number in range(2000)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        answer = animals.post("/v1/collections/animals/documents", {"documents": documents})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (
        507,
        "storage_full",
        "server_error",
    )
    assert animals.post("/v1/collections/animals/documents/count").json() == {"count": 4}
    answer = animals.post("/v1/collections/animals/documents", {"documents": documents})
    assert answer.json()["added"] == 2000


def test_a_folder_has_one_owner(client: Client, settings: Settings, starting: Start):
    other = settings.model_copy(update={"port": 8081})
    owner = re.escape("meari serve at http://127.0.0.1:8080")
    with pytest.raises(FolderLockedError, match=owner), starting(other):
        pass
    assert client.get("/readyz").status_code == 200
