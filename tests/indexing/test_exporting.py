"""Exports are whole, and `ingest` brings them back with their vectors."""

from __future__ import annotations

import gzip
import json
import resource
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.data_folder import DataFolder
from indexing.errors import EncoderMismatchError, InvalidRequestError, StorageFullError
from indexing.exporting import ENDINGS, export
from indexing.filters import Filter
from indexing.ingest import IngestOptions, ingest
from indexing.types import Document, Metric, Parent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.local import LocalCollection

CHUNK = Document("f#1", "안녕하세요", "", {"parent": "no", "vector": [1]}, Parent("f", 1, 5, 10))


def contents(collection: LocalCollection) -> dict[str, tuple[Document, bytes]]:
    vectors = collection.storage.snapshot.vectors
    return {
        stored.document.id: (stored.document, vectors[stored.row].tobytes())
        for stored in collection.scan(limit=10_000).documents
    }


def brought_back(
    data: DataFolder, path: Path, *, encoder: str = "hash:32", metric: Metric = Metric.COSINE
) -> LocalCollection:
    name = f"again-{len(data.names())}"
    collection = data.create(name, encoder=encoder, metric=metric)
    ingest([str(path)], collection, collection.encoder, IngestOptions())
    return collection


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("vectors", [True, False])
def test_what_is_exported_comes_back(
    data: DataFolder, collection: LocalCollection, tmp_path: Path, ending: str, vectors: bool
) -> None:
    collection.add([CHUNK])
    rng = np.random.default_rng(1)
    given = rng.normal(size=(3, 32)).astype(np.float32)
    odd = [Document(f"odd {n}", f"text {n}", "", {"a": {"b": [n, None, 1.5]}}) for n in range(3)]
    collection.add(odd, vectors=given)  # which the encoder would not make
    collection.delete(["a"])
    path = tmp_path / f"documents{ending}"
    assert export(collection, path, vectors=vectors) == 8
    again = brought_back(data, path)
    before, after = contents(collection), contents(again)
    assert {id_: found[0] for id_, found in after.items()} == {
        id_: found[0] for id_, found in before.items()
    }
    same = [id_ for id_, found in before.items() if after[id_] == found]
    if vectors:
        assert len(same) == 8  # to the last bit
        report = ingest([str(path)], again, again.encoder, IngestOptions())
        assert (report.unchanged, report.changed, report.tokens) == (8, 0, 0)
    else:
        assert sorted(before.keys() - set(same)) == ["odd 0", "odd 1", "odd 2"]


_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.text(max_size=8),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_TEXT = st.text(min_size=1, max_size=40).filter(str.strip)


def _storable(value: object) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return "\0" not in text and "\\u0000" not in text and "parent" not in text


@given(
    found=st.lists(st.tuples(_TEXT, st.text(max_size=9), _JSON.filter(_storable)), min_size=1),
    ending=st.sampled_from([".jsonl.zst", ".parquet"]),
)
@settings(max_examples=6)
def test_any_document_comes_back(
    found: list[tuple[str, str, object]], ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    documents = [
        Document(str(number), text, title, {"value": value})
        for number, (text, title, value) in enumerate(found)
        if "\0" not in text + title and not any("\ud800" <= c <= "\udfff" for c in text + title)
    ]
    with DataFolder.open(folder / "data", maintain=False) as data:
        collection = data.create("first", encoder="hash:32")
        collection.add(documents)
        export(collection, folder / f"all{ending}", vectors=True)
        again = brought_back(data, folder / f"all{ending}")
        assert contents(again) == contents(collection)


def test_each_line_says_what_made_its_vector(collection: LocalCollection, tmp_path: Path) -> None:
    wanted = Filter.parse({"must": [{"key": "lang", "match": {"value": "ko"}}]})
    path = tmp_path / "ko.jsonl.gz"
    assert export(collection, path, filter=wanted, vectors=True) == 2
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert [row["id"] for row in rows] == ["b", "d"]
    encoder = collection.card.encoder
    told = {"name": "hash:32", "fingerprint": encoder.fingerprint, "metric": "cosine"}
    assert rows[0].keys() == {"id", "title", "text", "metadata", "vector", "encoder"}
    assert rows[0]["encoder"] == told
    assert rows[0]["metadata"] == {"lang": "ko", "n": 2}
    vector = np.array(rows[0]["vector"], dtype=np.float32)
    assert vector.tobytes() == contents(collection)["b"][1]


def test_a_table_holds_vectors_for_others_to_read(
    collection: LocalCollection, tmp_path: Path
) -> None:
    path = tmp_path / "all.parquet"
    export(collection, path, vectors=True)
    table = pq.read_table(path)
    assert table.column_names == ["id", "title", "text", "metadata", "parent", "vector"]
    about = json.loads(table.schema.metadata[b"meari"])
    assert about["collection"] == collection.card.to_json()
    vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(-1, 32)
    assert vectors[0].tobytes() == contents(collection)["a"][1]


def test_vectors_of_another_encoder_are_refused_or_made_anew(
    data: DataFolder, collection: LocalCollection, tmp_path: Path
) -> None:
    for path in (tmp_path / "all.parquet", tmp_path / "all.jsonl"):
        export(collection, path, vectors=True)
        other = data.create(f"other{path.suffix}", encoder="hash:16")
        with pytest.raises(EncoderMismatchError, match=r"'hash:32' .* 'hash:16' .*--encode-again"):
            ingest([str(path)], other, other.encoder, IngestOptions())
        assert other.count() == 0
        again = IngestOptions(vectors="encode")
        assert ingest([str(path)], other, other.encoder, again).added == 5
        assert other.count() == 5


def test_scaled_vectors_are_not_compared_otherwise(
    data: DataFolder, collection: LocalCollection, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    export(collection, path, vectors=True)
    if collection.card.encoder.normalised:
        again = brought_back(data, path, metric=Metric.DOT)
        assert contents(again) == contents(collection)
    lines = path.read_text().replace('"metric":"cosine"', '"metric":"euclidean"')
    path.write_text(lines)
    assert brought_back(data, path, metric=Metric.EUCLIDEAN).count() == 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"vector": [1.0, 2.0]}, "has 2 numbers, the encoder makes 32"),
        ({"vector": []}, "is not a list of numbers"),
        ({"vector": ["a"] * 32}, "is not a list of numbers"),
        ({"vector": [True] * 32}, "is not a list of numbers"),
        ({"vector": [1e300] * 32}, "not finite"),
        ({"vector": [10**400] * 32}, "not finite"),
    ],
)
def test_vectors_that_cannot_be_are_refused_alone(
    data: DataFolder, collection: LocalCollection, tmp_path: Path, change: object, told: str
) -> None:
    path = tmp_path / "all.jsonl"
    export(collection, path, vectors=True)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[2] |= change
    path.write_text("\n".join(json.dumps(line) for line in lines))
    again = data.create("again", encoder="hash:32")
    report = ingest([str(path)], again, again.encoder, IngestOptions())
    assert (report.added, report.rejected) == (4, 1)
    assert report.rejects is not None
    assert told in report.rejects.read_text()


def test_keys_of_these_names_are_metadata_elsewhere(data: DataFolder, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"id": "a", "text": "b", "vector": [1, 2], "encoder": "steam"}))
    again = brought_back(data, path)
    (stored,) = again.get(["a"])
    assert stored is not None
    assert stored.document.metadata == {"vector": [1, 2], "encoder": "steam"}


def test_an_export_is_of_one_moment(collection: LocalCollection, tmp_path: Path) -> None:
    collection.add([Document(f"n{number}", f"text {number}") for number in range(2500)])
    real = collection.storage.documents.after
    path = tmp_path / "all.jsonl.zst"

    def write() -> None:
        collection.delete([f"n{number}" for number in range(2000, 2500)])
        collection.add([Document("late", "late")])

    blocks = iter(range(10))

    def interrupting(*given: object) -> object:
        if next(blocks) == 1:
            writer = threading.Thread(target=write)
            writer.start()
            writer.join()
        return real(*given)

    collection.storage.documents.after = interrupting  # type: ignore[method-assign]
    assert export(collection, path, vectors=True) == 2505
    assert collection.count() == 2006
    content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    assert content.count(b"\n") == 2505


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_the_old_file(
    collection: LocalCollection, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"all{ending}"
    path.write_bytes(b"old")
    with no_file_above(100), pytest.raises(StorageFullError, match="free some space"):
        export(collection, path, vectors=True)
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [path.name]
    assert path.read_bytes() == b"old"


def test_endings_that_nobody_knows(collection: LocalCollection, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"documents are written as \.jsonl"):
        export(collection, tmp_path / "all.xlsx")
