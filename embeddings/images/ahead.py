"""Work done by threads ahead of the one who needs it, its results in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], items: Iterable[T], *, threads: int, most: int) -> Iterator[R]:
    """`work` of each item, in order, computed by threads before it is asked for.

    What `work` raises is raised where its result would have come. Leaving off early waits for what
    is being worked on and drops the rest.

    Args:
        work: called from several threads.
        items: drawn by the thread that iterates.
        threads: one or more.
        most: results that are in memory or under way at once.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pictures")
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
