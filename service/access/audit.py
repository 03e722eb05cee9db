"""Who wrote what: one JSON object a line, in a file of its own."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from service.access.caller import CALLER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

AUDIT_FILE = "audit.jsonl"
_KEPT = 4
"""Full files that are kept beside the one that is written, `audit.jsonl.1` the latest."""
_COUNTS = ("added", "changed", "relabelled", "unchanged", "deleted", "documents")
_COUNTED_BYTES = 1 << 20
"""Of an answer that is looked through for numbers."""


class AuditLog:
    """The file, begun anew when it is full; `close` in the end.

    What cannot be written is told in the log: the write it speaks of has happened.

    Args:
        path: of the file; made with the first line.
        max_bytes: of one file; 0 keeps no audit.
        failed: called for each line that could not be written.
    """

    def __init__(
        self, path: Path, max_bytes: int, *, failed: Callable[[], None] = lambda: None
    ) -> None:
        self._handler = None if max_bytes == 0 else _File(path, max_bytes, failed)

    def tell(
        self,
        *,
        method: str,
        route: str,
        collection: str | None,
        status: int,
        counts: Mapping[str, int],
        request_id: str | None,
    ) -> None:
        """Write a line about a request of the caller."""
        if self._handler is None:
            return
        caller = CALLER.get()
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": moment.replace("+00:00", "Z"),
            "key": caller.key,
            "name": caller.name,
            "method": method,
            "route": route,
            "collection": collection,
            "status": status,
            "counts": dict(counts),
            "request_id": request_id,
        }
        line = json.dumps(entry, ensure_ascii=False)
        self._handler.handle(logging.makeLogRecord({"msg": line, "levelno": logging.INFO}))

    def close(self) -> None:
        """Close the file."""
        if self._handler is not None:
            self._handler.close()


class _File(logging.handlers.RotatingFileHandler):
    """Lines that its owner alone may read."""

    def __init__(self, path: Path, max_bytes: int, failed: Callable[[], None]) -> None:
        self._failed = failed
        super().__init__(path, maxBytes=max_bytes, backupCount=_KEPT, encoding="utf-8", delay=True)

    def _open(self) -> IO[str]:  # type: ignore[override]
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, "a", encoding="utf-8", opener=opener)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say in the log what the file does not."""
        self._failed()
        logger.error("the audit log lacks %s", record.getMessage(), exc_info=True)  # noqa: LOG014 - logging calls this while it handles the exception


def should_tell(status: int) -> bool:
    """Whether a write with that status is worth a line: it happened, was forbidden, or broke."""
    return status < 400 or status == 403 or status >= 500


def told_of(body: bytes) -> dict[str, Any]:
    """The fields of an answer; none of one that is no object, or too large to be looked through."""
    if not body or len(body) > _COUNTED_BYTES:
        return {}
    try:
        told: Any = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def counts_of(told: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of documents among the fields of an answer."""
    return {name: told[name] for name in _COUNTS if isinstance(told.get(name), int)}
