from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexing.types import Document

if TYPE_CHECKING:
    from indexing.local import LocalCollection

TOPICS = {
    "returns": [
        "배송비 환불은 어떻게 받나요",
        "반품하면 배송비가 드나요",
        "교환과 반품 배송비를 알려 주세요",
        "배송비 없이 반품하고 싶어요",
        "반품 신청과 환불 기간이 궁금해요",
        "교환 신청은 어디에서 하나요",
    ],
    "rain": [
        "내일 비가 오면 우산을 챙기세요",
        "주말 날씨는 비가 내린대요",
        "우산 없이 비를 맞았어요",
        "오늘 날씨가 맑아요",
        "태풍이 와서 비바람 날씨예요",
        "날씨가 흐리고 비가 와요",
    ],
    "cards": [
        "My credit card payment was declined",
        "Why was the credit card declined at the shop?",
        "A declined payment with my credit card",
        "The payment of my credit card failed",
        "Credit card payments are declined abroad",
        "How can I change the PIN of my credit card?",
    ],
}


def scattered(topic: int, number: int, dim: int = 32) -> np.ndarray:
    """A vector near the topic's axis; the further off, the higher the number."""
    draw = np.random.default_rng(1000 * topic + number)
    vector = 0.02 * (1 + number % 7) * draw.normal(size=dim)
    vector[topic] += 1
    return vector.astype(np.float32)


def fill(collection: LocalCollection, copies: int = 1, topics: int = 3) -> None:
    """Texts of the topics, each with a vector near those of its topic."""
    documents, vectors = [], []
    for topic, (name, texts) in enumerate(list(TOPICS.items())[:topics]):
        for number, text in enumerate(texts * copies):
            documents.append(Document(f"{name}-{number}", text))
            vectors.append(scattered(topic, number))
    collection.add(documents, vectors=np.array(vectors))


@pytest.fixture
def filled(collection: LocalCollection) -> LocalCollection:
    fill(collection)
    return collection
