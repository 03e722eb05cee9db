"""Makes a folder in the format of the program it is run with, and what it holds, as an archive.

With a released program's packages in place of today's:

    git archive COMMIT indexing embeddings | tar -x -C /tmp/then
    PYTHONPATH=/tmp/then python tests/indexing/durability/formats/make.py schema-1.tar.gz

It keeps to calls that every program had. A new format gets an archive of its own when it is
released, and none of those here ever changes.
"""

from __future__ import annotations

import inspect
import json
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexing import planner
from indexing.data_folder import DataFolder
from indexing.types import Document, Parent, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Iterator


def documents() -> Iterator[Document]:
    """English, Korean, chunks and many alike; the harness for crashes knows the ids."""
    yield Document(
        "d150", "returns are free for fourteen days", "Returns", {"n": 150, "lang": "en"}
    )
    yield Document("d151", "반품은 십사 일 안에 무료입니다", "반품", {"n": 151, "lang": "ko"})
    for n in range(3):
        place = Parent("long", n, 10 * n, 10 * n + 9)
        yield Document(f"d16{n}", f"part {n} of a long text", "", {"n": 160 + n}, place)
    for n in range(40):
        yield Document(f"d{n}", f"zqd{n}v0x is one of many", "", {"n": n, "even": n % 2 == 0})


def write(data: DataFolder) -> list[Document]:
    """Writes, replacements, deletions, an index with a tail, words; returns what is left."""
    collection = data.create("c", encoder="hash:16", analyzer="bigrams")
    there = {each.id: each for each in documents()}
    collection.add(list(there.values()))
    there["d1"] = replace(there["d1"], text="zqd1v1x was put in its place")
    collection.add([there["d1"]])
    collection.delete(["d2"])
    del there["d2"]
    for name, value in (("_FLAT_NUMBERS", 0), ("_PREFERRED", ("hnsw",))):
        if hasattr(planner, name):
            setattr(planner, name, value)
    assert collection.optimize().index == "hnsw"
    there["d99"] = Document("d99", "zqd99v0x came behind the index", "", {"n": 99, "even": False})
    collection.add([there["d99"]])
    for mode in ("lexical", "hybrid"):
        try:
            collection.search(SearchRequest(query="zqd99v0x", mode=mode))
        except ValueError:
            sys.stderr.write(f"no {mode} search in this program\n")
    assert collection.verify().ok
    return list(there.values())


def main(archive: Path) -> None:
    """Make the archive."""
    quiet = (
        {"maintain": False} if "maintain" in inspect.signature(DataFolder.open).parameters else {}
    )
    with tempfile.TemporaryDirectory() as folder:
        data = DataFolder.open(Path(folder) / "data", **quiet)
        left = write(data)
        data.close()
        told = [
            {
                "id": each.id,
                "text": each.text,
                "title": each.title,
                "metadata": dict(each.metadata),
                "parent": None
                if each.parent is None
                else [each.parent.id, each.parent.chunk, each.parent.start, each.parent.end],
            }
            for each in left
        ]
        expected = Path(folder) / "expected.json"
        expected.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        with tarfile.open(archive, "w:gz", compresslevel=9) as file:
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file() and not path.name.endswith("lock"):
                    file.add(path, path.relative_to(folder))
    sys.stderr.write(f"{archive}: {archive.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
