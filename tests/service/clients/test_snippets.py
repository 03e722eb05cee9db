"""What `docs/clients.md` shows happens."""

from __future__ import annotations

import gc
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "clients.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
CURL = re.compile(rf"curl -s {ADDRESS}(\S+)(?:.*?-d '(.*?)')?\s", re.DOTALL)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_programs_run(url: str):
    for library in ("openai", "langchain_openai", "cohere"):
        pytest.importorskip(library, reason=f"{library} is not installed (meari[dev])")
    blocks = PYTHON.findall(PAGE)
    assert len(blocks) == 4
    names: dict[str, Any] = {}
    found = []
    for block in blocks:
        exec(block.replace(ADDRESS, url), names)  # noqa: S102 - our own page
        found.append(names.get("vectors") or names["answer"])
    assert [len(vector) for vector in found[0]] == [128, 128]
    assert [len(vector) for vector in found[1]] == [384, 384]
    assert len(names["embeddings"].embed_query("언제 도착하나요?")) == 384
    answer = names["answer"]
    assert [each.index for each in answer.results] == [1]
    assert answer.receipt["method"] == "cosine"
    names.clear()
    del found, answer
    gc.collect()  # the clients' connections, here and not in another test


def test_the_requests_are_answered(url: str):
    requests = CURL.findall(PAGE)
    assert [path for path, _ in requests] == ["/v1/rerank", "/embed", "/rerank", "/info"]
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        answers = {}
        for path, body in requests:
            sent = client.post(path, json=json.loads(body)) if body else client.get(path)
            assert sent.status_code == 200, sent.text
            answers[path] = sent.json()
    ranked = answers["/v1/rerank"]["results"]
    assert [each["document"] for each in ranked] == [
        {"text": "Orders arrive within two working days."}
    ]
    assert [len(vector) for vector in answers["/embed"]] == [384, 384]
    assert {each["index"] for each in answers["/rerank"]} == {0, 1}
    assert answers["/info"]["model_id"] == "meari-ko-en"
