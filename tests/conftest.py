"""What holds for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# Several processes share the machine: how long an example took says nothing about the code.
settings.register_profile("meari", deadline=None)
settings.load_profile("meari")


@pytest.fixture(autouse=True, scope="session")
def compiled_in_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Encoders that tests compile are not left in the home of whoever runs them."""
    from embeddings.load import Computing, choose_computing

    # One folder for all processes of a run, so that each encoder is compiled once.
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    choose_computing(Computing(cache=shared / "compiled"))
    yield
    choose_computing(Computing())
