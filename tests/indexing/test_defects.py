"""Files that change behind a collection's back, disks that cannot be written, and closed ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from indexing.data_folder import DataFolder
from indexing.errors import CollectionClosedError, DamagedError, FolderLockedError
from indexing.lock import LOCK_FILE, FolderLock
from indexing.types import Document, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexing.local import LocalCollection

USES: dict[str, Callable[[LocalCollection], object]] = {
    "search": lambda made: made.search(SearchRequest(query="gift cards")),
    "search by words": lambda made: made.search(SearchRequest(query="gift", mode="lexical")),
    "add": lambda made: made.add([Document("x", "text")]),
    "delete": lambda made: made.delete(["a"]),
    "get": lambda made: made.get(["a"]),
    "scan": lambda made: made.scan(),
    "count": lambda made: made.count(),
    "describe": lambda made: made.describe(),
}


@pytest.mark.parametrize("use", USES)
def test_a_closed_collection_says_so(collection: LocalCollection, use: str) -> None:
    collection.close()
    with pytest.raises(CollectionClosedError, match="collection 'help' is closed"):
        USES[use](collection)


def test_damage_found_while_open_has_a_remedy(
    collection: LocalCollection, data: DataFolder
) -> None:
    collection.add([Document(f"d{n}", f"text {n} " * 100) for n in range(200)])
    data.close()
    path = collection.folder / "documents.sqlite"
    content = bytearray(path.read_bytes())
    content[8192:-4096] = os.urandom(len(content) - 4096 - 8192)
    with DataFolder.open(data.path, maintain=False) as again:
        reopened = again.collection("help")
        with path.open("r+b") as file:  # in place: the file is open
            file.write(content)
        with pytest.raises(DamagedError, match=r"documents.sqlite is damaged .* backup restores"):
            reopened.scan(limit=1000)


def test_vectors_can_be_lost_twice(collection: LocalCollection, data: DataFolder) -> None:
    path = collection.storage.vectors.path
    lost = "documents lost their vectors"
    for turn, already in ((0, 2), (1, 4)):
        data.close()
        os.truncate(path, 3 * 32 * 4)
        data = DataFolder.open(data.path, maintain=False)
        collection = data.collection("help")
        assert collection.problems[0].startswith(f"vectors.f32 was cut: {already} {lost}")
        collection.add([Document(f"x{turn}{n}", f"text {n}") for n in range(2)])
    collection.add([Document("a", "another text")])
    with pytest.raises(DamagedError, match="without vectors; repair it"):
        collection.optimize()
    assert len(collection.verify(repair=True).repaired) == 1
    assert collection.optimize().tombstones == 0
    assert collection.count() == 9
    assert collection.verify().ok
    data.close()


@pytest.mark.parametrize("how", ["flipped", "gone", "card gone", "card"])
def test_verify_sees_an_index_file_that_changed(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("indexing.planner._FLAT_NUMBERS", 0)
    monkeypatch.setattr("indexing.planner._PREFERRED", ("hnsw",))
    made = data.create("graph", encoder="hash:16")
    made.add([Document(f"d{n:03d}", f"number {n}") for n in range(100)])
    made.optimize()
    assert made.verify().ok
    path = made.folder / "index-1.faiss"
    if how == "flipped":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif how == "gone":
        path.unlink()
    elif how == "card gone":
        path.with_suffix(".json").unlink()
    else:
        path.with_suffix(".json").write_text("[]")
    expected = {
        "flipped": "index-1.faiss fails its checksum",
        "gone": "index-1.faiss is missing",
        "card gone": "the files of the index are gone",
        "card": "index-1.json is not the card of an index",
    }[how]
    assert made.verify().problems == (expected,)
    assert made.verify(repair=True).repaired == (f"{expected}: rebuilt",)
    assert made.verify().ok


def test_cards_tell_the_time_as_the_journal_does(collection: LocalCollection) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", collection.card.created)


class TestLock:
    def test_a_later_reader_does_not_sign_over_the_first(self, tmp_path: Path) -> None:
        first = FolderLock(tmp_path, "read", owner="first")
        second = FolderLock(tmp_path, "read", owner="second")
        signed = json.loads((tmp_path / LOCK_FILE).read_text())
        assert signed == {"pid": os.getpid(), "owner": "first"}
        with pytest.raises(
            FolderLockedError, match=rf"process {os.getpid()} \(first\); stop it, or"
        ):
            FolderLock(tmp_path, "write", owner="writer")
        first.release()
        second.release()
        FolderLock(tmp_path, "write", owner="writer").release()
        assert json.loads((tmp_path / LOCK_FILE).read_text())["owner"] == "writer"

    def test_who_is_gone_is_not_named(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
        )
        (tmp_path / LOCK_FILE).write_text(json.dumps({"pid": int(done.stdout), "owner": "old"}))
        reader = FolderLock(tmp_path, "read", owner="reader")
        assert json.loads((tmp_path / LOCK_FILE).read_text())["owner"] == "reader"
        reader.release()

    def test_only_a_server_is_spoken_to(self, tmp_path: Path) -> None:
        for owner, spoken in (("meari index", False), ("meari serve at http://h:1", True)):
            lock = FolderLock(tmp_path, "write", owner=owner)
            with pytest.raises(FolderLockedError) as refused:
                FolderLock(tmp_path, "read")
            assert f"({owner})" in str(refused.value)
            assert ("--url" in str(refused.value)) == spoken
            lock.release()


READ_ONLY = """
import subprocess, sys
from pathlib import Path
from indexing.data_folder import DataFolder
from indexing.types import Document, SearchRequest

folder = Path(sys.argv[1])
with DataFolder.open(folder) as data:
    data.create("c", encoder="hash:8").add([Document("a", "some text"), Document("b", "words")])
if sys.argv[2] == "unlocked":
    (folder / ".lock").unlink()
subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
for _ in range(2):
    with DataFolder.open(folder, mode="read") as data, DataFolder.open(folder, mode="read"):
        made = data.collection("c")
        assert made.search(SearchRequest(query="words")).matches[0].document.id == "b"
        assert made.count() == 2
        assert made.verify().ok
"""


@pytest.mark.parametrize("lock", ["locked", "unlocked"])
def test_a_read_only_disk_can_be_read(tmp_path: Path, lock: str) -> None:
    """On a real file system, remounted."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here; root can")
    try:
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(small), lock],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", str(small)], check=True)  # noqa: S607
