"""What `meari doctor` finds, and what it says to do."""

from __future__ import annotations

import os
import socket
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pytest

from embeddings.checksums import write_sums
from service.cli.errors import FAILED
from service.diagnosis.folder import _network_kind
from service.diagnosis.installation import _encoder
from service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari

CHECKS = ["python", "packages", "model", "model", "encoder", "cache", "threads", "memory"]


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
    assert names == [*CHECKS, "files", "disk", "port", "data", "lock", "collections", "keys"]
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


def test_what_numpy_takes_is_held_against_the_processors(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.diagnosis.machine.usable_processors", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    finding = found(meari, "threads")
    assert finding["state"] == "doubtful"
    assert finding["remedy"] == "set OMP_NUM_THREADS=2, or leave it out"


def test_more_memory_than_the_container_has_is_wrong(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.diagnosis.machine.read_memory_limit", lambda: 2_000_000_000)
    monkeypatch.setenv("MEARI_PROCESS_MEMORY", "4GB")
    finding = found(meari, "memory", FAILED)
    assert finding["state"] == "wrong"
    assert finding["found"] == "MEARI_PROCESS_MEMORY is 4.0 GB, the container has 2.0"
    monkeypatch.setenv("MEARI_PROCESS_MEMORY", "500MB")
    assert found(meari, "memory")["state"] == "doubtful"
    monkeypatch.setenv("MEARI_PROCESS_MEMORY", "1.5GB")
    assert found(meari, "memory")["found"].endswith("; the service may take 1.5 GB")


def test_too_few_files_are_doubtful(meari: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEARI_MAX_CONNECTIONS", "1000000000")
    finding = found(meari, "files")
    assert finding["state"] == "doubtful"
    assert "may need 1,000,000,100" in finding["found"]


def test_a_disk_beneath_its_floor_is_wrong(meari: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEARI_DISK_FLOOR", "900000GB")
    finding = found(meari, "disk", FAILED)
    assert finding["remedy"] == "free some: writes are refused (MEARI_DISK_FLOOR)"


def test_a_damaged_encoder_folder_is_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    write_sums(folder)
    settings = Settings(encoder=str(folder))
    assert _encoder(settings).found.endswith("whole by its checksums")
    (folder / "model.safetensors").write_bytes(b"other")
    finding = _encoder(settings)
    assert finding.state == "wrong"
    assert "is not what it was" in finding.found
    assert finding.remedy == "copy the folder again from where it was made"


def test_a_network_file_system_is_doubtful(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    data = tmp_path / "a b" / "data"
    data.mkdir(parents=True)
    escaped = str(tmp_path / "a b").replace(" ", "\\040")
    text = f"/dev/vda / ext4 rw 0 0\n/dev/vdb /m\udcff ext4 rw 0 0\nhost:/x {escaped} nfs4 rw 0 0\n"
    mounts.write_bytes(os.fsencode(text))  # one of them in no encoding
    assert _network_kind(data, mounts) == "nfs4"
    assert _network_kind(tmp_path, mounts) is None
    assert _network_kind(data, tmp_path / "none") is None


def test_traces_need_their_extra(meari: Meari, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEARI_TRACES", "http://localhost:4318")
    assert found(meari, "traces")["found"] == "go to http://localhost:4318/v1/traces"

    def missing(name: str) -> str:
        if name.startswith("opentelemetry"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("service.diagnosis.installation.version", missing)
    assert found(meari, "traces", FAILED)["remedy"].startswith("pip install 'meari[traces]'")
