"""The web page and the API's reference: HTML and what it loads, all of it ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from service.reference.page import render_reference

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import Scope

FOLDER = Path(__file__).parent.parent / "web"
REFERENCE = Path(__file__).parent.parent / "reference"

HEADERS = {
    # files keep their names from version to version: ask every time whether they changed
    "Cache-Control": "no-cache",
    # no script, style, font or image from elsewhere, and none written into the page
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageFiles(StaticFiles):
    """Static files with the headers above."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304 if the browser has it already."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def page_routes() -> list[Route]:
    """`GET /` for the page and `GET /NAME` for each file it loads.

    The page names its files relative to itself, so they stand beside it whatever path a proxy
    puts in front. One route a file keeps all other paths free.
    """
    files = PageFiles(directory=FOLDER)
    names = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file())
    routes = [_file_route("/", files, "index.html")]
    return routes + [_file_route(f"/{name.as_posix()}", files, str(name)) for name in names]


def reference_routes() -> list[BaseRoute]:
    """`GET /docs`, made from the OpenAPI document, and its style sheet."""

    async def docs(request: Request) -> Response:
        page = render_reference(request.app.openapi(), style="docs.css")
        return HTMLResponse(page, headers=HEADERS)

    style = _file_route("/docs.css", PageFiles(directory=REFERENCE), "style.css")
    return [Route("/docs", docs, methods=["GET"]), style]


def _file_route(path: str, files: PageFiles, name: str) -> Route:
    async def answer(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return Route(path, answer, methods=["GET"])
