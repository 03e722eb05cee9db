"""Any order of writes, searches and care against a dictionary that does the same."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from embeddings.hashing import HashEncoder
from indexing.data_folder import DataFolder
from indexing.errors import InvalidRequestError
from indexing.filters import Filter
from indexing.planner import IndexWish, expected_bytes, possible_kinds
from indexing.types import Document, Mode, SearchRequest
from tests.indexing.filter_cases import DOCUMENTS, FILTERS, satisfies

DIM = 16
WORDS = ("apple", "river", "stone", "cloud", "lamp", "tiger")
IDS = [f"id-{n}" for n in range(8)]
METADATA = DOCUMENTS.map(lambda found: found[0])
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
ENTRIES = st.builds(Document, st.sampled_from(IDS), TEXTS, st.sampled_from(["", "lamp"]), METADATA)
BATCHES = st.lists(ENTRIES, max_size=5, unique_by=lambda document: document.id)
ANY_FILTER = st.none() | FILTERS


class AnyOrder(RuleBasedStateMachine):
    """A collection and a dictionary of its documents."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.data = DataFolder.open(self.scratch.name)
        self.made = self.data.create("c", encoder=f"hash:{DIM}")
        self.encoder = HashEncoder(DIM)
        self.model: dict[str, Document] = {}

    def kept(self, filter: dict[str, Any] | None) -> dict[str, Document]:
        return {
            id_: document
            for id_, document in self.model.items()
            if filter is None or satisfies(filter, id_, dict(document.metadata))
        }

    @rule(documents=BATCHES)
    def add(self, documents: list[Document]) -> None:
        states = self.made.states(documents)
        wanted = [self.state(document) for document in documents]
        assert states == wanted
        receipt = self.made.add(documents)
        told = (receipt.added, receipt.changed, receipt.relabelled, receipt.unchanged)
        names = ("new", "changed", "relabelled", "unchanged")
        assert told == tuple(wanted.count(name) for name in names)
        self.model |= {document.id: document for document in documents}

    def state(self, document: Document) -> str:
        known = self.model.get(document.id)
        if known is None:
            return "new"
        if (known.title, known.text) != (document.title, document.text):
            return "changed"
        return "unchanged" if known == document else "relabelled"

    @rule(id_=st.sampled_from(IDS), metadata=METADATA)
    def relabel(self, id_: str, metadata: dict[str, Any]) -> None:
        if (known := self.model.get(id_)) is not None:
            self.add([Document(id_, known.text, known.title, metadata)])

    @rule(gone=st.sets(st.sampled_from([*IDS, "nobody"]), max_size=4))
    def delete(self, gone: set[str]) -> None:
        assert self.made.delete(gone) == len(gone & self.model.keys())
        for id_ in gone:
            self.model.pop(id_, None)

    @rule(filter=FILTERS)
    def delete_by_filter(self, filter: dict[str, Any]) -> None:
        gone = self.kept(filter)
        assert self.made.delete(filter=Filter.parse(filter)) == len(gone)
        for id_ in gone:
            del self.model[id_]

    @rule(asked=st.lists(st.sampled_from([*IDS, "nobody"]), max_size=5))
    def get(self, asked: list[str]) -> None:
        found = [stored and stored.document for stored in self.made.get(asked)]
        assert found == [self.model.get(id_) for id_ in asked]

    @rule(filter=FILTERS)
    def count(self, filter: dict[str, Any]) -> None:
        assert self.made.count(Filter.parse(filter)) == len(self.kept(filter))

    @rule(filter=ANY_FILTER, limit=st.integers(1, 4))
    def scan(self, filter: dict[str, Any] | None, limit: int) -> None:
        found: list[Document] = []
        cursor, read = None, None if filter is None else Filter.parse(filter)
        for _ in range(len(IDS) + 1):
            page = self.made.scan(filter=read, cursor=cursor, limit=limit)
            found += [stored.document for stored in page.documents]
            if (cursor := page.cursor) is None:
                break
        assert cursor is None
        assert len({document.id for document in found}) == len(found)
        assert {document.id: document for document in found} == self.kept(filter)

    @rule(query=TEXTS, filter=ANY_FILTER, limit=st.integers(1, 9), exact=st.booleans())
    def search_by_vector(
        self, query: str, filter: dict[str, Any] | None, limit: int, exact: bool
    ) -> None:
        read = None if filter is None else Filter.parse(filter)
        request = SearchRequest(query=query, filter=read, limit=limit, exact=exact)
        matches = self.made.search(request).matches
        kept = self.kept(filter)
        wanted = self.scores(query, kept)
        assert len(matches) == min(limit, len(kept))
        for match in matches:
            assert match.document == kept[match.document.id]
            assert match.score == pytest.approx(wanted[match.document.id], abs=1e-5)
        told = [match.score for match in matches]
        best = sorted(wanted.values(), reverse=True)[:limit]
        assert told == pytest.approx(best, abs=1e-5)

    def scores(self, query: str, documents: dict[str, Document]) -> dict[str, float]:
        if not documents:
            return {}
        asked = self.encoder.encode([query], role="query").vectors[0]
        texts = [document.encoded_text for document in documents.values()]
        vectors = self.encoder.encode(texts, role="document").vectors
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(asked)
        return dict(zip(documents, (vectors @ asked / lengths).tolist(), strict=True))

    @rule(query=TEXTS, filter=ANY_FILTER, mode=st.sampled_from(["lexical", "hybrid"]))
    def search_by_words(self, query: str, filter: dict[str, Any] | None, mode: Mode) -> None:
        read = None if filter is None else Filter.parse(filter)
        request = SearchRequest(query=query, filter=read, limit=50, mode=mode)
        found = {match.document.id: match.document for match in self.made.search(request).matches}
        kept = self.kept(filter)
        words = set(query.split())
        having = {id_: d for id_, d in kept.items() if words & set(d.encoded_text.split())}
        assert found == (having if mode == "lexical" else kept)

    @rule()
    def optimize(self) -> None:
        self.made.optimize()

    @rule()
    def reopen(self) -> None:
        self.data.close()
        self.data = DataFolder.open(self.data.path)
        self.made = self.data.collection("c")

    @invariant()
    def holds_what_it_should(self) -> None:
        assert self.made.count() == len(self.model)
        page = self.made.scan(limit=100)
        assert {stored.document.id: stored.document for stored in page.documents} == self.model

    def teardown(self) -> None:
        report = self.made.verify()
        assert (report.ok, report.problems, report.documents) == (True, (), len(self.model))
        self.data.close()
        self.scratch.cleanup()


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_order() -> None:
    run(examples=12, steps=15)


@pytest.mark.slow
def test_any_order_for_minutes() -> None:
    run(examples=400, steps=40)


ROWS, DIMS = st.integers(0, 10**10), st.integers(1, 4096)
MEMORY = st.none() | st.integers(1, 10**13)


def kinds(rows: int, dim: int, memory: int | None, recall: float = 0.98) -> tuple[str, ...]:
    try:
        return possible_kinds(rows, dim, IndexWish(recall, memory))
    except InvalidRequestError:
        return ()


@given(ROWS, DIMS, MEMORY, st.integers(0, 10**12))
def test_more_memory_never_leaves_fewer_kinds(
    rows: int, dim: int, memory: int | None, more: int
) -> None:
    roomier = None if memory is None else memory + more
    assert set(kinds(rows, dim, memory)) <= set(kinds(rows, dim, roomier))


@given(ROWS, DIMS, MEMORY)
def test_what_is_planned_fits(rows: int, dim: int, memory: int | None) -> None:
    for kind in kinds(rows, dim, memory):
        assert kind == "flat" or memory is None or expected_bytes(kind, rows, dim) <= memory
    assert kinds(rows, dim, None), "without a bound there is always one"
    assert kinds(rows, dim, memory, recall=1.0) == ("flat",)


@given(ROWS, DIMS, st.integers(0, 10**6), st.sampled_from(["flat", "hnsw", "hnsw-sq8", "ivf-pq"]))
def test_more_vectors_never_take_less(rows: int, dim: int, more: int, kind: str) -> None:
    assert expected_bytes(kind, rows, dim) <= expected_bytes(kind, rows + more, dim)


@given(ROWS, DIMS, st.integers(1, 10**11))
def test_what_a_refusal_names_is_enough(rows: int, dim: int, memory: int) -> None:
    try:
        possible_kinds(rows, dim, IndexWish(memory=memory))
    except InvalidRequestError as error:
        enough = int(str(error).split("; ")[1].split(" ")[0].replace(",", ""))
        assert enough > memory
        assert kinds(rows, dim, enough)
        assert not kinds(rows, dim, enough - 1)
