"""Word vectors over HTTP."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.words.folder import WordFacts, WordTable, write_table
from embeddings.words.vocabulary import Vocabulary
from service.client import Client as HttpClient
from service.client import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.client.calls import AnyCall
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

NAMES = ["man", "woman", "king", "queen", "왕"]


def write(folder: Path, names: list[str] = NAMES) -> None:
    vectors = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0, 1.1]], np.float32)
    facts = WordFacts(method="cbow", dim=3, analyzer="kiwi", languages=("en",))
    write_table(WordTable.of(facts, Vocabulary(names), vectors), folder)


@pytest.fixture
def words(settings: Settings, started: Start) -> Iterator[Client]:
    write(settings.data / "models" / "royal")
    with started(settings) as client:
        yield client


def test_the_models_are_listed(words: Client, settings: Settings) -> None:
    (settings.data / "models" / "broken").mkdir()
    (settings.data / "models" / "broken" / "words.json").write_text("{")
    (settings.data / "models" / "other").mkdir()
    answer = words.get("/v1/words").json()
    assert answer["models"] == [
        {"name": "royal", "method": "cbow", "words": 5, "dim": 3, "languages": ["en"]}
    ]
    assert list(answer["unusable"]) == ["broken"]
    assert answer["unusable"]["broken"].startswith("models/broken/words.json is not JSON")


def test_neighbours(words: Client) -> None:
    answer = words.get("/v1/words/royal/neighbours", params={"word": "King", "limit": 2}).json()
    assert [each["word"] for each in answer.pop("neighbours")] == ["왕", "man"]
    assert answer == {
        "model": "royal",
        "word": "King",
        "known": True,
        "through": "word",
        "read_as": ["king"],
    }
    parts = words.get("/v1/words/royal/neighbours", params={"word": "king man"}).json()
    assert (parts["known"], parts["through"], parts["read_as"]) == (
        False,
        "parts",
        ["king", "man"],
    )


@pytest.mark.parametrize("rule", ["3cosadd", "3cosmul"])
def test_analogy(words: Client, rule: str) -> None:
    body = {"a": "man", "b": "woman", "c": "king", "limit": 1, "rule": rule}
    answer = words.post("/v1/words/royal/analogy", body).json()
    assert (answer["model"], answer["rule"]) == ("royal", rule)
    assert [each["word"] for each in answer["words"]] == ["man", "woman", "king"]
    assert [each["word"] for each in answer["answers"]] == ["queen"]


def test_similarity(words: Client) -> None:
    answer = words.get("/v1/words/royal/similarity", params={"a": "man", "b": "king"}).json()
    assert answer["score"] == pytest.approx(2**-0.5)
    assert [each["known"] for each in answer["words"]] == [True, True]


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code", "param"),
    [
        ("GET", "royal/neighbours?word=quene", None, 404, "word_not_found", "word"),
        ("GET", "royal/similarity?a=man&b=quene", None, 404, "word_not_found", "b"),
        (
            *("POST", "royal/analogy", {"a": "man", "b": "quene", "c": "man"}),
            *(404, "word_not_found", "b"),
        ),
        ("GET", "none/neighbours?word=man", None, 404, "model_not_found", "model"),
        ("GET", "royal/neighbours", None, 400, "invalid_value", "word"),
        ("GET", "royal/neighbours?word=", None, 400, "invalid_value", "word"),
        ("GET", "royal/neighbours?word=man&limit=0", None, 400, "invalid_value", "limit"),
        ("GET", "royal/neighbours?word=man&k=3", None, 400, "invalid_value", "k"),
        ("GET", f"royal/neighbours?word={'a' * 201}", None, 400, "invalid_value", "word"),
        ("GET", "royal/neighbours?word=%20", None, 422, "invalid_text", "word"),
        ("POST", "royal/analogy", {"a": "man", "b": "man"}, 400, "invalid_value", "c"),
        (
            *("POST", "royal/analogy", {"a": "man", "b": "man", "c": "man", "rule": "x"}),
            *(400, "invalid_value", "rule"),
        ),
    ],
)
def test_refusals(
    words: Client,
    method: str,
    path: str,
    given: dict[str, str] | None,
    status: int,
    code: str,
    param: str,
) -> None:
    answer = words.request(method, f"/v1/words/{path}", json=given)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param), error
    if code == "word_not_found":
        assert "spelled like it: queen" in error["message"]


@pytest.mark.parametrize(
    "name", ["..", "%2e%2e", "..%2froyal", "%2fetc", "royal%2f..%2froyal", ".hidden", "royal%00"]
)
def test_a_path_is_no_name(words: Client, settings: Settings, name: str) -> None:
    write(settings.data / "models" / ".hidden")
    write(settings.data.parent / "outside")
    answer = words.send_raw("GET", f"/v1/words/{name}/neighbours")
    assert answer.status_code in {400, 404}
    assert str(settings.data.parent) not in answer.text


def test_a_model_written_anew_is_opened_anew(words: Client, settings: Settings) -> None:
    folder = settings.data / "models" / "royal"
    before = words.get("/v1/words/royal/similarity", params={"a": "man", "b": "woman"})
    assert before.json()["score"] == 0
    write(folder, ["man", "a", "woman", "b", "c"])
    os.utime(folder / "words.json", ns=(1, 1))
    after = words.get("/v1/words/royal/similarity", params={"a": "man", "b": "woman"})
    assert after.json()["score"] == pytest.approx(2**-0.5)
    shutil.rmtree(folder)
    assert words.get("/v1/words/royal/neighbours", params={"word": "man"}).status_code == 404


def test_a_damaged_model_is_told_without_where_it_lies(words: Client, settings: Settings) -> None:
    path = settings.data / "models" / "royal" / "vocabulary.tsv"
    path.write_text("man\t1\n")
    answer = words.get("/v1/words/royal/neighbours", params={"word": "man"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("models/royal/vocabulary.tsv is damaged")


def test_the_client_asks_them(words: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def ask(_: object, call: AnyCall) -> object:
        asked.append((call.method, call.path))
        answer = words.request(call.method, call.path, json=call.body)
        if answer.status_code != 200:
            raise ClientError(answer.json()["error"]["message"])
        return answer.json()

    monkeypatch.setattr("service.client.connection.Connection.ask", ask)
    with HttpClient("http://localhost") as client:
        assert client.neighbours("royal", "왕", limit=1)["neighbours"][0]["word"] == "king"
        assert client.analogy("royal", "man", "woman", "king")["answers"][0]["word"] == "queen"
        assert client.word_similarity("royal", "man", "man")["score"] == pytest.approx(1)
        with pytest.raises(ClientError, match=r"no word vectors 'none' .* there: royal"):
            client.neighbours("none", "man")
    assert asked[0] == ("GET", "/v1/words/royal/neighbours?word=%EC%99%95&limit=1")
