"""The official `cohere` client, pointed here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from embeddings.reranker import load_reranker
from tests.service.clients.conftest import MODEL

cohere = pytest.importorskip("cohere", reason="the cohere client is not installed (meari[dev])")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from embeddings.types import Encoder

QUERY = "언제 도착하나요?"
TEXTS = ["We sell shoes.", "Orders arrive within two working days.", "고양이가 소파에서 잔다."]


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """The client leaves its own connections open."""
    with httpx.Client(trust_env=False, timeout=60) as made:
        yield made


@pytest.fixture
def client(url: str, http: httpx.Client) -> cohere.ClientV2:
    return cohere.ClientV2(api_key="none", base_url=url, httpx_client=http)


def test_by_an_encoders_vectors(client: cohere.ClientV2, encoder: Encoder):
    asked = encoder.encode([QUERY], role="query").vectors[0]
    cosines = encoder.encode(TEXTS, role="document").vectors @ asked
    answer = client.rerank(model=MODEL, query=QUERY, documents=TEXTS)
    order = np.argsort(-cosines).tolist()
    assert order[0] == 1
    assert [each.index for each in answer.results] == order
    scores = [each.relevance_score for each in answer.results]
    assert scores == pytest.approx(((1 + cosines[order]) / 2).tolist(), abs=1e-5)
    assert answer.meta.api_version.version == "2"
    assert answer.meta.billed_units.search_units == 1
    assert answer.id
    best = client.rerank(model=MODEL, query=QUERY, documents=TEXTS, top_n=1)
    assert [each.index for each in best.results] == [1]


def test_by_the_configured_reranker(client: cohere.ClientV2, judge: Path):
    expected = load_reranker(judge, device="cpu").score("which gift", TEXTS)
    answer = client.rerank(
        model="judge", query="which gift", documents=TEXTS, max_tokens_per_doc=4096
    )
    order = np.argsort(-expected, kind="stable").tolist()
    assert [each.index for each in answer.results] == order
    scores = [each.relevance_score for each in answer.results]
    assert scores == pytest.approx(expected[order].tolist(), abs=1e-5)


def test_the_first_version_of_the_language(url: str, http: httpx.Client):
    client = cohere.Client(api_key="none", base_url=url, httpx_client=http)
    documents = [{"text": text, "shelf": str(n)} for n, text in enumerate(TEXTS)]
    answer = client.rerank(
        model=MODEL, query=QUERY, documents=documents, top_n=2, return_documents=True
    )
    assert answer.results[0].index == 1
    assert [each.document.text for each in answer.results] == [
        TEXTS[each.index] for each in answer.results
    ]
    plain = client.rerank(model=MODEL, query=QUERY, documents=TEXTS)
    assert [each.document for each in plain.results] == [None] * 3


def test_from_an_event_loop(url: str):
    async def ask() -> list[int]:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            client = cohere.AsyncClientV2(api_key="none", base_url=url, httpx_client=http)
            answer = await client.rerank(model=MODEL, query=QUERY, documents=TEXTS)
            return [each.index for each in answer.results]

    assert asyncio.run(ask())[0] == 1


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (
            {"model": "rerank-v3.5"},
            "NotFoundError",
            "there is: meari-ko-en; and the reranker",
        ),
        ({"documents": []}, "BadRequestError", "documents is a list of 0 items"),
        ({"documents": ["a", " "]}, "UnprocessableEntityError", "documents[1] is empty"),
        ({"max_tokens_per_doc": 10}, "BadRequestError", "reads 512 tokens of a document"),
    ],
)
def test_refusals_reach_the_client(
    client: cohere.ClientV2, change: dict[str, object], kind: str, words: str
):
    with pytest.raises(getattr(cohere, kind)) as caught:
        client.rerank(**{"model": MODEL, "query": QUERY, "documents": TEXTS} | change)
    assert words in caught.value.body["error"]["message"]
