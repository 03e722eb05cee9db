"""What a collection of pictures is about: the endpoints of texts, asked of pictures."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from service.settings import Settings
from tests.conftest import COLOURS
from tests.service.http.conftest import ENCODER, started
from tests.service.http.test_jobs import wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.service.http.conftest import Client

PHOTOS = "/v1/collections/photos"


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def saved(image: Image.Image, kind: str) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, quality=92)
    return made.getvalue()


@pytest.fixture(scope="module")
def photos(
    tmp_path_factory: pytest.TempPathFactory, image_encoder: Path, gallery: Path
) -> Iterator[Client]:
    """Three colours, a chequered stranger, a copy under another name, and one saved again."""
    files = {
        f"{path.parent.name}/{path.stem}": path.read_bytes()
        for path in sorted(gallery.rglob("*.png"))
    }
    files["copies/IMG_7"] = files["red/0"]
    files["copies/IMG_8"] = saved(Image.open(gallery / "green" / "1.png"), "JPEG")
    squares = Image.new("L", (8, 8))
    squares.putdata([255 * ((n + n // 8) % 2) for n in range(64)])
    files["odd/squares"] = saved(squares.resize((64, 64), Image.Resampling.NEAREST), "PNG")
    documents = [
        {"id": id, "title": id.rpartition("/")[2], "image": packed(content)}
        for id, content in files.items()
    ]
    chosen = Settings(data=tmp_path_factory.mktemp("data"), encoder=ENCODER, job_niceness=0)
    with started(chosen) as client:
        client.post("/v1/collections", {"name": "photos", "encoder": str(image_encoder)})
        answer = client.post(f"{PHOTOS}/documents", {"documents": documents})
        assert answer.json()["added"] == len(files), answer.text
        older = [each for each in documents if each["id"].split("/")[0] in COLOURS]
        client.post("/v1/collections", {"name": "older", "encoder": str(image_encoder)})
        client.post("/v1/collections/older/documents", {"documents": older})
        for path, body in (
            ("clusters", {"k": 4}),
            ("outliers", {"contamination": 0.07, "k": 4}),
            ("duplicates", {"threshold": 0.995}),
            ("map", {"neighbours": 4}),
            ("drift", {"before": {"collection": "older"}}),
        ):
            asked = client.post(f"{PHOTOS}/{path}", body)
            assert asked.status_code == 202, asked.text
            job = wait(client.get, asked.json()["id"])
            assert job["state"] == "done", job
        client.post("/v1/collections", {"name": "texts"})
        words = [{"id": f"t{n}", "text": f"words {n} of text"} for n in range(12)]
        client.post("/v1/collections/texts/documents", {"documents": words})
        job = client.post("/v1/collections/texts/outliers", {}).json()
        wait(client.get, job["id"])
        yield client


def test_clusters_are_the_colours(photos: Client) -> None:
    found = photos.get(f"{PHOTOS}/clusters?members=true").json()["clusters"]
    groups = [{member.split("/")[0] for member in each["members"]} - {"copies"} for each in found]
    assert sorted(map(sorted, groups)) == [["blue"], ["green"], ["odd"], ["red"]]
    assert all(each["label"] for each in found)


def test_the_stranger_stands_out(photos: Client) -> None:
    first = photos.get(f"{PHOTOS}/outliers?limit=1").json()["outliers"][0]
    assert (first["id"], first["is_outlier"], first["title"]) == ("odd/squares", True, "squares")


def test_names_of_files_neither_make_nor_hide_duplicates(photos: Client) -> None:
    """`red/0` and `blue/0` have one title; `IMG_8` has a number that `1` lacks."""
    answer = photos.get(f"{PHOTOS}/duplicates").json()
    groups = [
        {each["representative"], *(member["id"] for member in each["members"])}
        for each in answer["groups"]
    ]
    assert [group for group in groups if {"red/0", "copies/IMG_7"} <= group]
    assert [group for group in groups if {"green/1", "copies/IMG_8"} <= group]
    colours = [{id.split("/")[0] for id in group} - {"copies"} for group in groups]
    assert sorted(map(sorted, colours)) == [["blue"], ["green"], ["red"]]
    assert answer["receipt"]["exact_documents"] == 1


def test_the_map_places_every_picture(photos: Client) -> None:
    points = photos.get(f"{PHOTOS}/map/points?limit=100").json()["points"]
    assert len(points) == 15
    named = photos.post(f"{PHOTOS}/map/documents", {"positions": [0]}).json()["documents"][0]
    assert named["id"] == points[0]["id"]


def test_pictures_are_held_against_older_ones(photos: Client) -> None:
    found = photos.get(f"{PHOTOS}/drift").json()
    assert (found["receipt"]["before"], found["receipt"]["after"]) == (12, 15)
    assert found["changed"] is False
    assert found["new"][0]["id"] == "odd/squares"


def test_pictures_are_scored(photos: Client, gallery: Path) -> None:
    usual = (gallery / "red" / "1.png").read_bytes()
    odd = saved(Image.effect_mandelbrot((64, 64), (-1.5, -1, 0.5, 1), 60).convert("RGB"), "PNG")
    asked = {"images": [packed(usual), f"data:image/png;base64,{packed(odd)}"]}
    answer = photos.post(f"{PHOTOS}/outliers/score", asked).json()
    first, second = answer["scores"]
    assert first["score"] < answer["threshold"] <= second["score"]
    assert (first["is_outlier"], second["is_outlier"]) == (False, True)
    assert first["neighbours"][0]["id"] == "red/1"
    assert answer["truncated"] == []


@pytest.mark.parametrize(
    ("collection", "body", "status", "code", "param"),
    [
        ("photos", {"texts": ["a"]}, 409, "modality_mismatch", "query"),
        ("texts", {"images": ["/9j/4A=="]}, 409, "modality_mismatch", "image"),
        ("photos", {}, 400, "invalid_value", "texts"),
        ("photos", {"texts": ["a"], "images": ["/9j/4A=="]}, 400, "invalid_value", "texts"),
        ("photos", {"images": ["?"]}, 400, "invalid_value", "images[0]"),
        ("photos", {"images": []}, 400, "invalid_value", "images"),
    ],
)
def test_what_cannot_be_scored(
    photos: Client, collection: str, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    answer = photos.post(f"/v1/collections/{collection}/outliers/score", body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def test_a_picture_that_cannot_be_read_is_named(photos: Client, gallery: Path) -> None:
    good = packed((gallery / "red" / "1.png").read_bytes())
    answer = photos.post(f"{PHOTOS}/outliers/score", {"images": [good, packed(b"no picture")]})
    error: Any = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "images[1]")
    assert "is no picture" in error["message"]
