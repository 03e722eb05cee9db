"""The search page in Chromium, before the real application."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page

    Open = Callable[..., "Visit"]

WAIT_MS = 20_000
JOB_SECONDS = 180
SCRIPT = "<img src=x onerror=alert(1)>"
LONG = "창고에 들어온 물품은 먼저 검수합니다. " * 16 + "마지막 문장에는 열쇠말이 있습니다."

DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": "ko-delivery",
        "title": "배송 기간",
        "text": "배송은 보통 이틀이 걸립니다. 제주는 하루 더 걸립니다.",
        "metadata": {"lang": "ko", "topic": "배송", "year": 2024, "updated": "2024-03-02"},
    },
    {
        "id": "en-delivery",
        "title": "Delivery time",
        "text": "Delivery usually takes two days, islands take longer.",
        "metadata": {"lang": "en", "topic": "delivery", "year": 2023, "updated": "2023-11-20"},
    },
    {
        "id": "en-parcel",
        "title": "Lost parcels",
        "text": "When a delivery is lost we send the parcel again.",
        "metadata": {"lang": "en", "topic": "delivery", "year": 2021, "updated": "2021-05-01"},
    },
    {
        "id": "en-refund",
        "title": "Refunds",
        "text": "Refunds reach your card three days after the parcel came back.",
        "metadata": {"lang": "en", "topic": "refund", "year": 2022, "updated": "2022-07-15"},
    },
    {"id": "script", "title": "", "text": SCRIPT, "metadata": {"lang": "en", "topic": "<b>x</b>"}},
    {
        "id": "handbook.md#2",
        "title": "",
        "text": LONG,
        "metadata": {"lang": "ko"},
        "parent": {"id": "handbook.md", "chunk": 2, "start": 1204, "end": 1900},
    },
]


class Visit:
    """A page in a browser context of its own, and what went wrong on it.

    Attributes:
        complaints: errors, warnings of the console (broken security policies are such) and dialogs.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("console", self._console)

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        refused = "the server responded with a status of 4" in message.text
        if message.type in {"error", "warning"} and not refused:
            self.complaints.append(f"console: {message.text}")

    def open(self, parameters: str = "") -> None:
        self.page.goto(f"{self.url}/{parameters}")

    def search(self, query: str) -> None:
        """Types the query and waits for its answer."""
        self.page.fill("#query", query)
        self.see("#status", query)

    def see(self, selector: str, text: str, *, seconds: float = WAIT_MS / 1000) -> None:
        """Waits until the first element of that selector holds the text."""
        from playwright.sync_api import expect

        expect(self.page.locator(selector).first).to_contain_text(text, timeout=1000 * seconds)

    def see_cards(self, *ids: str) -> None:
        """Waits until exactly these documents are shown, in any order."""
        self.page.wait_for_function(
            "ids => JSON.stringify([...document.querySelectorAll('.card')]"
            ".map(card => card.dataset.id).sort()) === JSON.stringify(ids)",
            arg=sorted(ids),
        )

    def see_all(self) -> None:
        """Waits until every document of the collection `faq` is shown."""
        self.see_cards(*(document["id"] for document in DOCUMENTS))

    def marks(self, selector: str) -> list[str]:
        """The marked words in the elements of that selector."""
        return self.page.locator(f"{selector} mark").all_inner_texts()

    def bill(self) -> dict[str, str]:
        """The receipt's lines."""
        lines = self.page.locator(".bill > div").all()
        return {line.locator("dt").inner_text(): line.locator("dd").inner_text() for line in lines}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=flags)
        except api.Error as error:
            pytest.skip(f"Chromium does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


class Server:
    """The real application on a free loopback port, in a thread."""

    def __init__(self, settings: Settings) -> None:
        config = uvicorn.Config(
            create_app(settings), port=0, log_config=None, ws="none", lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> str:
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                pytest.fail("the server did not start")
            time.sleep(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        while httpx.get(f"{url}/readyz").status_code != 200:
            if time.monotonic() > deadline:
                pytest.fail("the server did not become ready")
            time.sleep(0.02)
        return url

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


def fill(url: str, name: str, documents: list[dict[str, Any]]) -> None:
    httpx.post(f"{url}/v1/collections", json={"name": name}, timeout=60).raise_for_status()
    body = {"documents": documents}
    path = f"{url}/v1/collections/{name}/documents"
    httpx.post(path, json=body, timeout=60).raise_for_status()  # Kiwi's model is loaded here


def found(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a job found that was asked for at `/v1/collections/PATH`."""
    address = f"{url}/v1/collections/{path}"
    deadline = time.monotonic() + JOB_SECONDS
    job = httpx.post(address, json=body, timeout=JOB_SECONDS).raise_for_status().json()
    while job["state"] in {"queued", "running"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        job = httpx.get(f"{url}/v1/jobs/{job['id']}", timeout=JOB_SECONDS).json()
    assert job["state"] == "done", job["error"]
    return dict(httpx.get(address, timeout=JOB_SECONDS).json())


@pytest.fixture(scope="package")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("page")
    with Server(Settings(data=data, encoder="hash:64", job_niceness=0)) as url:
        fill(url, "faq", DOCUMENTS)
        notes = [
            {"id": f"n{n:02}", "text": f"note {n}", "metadata": {"n": n, "tags": ["a", "b"]}}
            for n in range(25)
        ]
        fill(url, "notes", notes)
        yield url


@pytest.fixture
def contexts() -> list[BrowserContext]:
    """What the pages of one test were opened in."""
    return []


@pytest.fixture
def empty_url(tmp_path: Path, contexts: list[BrowserContext]) -> Iterator[str]:
    """A server without collections, which goes only after the pages that may still ask it."""
    with Server(Settings(data=tmp_path, encoder="hash:64")) as url:
        yield url
        for context in contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, url: str, contexts: list[BrowserContext]) -> Iterator[Open]:
    """Opens pages; at the end none of them may have complained."""
    visits: list[Visit] = []

    def open_page(
        parameters: str = "", *, at: str = url, locale: str = "en-US", **options: object
    ) -> Visit:
        contexts.append(browser.new_context(locale=locale, **options))
        visit = Visit(contexts[-1].new_page(), at)
        visits.append(visit)
        visit.open(parameters)
        return visit

    yield open_page
    for context in contexts:
        context.close()
    assert [visit.complaints for visit in visits] == [[] for _ in visits]
