"""A collection that grows, and a folder for its backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexing.backup.folder import BackupFolder
from indexing.data_folder import DataFolder
from tests.indexing.backup.numbered import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.local import LocalCollection


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataFolder]:
    with DataFolder.open(tmp_path / "data", maintain=False) as folder:
        yield folder


@pytest.fixture
def collection(data: DataFolder) -> LocalCollection:
    """Two hundred documents."""
    made = data.create("help", encoder="hash:32")
    made.add([numbered(number) for number in range(200)])
    return made


@pytest.fixture
def backups(tmp_path: Path) -> BackupFolder:
    return BackupFolder.create(tmp_path / "backups")
