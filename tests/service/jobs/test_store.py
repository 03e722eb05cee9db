"""What is written down of jobs, and how long."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from service.jobs.store import JobStore
from service.jobs.types import Fault, Job, JobProgress

if TYPE_CHECKING:
    from pathlib import Path

    from service.jobs.types import State


def job(id: str, state: State = "done", **given: object) -> Job:
    return Job(id, "map", "faq", {"seed": 1}, "2026-01-01T00:00:00.000Z", state=state, **given)


def test_a_job_comes_back_as_it_was(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    written = store.add(
        job(
            "a",
            "failed",
            progress=JobProgress("layout", 3, 9, 1.5),
            error=Fault("메시지", "server_error", None, "internal_error"),
            result={"warnings": ["한글"]},
            started="2026-01-01T00:00:01.000Z",
            finished="2026-01-01T00:00:02.000Z",
        )
    )
    store.close()
    again = JobStore(tmp_path / "jobs.sqlite")
    assert again.get("a") == written
    assert again.get("b") is None
    changed = replace(written, state="queued", error=None)
    again.update(changed)
    assert again.get("a") == changed
    assert again.unfinished() == [changed]
    assert again.count() == {"queued": 1}


def test_the_oldest_that_are_over_are_forgotten(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite", most=3)
    for id, state in zip(
        "abcdef", ("running", "done", "failed", "queued", "done", "done"), strict=True
    ):
        store.add(job(id, state))
    assert [each.id for each in store.page(10)] == ["f", "e", "d", "a"]
    assert [each.id for each in store.unfinished()] == ["a", "d"]
    assert [each.id for each in store.page(10, state="done")] == ["f", "e"]
    assert [each.id for each in store.page(1, before=store.page(1)[0].number)] == ["e"]
    assert store.page(10, collection="nobody") == []


def test_one_that_is_added_again_stands_behind_the_others(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite")
    first, second = store.add(job("a", "queued")), store.add(job("b", "queued"))
    again = store.add(first)
    assert again.number > second.number
    assert [each.id for each in store.unfinished()] == ["b", "a"]


@pytest.mark.parametrize("damage", ["no database", "another version"])
def test_a_record_that_cannot_be_read_is_set_aside(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "jobs.sqlite"
    if damage == "no database":
        path.write_bytes(b"these are no jobs" * 100)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
    before = path.read_bytes()
    store = JobStore(path)
    assert store.page(10) == []
    store.add(job("a"))
    assert [each.id for each in store.page(10)] == ["a"]
    assert (tmp_path / "jobs.sqlite.damaged").read_bytes() == before


def test_reading_alone_makes_no_file(tmp_path: Path) -> None:
    assert JobStore(tmp_path / "jobs.sqlite", writable=False).page(10) == []
    assert not (tmp_path / "jobs.sqlite").exists()
    writing = JobStore(tmp_path / "jobs.sqlite")
    writing.add(job("a"))
    writing.close()
    reading = JobStore(tmp_path / "jobs.sqlite", writable=False)
    assert [each.id for each in reading.page(10)] == ["a"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.add(job("b"))
