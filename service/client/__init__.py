"""Our own HTTP API from Python: a client that waits, and one for an event loop.

Nothing but httpx is needed for it, whatever else of this project is installed.
"""

from __future__ import annotations

from service.client.answers import JsonObject
from service.client.asynchronous import AsyncClient
from service.client.blocking import Client
from service.client.errors import ClientError, UnreachableError, UploadError
from service.client.patience import Patience
from service.client.upload import Pace, Uploaded
from service.client.waiting import JobError

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "JobError",
    "JsonObject",
    "Pace",
    "Patience",
    "UnreachableError",
    "UploadError",
    "Uploaded",
]
