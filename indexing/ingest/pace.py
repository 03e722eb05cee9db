"""How many documents to add at once, and how long the rest will take."""

from __future__ import annotations

from collections import deque

SECONDS_PER_WINDOW = 8.0
FIRST_WINDOW = 512
LEAST_WINDOW = 64
MOST_WINDOW = 4_096
_REMEMBERED = 8


class Pace:
    """Learns from each window how fast the next will be.

    The window is sized so that encoding all of it takes about eight seconds: progress is
    durable that often, and the encoder still gets batches worth its while. Windows in which
    nothing was encoded are quick and say nothing of that.

    Args:
        total_bytes: of the sources; None if nobody knows.
    """

    def __init__(self, total_bytes: int | None) -> None:
        self.window = FIRST_WINDOW
        self._total_bytes = total_bytes
        self._last: deque[tuple[int, int, float]] = deque(maxlen=_REMEMBERED)

    def learn(self, documents: int, encoded: int, seconds: float) -> None:
        """Take note of a window: its documents, how many were encoded, the time it took."""
        self._last.append((documents, encoded, seconds))
        if encoded:
            wanted = SECONDS_PER_WINDOW * encoded / max(seconds, 1e-9)
            self.window = int(min(max(wanted, LEAST_WINDOW), 2 * self.window, MOST_WINDOW))

    @property
    def rate(self) -> float:
        """Documents encoded per second in the last windows."""
        encoded = [(count, seconds) for _, count, seconds in self._last if count]
        seconds = sum(seconds for _, seconds in encoded)
        return sum(count for count, _ in encoded) / seconds if seconds else 0.0

    def estimate_total(self, read: int, bytes_read: int | None) -> int | None:
        """Documents in all sources, if the rest is like what was read.

        Args:
            read: documents read.
            bytes_read: bytes they took; None at the end of the sources.
        """
        if bytes_read is None:
            return read
        if not self._total_bytes or not bytes_read:
            return None
        return max(round(read * self._total_bytes / bytes_read), read)

    def estimate_seconds(self, read: int, total: int | None) -> float | None:
        """Seconds until `total` documents are read, at the speed of the last windows."""
        documents = sum(count for count, _, _ in self._last)
        seconds = sum(seconds for _, _, seconds in self._last)
        if total is None or not documents:
            return None
        return (total - read) * seconds / documents
