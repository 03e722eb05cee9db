"""Analysed lines on disk, shard by shard, so that an analysis that was killed goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embeddings.words.tensors import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SHARD_BATCHES = 16
"""Batches of the analysis in a shard: 4 million characters of text."""


class Shards:
    """Files of lines in a folder, numbered without a gap.

    Args:
        folder: of the files; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        there = {path.name for path in folder.glob("shard-*.txt")}
        self.count = 0
        while f"shard-{self.count:06}.txt" in there:
            self.count += 1

    @property
    def batches(self) -> int:
        """Batches that are on disk."""
        return self.count * SHARD_BATCHES

    def write(self, batches: Iterable[list[str]]) -> Iterator[None]:
        """Write batches behind those on disk, shard by shard; gives a turn after each batch."""
        held: list[list[str]] = []
        for batch in batches:
            held.append(batch)
            if len(held) == SHARD_BATCHES:
                self._write(held)
                held = []
            yield
        if held:
            self._write(held)

    def read(self) -> Iterator[list[str]]:
        """The lines of each shard, in order."""
        for number in range(self.count):
            text = self._path(number).read_text(encoding="utf-8")
            yield text.split("\n")[:-1]

    def _write(self, batches: list[list[str]]) -> None:
        with (
            replacing(self._path(self.count)) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as file,
        ):
            for batch in batches:
                file.writelines(f"{line}\n" for line in batch)
        self.count += 1

    def _path(self, number: int) -> Path:
        return self._folder / f"shard-{number:06}.txt"
