"""The store's scores, filters and choices; the retriever's receipts; what is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

from service.client import AsyncClient, Client, ClientError
from service.langchain import MeariEmbeddings, MeariRetriever, MeariVectorStore
from service.langchain.documents import relevance, to_document, to_inputs

if TYPE_CHECKING:
    from service.client.questions import Mode

TEXTS = ["a cat sleeps on the sofa", "a cat sings", "a dog barks", "고양이가 소파에서 잔다"]
METADATA: list[dict[str, Any]] = [{"legs": 4}, {"legs": 4}, {"legs": 4, "loud": True}, {"l": "ko"}]
IDS = ["sofa", "song", "dog", "고양이"]


@pytest.fixture
def store(client: Client, collection: str) -> MeariVectorStore:
    store = MeariVectorStore(client, collection)
    assert store.add_texts(TEXTS, METADATA, ids=IDS) == IDS
    return store


def ids_of(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_documents_come_back_as_they_went_in(store: MeariVectorStore) -> None:
    (found,) = store.similarity_search("a dog barks", k=1)
    assert found == Document(id="dog", page_content=TEXTS[2], metadata={"legs": 4, "loud": True})
    assert ids_of(store.get_by_ids(["고양이", "nobody", "dog", "dog"])) == ["고양이", "dog"]


def test_many_ids_are_asked_for_in_several_requests(store: MeariVectorStore) -> None:
    ids = [f"n{n}" for n in range(250)]
    store.add_texts(ids, ids=ids)
    assert ids_of(store.get_by_ids(ids[::-1])) == ids[::-1]


def test_filters_are_ours(store: MeariVectorStore) -> None:
    loud = {"must": [{"key": "loud", "match": {"value": True}}]}
    assert ids_of(store.similarity_search("cat", k=4, filter=loud)) == ["dog"]
    with pytest.raises(ClientError) as caught:
        store.similarity_search("cat", filter={"loud": True})
    assert (caught.value.status, caught.value.code) == (400, "invalid_filter")
    assert store.delete(filter=loud)
    assert store.get_by_ids(["dog"]) == []


def test_scores_are_higher_for_better_documents(store: MeariVectorStore) -> None:
    found = store.similarity_search_with_score("a cat sings", k=4)
    assert found[0][0].id == "song"
    assert found[0][1] == pytest.approx(1)
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("mode", ["dense", "hybrid", "lexical"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot"])
def test_relevance_is_from_0_to_1_in_the_order_of_scores(
    client: Client, metric: str, mode: Mode
) -> None:
    store = MeariVectorStore(client, f"{metric}-{mode}", mode=mode).create(metric=metric)
    try:
        store.add_texts(TEXTS, ids=IDS)
        found = store.similarity_search_with_relevance_scores("a cat sings", k=4)
        shares = [share for _, share in found]
        assert found[0][0].id == "song"
        assert shares == sorted(shares, reverse=True)
        assert 0 <= shares[-1] <= shares[0] <= 1
        kept = store.similarity_search_with_relevance_scores(
            "a cat sings", k=4, score_threshold=shares[0]
        )
        assert ids_of([document for document, _ in kept]) == ["song"]
    finally:
        client.drop(f"{metric}-{mode}")


@pytest.mark.parametrize(
    ("score", "channels", "metric", "mode", "worth"),
    [
        (0.7, {"dense": 0.1, "lexical": 3.0}, "cosine", "hybrid", 0.7),
        (0.5, {"dense": 0.5}, "cosine", "dense", 0.75),
        (1.0000002, {"dense": 1.0000002}, "cosine", "dense", 1.0),
        (-3.0, {"dense": -3.0}, "euclidean", "dense", 0.25),
        (0.0, {"dense": 0.0}, "dot", "dense", 0.5),
        (-800.0, {"dense": -800.0}, "dot", "dense", 0.0),
        (3.0, {"lexical": 3.0}, "cosine", "lexical", 0.75),
    ],
)
def test_what_a_score_is_worth(
    score: float, channels: dict[str, float], metric: str, mode: str, worth: float
) -> None:
    match: Any = {"score": score, "channels": channels}
    assert relevance(match, metric=metric, mode=mode) == pytest.approx(worth)


def test_marginal_relevance_spreads(store: MeariVectorStore) -> None:
    store.add_texts(["a cat sings", "a cat sings"], ids=["again", "and again"])
    near = store.max_marginal_relevance_search("a cat sings", k=2, lambda_mult=1)
    assert set(ids_of(near)) < {"song", "again", "and again"}
    spread = store.max_marginal_relevance_search("a cat sings", k=2, fetch_k=6, lambda_mult=0.2)
    assert len({document.page_content for document in spread}) == 2


def test_vectors_search_and_embeddings_agree(store: MeariVectorStore) -> None:
    vector = store.embeddings.embed_query("a dog barks")
    assert ids_of(store.similarity_search_by_vector(vector, k=1)) == ["dog"]
    texts = [f"text {n}" for n in range(300)]
    vectors = store.embeddings.embed_documents(texts)
    assert len(vectors) == 300
    assert vectors[299] == store.embeddings.embed_documents([texts[299]])[0]


def test_a_store_is_made_of_texts(client: Client, url: str) -> None:
    embeddings = MeariEmbeddings(client, model="hash:64")
    try:
        made = MeariVectorStore.from_texts(
            TEXTS, embeddings, METADATA, ids=IDS, collection="made", metric="dot"
        )
        assert client.collection("made")["metric"] == "dot"
        more = [Document("a fish swims", id="fish")]
        again = MeariVectorStore.from_documents(more, None, collection="made", url=url)
        assert ids_of(again.similarity_search("a fish swims", k=1)) == ["fish"]
        assert client.count("made") == {"count": 5}
        again.client.close()
        assert made.delete(["fish"])
        assert client.count("made") == {"count": 4}
    finally:
        client.drop("made")


def test_vectors_of_others_are_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="embedding is DeterministicFakeEmbedding; the server"):
        MeariVectorStore.from_texts(
            ["a"], DeterministicFakeEmbedding(size=3), client=client, collection="x"
        )


def test_what_makes_no_sense_is_refused(store: MeariVectorStore) -> None:
    with pytest.raises(ValueError, match="2 texts came with 1 metadatas"):
        store.add_texts(["a", "b"], [{}])
    with pytest.raises(ValueError, match="2 texts came with 3 ids"):
        to_inputs(["a", "b"], None, ["1", "2", "3"])
    with pytest.raises(TypeError, match="namespace: not taken here"):
        store.add_texts(["a"], namespace="n")
    with pytest.raises(ValueError, match="exactly one of ids and filter"):
        store.delete()
    assert store.delete([])
    with pytest.raises(ClientError, match="cannot be sent as JSON"):
        store.add_texts(["a"], [{"when": object()}])
    with pytest.raises(ClientError) as caught:
        store.similarity_search("a", fetch="x")
    assert caught.value.status == 400


def test_a_title_stands_among_the_metadata() -> None:
    stored: Any = {"id": "1", "text": "t", "title": "T", "metadata": {"a": 1}}
    assert to_document(stored).metadata == {"a": 1, "title": "T"}
    stored["metadata"]["title"] = "own"
    assert to_document(stored).metadata["title"] == "own"


def test_the_retriever_tells_how_each_document_was_found(store: MeariVectorStore) -> None:
    retriever = MeariRetriever(client=store.client, collection=store.collection, k=2)
    first, second = retriever.invoke("a cat sings")
    told = first.metadata["meari"]
    assert (first.id, told["rank"], second.metadata["meari"]["rank"]) == ("song", 1, 2)
    assert told["channels"].keys() == {"dense", "lexical"}
    assert told["receipt"]["index"] == "flat+bm25"
    assert told["receipt"]["encoder"]["name"] == "hash:64"
    assert first.metadata["legs"] == 4
    four = {"must": [{"key": "l", "match": {"value": "ko"}}]}
    found = retriever.invoke("cat", filter=four, mode="dense", exact=True)
    assert ids_of(found) == ["고양이"]
    assert found[0].metadata["meari"]["receipt"]["matched_by_filter"] == 1


def test_the_stores_own_retriever_works_too(store: MeariVectorStore) -> None:
    for kind in ("similarity", "mmr"):
        retriever = store.as_retriever(search_type=kind, search_kwargs={"k": 1})
        assert ids_of(retriever.invoke("a dog barks")) == ["dog"]
    retriever = store.as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.99}
    )
    assert ids_of(retriever.invoke("a dog barks")) == ["dog"]


def test_everything_can_be_awaited(store: MeariVectorStore, url: str) -> None:
    async def work() -> None:
        async with AsyncClient(url) as client:
            awaited = MeariVectorStore(store.client, store.collection, async_client=client)
            assert await awaited.aadd_texts(["a fish swims"], ids=["fish"]) == ["fish"]
            assert ids_of(await awaited.asimilarity_search("a fish swims", k=1)) == ["fish"]
            scored = await awaited.asimilarity_search_with_relevance_scores("a fish swims", k=1)
            assert scored[0][1] == pytest.approx(1)
            chosen = await awaited.amax_marginal_relevance_search("a fish swims", k=1)
            assert ids_of(chosen) == ["fish"]
            vectors = await awaited.embeddings.aembed_documents(["a fish swims"])
            assert vectors == [await awaited.embeddings.aembed_query("a fish swims")]
            assert await awaited.adelete(["fish"])
            assert await awaited.aget_by_ids(["fish", "dog"]) == store.get_by_ids(["dog"])
            retriever = MeariRetriever(
                client=store.client, collection=store.collection, async_client=client, k=1
            )
            assert ids_of(await retriever.ainvoke("a dog barks")) == ["dog"]

    asyncio.run(work())


def test_the_extra_is_named_where_it_is_missing() -> None:
    script = "import sys; sys.modules['langchain_core'] = None; import service.langchain"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    assert "pip install 'meari[langchain]'" in ran.stderr.splitlines()[-1]
