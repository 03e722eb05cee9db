"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# Several processes share the machine: how long an example took says nothing about the code.
settings.register_profile("meari", deadline=None)
settings.load_profile("meari")
