"""Classifiers over HTTP."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.classifier import Classifier, Head, Layer, Rule
from embeddings.classifier_folder import FACTS, write_classifier
from embeddings.load import load_encoder
from service.client import Client as HttpClient
from service.client import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from service.client.calls import AnyCall
    from service.settings import Settings
    from tests.service.http.conftest import Client, Start

LABELS = ("card", "cash", "loan")


def write(folder: Path, rule: Rule | None = None, encoder: str = "hash:64") -> Path:
    """A classifier with a random head."""
    folder.mkdir(parents=True, exist_ok=True)
    card = load_encoder(encoder).card
    weight = np.random.default_rng(0).normal(size=(3, card.dim)).astype(np.float32) * 5
    write_classifier(
        folder,
        labels=LABELS,
        rule=rule or Rule("single"),
        role="query",
        head=Head((Layer(weight, np.zeros(3, np.float32)),)),
        encoder=card,
    )
    return folder


@pytest.fixture
def models(settings: Settings) -> Path:
    return settings.data / "models"


@pytest.fixture
def bank(settings: Settings, models: Path, started: Start) -> Iterator[Client]:
    write(models / "bank")
    with started(settings) as client:
        yield client


def test_texts_are_classified(bank: Client, models: Path) -> None:
    texts = ["where is my card", "현금을 찾고 싶어요"]
    answer = bank.post("/v1/classify/bank", {"texts": texts, "top": 2})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    wanted = Classifier.open(models / "bank").classify(texts)
    for row, result in enumerate(found["results"]):
        ranked = wanted.ranked(row, 2)
        assert [each["label"] for each in result["scores"]] == [each.label for each in ranked]
        assert [each["probability"] for each in result["scores"]] == pytest.approx(
            [each.probability for each in ranked], abs=1e-6
        )
        assert result["label"] == ranked[0].label
        assert result["given"] == result["scores"][:1]
    card = Classifier.open(models / "bank").card
    assert found["receipt"] == {
        "classifier": {"name": "bank", "fingerprint": card.fingerprint},
        "encoder": {"name": "hash:64", "fingerprint": card.encoder.fingerprint},
        "task": "single",
        "least": None,
        "tokens": int(wanted.tokens.sum()),
        "truncated": [],
    }


def test_none_of_these_and_several(bank: Client, models: Path) -> None:
    write(models / "strict", Rule("single", least=1.0))
    found = bank.post("/v1/classify/strict", {"texts": ["hello"]}).json()
    assert (found["results"][0]["label"], found["results"][0]["given"]) == (None, [])
    assert len(found["results"][0]["scores"]) == 1
    assert found["receipt"]["least"] == 1.0
    write(models / "many", Rule("multi", thresholds=(0.0, 0.0, 1.0)))
    found = bank.post("/v1/classify/many", {"texts": ["hello"]}).json()
    assert {each["label"] for each in found["results"][0]["given"]} == {"card", "cash"}
    assert found["receipt"]["task"] == "multi"


def test_a_text_that_was_cut_is_told(bank: Client, models: Path) -> None:
    write(models / "short", encoder="hash:64:4")
    texts = ["a", "one two three four five six", "b"]
    found = bank.post("/v1/classify/short", {"texts": texts}).json()
    assert found["receipt"]["truncated"] == [1]


def test_classifiers_are_listed(bank: Client, models: Path) -> None:
    broken = write(models / "broken") / FACTS
    broken.write_text("{")
    (models / "other").mkdir()
    found = bank.get("/v1/classify").json()
    assert [(each["name"], each["task"], each["labels"]) for each in found["models"]] == [
        ("bank", "single", list(LABELS))
    ]
    assert list(found["unusable"]) == ["broken"]
    assert found["unusable"]["broken"].startswith("models/broken/classifier.json is not JSON")


def test_a_folder_written_anew_is_opened_anew(bank: Client, models: Path) -> None:
    before = bank.post("/v1/classify/bank", {"texts": ["x"]}).json()["receipt"]["classifier"]
    write(models / "bank", Rule("single", temperature=3.0))
    later = (models / "bank" / FACTS).stat().st_mtime_ns + 1_000_000
    os.utime(models / "bank" / FACTS, ns=(later, later))
    after = bank.post("/v1/classify/bank", {"texts": ["x"]}).json()["receipt"]["classifier"]
    assert before["fingerprint"] != after["fingerprint"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "told"),
    [
        ("gone", {"texts": ["x"]}, 404, "model_not_found", "no classifier 'gone' in the data fol"),
        ("bank", {"texts": []}, 400, "invalid_value", "texts"),
        ("bank", {"texts": "x"}, 400, "invalid_value", "texts"),
        ("bank", {"texts": ["x"], "top": 0}, 400, "invalid_value", "1 to 1,000 are possible"),
        ("bank", {"texts": ["x"], "topp": 1}, 400, "invalid_value", "topp"),
        ("bank", {"texts": ["fine", "  "]}, 422, "invalid_text", "texts[1] is empty"),
        ("bank", {"texts": ["x" * 70_000]}, 422, "invalid_text", "texts has 70,000 bytes"),
        ("bank", {"texts": ["x"] * 3_000}, 400, "invalid_value", "at most 2,048"),
        ("bank", None, 400, "invalid_value", ""),
    ],
)
def test_refusals(bank: Client, path: str, body: object, status: int, code: str, told: str) -> None:
    answer = bank.post(f"/v1/classify/{path}", body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    assert told in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["..", "..%2Fmodels%2Fbank", "%2Fetc", ".hidden"])
def test_no_path_is_taken(bank: Client, models: Path, name: str) -> None:
    write(models / ".hidden")
    write(models.parent)  # the data folder itself now looks like a classifier
    body = json.dumps({"texts": ["x"]}).encode()
    answer = bank.send_raw("POST", f"/v1/classify/{name}", body)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in {"model_not_found", "path_not_found"}


def test_another_encoder_conflicts(bank: Client, models: Path) -> None:
    folder = write(models / "moved")
    facts = json.loads((folder / FACTS).read_bytes())
    facts["encoder"]["built_in"] = "hash:64:9"
    (folder / FACTS).write_text(json.dumps(facts))
    answer = bank.post("/v1/classify/moved", {"texts": ["x"]})
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("encoder_mismatch", "model")
    assert str(models.parent) not in error["message"]


def test_a_large_batch_of_texts_is_read(bank: Client) -> None:
    texts = ["long text " * 300] * 400  # more than a request without texts may have
    answer = bank.post("/v1/classify/bank", {"texts": texts})
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 400


def test_the_client_asks(bank: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: object, call: AnyCall) -> object:
        answer = bank.request(call.method, call.path, json=call.body)
        if answer.is_error:
            message = answer.json()["error"]["message"]
            raise ClientError(message)
        return answer.json()

    monkeypatch.setattr("service.client.connection.Connection.ask", ask)
    with HttpClient("http://localhost") as client:
        found = client.classify("bank", ["a card", "cash"], top=3)
        assert [len(each["scores"]) for each in found["results"]] == [3, 3]
        with pytest.raises(ClientError, match="no classifier 'gone' in the data folder"):
            client.classify("gone", ["x"])
