from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexing.data_folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.local import LocalCollection


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataFolder]:
    with DataFolder.open(tmp_path / "data") as folder:
        yield folder


@pytest.fixture
def collection(data: DataFolder) -> LocalCollection:
    return data.create("things", encoder="hash:32")
