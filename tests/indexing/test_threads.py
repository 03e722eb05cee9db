"""How many processors a search takes, and that the thread has its own again afterwards."""

from __future__ import annotations

import faiss
import pytest

from indexing.index import threads
from indexing.index.threads import limit_processors, sharing


@pytest.fixture
def three_threads():
    """The calling thread's number of OpenMP threads, as a program may have set it."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    yield
    faiss.omp_set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_a_single_query_takes_one_thread_and_leaves_the_callers_number():
    """Else an encoder that computes in this thread next would do so on one processor."""
    with sharing(1):
        assert faiss.omp_get_max_threads() == 1
    assert faiss.omp_get_max_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_the_number_comes_back_after_an_error():
    with pytest.raises(ValueError, match="asked for"), sharing(1):
        raise ValueError("asked for")
    assert faiss.omp_get_max_threads() == 3


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("most", "taken"), [(None, 4), (2, 2), (9, 4)])
def test_no_search_takes_more_processors_than_allowed(
    monkeypatch: pytest.MonkeyPatch, most: int | None, taken: int
):
    monkeypatch.setattr(threads, "usable_processors", lambda: 4)
    limit_processors(most)
    try:
        with sharing(100):
            assert faiss.omp_get_max_threads() == taken
    finally:
        limit_processors(None)
