"""The page before a server that asks for keys."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from service.access.keyring import KeyWish, create_key, revoke_key
from service.settings import Settings
from tests.service.page.conftest import DOCUMENTS, Server, fill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.service.page.conftest import Open

pytestmark = pytest.mark.browser


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    with Server(Settings(data=tmp_path, encoder="hash:64")) as url:
        fill(url, "faq", DOCUMENTS)
        yield url, tmp_path


def test_the_page_asks_for_a_key_and_keeps_it_for_the_tab(visit: Open, keyed: tuple[str, Path]):
    url, folder = keyed
    _, first = create_key(folder, KeyWish("first"))
    create_key(folder, KeyWish("other"))
    here = visit("?collection=faq", at=url)
    page = here.page
    here.see("#key-title", "This server asks for an API key")
    assert page.locator("dialog[open]").count() == 1, "one for all that the page asked"
    page.fill("#key", "meari_nonsense")
    page.press("#key", "Enter")
    here.see("#key-dialog .problem", "It does not take the key")
    page.fill("#key", first)
    page.press("#key", "Enter")
    here.see("#about", "hash:64")
    assert page.locator("dialog[open]").count() == 0
    here.search("lost parcel")
    page.reload()
    here.search("delivery")
    assert page.locator("#key-dialog").count() == 0
    assert first not in page.url
    kept = page.evaluate("[JSON.stringify(localStorage), document.cookie]")
    assert first not in kept[0]
    assert kept[1] == ""
    revoke_key(folder, "first")
    page.wait_for_timeout(700)
    page.fill("#query", "islands")
    here.see("#key-dialog .problem", "It does not take the key")
    page.click("#key-dialog button >> text=Not now")
    here.see("#notice", "is revoked")


def test_pictures_are_fetched_with_the_key(
    visit: Open, keyed: tuple[str, Path], image_encoder: Path, gallery: Path
):
    url, folder = keyed
    made = {"name": "photos", "encoder": str(image_encoder)}
    httpx.post(f"{url}/v1/collections", json=made, timeout=60).raise_for_status()
    documents = [
        {"id": f"red/{n}", "image": base64.b64encode(path.read_bytes()).decode()}
        for n, path in enumerate(sorted((gallery / "red").glob("*.png")))
    ]
    address = f"{url}/v1/collections/photos"
    body = {"documents": documents}
    httpx.post(f"{address}/documents", json=body, timeout=60).raise_for_status()
    _, key = create_key(folder, KeyWish("first"))
    while httpx.get(f"{address}/thumbnails/red/0").status_code != 401:
        time.sleep(0.05)
    here = visit("?collection=photos", at=url)
    here.page.fill("#key", key)
    here.page.press("#key", "Enter")
    here.see("#drop", "Drop a picture here")
    here.page.set_input_files("#picture", str(gallery / "red" / "1.png"))
    here.page.wait_for_selector(".thumbnail canvas[data-drawn]")
    middle = "canvas => [...canvas.getContext('2d').getImageData(30, 20, 1, 1).data]"
    red, green, _, opaque = here.page.eval_on_selector(".thumbnail canvas[data-drawn]", middle)
    assert red > 150
    assert green < 100
    assert opaque == 255
