"""Collections of a small bilingual corpus, with an encoder that needs no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexing.data_folder import DataFolder
from indexing.types import Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.local import LocalCollection

CORPUS = [
    Document("a", "returns are free for fourteen days", "Returns", {"lang": "en", "n": 1}),
    Document("b", "반품은 십사 일 안에 무료입니다", "반품", {"lang": "ko", "n": 2}),
    Document("c", "parcels leave the same day", "Shipping", {"lang": "en", "n": 3}),
    Document("d", "소포는 당일 출발합니다", "배송", {"lang": "ko", "n": 4}),
    Document("e", "gift cards are valid five years", "Gift cards", {"lang": "en", "n": 5}),
]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataFolder]:
    """An empty data folder."""
    with DataFolder.open(tmp_path / "data") as folder:
        yield folder


@pytest.fixture
def collection(data: DataFolder) -> LocalCollection:
    """Five documents, cosine."""
    made = data.create("help", encoder="hash:32")
    made.add(CORPUS)
    return made
