"""Headers that keep browsers from doing more with an answer than reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""On every answer."""
UNLESS_TOLD = {
    # an answer that a browser shows as a page loads nothing, runs nothing and stands in no frame
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On answers that do not say it themselves; the page does."""


def cors(origins: Sequence[str]) -> dict[str, Any]:
    """What Starlette's `CORSMiddleware` is told for pages of these origins.

    Nothing is sent along by a browser itself (cookies are not used), so a page has to have a key.
    """
    return {
        "allow_origins": list(origins),
        "allow_methods": ["GET", "POST", "PATCH", "DELETE"],
        "allow_headers": ["Authorization", "X-Api-Key", "Api-Key", "Content-Type", "X-Request-Id"],
        "expose_headers": ["X-Request-Id", "Retry-After", "X-Truncated", "Location"],
    }


def _raw(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in headers.items()}


_ALWAYS, _UNLESS_TOLD = _raw(ALWAYS), _raw(UNLESS_TOLD)


def harden(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers as ASGI has them, names in lower case, and these."""
    told = [header for header in headers if header[0] not in _ALWAYS]
    names = {name for name, _ in told}
    added = (header for header in _UNLESS_TOLD.items() if header[0] not in names)
    return [*told, *_ALWAYS.items(), *added]
