"""Which names the service answers to.

A page of a stranger may have its own name resolved to 127.0.0.1 (DNS rebinding) and then asks the
service as if it were its own site; the `Host` header still says the stranger's name.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from service.access.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 80


class Hosts:
    """The names that requests may speak to.

    Those of this machine itself are always among them; a request that names none, which no browser
    sends, passes.

    Args:
        names: others, in lower case and without a port.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def check(self, header: str) -> None:
        """Refuse a request that speaks to somebody else.

        Raises:
            HostError: naming the host, cut after 80 characters.
        """
        name = _name(header)
        if not name or name in self._names or is_loopback(name):
            return
        message = (
            f"this service does not answer to the name {name[:_SHOWN]!r}; "
            "MEARI_HOSTS lists those it answers to besides this machine's own"
        )
        raise HostError(message)


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a host, as it is written, is this machine and reached from nowhere else."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(header: str) -> str:
    """The header's name in lower case, without a port and a dot at the end."""
    host = header.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    if host.count(":") == 1:
        host = host.partition(":")[0]
    return host.rstrip(".")
