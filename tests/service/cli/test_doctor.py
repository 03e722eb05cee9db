"""What `meari doctor` finds, and what it says to do."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from service.cli.errors import FAILED

if TYPE_CHECKING:
    from tests.service.cli.conftest import Meari

CHECKS = ["python", "packages", "model", "model", "encoder", "cache", "threads", "memory", "disk"]


@pytest.fixture(autouse=True)
def free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEARI_PORT", "0")


def found(meari: Meari, check: str, status: int = 0) -> dict[str, Any]:
    """The last finding of that name."""
    ran = meari("doctor", "--json")
    assert ran.status == status, ran.out
    assert ran.json["ok"] == (status == 0)
    return [each for each in ran.json["findings"] if each["check"] == check][-1]


def test_a_sound_installation(indexed: Meari) -> None:
    findings = indexed.done("doctor", "--json").json["findings"]
    names = [each["check"] for each in findings]
    assert names == [*CHECKS, "port", "data", "lock", "collections", "keys"]
    assert "wrong" not in {each["state"] for each in findings}
    assert findings[-2]["found"].startswith("1 can be opened")
    assert all(each["remedy"] for each in findings if each["state"] != "fine")
    told = indexed.done("doctor")
    assert "meari-ko-en is whole" in told.out


def test_nothing_is_made(meari: Meari) -> None:
    assert found(meari, "data")["found"].endswith("the first command that writes makes it")
    assert not meari.folder.exists()


def test_a_damaged_collection_is_wrong(indexed: Meari) -> None:
    (indexed.folder / "faq" / "card.json").write_text('{"format": 99}')
    finding = found(indexed, "collection", FAILED)
    assert finding["state"] == "wrong"
    assert finding["found"].startswith("faq: ")
    assert "restore it from a backup" in finding["remedy"]
    assert indexed("doctor").status == FAILED


def test_a_taken_port_is_doubtful(meari: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("MEARI_PORT", str(taken.getsockname()[1]))
        assert found(meari, "port")["state"] == "doubtful"


def test_keys_are_looked_at(meari: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEARI_HOST", "0.0.0.0")  # noqa: S104 - it is not served
    assert "is not served" in found(meari, "keys", FAILED)["found"]
    monkeypatch.setenv("MEARI_OPEN", "true")
    assert found(meari, "keys")["state"] == "doubtful"
    meari.done("keys", "create", "ops", "--scope", "admin", "--expires", "3")
    assert found(meari, "keys")["found"] == "expire within a week: ops"
    meari.done("keys", "revoke", "ops")
    assert found(meari, "keys", FAILED)["found"].startswith("all 1 keys are revoked or expired")
    (meari.folder / "keys.json").chmod(0o644)
    assert found(meari, "keys", FAILED)["remedy"].startswith("chmod 600 ")
    (meari.folder / "keys.json").write_text("{")
    assert found(meari, "keys", FAILED)["remedy"].startswith("restore it from a backup")


def test_more_threads_than_processors_are_doubtful(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.diagnosis.machine.usable_processors", lambda: 2)
    monkeypatch.setenv("MEARI_THREADS", "4")
    finding = found(meari, "threads")
    assert (finding["state"], finding["remedy"]) == (
        "doubtful",
        "set MEARI_THREADS=2, or leave it out",
    )
