"""Texts to lines of words, in several processes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING

from embeddings.processors import usable_processors
from embeddings.text import korean
from embeddings.text.analyzer import load_analyzer
from embeddings.training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from embeddings.text.analyzer import Analyzer

MOST_LINE_WORDS = 1_000
"""Words of a line: gensim reads no more than 10,000."""
_BATCH_CHARACTERS = 1 << 18
_MOST_PROCESSES = 8
"""Unless more are asked for: each one with Korean texts holds 500 MB."""
_AHEAD = 2
"""Batches that wait for each process."""


def analysed(
    texts: Iterable[str], analyzer: Analyzer, processes: int | None, *, skip: int = 0
) -> Iterator[list[str]]:
    """Lines of words with blanks between, batch by batch, in order.

    A text gives one line, a long one several; a line of one word alone is left out. Where batches
    end depends on the texts alone.

    Args:
        texts: read as they are needed, a few batches ahead.
        analyzer: what words are.
        processes: None is one a processor, at most 8. With more than one the caller's main
            module must be importable, as for every `multiprocessing` by spawning.
        skip: batches to pass over, whose texts are read and not analysed.

    Raises:
        AnalyzerError: Kiwi cannot be loaded.
        TrainingError: a process ended or cannot be started.
    """
    count = processes or min(usable_processors(), _MOST_PROCESSES)
    batches = islice(_batches(texts), skip, None)
    first = list(islice(batches, 2))
    if count == 1 or len(first) < 2:
        for batch in chain(first, batches):
            yield _lines(analyzer, batch)
        return
    with ProcessPoolExecutor(
        count,
        mp_context=get_context("spawn"),
        initializer=_start,
        initargs=(analyzer.kind, analyzer.stems),
    ) as pool:
        try:
            running: deque[Future[list[str]]] = deque()
            for batch in chain(first, batches):
                running.append(pool.submit(_work, batch))
                if len(running) >= count * (1 + _AHEAD):
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as error:
            message = (
                "a process that analyses the corpus ended: it ran out of memory, or the main "
                "module cannot be imported (`if __name__ == '__main__':` is missing). Set "
                "`processes` to 1 to do without"
            )
            raise TrainingError(message) from error
        finally:
            pool.shutdown(cancel_futures=True)


class _Process:
    """What a worker process holds."""

    analyzer: Analyzer


def _start(kind: str, stems: bool) -> None:
    korean.limit_threads(1)
    _Process.analyzer = load_analyzer(kind, stems=stems)


def _work(batch: list[str]) -> list[str]:
    return _lines(_Process.analyzer, batch)


def _lines(analyzer: Analyzer, batch: list[str]) -> list[str]:
    lines = []
    for terms in analyzer.analyze(batch):
        for start in range(0, len(terms), MOST_LINE_WORDS):
            line = terms[start : start + MOST_LINE_WORDS]
            if len(line) > 1:
                lines.append(" ".join(line))
    return lines


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
