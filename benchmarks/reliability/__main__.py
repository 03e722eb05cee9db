"""`python -m benchmarks.reliability PART ...`: how the whole holds under what nobody expects."""

from __future__ import annotations

import sys
from importlib import import_module

PARTS = {
    "soak": "mixed traffic for minutes, and what the server then takes",
    "traces": "what telling of a request costs",
    "drills": "backups of collections in use, restored aside and held against them",
    "api": "requests that the OpenAPI document allows, and some that it does not",
    "together": "readers, writers, optimize, drops and re-creations all at once",
    "fuzz": "bytes of strangers for whatever reads bytes",
    "crash": "kills, failing calls, full disks and power cuts under everything that writes",
}


def main(arguments: list[str]) -> int:
    """Run the part named first with the other arguments; returns the exit status."""
    if not arguments or arguments[0] not in PARTS:
        told = "\n".join(f"  {name:<12} {what}" for name, what in PARTS.items())
        print(f"usage: python -m benchmarks.reliability PART ...\n\n{told}")
        return 2
    return int(import_module(f"benchmarks.reliability.{arguments[0]}").main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
