"""The README's own question, asked of the example it speaks of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eval.datasets import read_corpus
from indexing.types import SearchRequest

if TYPE_CHECKING:
    from indexing.data_folder import DataFolder

EXAMPLE = Path(__file__).parents[2] / "examples" / "bookshop" / "corpus.jsonl"


@pytest.mark.slow
def test_a_torn_parcel_is_damaged_and_not_lost(data: DataFolder) -> None:
    """BM25 has the lost parcel first, for it holds the word."""
    shop = data.create("bookshop", encoder="minilm")
    shop.add(list(read_corpus(EXAMPLE).values()))
    question = "my parcel arrived torn"
    words = shop.search(SearchRequest(query=question, mode="lexical", limit=3))
    assert "torn" not in words.matches[0].document.text
    result = shop.search(SearchRequest(query=question, mode="hybrid", limit=3))
    best = result.matches[0]
    assert best.document.title == "Items damaged in transit"
    assert best.score == best.confidence
    assert result.receipt.no_good_answer is False
