"""Collections of pictures: indexed, found by pictures, kept small, refused where not fitting."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from indexing.errors import (
    InvalidRequestError,
    ModalityMismatchError,
    UnreadableImagesError,
)
from indexing.images import describe_image
from indexing.ingest import IngestOptions, ingest, plan
from indexing.types import THUMBNAIL_SIDE, Document, SearchRequest

if TYPE_CHECKING:
    from pathlib import Path

    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection
    from indexing.types import SearchResult


@pytest.fixture
def photos(data: DataFolder, image_encoder: Path) -> LocalCollection:
    """An empty collection of pictures."""
    return data.create("photos", encoder=str(image_encoder))


def index(collection: LocalCollection, *sources: Path, **options: object):
    chosen = IngestOptions(**options)
    return ingest([str(each) for each in sources], collection, collection.encoder, chosen)


def ids(result: SearchResult) -> list[str]:
    return [match.document.id for match in result.matches]


def test_a_folder_is_indexed_and_found_by_a_picture(photos: LocalCollection, gallery: Path):
    report = index(photos, gallery)
    assert (report.added, report.rejected, report.tokens) == (12, 0, 0)
    stored = photos.get(["red/1.png"])[0]
    assert stored is not None
    document = stored.document
    assert document.metadata == {"folder": "red"}
    assert document.title == "1"
    assert document.image is not None
    assert (document.image.format, document.image.width, document.image.height) == ("PNG", 60, 41)
    assert document.image.source == str(gallery / "red" / "1.png")
    asked = (gallery / "red" / "0.png").read_bytes()
    result = photos.search(SearchRequest(image=asked, limit=4))
    assert ids(result)[0] == "red/0.png"
    assert {id_.split("/")[0] for id_ in ids(result)} == {"red"}
    assert result.matches[0].score == pytest.approx(1, abs=1e-4)
    assert result.receipt.query_tokens is None
    like = photos.search(SearchRequest(document_id="blue/2.png", limit=3))
    assert {id_.split("/")[0] for id_ in ids(like)} == {"blue"}
    liked = photos.search(
        SearchRequest(positive=("green/0.png",), negative=("red/0.png",), limit=3)
    )
    assert {id_.split("/")[0] for id_ in ids(liked)} == {"green"}


def test_unchanged_pictures_are_not_encoded_again(
    photos: LocalCollection, gallery: Path, tmp_path: Path
):
    folder = tmp_path / "moved"
    shutil.copytree(gallery, folder)
    index(photos, folder)
    again = index(photos, folder)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 12)
    shutil.copy(folder / "red" / "0.png", folder / "blue" / "0.png")
    changed = index(photos, folder)
    assert (changed.changed, changed.unchanged) == (1, 11)
    told = plan([str(folder)], photos, photos.encoder, IngestOptions())
    assert (told.unchanged, told.new) == (12, 0)


def test_thumbnails_are_kept_and_originals_when_asked(
    data: DataFolder, photos: LocalCollection, image_encoder: Path, tmp_path: Path
):
    large = Image.effect_noise((900, 600), 80).convert("RGB")
    large.save(tmp_path / "large.jpg")
    index(photos, tmp_path / "large.jpg")
    kept = photos.picture("large.jpg")
    assert kept is not None
    assert kept.original is None
    assert Image.open(io.BytesIO(kept.thumbnail)).size == (THUMBNAIL_SIDE, 128)
    assert photos.picture("gone.jpg") is None
    whole = data.create("whole", encoder=str(image_encoder))
    index(whole, tmp_path / "large.jpg", originals=True)
    found = whole.picture("large.jpg")
    assert found is not None
    assert found.original == (tmp_path / "large.jpg").read_bytes()
    whole.delete(["large.jpg"])
    assert whole.picture("large.jpg") is None


def test_pictures_stay_with_their_documents_when_files_are_compacted(
    photos: LocalCollection, gallery: Path
):
    index(photos, gallery)
    before = {id_: photos.picture(id_) for id_ in ("blue/3.png", "red/3.png")}
    photos.delete(["blue/0.png", "green/1.png"])
    photos.optimize()
    assert photos.count() == 10
    assert {id_: photos.picture(id_) for id_ in before} == before
    assert photos.verify().ok


def test_lost_vectors_are_made_again_of_the_originals(
    data: DataFolder, image_encoder: Path, gallery: Path, tmp_path: Path
):
    """Those that the collection keeps, where the files are gone."""
    folder = tmp_path / "gone"
    shutil.copytree(gallery, folder)
    whole = data.create("whole", encoder=str(image_encoder))
    index(whole, folder, originals=True)
    shutil.rmtree(folder)
    vectors = whole.storage.snapshot.vectors.copy()
    stored = whole.get(["red/0.png", "blue/1.png"])
    whole.rewrite([each for each in stored if each is not None])
    again = whole.get(["red/0.png"])[0]
    assert again is not None
    first = stored[0]
    assert first is not None
    np.testing.assert_allclose(
        whole.storage.snapshot.vectors[again.row], vectors[first.row], atol=1e-5
    )


def test_bad_pictures_are_refused_and_the_rest_goes_on(
    photos: LocalCollection, gallery: Path, tmp_path: Path
):
    folder = tmp_path / "mixed"
    shutil.copytree(gallery, folder)
    whole = (folder / "red" / "0.png").read_bytes()
    (folder / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "red" / "cut2.png").write_bytes(whole[: len(whole) // 3])
    (folder / "fake.jpg").write_bytes(b"no picture at all")
    (folder / "notes.txt").write_text("a text among pictures", encoding="utf-8")
    report = index(photos, folder)
    assert (report.added, report.rejected) == (12, 4)
    assert report.rejects is not None
    told = report.rejects.read_text(encoding="utf-8")
    assert "fake.jpg is no picture" in told or "the file is no picture" in told
    assert "red/cut.png cannot be decoded" in told
    assert "red/cut2.png cannot be decoded" in told
    assert "it is a text, and encoder" in told
    assert photos.count() == 12


def test_all_unreadable_pictures_are_named_at_once(photos: LocalCollection, gallery: Path):
    good = (gallery / "red" / "0.png").read_bytes()
    cut = good[: len(good) // 2]
    documents = [
        Document(name, "", image=describe_image(data))
        for name, data in (("a", good), ("b", cut), ("c", good[:-200]))
    ]
    with pytest.raises(UnreadableImagesError, match="document 'b': the image cannot be") as caught:
        photos.add(documents)
    assert list(caught.value.reasons) == ["b", "c"]
    assert photos.count() == 0
    assert photos.add(documents[:1]).added == 1


def test_a_table_beside_describes_pictures(photos: LocalCollection, gallery: Path, tmp_path: Path):
    folder = tmp_path / "told"
    shutil.copytree(gallery, folder)
    (folder / "metadata.csv").write_text(
        "file_name,title,caption,price,sale\n"
        "red/0.png,A red coat,warm wool for the winter,120,true\n"
        "blue/1.png,파란 셔츠,시원한 여름 셔츠,35.5,\n",
        encoding="utf-8",
    )
    report = index(photos, folder)
    assert (report.added, report.rejected) == (12, 0)
    coat = photos.get(["red/0.png"])[0]
    assert coat is not None
    assert (coat.document.title, coat.document.text) == ("A red coat", "warm wool for the winter")
    assert coat.document.metadata == {"folder": "red", "price": 120, "sale": True}
    found = photos.search(SearchRequest(query="여름 셔츠", mode="lexical"))
    assert ids(found) == ["blue/1.png"]
    assert found.matches[0].document.metadata["price"] == 35.5


def test_questions_that_do_not_fit_are_refused(
    data: DataFolder, photos: LocalCollection, gallery: Path
):
    index(photos, gallery)
    for mode in ("dense", "hybrid"):
        with pytest.raises(ModalityMismatchError, match=r"question is a text.*reads images: ask"):
            photos.search(SearchRequest(query="red", mode=mode))  # type: ignore[arg-type]
    texts = data.create("texts", encoder="hash:32")
    picture = (gallery / "red" / "0.png").read_bytes()
    with pytest.raises(ModalityMismatchError, match=r"question is a picture.*reads texts"):
        texts.search(SearchRequest(image=picture))
    with pytest.raises(ModalityMismatchError, match=r"document 'p' is a picture.*reads texts"):
        texts.add([Document("p", "", image=describe_image(picture))])
    with pytest.raises(ModalityMismatchError, match=r"document 't' is a text.*reads images"):
        photos.add([Document("t", "words")])
    with pytest.raises(InvalidRequestError, match="image: the image is no picture"):
        photos.search(SearchRequest(image=b"words"))
    with pytest.raises(InvalidRequestError, match="mode 'lexical' needs a query; image can be"):
        photos.search(SearchRequest(image=picture, mode="lexical"))


def test_pictures_in_a_collection_of_texts_are_passed_over(data: DataFolder, gallery: Path):
    texts = data.create("texts", encoder="hash:32")
    report = index(texts, gallery)
    assert (report.added, report.rejected) == (0, 12)
    assert report.rejects is not None
    assert "it is a picture, and encoder 'hash:32' reads texts" in report.rejects.read_text("utf-8")


def test_ready_vectors_bring_thumbnails_too(photos: LocalCollection, gallery: Path):
    data = (gallery / "green" / "0.png").read_bytes()
    vectors = photos.encoder.encode([data], role="document").vectors  # type: ignore[list-item]
    photos.add([Document("one", "", image=describe_image(data))], vectors=vectors)
    assert photos.picture("one") is not None
    result = photos.search(SearchRequest(image=data))
    assert ids(result) == ["one"]


def test_pictures_are_paged_and_filtered(photos: LocalCollection, gallery: Path):
    from indexing.filters import Filter

    index(photos, gallery)
    asked = (gallery / "red" / "0.png").read_bytes()
    only = Filter.parse({"must": [{"key": "folder", "match": {"value": "blue"}}]})
    filtered = photos.search(SearchRequest(image=asked, filter=only))
    assert {id_.split("/")[0] for id_ in ids(filtered)} == {"blue"}
    assert filtered.receipt.matched_by_filter == 4
    seen: list[str] = []
    cursor = None
    while True:
        page = photos.search(SearchRequest(image=asked, limit=5, cursor=cursor))
        seen += ids(page)
        cursor = page.cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 12
    first = photos.search(SearchRequest(image=asked, limit=5))
    other = (gallery / "blue" / "0.png").read_bytes()
    with pytest.raises(InvalidRequestError, match="another image"):
        photos.search(SearchRequest(image=other, limit=5, cursor=first.cursor))


def test_an_encoder_of_both_finds_pictures_by_texts(
    data: DataFolder, both_encoder: Path, gallery: Path
):
    both = data.create("both", encoder=str(both_encoder))
    assert index(both, gallery).added == 12
    both.add([Document("text", "a red coat")])
    by_text = both.search(SearchRequest(query="a red coat", limit=13))
    assert ids(by_text)[0] == "text"
    assert len(ids(by_text)) == 13
    picture = (gallery / "red" / "0.png").read_bytes()
    assert ids(both.search(SearchRequest(image=picture)))[0] == "red/0.png"


def test_tables_of_pictures_are_indexed(
    photos: LocalCollection, gallery: Path, tmp_path: Path
) -> None:
    """Parquet with bytes, as data sets have them or bare, and JSON lines with paths."""
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(gallery.rglob("*.png"))
    content = [path.read_bytes() for path in files]
    table = {
        "id": [f"p{n}" for n in range(5)],
        "image": [*({"bytes": each, "path": None} for each in content[:4]), None],
        "label": [path.parent.name for path in files[:4]] + ["lost"],
    }
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = pa.table(table | {"image": pa.array(table["image"], kind)})
    pq.write_table(columns, tmp_path / "a.parquet")
    rows = [
        {"id": f"j{n}", "image": f"photos/{path.relative_to(gallery)}", "caption": f"number {n}"}
        for n, path in enumerate(files[4:8])
    ]
    rows += [
        {"id": "gone", "image": "photos/gone.png"},
        {"id": "cut", "image": "photos/\0.png"},
        {"id": "home", "image": "~no-such-user/a.png"},
    ]
    (tmp_path / "photos").symlink_to(gallery)
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sources = [str(tmp_path / name) for name in ("a.parquet", "b.jsonl")]
    report = ingest(sources, photos, photos.encoder, IngestOptions())
    assert (report.added, report.rejected) == (8, 4)
    refused = (photos.folder / "rejects.jsonl").read_text()
    assert "gone.png cannot be read" in refused
    assert "cannot be read: embedded null byte" in refused
    assert "~no-such-user/a.png cannot be read" in refused
    assert "no text" in refused
    stored = photos.get(["p0", "j0"])
    assert stored[0] is not None
    assert stored[0].document.metadata == {"label": files[0].parent.name}
    assert stored[1] is not None
    assert stored[1].document.text == "number 0"
    found = photos.search(SearchRequest(image=content[1], limit=1)).matches[0]
    assert found.document.id == "p1"
    kept = photos.picture("p1")
    assert kept is not None
    assert kept.thumbnail.startswith(b"\xff\xd8")
