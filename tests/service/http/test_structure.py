"""What a collection is about over HTTP: found by jobs, kept, shown page by page, judged by."""

from __future__ import annotations

import csv
import io
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from service.settings import Settings
from tests.service.http.conftest import ENCODER, started
from tests.service.http.test_jobs import wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service.http.conftest import Client

WORDS = {
    "delivery": "parcel courier delivery arrives",
    "refund": "refund money return receipt",
    "배송": "배송 도착 택배 주문",
}
BOOKS = "/v1/collections/books"
DOCUMENTS = [
    *(
        {"id": f"{topic}-{n}", "text": f"{words} {words} {n}", "metadata": {"topic": topic}}
        for topic, words in WORDS.items()
        for n in range(12)
    ),
    {"id": "odd", "text": "quantum chromodynamics lattice", "metadata": {"topic": "odd"}},
    {"id": "copy", "text": "REFUND money return receipt refund money return receipt  3"},
]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A collection of three topics, a stranger and a copy, everything found."""
    chosen = Settings(data=tmp_path_factory.mktemp("data"), encoder=ENCODER, job_niceness=0)
    with started(chosen) as client:
        client.post("/v1/collections", {"name": "books"})
        client.post(f"{BOOKS}/documents", {"documents": DOCUMENTS})
        for path, body in (
            ("clusters", {"k": 3, "seed": 1}),
            ("outliers", {"contamination": 0.03, "k": 5}),
            ("duplicates", {"exact_only": True}),
            ("map", {"neighbours": 5}),
        ):
            assert ask(client, path, body)["state"] == "done", path
        yield client


def ask(client: Client, path: str, body: object) -> dict[str, Any]:
    """The job, over."""
    answer = client.post(f"{BOOKS}/{path}", body)
    assert answer.status_code == 202, answer.text
    return wait(client.get, answer.json()["id"])


def topic_of(id: str) -> str:
    return id.partition("-")[0]


def test_clusters_are_the_topics_with_names_and_examples(books: Client):
    answer = books.get(f"{BOOKS}/clusters?members=true").json()
    assert answer["made"]["request"] == {"k": 3, "seed": 1}
    assert answer["receipt"]["k"] == 3
    assert (answer["outliers"], answer["stale"], answer["cursor"]) == (0, False, None)
    found = {}
    for each in answer["clusters"]:
        counted = dict.fromkeys(WORDS, 0)
        for id in each["members"]:
            counted[topic_of(id)] = counted.get(topic_of(id), 0) + 1
        topic = max(counted, key=counted.get)
        assert counted[topic] == 12
        assert set(each["representatives"]) <= set(each["members"])
        assert each["examples"][0]["text"].startswith(WORDS[topic].split()[0])
        assert each["size"] == len(each["members"])
        found[topic] = each
    assert found.keys() == WORDS.keys()
    assert "배송" in found["배송"]["label"]
    assert [each["size"] for each in answer["clusters"]] == sorted(
        (each["size"] for each in answer["clusters"]), reverse=True
    )
    assert books.get(f"{BOOKS}/clusters").json()["clusters"][0]["members"] is None


def test_pages_of_clusters_and_of_their_documents(books: Client):
    whole = books.get(f"{BOOKS}/clusters").json()["clusters"]
    first = books.get(f"{BOOKS}/clusters?limit=2").json()
    second = books.get(f"{BOOKS}/clusters?limit=2&cursor={first['cursor']}").json()
    assert first["clusters"] + second["clusters"] == whole
    assert second["cursor"] is None
    cluster = whole[0]["id"]
    path = f"{BOOKS}/clusters/{cluster}/documents"
    pages = [books.get(f"{path}?limit=10").json()]
    while pages[-1]["cursor"] is not None:
        pages.append(books.get(f"{path}?limit=10&cursor={pages[-1]['cursor']}").json())
    documents = [each for page in pages for each in page["documents"]]
    assert len(documents) == whole[0]["size"]
    likeness = [each["similarity"] for each in documents]
    assert likeness == sorted(likeness, reverse=True)
    assert documents[0]["text"]
    assert books.get(f"{BOOKS}/clusters/-1/documents").json()["documents"] == []


def test_clusters_as_a_file(books: Client):
    lines = books.get(f"{BOOKS}/clusters/export").text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == [each["id"] for each in DOCUMENTS]
    answer = books.get(f"{BOOKS}/clusters/export?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="books-clusters.csv"'
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["id"], int(row["cluster"])) for row in table] == [
        (row["id"], row["cluster"]) for row in rows
    ]


def test_the_odd_one_comes_first_and_says_why(books: Client):
    answer = books.get(f"{BOOKS}/outliers?limit=2").json()
    odd, next_ = answer["outliers"]
    assert (odd["id"], odd["is_outlier"], next_["is_outlier"]) == ("odd", True, False)
    assert odd["score"] >= answer["threshold"] > next_["score"]
    assert odd["text"] == "quantum chromodynamics lattice"
    assert "its nearest document is" in odd["reason"]
    assert next_["reason"] == ""
    assert (answer["count"], answer["documents"]) == (1, 38)
    assert len(odd["neighbours"]) == 5
    rest = books.get(f"{BOOKS}/outliers?cursor={answer['cursor']}").json()["outliers"]
    assert len(rest) == 36


def test_new_texts_are_scored_at_once(books: Client):
    texts = ["parcel courier delivery arrives parcel courier delivery arrives 3", "zebra xylophone"]
    answer = books.post(f"{BOOKS}/outliers/score", {"texts": texts}).json()
    known, strange = answer["scores"]
    assert topic_of(known["neighbours"][0]["id"]) == "delivery"
    assert known["score"] < strange["score"]
    for each in answer["scores"]:
        assert each["is_outlier"] == (each["score"] >= answer["threshold"])
    assert answer["threshold"] == books.get(f"{BOOKS}/outliers").json()["threshold"]


def test_a_question_unlike_the_collection_is_told(books: Client):
    def judged(**body: object) -> dict[str, Any]:
        answer = books.post(f"{BOOKS}/search", {"limit": 1, "judge_question": True, **body}).json()
        return answer["receipt"]

    known = judged(query="parcel courier delivery arrives")["question"]
    strange = judged(query="zebra xylophone")["question"]
    assert known["score"] < strange["score"]
    assert topic_of(known["nearest"]) == "delivery"
    assert "question" not in judged(query="refund", judge_question=False)
    alike = judged(document_id="odd")
    assert "question" not in alike
    assert any(each.startswith("the question is not judged") for each in alike["warnings"])


def test_what_is_said_twice(books: Client):
    answer = books.get(f"{BOOKS}/duplicates").json()
    [group] = answer["groups"]
    assert (group["kind"], group["size"]) == ("exact", 2)
    assert {group["representative"], group["members"][0]["id"]} == {"copy", "refund-3"}
    assert (answer["count"], answer["redundant"], answer["threshold"]) == (1, 1, None)


def test_the_map_in_a_tile_coloured_by_what_was_found(books: Client):
    answer = books.get(f"{BOOKS}/map").json()
    assert answer["points"] == 38
    assert answer["coloured_by"] == ["clusters", "outliers"]
    assert {each["cluster"] for each in answer["labels"]} == {
        each["id"] for each in books.get(f"{BOOKS}/clusters").json()["clusters"]
    }
    [tile] = answer["tiles"]
    assert tile == {"level": 0, "column": 0, "row": 0, "points": 38, "below": 0}
    content = books.get(f"{BOOKS}/map/tiles/0/0/0").content
    assert struct.unpack("<4sIII", content[:16]) == (b"MTIL", 1, 38, 3)
    columns = [
        np.frombuffer(content[16 + 4 * 38 * n : 16 + 4 * 38 * (n + 1)], dtype)
        for n, dtype in enumerate(("<f4", "<f4", "<u4", "<i4", "<f4"))
    ]
    assert sorted(columns[2].tolist()) == list(range(38))
    points = books.get(f"{BOOKS}/map/points?limit=20").json()
    rest = books.get(f"{BOOKS}/map/points?cursor={points['cursor']}").json()
    told = points["points"] + rest["points"]
    by_position = dict(zip(columns[2].tolist(), zip(*columns, strict=True), strict=True))
    for point in told:
        x, y, _, cluster, score = by_position[point["position"]]
        assert (point["x"], point["y"], point["cluster"]) == (x, y, cluster)
        assert point["score"] == pytest.approx(float(score), abs=1e-6)
    documents = books.post(f"{BOOKS}/map/documents", {"positions": [36, 0]}).json()["documents"]
    assert [each["id"] for each in documents] == ["odd", "delivery-0"]
    assert documents[0]["metadata"] == {"topic": "odd"}
    assert books.get(f"{BOOKS}/map/tiles/3/0/0").content == struct.pack("<4sIII", b"MTIL", 1, 0, 3)


def test_documents_that_come_later_are_assigned_and_outliers_reassigned(books: Client):
    before = {each["id"]: each for each in books.get(f"{BOOKS}/clusters").json()["clusters"]}
    document = {"id": "배송-new", "text": "배송 도착 택배 주문 배송 도착 택배 주문 새"}
    books.post(f"{BOOKS}/documents", {"documents": [document]})
    answer = books.get(f"{BOOKS}/clusters?members=true").json()
    assert answer["stale"] is True
    [grown] = [each for each in answer["clusters"] if each["new"]]
    assert "배송-new" in grown["members"]
    assert (grown["new"], grown["size"]) == (1, before[grown["id"]]["size"] + 1)
    again = books.post(f"{BOOKS}/clusters/reassign", {}).json()
    assert (again["stale"], again["receipt"]["reassigned"]) == (False, 1)
    assert {each["id"] for each in again["clusters"]} == before.keys()
    books.delete(f"{BOOKS}/documents/배송-new")
    assert "배송-new" not in books.get(f"{BOOKS}/clusters/export").text


def test_matches_tell_their_clusters(books: Client):
    labels = {
        id: each["id"]
        for each in books.get(f"{BOOKS}/clusters?members=true").json()["clusters"]
        for id in each["members"]
    }
    later = {"id": "배송-later", "text": "배송 도착 택배 주문 배송 도착 택배 주문 나중"}
    books.post(f"{BOOKS}/documents", {"documents": [later]})
    body = {"query": "배송 도착 택배", "limit": 20, "with_clusters": True}
    answer = books.post(f"{BOOKS}/search", body).json()
    told = {match["id"]: match["cluster"]["id"] for match in answer["matches"]}
    assert told.pop("배송-later") == labels["배송-0"]
    assert told == {id: labels[id] for id in told}
    assert "배송" in answer["matches"][0]["cluster"]["label"]
    batch = {"searches": [body, {"query": "refund"}]}
    first, second = books.post(f"{BOOKS}/search/batch", batch).json()["results"]
    assert first["matches"] == answer["matches"]
    assert "cluster" not in second["matches"][0]
    like = books.post(f"{BOOKS}/recommend", {"positive": ["odd"], "with_clusters": True}).json()
    found = {match["id"]: match["cluster"]["id"] for match in like["matches"]}
    found.pop("배송-later", None)
    assert found == {id: labels[id] for id in found}
    books.delete(f"{BOOKS}/documents/배송-later")
    books.post("/v1/collections", {"name": "unknown"})
    document = {"id": "a", "text": "a cat"}
    books.post("/v1/collections/unknown/documents", {"documents": [document]})
    body = {"query": "cat", "with_clusters": True}
    answer = books.post("/v1/collections/unknown/search", body).json()
    assert "cluster" not in answer["matches"][0]
    [warning] = [each for each in answer["receipt"]["warnings"] if "clusters" in each]
    assert warning.startswith("matches have no clusters: no clusters are kept in 'unknown'")


def test_clusters_found_again_keep_their_ids(books: Client):
    before = books.get(f"{BOOKS}/clusters").json()["clusters"]
    job = ask(books, "clusters", {"k": 3, "seed": 5})
    assert (job["state"], job["result"]["matched"]) == ("done", 3)
    after = books.get(f"{BOOKS}/clusters").json()
    assert {each["id"] for each in after["clusters"]} == {each["id"] for each in before}


def test_a_filter_keeps_to_its_documents(books: Client):
    filter = {"must": [{"key": "topic", "match": {"value": "refund"}}]}
    assert ask(books, "outliers", {"filter": filter})["state"] == "done"
    answer = books.get(f"{BOOKS}/outliers").json()
    assert answer["documents"] == 12
    assert {topic_of(each["id"]) for each in answer["outliers"]} == {"refund"}


@pytest.mark.parametrize(
    ("path", "body", "code", "param", "message"),
    [
        ("clusters", {"k": 39}, "invalid_value", "k", "k is 39 and there are 38 documents"),
        ("outliers", {"k": 38}, "invalid_value", "k", "38"),
    ],
)
def test_what_these_documents_cannot_give(
    books: Client, path: str, body: object, code: str, param: str, message: str
):
    job = ask(books, path, body)
    assert (job["state"], job["error"]["code"], job["error"]["param"]) == ("failed", code, param)
    assert message in job["error"]["message"]


def test_documents_that_are_all_alike_or_alone(books: Client):
    books.post("/v1/collections", {"name": "same"})
    documents = [{"id": str(n), "text": "the same"} for n in range(5)]
    books.post("/v1/collections/same/documents", {"documents": documents})
    for kind in ("clusters", "outliers", "map"):
        job = books.post(f"/v1/collections/same/{kind}", {}).json()
        ended = wait(books.get, job["id"])
        assert (ended["state"], ended["error"]["code"]) == ("failed", "unsuitable_documents"), kind
    one = {"must": [{"has_id": ["0"]}]}
    job = books.post("/v1/collections/same/clusters", {"filter": one}).json()
    assert wait(books.get, job["id"])["error"]["code"] == "unsuitable_documents"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "param"),
    [
        ("POST", "clusters", {"k": 1}, 400, "invalid_value", "k"),
        ("POST", "clusters", {"k": 3, "method": "hdbscan"}, 400, "invalid_value", "k"),
        ("POST", "clusters", {"method": "magic"}, 400, "invalid_value", "method"),
        ("POST", "outliers", {"contamination": 0}, 400, "invalid_value", "contamination"),
        ("POST", "outliers", {"contamination": 0.9}, 400, "invalid_value", "contamination"),
        ("POST", "duplicates", {"threshold": 2}, 400, "invalid_value", "threshold"),
        ("GET", "clusters?cursor=x", None, 400, "invalid_value", "cursor"),
        ("GET", "clusters?limit=0", None, 400, "invalid_value", "limit"),
        ("GET", "clusters/99/documents", None, 400, "invalid_value", "cluster"),
        ("GET", "clusters/export?format=doc", None, 400, "invalid_value", "format"),
        ("GET", "map/tiles/17/0/0", None, 400, "invalid_value", "level"),
        ("POST", "map/documents", {"positions": [38]}, 400, "invalid_value", "positions[0]"),
        ("POST", "outliers/score", {"texts": [" "]}, 422, "invalid_text", "texts"),
        ("POST", "outliers/score", {"texts": []}, 400, "invalid_value", "texts"),
    ],
)
def test_what_is_refused_at_once(
    books: Client, method: str, path: str, body: object, status: int, code: str, param: str
):
    answer = books.request(method, f"{BOOKS}/{path}", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param), error


def test_nothing_was_found_yet(books: Client):
    books.post("/v1/collections", {"name": "empty"})
    for path in ("clusters", "outliers", "duplicates", "map", "clusters/export", "map/points"):
        answer = books.get(f"/v1/collections/empty/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "result_not_found")
    answer = books.post("/v1/collections/empty/outliers/score", {"texts": ["a"]})
    assert answer.json()["error"]["code"] == "result_not_found"


def test_what_changed_between_two_parts(books: Client):
    def side(*topics: str) -> dict[str, Any]:
        return {"filter": {"must": [{"key": "topic", "match": {"any": list(topics)}}]}}

    body = {"before": side("delivery", "refund"), "after": side("배송", "refund"), "sample": 50}
    assert ask(books, "drift", body)["state"] == "done"
    answer = books.get(f"{BOOKS}/drift").json()
    assert (answer["changed"], answer["receipt"]["shared"]) == (True, 12)
    assert answer["p_value"] <= 0.05
    assert {topic_of(each["id"]) for each in answer["new"]} == {"배송"}
    assert all(each["text"].startswith("배송") for each in answer["new"])
    assert answer["made"]["request"] == body


def test_questions_are_held_against_documents(books: Client):
    texts = [*(f"parcel courier {n}" for n in range(8)), *(f"galaxy cluster {n}" for n in range(4))]
    body = {"questions": {"texts": texts, "least": 0.3}, "examples": 4}
    job = ask(books, "drift", body)
    assert job["state"] == "done", job
    found = books.get(f"{BOOKS}/drift").json()
    assert found["receipt"]["after"] == 12
    assert any("usual questions" in each for each in found["receipt"]["warnings"])
    poor = found["questions"]["poor"]
    assert {each["question"] for each in poor} == set(texts[8:])
    assert found["questions"]["share"] == pytest.approx(4 / 12)
    assert all(each["score"] < 0.3 for each in poor)


def test_what_another_collection_repeats(books: Client):
    books.post("/v1/collections", {"name": "exam"})
    documents = [{"id": "q1", "text": DOCUMENTS[0]["text"]}, {"id": "q2", "text": "zebra"}]
    books.post("/v1/collections/exam/documents", {"documents": documents})
    assert ask(books, "duplicates/leakage", {"other": "exam", "exact_only": True})["kind"] == (
        "leakage"
    )
    answer = books.get(f"{BOOKS}/duplicates/leakage").json()
    assert [(each["id"], each["other"]) for each in answer["pairs"]] == [("delivery-0", "q1")]
    assert (answer["other"], answer["count"], answer["share"]) == ("exam", 1, 0.5)
    assert books.get(f"{BOOKS}/duplicates").json()["count"] == 1, "kept apart"


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param"),
    [
        ("drift", {}, 400, "invalid_value", "before"),
        (
            "drift",
            {"before": {"collection": "exam"}, "questions": {"texts": ["why"] * 10}},
            *(400, "invalid_value", "before.collection"),
        ),
        ("drift", {"questions": {"texts": ["a"]}}, 400, "invalid_value", "questions.texts"),
        (
            "drift",
            {"questions": {"texts": [*"abcdefghi", " "]}},
            400,
            "invalid_value",
            "questions.texts[9]",
        ),
        (
            "drift",
            {"questions": {"texts": [*"abcdefghij"]}, "after": {"collection": "books"}},
            400,
            "invalid_value",
            "after",
        ),
        ("drift", {"before": {"collection": "nobody"}}, 404, "collection_not_found", "collection"),
        ("drift", {"before": {"filter": {"m": []}}}, 400, "invalid_filter", None),
        (
            "drift",
            {"before": {"filter": {}}, "level": 2},
            400,
            "invalid_value",
            "level",
        ),
        ("duplicates/leakage", {"other": "nobody"}, 404, "collection_not_found", "collection"),
        ("duplicates/leakage", {}, 400, "invalid_value", "other"),
    ],
)
def test_comparisons_that_are_refused(
    books: Client, path: str, body: object, status: int, code: str, param: str | None
):
    answer = books.post(f"{BOOKS}/{path}", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert param in {None, error["param"]}
