from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import Any

    import httpx

    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

DOCUMENTS = "/v1/collections/animals/documents"


def ids(answer: httpx.Response):
    return [document["id"] for document in answer.json()["documents"]]


def test_upsert_tells_what_it_did(animals: Client):
    receipt = animals.post(
        DOCUMENTS,
        {
            "documents": [
                {"id": "cat", "text": "a cat sleeps on the sofa", "metadata": {"lang": "en"}},
                {"id": "dog", "text": "the dog is quiet now", "metadata": {"lang": "en"}},
                {
                    "id": "bird",
                    "text": "a bird sings in the tree",
                    "metadata": {"lang": "en", "legs": 2},
                },
                {"id": "fish", "text": " ".join(["bubble"] * 300)},
            ]
        },
    ).json()
    assert set(receipt.pop("milliseconds")) == {"encode", "write", "total"}
    assert receipt == {
        "added": 1,
        "changed": 1,
        "relabelled": 1,
        "unchanged": 1,
        "tokens": 305,
        "truncated": ["fish"],
        "unknown": 0,
    }
    assert animals.get(f"{DOCUMENTS}/dog").json()["text"] == "the dog is quiet now"
    assert animals.get(f"{DOCUMENTS}/cat").json()["metadata"] == {"lang": "en"}


def test_a_document_comes_back_as_it_went_in(animals: Client):
    sent = {
        "id": "https://example.org/a b?c=%41#2",
        "title": "제목 🐈",
        "text": "한글 text\nwith \u0000 and \u2028",
        "metadata": {"nested": {"list": [1, 2.5, None, True, "x"]}, "큰": 2**53},
        "parent": {"id": "https://example.org/a", "chunk": 2, "start": 10, "end": 30},
    }
    assert animals.post(DOCUMENTS, {"documents": [sent]}).json()["added"] == 1
    path = f"{DOCUMENTS}/https%3A%2F%2Fexample.org%2Fa%20b%3Fc=%2541%232"
    got = animals.get(path)
    assert got.status_code == 200
    assert got.json() == sent | {"tokens": 7, "truncated": False, "unknown": 0}
    assert animals.delete(path).json() == {"deleted": 1}
    assert animals.get(path).status_code == 404


def test_pages(steady: Client):
    first = steady.get(DOCUMENTS, params={"limit": 3})
    assert ids(first) == ["cat", "dog", "bird"]
    second = steady.get(DOCUMENTS, params={"limit": 3, "cursor": first.json()["cursor"]})
    assert ids(second) == ["고양이"]
    assert second.json()["cursor"] is None
    filter = json.dumps({"must": [{"key": "legs", "match": {"value": 2}}]})
    assert ids(steady.get(DOCUMENTS, params={"filter": filter})) == ["bird"]


@pytest.mark.parametrize(
    ("parameters", "param", "code"),
    [
        ({"limit": "0"}, "limit", "invalid_value"),
        ({"limit": "1001"}, "limit", "invalid_value"),
        ({"limit": "ten"}, "limit", "invalid_value"),
        ({"cursor": "x"}, "cursor", "invalid_value"),
        ({"filter": "{"}, "filter", "invalid_value"),
        ({"filter": '{"must":[{"key":"a","match":{"value":NaN}}]}'}, "filter", "invalid_value"),
        (
            {"filter": '{"must":[{"key":"a","matches":1}]}'},
            "filter.must[0].matches",
            "invalid_filter",
        ),
        ({"filter": "[]"}, "filter", "invalid_filter"),
        ({"fliter": "{}"}, "fliter", "invalid_value"),
    ],
)
def test_impossible_pages(steady: Client, parameters: dict[str, str], param: str | None, code: str):
    answer = steady.get(DOCUMENTS, params=parameters)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code), error


def test_limits_of_a_page_are_named(steady: Client):
    message = steady.get(DOCUMENTS, params={"limit": 0}).json()["error"]["message"]
    assert message == "limit is '0'; 1 to 1,000 are possible"


def test_count_and_delete(animals: Client):
    count = f"{DOCUMENTS}/count"
    english = {"must": [{"key": "lang", "match": {"value": "en"}}]}
    assert animals.post(count).json() == {"count": 4}
    assert animals.post(count, {}).json() == {"count": 4}
    assert animals.post(count, {"filter": english}).json() == {"count": 3}

    delete = f"{DOCUMENTS}/delete"
    assert animals.post(delete, {"ids": ["cat", "unknown", "cat"]}).json() == {"deleted": 1}
    assert animals.post(delete, {"ids": []}).json() == {"deleted": 0}
    assert animals.post(delete, {"filter": english}).json() == {"deleted": 2}
    assert ids(animals.get(DOCUMENTS)) == ["고양이"]
    assert animals.delete(f"{DOCUMENTS}/고양이").json() == {"deleted": 1}
    assert animals.post(count).json() == {"count": 0}


def test_a_parent_goes_with_its_chunks(animals: Client):
    animals.post(DOCUMENTS, {"documents": book(3)})
    assert animals.delete(f"{DOCUMENTS}/book").json() == {"deleted": 3}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({}, "ids", "exactly one of ids and filter is needed, neither given"),
        ({"ids": ["a"], "filter": {"must": []}}, "ids", "both given"),
        ({"filter": {}}, "filter", "would delete every document"),
        ({"filter": {"must": [], "must_not": []}}, "filter", "would delete every document"),
        ({"ids": "cat"}, "ids", "ids is 'cat'; it must be a valid list"),
        ({"ids": [1]}, "ids[0]", "ids[0] is 1; it must be a valid string"),
        ({"ids": ["x"] * 10_001}, "ids", "ids has 10,001 items; at most 10,000"),
    ],
)
def test_impossible_deletions(steady: Client, body: object, param: str | None, words: str):
    answer = steady.post(f"{DOCUMENTS}/delete", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param)
    assert words in error["message"]
    assert steady.post(f"{DOCUMENTS}/count").json() == {"count": 4}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_document_that_is_not_there(steady: Client, method: str):
    answer = steady.request(method, f"{DOCUMENTS}/cow")
    assert answer.status_code == 404
    assert answer.json()["error"] == {
        "message": "no document 'cow' in collection 'animals'",
        "type": "invalid_request_error",
        "param": "document_id",
        "code": "document_not_found",
    }


GOOD = {"id": "good", "text": "good"}


@pytest.mark.parametrize(
    ("documents", "status", "param", "words"),
    [
        ([GOOD, {"id": "b", "text": ""}], 422, "documents[1]", "'b' has empty text"),
        ([GOOD, {"id": "b", "text": " \n"}], 422, "documents[1]", "'b' has empty text"),
        ([GOOD, {"id": "", "text": "x"}], 422, "documents", "empty id"),
        ([GOOD, GOOD], 422, "documents[0]", "'good' stands twice"),
        ([GOOD, {"id": "b", "text": "x" * 1_000_001}], 422, "documents[1]", "1,000,001 bytes"),
        ([GOOD, {"id": "b" * 513, "text": "x"}], 422, "documents[1]", "513 bytes"),
        (
            [GOOD, {"id": "b", "text": "x", "metadata": {"k": "v" * 64_000}}],
            422,
            "documents[1]",
            "64,0",
        ),
        ([GOOD, {"id": "b"}], 400, "documents[1].text", "text is missing; a document has"),
        ([GOOD, {"id": 2, "text": "x"}], 400, "documents[1].id", "is 2; it must be a valid string"),
        ([GOOD, {"id": "b", "text": None}], 400, "documents[1].text", "is null; it must be"),
        ([GOOD, {"id": "b", "text": "x", "body": 1}], 400, "documents[1].body", "not a field here"),
        ([GOOD, {"id": "b", "text": "x", "metadata": [1]}], 400, "documents[1].metadata", "object"),
        ([GOOD, "x"], 400, "documents[1]", "documents[1] is 'x'; it must be a JSON object"),
        ([], 400, "documents", "documents is a list of 0 items"),
        ({}, 400, "documents", "documents is an object of 0 fields"),
    ],
)
def test_nothing_of_a_refused_request_is_kept(
    steady: Client, documents: object, status: int, param: str | None, words: str
):
    answer = steady.post(DOCUMENTS, {"documents": documents})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param), error
    assert words in error["message"]
    assert ids(steady.get(DOCUMENTS)) == ["cat", "dog", "bird", "고양이"]


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ('{"id":"b","text":"half \\ud83d pair"}', "documents[0].text"),
        ('{"id":"b\\udc00","text":"x"}', "documents[0].id"),
        ('{"id":"b","text":"x","title":"\\uD83D"}', "documents[0].title"),
        ('{"id":"b","text":"x","metadata":{"k":["\\ud83d"]}}', "documents[0].metadata.k[0]"),
        ('{"id":"b","text":"x","metadata":{"\\ud83d":1}}', "documents[0].metadata"),
    ],
)
def test_half_a_surrogate_pair(steady: Client, document: dict[str, Any], param: str | None):
    answer = steady.post(
        DOCUMENTS,
        content=f'{{"documents":[{document}]}}',
        headers={"content-type": "application/json"},
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (422, "invalid_text", param)
    assert error["message"] == f"{param} holds half a surrogate pair; it is not valid Unicode"


def test_a_whole_surrogate_pair_is_a_character(animals: Client):
    answer = animals.post(
        DOCUMENTS,
        content='{"documents":[{"id":"cat","text":"\\ud83d\\ude3a"}]}',
        headers={"content-type": "application/json"},
    )
    assert answer.json()["changed"] == 1
    assert animals.get(f"{DOCUMENTS}/cat").json()["text"] == "😺"


def test_too_many_documents(settings: Settings, started: Start):
    small = settings.model_copy(update={"max_documents": 2})
    with started(small) as client:
        client.post("/v1/collections", {"name": "a"})
        documents = [{"id": str(number), "text": "x"} for number in range(3)]
        answer = client.post("/v1/collections/a/documents", {"documents": documents})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == (
            "documents has 3 items; at most 2 are taken in one request: send several"
        )
        answer = client.post("/v1/collections/a/documents", {"documents": documents[:2]})
        assert answer.json()["added"] == 2


def test_states_tell_what_an_upsert_would_do(animals: Client):
    documents = [
        {"id": "cat", "text": "a cat sleeps on the sofa", "metadata": {"lang": "en", "legs": 4}},
        {"id": "dog", "text": "the dog is quiet now", "metadata": {"lang": "en", "legs": 4}},
        {"id": "bird", "text": "a bird sings in the tree", "metadata": {"lang": "fr"}},
        {"id": "fish", "text": "bubble"},
    ]
    answer = animals.post(f"{DOCUMENTS}/states", {"documents": documents})
    assert answer.json() == {"states": ["unchanged", "changed", "relabelled", "new"]}
    assert animals.get(f"{DOCUMENTS}/dog").json()["text"] == "a dog barks in the yard"
    receipt = animals.post(DOCUMENTS, {"documents": documents}).json()
    for state, count in {"added": 1, "changed": 1, "relabelled": 1, "unchanged": 1}.items():
        assert receipt[state] == count, "as foretold"
    after = animals.post(f"{DOCUMENTS}/states", {"documents": documents}).json()
    assert after == {"states": ["unchanged"] * 4}


@pytest.mark.parametrize(
    "documents",
    [
        [GOOD, {"id": "b", "text": " "}],
        [GOOD, GOOD],
        [GOOD, {"id": "b", "text": "x" * 1_000_001}],
        [GOOD, {"id": "b", "text": "x", "metadata": [1]}],
        [],
    ],
)
def test_states_refuse_what_an_upsert_refuses(steady: Client, documents: object):
    asked = steady.post(f"{DOCUMENTS}/states", {"documents": documents})
    written = steady.post(DOCUMENTS, {"documents": documents})
    assert asked.status_code == written.status_code >= 400
    assert asked.json() == written.json()


def book(chunks: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"book#{number}",
            "text": f"chapter {number}",
            "parent": {"id": "book", "chunk": number, "start": 0, "end": 9},
        }
        for number in range(chunks)
    ]


def test_trim_deletes_what_longer_versions_left(animals: Client):
    animals.post(DOCUMENTS, {"documents": book(5)})
    trim = f"{DOCUMENTS}/trim"
    assert animals.post(trim, {"chunks": {"book": 5, "unknown": 0}}).json() == {"deleted": 0}
    assert animals.post(trim, {"chunks": {"book": 3, "cat": 0}}).json() == {"deleted": 2}
    assert ids(animals.get(DOCUMENTS)) == [
        *("cat", "dog", "bird", "고양이"),
        *("book#0", "book#1", "book#2"),
    ]
    assert animals.post(trim, {"chunks": {"cat": 1}}).json() == {"deleted": 1}, "it has chunks now"
    assert animals.post(trim, {"chunks": {"book": 0}}).json() == {"deleted": 3}
    assert animals.post(trim, {"chunks": {}}).json() == {"deleted": 0}
    assert ids(animals.get(DOCUMENTS)) == ["dog", "bird", "고양이"]


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({}, "chunks", "chunks is missing"),
        ({"chunks": [["a", 1]]}, "chunks", "it must be a JSON object"),
        ({"chunks": {"a": -1}}, "chunks.a", "chunks.a is -1; 0 to 2,147,483,647 are possible"),
        ({"chunks": {"a": 2**31}}, "chunks.a", "0 to 2,147,483,647"),
        ({"chunks": {"a": "1"}}, "chunks.a", "'1'; it must be a valid integer"),
        ({"chunks": {"a": 1.5}}, "chunks.a", "1.5"),
        ({"chunks": {"cat\0": 1}}, "chunks", "U+0000"),
        ({"chunks": dict.fromkeys(map(str, range(10_001)), 0)}, "chunks", "10,001 items"),
    ],
)
def test_impossible_trims(steady: Client, body: object, param: str | None, words: str):
    answer = steady.post(f"{DOCUMENTS}/trim", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param), error
    assert words in error["message"]
    assert steady.post(f"{DOCUMENTS}/count").json() == {"count": 4}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_that_goes_on_behind_u0000_is_not_its_beginning(steady: Client, method: str):
    answer = steady.request(method, f"{DOCUMENTS}/cat%00")
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "document_id")
    assert error["message"] == (
        "document_id is 'cat\\x00'; it holds U+0000; no document can have such an id"
    )
    refused = steady.post(f"{DOCUMENTS}/delete", {"ids": ["dog", "cat\0"]})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "ids[1]")
    assert steady.post(f"{DOCUMENTS}/count").json() == {"count": 4}
