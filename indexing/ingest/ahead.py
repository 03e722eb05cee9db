"""Reading in a thread of its own, so that the encoder never waits for a file."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexing.ingest.stream import Piece
from indexing.readers.files import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from indexing.ingest.stream import DocumentStream, Outcome
    from indexing.types import Document

IDLE_SECONDS = 2.0
"""How long what was read waits for more to come behind it."""
_BLOCK_ITEMS = 32
_BLOCK_CHARACTERS = 500_000
MOST_CHARACTERS = 32_000_000
"""Characters of text read ahead, beside the documents being encoded."""
_MOST_ITEMS = 4_096
_LEAVING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Block:
    """Some outcomes in order.

    Attributes:
        outcomes: few or none where `idle`.
        bytes_read: bytes of the sources that had been read behind them.
        characters: of their texts.
        idle: True if the sources gave little for `IDLE_SECONDS`: a pipe that is waited for.
    """

    outcomes: tuple[Outcome, ...]
    bytes_read: int
    characters: int
    idle: bool


def weight(document: Document) -> int:
    """Characters of a document's text, and bytes of its picture where they wait in memory."""
    image = document.image
    held = 0 if image is None or image.data is None else len(image.data)
    return len(document.text) + held


class ReadAhead:
    """A stream drawn by a thread into a bounded buffer; iterate over it inside a `with`.

    Leaving the `with` stops the thread. An error of the stream is raised behind everything that
    was read before it.
    """

    def __init__(self, stream: DocumentStream) -> None:
        self._stream = stream
        self._blocks: deque[Block] = deque()
        self._open: list[Outcome] = []
        self._items = self._characters = self._characters_open = 0
        self._bytes_read = 0
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
        if STDIN not in self._stream.reader.sources:  # there it may wait for a line for ever
            self._thread.join(timeout=_LEAVING_SECONDS)

    def __iter__(self) -> Iterator[Block]:
        while True:
            with self._change:
                idle = not self._change.wait_for(self._has_block, timeout=IDLE_SECONDS)
                if idle:
                    self._close_block(idle=True)
                if not self._blocks:
                    break
                block = self._blocks.popleft()
                self._items -= len(block.outcomes)
                self._characters -= block.characters
                self._change.notify_all()
            yield block
        if self._error is not None:
            raise self._error

    @property
    def waiting(self) -> int:
        """Documents that were read and not given yet."""
        with self._change:
            outcomes = [outcome for block in self._blocks for outcome in block.outcomes]
            return sum(isinstance(outcome, Piece) for outcome in [*outcomes, *self._open])

    def _has_block(self) -> bool:
        return bool(self._blocks) or self._ended

    def _has_room(self) -> bool:
        has_room = self._items <= _MOST_ITEMS and self._characters <= MOST_CHARACTERS
        return has_room or self._stopped

    def _close_block(self, *, idle: bool = False) -> None:
        """Let what was read be taken."""
        block = Block(tuple(self._open), self._bytes_read, self._characters_open, idle)
        self._blocks.append(block)
        self._items += len(block.outcomes)
        self._characters += block.characters
        self._open, self._characters_open = [], 0
        self._change.notify_all()

    def _run(self) -> None:
        try:
            self._read()
        except BaseException as error:
            # Raised again in the thread that waits.
            self._error = error
        finally:
            with self._change:
                if self._open:
                    self._close_block()
                self._ended = True
                self._change.notify_all()

    def _read(self) -> None:
        for outcome in self._stream.read():
            with self._change:
                self._open.append(outcome)
                if isinstance(outcome, Piece):
                    self._characters_open += weight(outcome.document)
                if len(self._open) < _BLOCK_ITEMS and self._characters_open <= _BLOCK_CHARACTERS:
                    continue
                self._bytes_read = self._stream.reader.bytes_read
                self._close_block()
                self._change.wait_for(self._has_room)
                if self._stopped:
                    return
