"""Reading in a thread of its own, so that the encoder never waits for a file."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.ingest.stream import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from indexing.ingest.stream import DocumentStream, Outcome

_BLOCK_ITEMS = 32
_BLOCK_CHARACTERS = 500_000
MOST_CHARACTERS = 32_000_000
"""Characters of text read ahead, beside the documents being encoded."""
_MOST_ITEMS = 4_096


@dataclass(frozen=True, slots=True)
class Block:
    """Some outcomes in order, and how many bytes of the sources had been read behind them."""

    outcomes: tuple[Outcome, ...]
    bytes_read: int
    characters: int


class ReadAhead:
    """A stream drawn by a thread into a bounded buffer; iterate over it inside a `with`.

    Leaving the `with` stops the thread. An error of the stream is raised where the block that
    it spoilt would have come.
    """

    def __init__(self, stream: DocumentStream) -> None:
        self._stream = stream
        self._blocks: deque[Block] = deque()
        self._items = self._characters = 0
        self._change = threading.Condition()
        self._stopped = self._ended = False
        self._error: BaseException | None = None
        # A daemon: input that never comes must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._stopped = True
            self._change.notify_all()
        self._thread.join(timeout=2)

    def __iter__(self) -> Iterator[Block]:
        while True:
            with self._change:
                while not (self._blocks or self._ended):
                    self._change.wait()
                if not self._blocks:
                    if self._error is not None:
                        raise self._error
                    return
                block = self._blocks.popleft()
                self._items -= len(block.outcomes)
                self._characters -= block.characters
                self._change.notify_all()
            yield block

    def _run(self) -> None:
        try:
            self._read()
        except BaseException as error:
            # Raised again in the thread that waits.
            self._error = error
        finally:
            with self._change:
                self._ended = True
                self._change.notify_all()

    def _read(self) -> None:
        outcomes: list[Outcome] = []
        characters = 0
        for outcome in self._stream.read():
            outcomes.append(outcome)
            if isinstance(outcome, Piece):
                characters += len(outcome.document.text)
            if len(outcomes) == _BLOCK_ITEMS or characters > _BLOCK_CHARACTERS:
                if not self._put(outcomes, characters):
                    return
                outcomes, characters = [], 0
        self._put(outcomes, characters)

    def _put(self, outcomes: list[Outcome], characters: int) -> bool:
        """Wait for room and append; False if nobody wants it any more."""
        block = Block(tuple(outcomes), self._stream.reader.bytes_read, characters)
        with self._change:
            while not self._stopped and (
                self._items > _MOST_ITEMS or self._characters > MOST_CHARACTERS
            ):
                self._change.wait()
            if self._stopped:
                return False
            self._blocks.append(block)
            self._items += len(block.outcomes)
            self._characters += characters
            self._change.notify_all()
            return True
