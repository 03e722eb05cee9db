"""What each route asks of a key: the one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.access.caller import Caller
    from service.access.keys import Scope
    from service.jobs.types import Kind

Reach = Literal["path", "seen", "none", "all"]


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs.

    Attributes:
        scope: the least a key must have.
        reach: which collections it touches: `path`, the one its path names; `seen`, those the key
            may see (lists are filtered, names in bodies checked where they are used); `none`;
            `all`, so that keys bound to some are refused.
    """

    scope: Scope
    reach: Reach

    def check(self, caller: Caller, parameters: Mapping[str, str]) -> None:
        """Refuse what the caller may not do.

        Args:
            caller: who asks.
            parameters: those of the path.

        Raises:
            ScopeError: its scope is too small.
            CollectionForbiddenError: it is bound to other collections.
        """
        caller.check_scope(self.scope)
        if self.reach == "path":
            caller.check_collection(parameters["collection"])
        elif self.reach == "all":
            caller.check_unbound()


UNKNOWN = Need("admin", "all")
"""Of a route that is not in the table."""
_ONE = "/v1/collections/{collection}"
NEEDS: Mapping[str, Need] = {
    "GET /v1/collections": Need("read", "seen"),
    "POST /v1/collections": Need("admin", "seen"),
    f"GET {_ONE}": Need("read", "path"),
    f"DELETE {_ONE}": Need("admin", "path"),
    f"POST {_ONE}/optimize": Need("admin", "path"),
    f"POST {_ONE}/verify": Need("admin", "path"),
    f"POST {_ONE}/documents": Need("write", "path"),
    f"GET {_ONE}/documents": Need("read", "path"),
    f"POST {_ONE}/documents/states": Need("read", "path"),
    f"POST {_ONE}/documents/delete": Need("write", "path"),
    f"POST {_ONE}/documents/trim": Need("write", "path"),
    f"POST {_ONE}/documents/count": Need("read", "path"),
    f"GET {_ONE}/documents/{{document_id:path}}": Need("read", "path"),
    f"DELETE {_ONE}/documents/{{document_id:path}}": Need("write", "path"),
    f"POST {_ONE}/search": Need("read", "path"),
    f"POST {_ONE}/search/batch": Need("read", "path"),
    f"POST {_ONE}/search/image": Need("read", "path"),
    f"GET {_ONE}/thumbnails/{{document_id:path}}": Need("read", "path"),
    f"POST {_ONE}/recommend": Need("read", "path"),
    f"POST {_ONE}/clusters": Need("write", "path"),
    f"GET {_ONE}/clusters": Need("read", "path"),
    f"GET {_ONE}/clusters/export": Need("read", "path"),
    f"POST {_ONE}/clusters/reassign": Need("write", "path"),
    f"GET {_ONE}/clusters/{{cluster}}/documents": Need("read", "path"),
    f"POST {_ONE}/outliers": Need("write", "path"),
    f"GET {_ONE}/outliers": Need("read", "path"),
    f"POST {_ONE}/outliers/score": Need("read", "path"),
    f"POST {_ONE}/duplicates": Need("write", "path"),
    f"GET {_ONE}/duplicates": Need("read", "path"),
    f"POST {_ONE}/duplicates/leakage": Need("write", "path"),
    f"GET {_ONE}/duplicates/leakage": Need("read", "path"),
    f"POST {_ONE}/drift": Need("write", "path"),
    f"GET {_ONE}/drift": Need("read", "path"),
    f"POST {_ONE}/map": Need("write", "path"),
    f"GET {_ONE}/map": Need("read", "path"),
    f"GET {_ONE}/map/tiles/{{level}}/{{column}}/{{row}}": Need("read", "path"),
    f"GET {_ONE}/map/points": Need("read", "path"),
    f"POST {_ONE}/map/documents": Need("read", "path"),
    f"GET {_ONE}/map/values": Need("read", "path"),
    f"POST {_ONE}/backups": Need("admin", "path"),
    f"POST {_ONE}/reembed": Need("admin", "path"),
    "GET /v1/backups": Need("admin", "seen"),
    "POST /v1/backups/{backup}/restore": Need("admin", "seen"),
    "POST /v1/backups/{backup}/drill": Need("admin", "seen"),
    "GET /v1/jobs": Need("read", "seen"),
    "GET /v1/jobs/{job}": Need("read", "seen"),
    "DELETE /v1/jobs/{job}": Need("write", "seen"),
    "POST /v1/jobs/{job}/resume": Need("write", "seen"),
    "GET /v1/jobs/{job}/events": Need("read", "seen"),
    "GET /v1/encoders": Need("read", "seen"),
    "GET /v1/models": Need("read", "seen"),
    "GET /v1/models/{model:path}": Need("read", "seen"),
    "POST /v1/embeddings": Need("read", "seen"),
    "POST /v1/similarity": Need("read", "seen"),
    "POST /rerank": Need("read", "seen"),
    "POST /v1/rerank": Need("read", "seen"),
    "POST /v2/rerank": Need("read", "seen"),
    "POST /embed": Need("read", "none"),
    "POST /similarity": Need("read", "none"),
    "POST /tokenize": Need("read", "none"),
    "GET /info": Need("read", "none"),
    "GET /v1/words": Need("read", "none"),
    "GET /v1/words/{model}/neighbours": Need("read", "none"),
    "POST /v1/words/{model}/analogy": Need("read", "none"),
    "GET /v1/words/{model}/similarity": Need("read", "none"),
    "GET /v1/classify": Need("read", "none"),
    "POST /v1/classify/{model}": Need("read", "none"),
}
"""By method and path template. Routes without a key (`OPEN`) are not in it."""

ADMIN_JOBS: frozenset[Kind] = frozenset({"backup", "restore", "drill", "reembed"})
"""Kinds that only scope `admin` asks for, calls off and takes up again."""

OPEN = frozenset(
    {"/livez", "/readyz", "/health", "/metrics", "/openapi.json", "/docs", "/docs.css"}
)
"""Paths that need no key; the page and its files join them."""


def need_of(method: str, path: str) -> Need | None:
    """What the route needs; None for one that is open to everybody."""
    return None if path in OPEN else NEEDS.get(f"{method} {path}", UNKNOWN)
