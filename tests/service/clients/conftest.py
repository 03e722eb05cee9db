"""A running server with the encoder that ships and a small reranker, for other people's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from embeddings.load import load_encoder
from tests.indexing.test_reranking import make_body
from tests.service.http.test_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from embeddings.load import Runtime
    from embeddings.types import Encoder

MODEL = "meari-ko-en"
RUNTIME: Runtime = "float32"
"""`auto` races precisions, and the server's race may end otherwise than the test's."""


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return load_encoder(MODEL, device="cpu", runtime=RUNTIME)


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder with random weights."""
    from sentence_transformers import CrossEncoder

    body = tmp_path_factory.mktemp("body")
    make_body(body, "BertForSequenceClassification")
    saved = tmp_path_factory.mktemp("models") / "judge"
    CrossEncoder(str(body), device="cpu").save_pretrained(str(saved))
    return saved


@pytest.fixture(scope="session")
def url(judge: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the server answers."""
    data = tmp_path_factory.mktemp("data")
    chosen = {
        "MEARI_ENCODER": MODEL,
        "MEARI_RUNTIME": RUNTIME,
        "MEARI_RERANKER": str(judge),
        "MEARI_DEVICE": "cpu",
    }
    with running(data, **chosen) as (_, client):
        yield str(client.base_url).rstrip("/")
