"""Jobs in processes of their own: where they find things, and what they leave behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from indexing.data_folder import ASIDE
from service.jobs.errors import TaskFailedError
from service.jobs.process import Place
from service.jobs.types import Job

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


def test_a_process_takes_along_only_what_it_restored(tmp_path: Path) -> None:
    pid = os.getpid()
    own, name_alike = f"{ASIDE}faq-{pid}-0123abcd", f"{ASIDE}a-{pid}-b-99-0123abcd"
    for name in (own, name_alike, "faq"):
        (tmp_path / name).mkdir()
    job = Job("a1", "restore", "faq", {}, "2026-11-30T00:00:00Z")
    place_of(tmp_path).begin(job)._tidy(pid)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name_alike, "faq"])
