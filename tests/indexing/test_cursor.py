"""Pages that follow one another while documents come and go."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.cursor import Cursor, read_cursor, write_cursor
from indexing.errors import InvalidRequestError
from indexing.filters import Filter
from indexing.types import MAX_PAGED, Document, Parent, SearchRequest

if TYPE_CHECKING:
    from indexing.data_folder import DataFolder
    from indexing.local import LocalCollection

DIM = 8
REQUEST = SearchRequest(query="gift", mode="hybrid")


@pytest.fixture
def points(data: DataFolder) -> LocalCollection:
    """Forty documents asked for by vectors; many have equal ones."""
    made = data.create("points", encoder=f"hash:{DIM}")
    made.add([Document(f"p{n:02d}", f"text {n % 7} {n % 3}") for n in range(40)])
    return made


def ask(**changes: object) -> SearchRequest:
    vector = np.arange(1, DIM + 1, dtype=np.float32)
    return replace(SearchRequest(vector=vector, limit=7), **changes)  # type: ignore[arg-type]


def walk(collection: LocalCollection, request: SearchRequest) -> list[str]:
    """Ids of all pages, one behind the other; ranks must count on."""
    seen: list[str] = []
    while True:
        result = collection.search(request)
        ranks = [match.rank for match in result.matches]
        assert ranks == list(range(len(seen) + 1, len(seen) + len(ranks) + 1))
        seen += [match.document.id for match in result.matches]
        if result.cursor is None:
            return seen
        request = replace(request, cursor=result.cursor)


@pytest.mark.parametrize("limit", [1, 3, 7, 20, 39, 40, 41])
def test_pages_are_the_whole_answer(points: LocalCollection, limit: int) -> None:
    whole = [m.document.id for m in points.search(ask(limit=100)).matches]
    assert len(whole) == 40
    assert walk(points, ask(limit=limit)) == whole


def test_only_an_answer_that_goes_on_has_a_cursor(points: LocalCollection) -> None:
    assert points.search(ask(limit=40)).cursor is None
    assert points.search(ask(limit=39)).cursor is not None
    assert points.search(ask(limit=10, offset=30)).cursor is None
    behind = points.search(ask(limit=10, offset=20)).cursor
    last = points.search(ask(limit=10, cursor=behind))
    assert [match.rank for match in last.matches] == list(range(31, 41))


def test_the_limit_and_what_is_shown_may_change(points: LocalCollection) -> None:
    whole = [m.document.id for m in points.search(ask(limit=100)).matches]
    cursor = points.search(ask(limit=5)).cursor
    shown = points.search(ask(limit=3, cursor=cursor, with_vectors=True, with_snippets=True))
    assert [match.document.id for match in shown.matches] == whole[5:8]


def test_documents_that_come_and_go_disturb_no_others(points: LocalCollection) -> None:
    """Whatever is written or deleted between pages, what stays is seen once."""
    before = [m.document.id for m in points.search(ask(limit=100)).matches]
    first = points.search(ask(limit=10))
    seen = [match.document.id for match in first.matches]
    points.delete([seen[2], seen[9], before[15]])
    points.add([Document(f"n{n:02d}", f"text {n % 7} {n % 3}") for n in range(30)])
    after = walk_on(points, first.cursor)
    assert len(set(after)) == len(after)
    assert not set(after) & set(seen)
    stayed = [name for name in before[10:] if name != before[15]]
    assert [name for name in after if name in set(before)] == stayed
    last = first.matches[-1]
    for match in points.search(ask(limit=100)).matches:
        place = (-match.score, match.document.id)
        is_behind = place > (-last.score, last.document.id)
        assert (match.document.id in after) == is_behind


def walk_on(collection: LocalCollection, cursor: str | None) -> list[str]:
    names: list[str] = []
    while cursor is not None:
        result = collection.search(ask(limit=6, cursor=cursor))
        names += [match.document.id for match in result.matches]
        cursor = result.cursor
    return names


def test_chunks_of_one_parent_are_paged_as_one(data: DataFolder) -> None:
    made = data.create("chunks", encoder=f"hash:{DIM}")
    made.add(
        [
            Document(f"b{n:02d}#{c}", f"word {n % 5} {c}", parent=Parent(f"b{n:02d}", c, 0, 5))
            for n in range(20)
            for c in range(4)
        ]
    )
    request = SearchRequest(query="word 1 2", limit=3, group="parents")
    whole = made.search(replace(request, limit=100)).matches
    assert len(whole) == 20
    assert walk(made, request) == [match.document.id for match in whole]


def test_a_threshold_ends_the_pages(points: LocalCollection) -> None:
    scores = [match.score for match in points.search(ask(limit=100)).matches]
    threshold = scores[24]
    kept = sum(score >= threshold for score in scores)
    assert len(walk(points, ask(limit=4, score_threshold=threshold))) == kept


def test_words_are_paged_too(data: DataFolder) -> None:
    made = data.create("words", encoder=f"hash:{DIM}")
    made.add([Document(f"w{n:02d}", "gift " * (1 + n % 4) + "card") for n in range(30)])
    for mode in ("lexical", "hybrid"):
        request = SearchRequest(query="gift", mode=mode, limit=7)  # type: ignore[arg-type]
        whole = [m.document.id for m in made.search(replace(request, limit=50)).matches]
        assert walk(made, request) == whole


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"query": "cards"}, "another query;"),
        ({"mode": "lexical"}, "another mode;"),
        ({"filter": Filter.parse({"must": []})}, "another filter;"),
        ({"score_threshold": 0.5, "exact": True}, "another score_threshold, exact;"),
        ({"group": "parents", "recall": 0.9}, "another group, recall;"),
    ],
)
def test_a_cursor_of_another_request_is_told_by_name(changes: dict[str, Any], named: str) -> None:
    text = write_cursor(Cursor(0.5, "a", 10), REQUEST)
    with pytest.raises(InvalidRequestError, match=named) as caught:
        read_cursor(text, replace(REQUEST, **changes))
    assert caught.value.field == "cursor"
    assert read_cursor(text, replace(REQUEST, limit=99)) == Cursor(0.5, "a", 10)


def test_filters_that_read_alike_are_one_request() -> None:
    one = Filter.parse({"must": [{"has_id": ["a", "b"]}]})
    two = Filter.parse({"must": {"has_id": ["b", "a"]}})
    text = write_cursor(Cursor(0.5, "a", 10), replace(REQUEST, filter=one))
    assert read_cursor(text, replace(REQUEST, filter=two)).rank == 10


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.integers(1, MAX_PAGED - 1),
)
def test_cursors_are_read_as_written(score: float, id_: str, rank: int) -> None:
    cursor = Cursor(score, id_, rank)
    assert read_cursor(write_cursor(cursor, REQUEST), REQUEST) == cursor


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from("AZaz09-_"))
def test_a_damaged_cursor_is_refused(place: int, char: str) -> None:
    text = write_cursor(Cursor(0.25, "document", 10), REQUEST)
    place %= len(text)
    damaged = text[:place] + char + text[place + 1 :]
    if _bytes(damaged) != _bytes(text):
        with pytest.raises(InvalidRequestError, match="is damaged"):
            read_cursor(damaged, REQUEST)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("text", ["", "x", "not a cursor", "12", "é", "AAAAAA", "A" * 5_000])
def test_what_never_was_a_cursor_is_refused(points: LocalCollection, text: str) -> None:
    with pytest.raises(InvalidRequestError, match="is damaged") as caught:
        points.search(ask(cursor=text))
    assert caught.value.field == "cursor"
    assert len(str(caught.value)) < 200


def test_pages_end_somewhere(points: LocalCollection) -> None:
    deep = write_cursor(Cursor(0.5, "a", MAX_PAGED), ask())
    with pytest.raises(InvalidRequestError, match=r"pages end at 100,000.*filter or score_thresh"):
        points.search(ask(cursor=deep))


def test_a_cursor_stands_alone(points: LocalCollection) -> None:
    cursor = points.search(ask(limit=5)).cursor
    with pytest.raises(InvalidRequestError, match="beside a cursor") as caught:
        points.search(ask(cursor=cursor, offset=5))
    assert caught.value.field == "offset"
    with pytest.raises(InvalidRequestError, match="must be a string"):
        points.search(ask(cursor=17))


def test_many_equal_scores_are_paged_by_id(data: DataFolder) -> None:
    made = data.create("ties", encoder=f"hash:{DIM}")
    names = [f"t{n:03d}" for n in range(150)]
    made.add([Document(name, "the very same words") for name in reversed(names)])
    assert walk(made, SearchRequest(query="same words", limit=40)) == names


def test_fused_pages_do_not_repeat_however_deep(data: DataFolder) -> None:
    """Beyond the candidates of the first page, where more of them are looked for."""
    made = data.create("many", encoder=f"hash:{DIM}")
    made.add([Document(f"m{n:03d}", f"gift {n % 11} card {n % 7} {n % 5}") for n in range(300)])
    request = SearchRequest(query="gift 3 card 2", mode="hybrid", limit=30)
    seen = walk(made, request)
    assert len(set(seen)) == len(seen)
    assert len(seen) > 280
    scores = {m.document.id: m.score for m in made.search(replace(request, limit=300)).matches}
    assert [scores[name] for name in seen] == sorted((scores[n] for n in seen), reverse=True)
