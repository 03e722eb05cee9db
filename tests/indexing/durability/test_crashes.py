"""The short form of `python -m benchmarks.reliability crash`, and that it finds what is planted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reliability.crash import FORMS
from benchmarks.reliability.durability.disk import DiskUnavailableError, Kind, compile_layer
from benchmarks.reliability.durability.power import LOSSES, Loss, PowerCut, Record

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer between process and disk."""
    try:
        return compile_layer(tmp_path_factory.mktemp("layer"))
    except DiskUnavailableError as error:
        pytest.skip(str(error))


def crash(*arguments: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.reliability", "crash", "--json", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_nothing_is_lost_and_nothing_comes_back() -> None:
    scenarios = [f"--only={name}" for name in ("upsert", "compaction", "keys", "reembed")]
    trials = ("--kills", "11", "--faults", "13", "--full", "2", "--cuts", "8", "--flushes", "4")
    status, told = crash(*scenarios, *trials, "--seed", "5")
    for form in FORMS:
        assert told[form]["wrong"] == []
        assert told[form]["unclear"] == {}
    assert told["boundaries"]["compaction"] > 200
    assert told["boundaries"]["reembed"] > 200
    assert told["kills"]["trials"] == 11
    assert told["kills"]["met"] >= 8  # a run may make a few calls less than the one counted
    assert (told["faults"]["trials"], told["cuts"]["trials"]) == (13, 8)
    assert status == 0


def test_vectors_that_are_not_flushed_are_found() -> None:
    status, told = crash("--planted", "vectors", "--only", "upsert", "--cuts", "12", "--seed", "1")
    assert status == 1
    wrong = [sentence for each in told["cuts"]["wrong"] for sentence in each["wrong"]]
    assert any("has no vector" in each or "the vector of another" in each for each in wrong)


class TestPowerCut:
    """The disk that is rebuilt from a log."""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        (folder / "a").write_bytes(b"old")
        return folder

    def record(self, kind: Kind, disk: Path, name: str, **how: object) -> Record:
        facts: dict[str, Any] = {
            "failed": False,
            "inode": 0,
            "first": 0,
            "second": 0,
            "other": "",
            "data": b"",
        }
        return Record(int(kind), path=str(disk / name), **{**facts, **how})

    def left(self, cut: PowerCut, into: Path, loss: Loss) -> dict[str, bytes]:
        cut.make(into, loss, seed=1)
        return {path.name: path.read_bytes() for path in into.iterdir()}

    def test_what_was_flushed_stays(self, disk: Path, tmp_path: Path) -> None:
        cut, inode = PowerCut(disk), (disk / "a").stat().st_ino
        cut.follow(self.record(Kind.WRITE, disk, "a", inode=inode, data=b"new"))
        assert self.left(cut, tmp_path / "left", "bare") == {"a": b"old"}
        cut.follow(self.record(Kind.SYNC, disk, "a", inode=inode))
        for loss in LOSSES:
            assert self.left(cut, tmp_path / "left", loss) == {"a": b"new"}

    def test_a_flush_that_failed_brings_nothing_later(self, disk: Path, tmp_path: Path) -> None:
        cut, inode = PowerCut(disk), (disk / "a").stat().st_ino
        cut.follow(self.record(Kind.WRITE, disk, "a", inode=inode, data=b"new"))
        cut.follow(self.record(Kind.SYNC, disk, "a", inode=inode, failed=True))
        cut.follow(self.record(Kind.WRITE, disk, "a", inode=inode, first=3, data=b"er"))
        cut.follow(self.record(Kind.SYNC, disk, "a", inode=inode))
        assert self.left(cut, tmp_path / "left", "bare") == {"a": b"older"}

    def test_names_need_their_folder_flushed(self, disk: Path, tmp_path: Path) -> None:
        cut = PowerCut(disk)
        cut.follow(self.record(Kind.CREATE, disk, "b", inode=7_777_777))
        cut.follow(self.record(Kind.WRITE, disk, "b", inode=7_777_777, data=b"text"))
        cut.follow(self.record(Kind.SYNC, disk, "b", inode=7_777_777))
        cut.follow(self.record(Kind.RENAME, disk, "b", other=str(disk / "a")))
        assert self.left(cut, tmp_path / "left", "bare") == {"a": b"old"}
        assert self.left(cut, tmp_path / "left", "torn") == {"a": b"text"}
        cut.follow(self.record(Kind.SYNC, disk, ""))
        assert self.left(cut, tmp_path / "left", "bare") == {"a": b"text"}
