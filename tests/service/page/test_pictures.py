"""A picture is dropped on the page, and its likes are shown as a grid."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.browser


@pytest.fixture
def photos(empty_url: str, image_encoder: Path, gallery: Path) -> str:
    """A server with a collection of twelve pictures."""
    made = {"name": "photos", "encoder": str(image_encoder)}
    httpx.post(f"{empty_url}/v1/collections", json=made, timeout=60).raise_for_status()
    documents = [
        {
            "id": path.relative_to(gallery).as_posix(),
            "title": path.stem,
            "image": base64.b64encode(path.read_bytes()).decode(),
            "metadata": {"folder": path.parent.name},
        }
        for path in sorted(gallery.rglob("*.png"))
    ]
    path = f"{empty_url}/v1/collections/photos/documents"
    httpx.post(path, json={"documents": documents}, timeout=60).raise_for_status()
    return empty_url


def shown(page: Any) -> list[str]:  # noqa: ANN401 - playwright's
    """The folders of the pictures shown, in their order."""
    ids = page.eval_on_selector_all(".card", "cards => cards.map(card => card.dataset.id)")
    return [id_.split("/")[0] for id_ in ids]


def test_a_dropped_picture_is_answered_with_its_likes(
    visit: Callable[..., Any], photos: str, gallery: Path
) -> None:
    seen = visit("?collection=photos", at=photos)
    seen.see("#drop", "Drop a picture here")
    page = seen.page
    data = base64.b64encode((gallery / "green" / "1.png").read_bytes()).decode()
    # A drop as a browser makes it: a file among what is transferred.
    transfer = page.evaluate_handle(
        """data => {
          const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], "mine.png", { type: "image/png" }));
          return transfer;
        }""",
        data,
    )
    page.dispatch_event("#search", "drop", {"dataTransfer": transfer})
    seen.see("#drop", "Pictures like mine.png")
    seen.see("#status", "mine.png")
    assert shown(page)[:4] == ["green"] * 4
    assert page.locator(".cards.pictures .thumbnail img").count() == 10
    page.wait_for_function("() => document.querySelector('.thumbnail img').naturalWidth === 60")
    # A picture that was found is asked with in its turn, and puts the dropped one away.
    page.locator(".card[data-id^='red'] .thumbnail").first.click()
    seen.see("#judgements", "")
    page.wait_for_function("() => document.querySelector('.card').dataset.id.startsWith('red')")
    seen.see("#drop", "Drop a picture here")


def test_what_is_no_picture_is_told(visit: Callable[..., Any], photos: str) -> None:
    seen = visit("?collection=photos", at=photos)
    seen.see("#drop", "Drop a picture here")
    seen.page.set_input_files(
        "#picture", {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    )
    seen.see("#notice", "a.png is no picture that can be read")


def test_collections_of_texts_have_no_place_to_drop(visit: Callable[..., Any]) -> None:
    seen = visit("?collection=faq")
    seen.see("#about", "hash:64")
    assert seen.page.locator("#drop").is_hidden()
