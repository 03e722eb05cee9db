"""Pictures over HTTP: stored, asked with in two ways, shown small, refused where not fitting."""
# ruff: noqa: ANN401 - the fixtures are classes of conftest.py

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

PHOTOS = "/v1/collections/photos"


def packed(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def families(answer: Any) -> list[str]:
    return [match["id"].split("/")[0] for match in answer.json()["matches"]]


@pytest.fixture
def photos(client: Any, image_encoder: Path, gallery: Path) -> Any:
    """The client, with twelve pictures in `photos` and four texts in `texts`."""
    made = {"name": "photos", "encoder": str(image_encoder)}
    answer = client.post("/v1/collections", made)
    assert answer.status_code == 201, answer.text
    assert answer.json()["encoder"]["modalities"] == ["image"]
    documents = [
        {
            "id": f"{path.parent.name}/{path.stem}",
            "image": packed(path),
            "image_source": f"shop/{path.name}",
            "metadata": {"n": int(path.stem)},
        }
        for path in sorted(gallery.rglob("*.png"))
    ]
    answer = client.post(f"{PHOTOS}/documents", {"documents": documents})
    assert answer.status_code == 200, answer.text
    assert answer.json()["added"] == 12
    client.post("/v1/collections", {"name": "texts"})
    client.post("/v1/collections/texts/documents", {"documents": [{"id": "t", "text": "words"}]})
    return client


def test_pictures_are_found_by_pictures(photos: Any, gallery: Path) -> None:
    asked = gallery / "green" / "2.png"
    plain = photos.post(f"{PHOTOS}/search", {"image": packed(asked), "limit": 4})
    assert plain.status_code == 200, plain.text
    assert families(plain) == ["green"] * 4
    first = plain.json()["matches"][0]
    assert first["id"] == "green/2"
    assert first["image"] == {
        "format": "PNG",
        "width": 60,
        "height": 42,
        "source": "shop/2.png",
        "kept": False,
    }
    named = {"image": f"data:image/png;base64,{packed(asked)}", "limit": 4}
    assert photos.post(f"{PHOTOS}/search", named).json()["matches"] == plain.json()["matches"]
    form = photos.request(
        "POST",
        f"{PHOTOS}/search/image",
        files={"image": ("green.png", asked.read_bytes(), "image/png")},
        data={"options": json.dumps({"limit": 4})},
    )
    assert form.status_code == 200, form.text
    assert form.json()["matches"] == plain.json()["matches"]
    liked = {"positive": ["red/0"], "negative": ["blue/0"], "limit": 3}
    assert families(photos.post(f"{PHOTOS}/recommend", liked)) == ["red"] * 3
    only = {"must": [{"key": "n", "range": {"lt": 1}}]}
    kept = photos.post(f"{PHOTOS}/search", {"image": packed(asked), "filter": only})
    assert sorted(families(kept)) == ["blue", "green", "red"]
    batch = {"searches": [{"image": packed(asked), "limit": 1}, {"document_id": "red/1"}]}
    answers = photos.post(f"{PHOTOS}/search/batch", batch).json()["results"]
    assert answers[0]["matches"][0]["id"] == "green/2"


def test_thumbnails_are_shown(photos: Any) -> None:
    answer = photos.get(f"{PHOTOS}/thumbnails/red/1")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).size == (60, 41)
    missing = photos.get(f"{PHOTOS}/thumbnails/red/9")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "document_not_found")
    assert photos.get("/v1/collections/texts/thumbnails/t").status_code == 404
    whole = photos.get(f"{PHOTOS}/thumbnails/red/1?original=true")
    assert whole.status_code == 404
    assert "is not kept" in whole.json()["error"]["message"]


def test_originals_are_kept_when_asked(photos: Any, gallery: Path) -> None:
    data = (gallery / "blue" / "0.png").read_bytes()
    document = {"id": "kept", "image": base64.b64encode(data).decode(), "keep_image": True}
    assert photos.post(f"{PHOTOS}/documents", {"documents": [document]}).status_code == 200
    answer = photos.get(f"{PHOTOS}/thumbnails/kept?original=true")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == data
    stored = photos.get(f"{PHOTOS}/documents/kept").json()
    assert (stored["image"]["kept"], stored["text"]) == (True, "")


def test_what_does_not_fit_is_409_and_names_the_modalities(
    photos: Any,
    gallery: Path,
) -> None:
    image = packed(gallery / "red" / "0.png")
    text = {"id": "t", "text": "words"}
    picture = {"id": "p", "image": image}
    asked = [
        (photos.post("/v1/collections/texts/search", {"image": image}), "image", "reads texts"),
        (photos.post(f"{PHOTOS}/search", {"query": "a red coat"}), "query", "reads images"),
        (
            photos.post(f"{PHOTOS}/documents", {"documents": [text]}),
            "documents",
            "is a text; collection 'photos'",
        ),
        (
            photos.post("/v1/collections/texts/documents", {"documents": [picture]}),
            "documents",
            "is a picture; collection 'texts'",
        ),
    ]
    for answer, param, told in asked:
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "modality_mismatch"), error
        assert error["param"] == param
        assert told in error["message"]
    model = photos.get(PHOTOS).json()["encoder"]["name"]
    embedded = photos.post("/v1/embeddings", {"model": model, "input": "a text"})
    assert (embedded.status_code, embedded.json()["error"]["code"]) == (409, "modality_mismatch")
    words = photos.post(f"{PHOTOS}/search", {"query": "coat", "mode": "lexical"})
    assert words.status_code == 200


@pytest.mark.parametrize(
    ("image", "status", "code"),
    [
        ("bm8gcGljdHVyZQ==", 400, "invalid_value"),
        ("no base64!", 400, "invalid_value"),
        ("", 400, "invalid_value"),
    ],
)
def test_bad_questions_are_refused(
    photos: Any,
    image: str,
    status: int,
    code: str,
) -> None:
    answer = photos.post(f"{PHOTOS}/search", {"image": image})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, "image")


def test_bad_documents_are_named(photos: Any, gallery: Path) -> None:
    good = (gallery / "red" / "0.png").read_bytes()
    for data, told in ((b"no picture", "is no picture"), (good[: len(good) // 2], "be decoded")):
        documents = [
            {"id": "fine", "image": base64.b64encode(good).decode()},
            {"id": "bad", "image": base64.b64encode(data).decode()},
        ]
        answer = photos.post(f"{PHOTOS}/documents", {"documents": documents})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "invalid_document")
        assert error["param"] == "documents[1]"
        assert told in error["message"]
    assert photos.get(f"{PHOTOS}/documents/fine").status_code == 404


def test_forms_are_checked(photos: Any, gallery: Path) -> None:
    file = {"image": ("a.png", (gallery / "red" / "0.png").read_bytes(), "image/png")}
    wrong = photos.request(
        "POST", f"{PHOTOS}/search/image", files=file, data={"options": '{"limt": 3}'}
    )
    assert wrong.status_code == 400
    assert "limt" in wrong.json()["error"]["message"]
    nothing = photos.request("POST", f"{PHOTOS}/search/image", data={"options": "{}"})
    assert nothing.status_code == 400
    fake = {"image": ("a.png", b"none", "image/png")}
    refused = photos.request("POST", f"{PHOTOS}/search/image", files=fake)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "image")
