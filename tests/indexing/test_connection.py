"""Connections that are closed while others use them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CLOSE = """
import sys, threading
from pathlib import Path
from indexing.data_folder import DataFolder
from indexing.documents import DocumentStore
from indexing.errors import CollectionClosedError
from indexing.types import Document

folder = Path(sys.argv[1])
with DataFolder.open(folder, maintain=False) as data:
    made = data.create("c", encoder="hash:8")
    made.add([Document(f"d{n}", f"text {n}", metadata={"n": n}) for n in range(500)])

def use(store, ready, outcomes):
    try:
        ready.wait()
        while True:
            store.check()
    except CollectionClosedError:
        outcomes.append("closed")

for turn in range(12):
    store = DocumentStore(folder / "c" / "documents.sqlite", writable=False)
    ready, outcomes = threading.Barrier(4), []
    threads = [threading.Thread(target=use, args=(store, ready, outcomes)) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    store.close()
    for thread in threads:
        thread.join(60)
    assert outcomes == ["closed"] * 3, outcomes
print("all told that it is closed")
"""


def test_closing_waits_for_what_runs(tmp_path: Path) -> None:
    """`sqlite3` ends the process where a connection goes while a statement of it runs."""
    ran = subprocess.run(
        [sys.executable, "-c", CLOSE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "all told that it is closed\n"), ran.stderr
