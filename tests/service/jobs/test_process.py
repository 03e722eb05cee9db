"""Jobs in processes of their own: where they find things, and what they leave behind."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from analysis.errors import CancelledError
from indexing.backup.folder import BackupFolder
from indexing.backup.making import back_up
from indexing.data_folder import ASIDE, DataFolder
from indexing.types import Document
from service.jobs.errors import TaskFailedError
from service.jobs.process import Place
from service.jobs.types import Job
from service.resources import Resources

if TYPE_CHECKING:
    from pathlib import Path

    from service.jobs.types import Kind


def place_of(data: Path) -> Place:
    """Without a folder for backups; nothing is opened."""

    def opening(name: str) -> None:
        raise AssertionError(name)

    return Place(opening, data=data)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["backup", "restore", "drill"])
def test_what_waited_until_there_is_no_folder_for_backups_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """As after a start of the server without the folder that it had."""
    monkeypatch.chdir(tmp_path)
    request = {"backup": "x", "rebuild": False, "queries": 1, "seed": 0}
    job = Job("a1", kind, "faq", request, "2026-11-30T00:00:00Z")
    task = place_of(tmp_path / "data").begin(job)
    with pytest.raises(TaskFailedError, match="MEARI_BACKUPS") as failed:
        task.run(lambda _: None, lambda: None)
    assert failed.value.fault.code == "no_backups_folder"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["backup", "restore", "drill"])
def test_jobs_leave_the_disk_that_has_to_stay_free(tmp_path: Path, kind: Kind) -> None:
    folder = BackupFolder.create(tmp_path / "backups")
    with DataFolder.open(tmp_path / "data", maintain=False) as data:
        data.create("faq", encoder="hash:8").add([Document("a", "a text")])
        made = back_up(data.collection("faq"), folder)
        request = {"backup": made.id, "rebuild": False, "queries": 1, "seed": 0}
        place = Place(
            lambda name: nullcontext(data.collection(name)),
            data=data.path,
            backups=folder.path,
            disk_floor=1 << 62,
            adopt=data.adopt,
        )
        name = "again" if kind == "restore" else "faq"
        task = place.begin(Job("a1", kind, name, request, "2026-11-30T00:00:00Z"))
        with pytest.raises(TaskFailedError, match="MEARI_DISK_FLOOR") as failed:
            task.run(lambda _: None, lambda: None)
        assert failed.value.fault.code == "storage_full"
        assert data.names() == ["faq"]
    assert folder.ids() == [made.id]
    assert not list((tmp_path / "data").glob(f"{ASIDE}*"))


def test_a_backup_that_is_called_off_before_it_is_kept_is_none(tmp_path: Path) -> None:
    """And behind that moment it cannot be called off, so that what is told is what is there."""
    folder = BackupFolder.create(tmp_path / "backups")

    def refused() -> None:
        raise CancelledError

    with DataFolder.open(tmp_path / "data", maintain=False) as data:
        data.create("faq", encoder="hash:8").add([Document("a", "a text")])
        place = Place(
            lambda name: nullcontext(data.collection(name)), data=data.path, backups=folder.path
        )
        job = Job("a1", "backup", "faq", {}, "2026-11-30T00:00:00Z")
        with pytest.raises(CancelledError):
            place.begin(job).run(lambda _: None, refused)
        assert folder.ids() == []
        permitted: list[list[str]] = []
        place.begin(job).run(lambda _: None, lambda: permitted.append(folder.ids()))
    assert permitted == [[]]
    assert len(folder.ids()) == 1


def test_a_job_ends_that_takes_more_memory_than_is_allowed(tmp_path: Path) -> None:
    processes: set[int] = set()
    resources = Resources(tmp_path, memory=1, disk=0, processes=lambda: tuple(processes))
    with DataFolder.open(tmp_path) as folder:
        collection = folder.create("faq", encoder="hash:8")
        collection.add([Document(str(n), f"text {n}") for n in range(20)])
        place = Place(
            lambda _: nullcontext(collection),
            processes=processes,
            data=tmp_path,
            resources=resources,
        )
        task = place.begin(Job("a1", "map", "faq", {}, "2026-11-30T00:00:00Z"))
        with pytest.raises(TaskFailedError, match="MEARI_PROCESS_MEMORY") as failed:
            task.run(lambda _: None, lambda: None)
    assert failed.value.fault.code == "memory_short"
    assert processes == set(), "the process is gone, and its memory given back"


def test_a_job_that_may_keep_what_it_found_is_not_ended_for_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.jobs.process._LOOK_SECONDS", 0.0)
    folder = BackupFolder.create(tmp_path / "backups")
    resources = Resources(tmp_path, memory=None, disk=0)

    def run_short() -> None:
        resources.memory_allowed = 1

    with DataFolder.open(tmp_path / "data", maintain=False) as data:
        data.create("faq", encoder="hash:8").add([Document("a", "a text")])
        place = Place(
            lambda name: nullcontext(data.collection(name)),
            data=data.path,
            backups=folder.path,
            resources=resources,
        )
        task = place.begin(Job("a1", "backup", "faq", {}, "2026-11-30T00:00:00Z"))
        told = task.run(lambda _: None, run_short)
    assert folder.ids() == [told["id"]]


def test_a_process_takes_along_only_what_it_restored(tmp_path: Path) -> None:
    pid = os.getpid()
    own, name_alike = f"{ASIDE}faq-{pid}-0123abcd", f"{ASIDE}a-{pid}-b-99-0123abcd"
    for name in (own, name_alike, "faq"):
        (tmp_path / name).mkdir()
    job = Job("a1", "restore", "faq", {}, "2026-11-30T00:00:00Z")
    place_of(tmp_path).begin(job)._tidy(pid)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name_alike, "faq"])
