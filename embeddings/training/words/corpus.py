"""A corpus cut into words once: lines of words on disk, as gensim reads them fastest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from embeddings.fingerprint import hash_file
from embeddings.text.analyzer import load_analyzer
from embeddings.training.errors import DataError
from embeddings.training.words.analysis import analysed
from embeddings.training.words.lines import COUNTS_FILE, HELDOUT_FILE, LineWriter, Part
from embeddings.training.words.progress import WordProgress
from embeddings.training.words.shards import Shards
from embeddings.training.words.texts import find_files, read_texts
from embeddings.words.tensors import write_text
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from embeddings.text.analyzer import Analyzer
    from embeddings.training.words.progress import Tell
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.training.words.texts import TextFile

FORMAT = 1
CORPUS_FILE = "corpus.json"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus on disk.

    Attributes:
        folder: where its files are.
        key: sha256 (hex) of the sources' content, the analyzer and what else decides the lines.
        sources: name, path, sha256, bytes and rows (texts) of each file.
        analyzer: its kind.
        analyzer_fingerprint: its fingerprint.
        parts: files of lines, in order.
        heldout: lines kept out of training.
        forgotten: words seen so often or less were not all counted; 0 if all were.
        counts_sha256: of the file of counts.
    """

    folder: Path
    key: str
    sources: tuple[dict[str, Any], ...]
    analyzer: str
    analyzer_fingerprint: str
    parts: tuple[Part, ...]
    heldout: int
    forgotten: int
    counts_sha256: str

    @property
    def words(self) -> int:
        """Words to train on."""
        return sum(part.words for part in self.parts)

    @property
    def lines(self) -> int:
        """Lines to train on."""
        return sum(part.lines for part in self.parts)

    def counts(self) -> Vocabulary:
        """Every word of the lines to train on and how often it stands there, most often first."""
        return Vocabulary.read(self.folder / COUNTS_FILE, sha256=self.counts_sha256)

    def heldout_lines(self) -> list[list[str]]:
        """The words of the lines held out."""
        text = (self.folder / HELDOUT_FILE).read_text(encoding="utf-8")
        return [line.split(" ") for line in text.split("\n") if line]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The corpus in a folder; None if there is none, or not a whole one."""
        try:
            data = json.loads((folder / CORPUS_FILE).read_bytes())
            if data.pop("format") != FORMAT:
                return None
            parts = tuple(Part(**part) for part in data.pop("parts"))
            sources = tuple(data.pop("sources"))
            read = cls(**data, folder=folder, parts=parts, sources=sources)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        files = [COUNTS_FILE, HELDOUT_FILE, *(part.file for part in parts)]
        return read if all((folder / name).is_file() for name in files) else None

    def write(self) -> None:
        """Write `corpus.json`, after which the corpus is whole."""
        data = {"format": FORMAT, **asdict(self)}
        del data["folder"]
        write_text(self.folder / CORPUS_FILE, json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def prepare_corpus(
    sources: Sequence[str | Path], recipe: WordRecipe, folder: Path, tell: Tell
) -> Corpus:
    """The corpus of the sources, from `folder` if it was analysed there before.

    Args:
        sources: files and folders.
        recipe: analyzer, column, lines held out.
        folder: of corpora; each stands in a folder named by its key.
        tell: told how far it is.

    Raises:
        DataError: a source that cannot be read, or no words in all of them.
        AnalyzerError: the analyzer is not installed.
    """
    files = find_files(sources)
    analyzer = load_analyzer(recipe.analyzer, stems=False)
    described = _describe(files, recipe, tell)
    told = [FORMAT, analyzer.fingerprint, recipe.column, recipe.heldout]
    told += [[each["sha256"], file.kind] for each, file in zip(described, files, strict=True)]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    place = folder / key[:16]
    found = Corpus.read(place)
    if found is not None and found.key == key:
        return found
    # what is analysed stays there when the run is killed, and is found again by the key
    begun = folder / f"{key[:16]}.begun"
    shards = Shards(begun)
    unfinished = begun / f"whole.{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    _analyse(files, described, analyzer, recipe, shards, tell)
    _collect(shards, recipe, _Facts(unfinished, key, described, analyzer)).write()
    shutil.rmtree(place, ignore_errors=True)
    unfinished.rename(place)
    shutil.rmtree(begun, ignore_errors=True)
    return _read_whole(place)


def _read_whole(place: Path) -> Corpus:
    made = Corpus.read(place)
    if made is None:
        message = f"the corpus was written to {place} and cannot be read there; is the disk full?"
        raise DataError(message)
    return made


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a corpus knows beside its lines."""

    folder: Path
    key: str
    described: list[dict[str, Any]]
    analyzer: Analyzer


def _analyse(
    files: Sequence[TextFile],
    described: list[dict[str, Any]],
    analyzer: Analyzer,
    recipe: WordRecipe,
    shards: Shards,
    tell: Tell,
) -> None:
    """Cut the texts into lines of words behind those that are there."""
    started = time.perf_counter()
    total = sum(each["bytes"] for each in described)
    reading = _Reading(files, described, recipe.column)
    batches = analysed(reading.texts(), analyzer, recipe.processes, skip=shards.batches)
    for _ in shards.write(batches):
        elapsed = time.perf_counter() - started
        tell(WordProgress("analyse", reading.bytes, total, elapsed))


def _collect(shards: Shards, recipe: WordRecipe, facts: _Facts) -> Corpus:
    """The lines in parts to train on, their counts, and those held out.

    Raises:
        DataError: there is no line.
    """
    writing = LineWriter(facts.folder, recipe.heldout)
    try:
        for lines in shards.read():
            writing.add(lines)
        written = writing.finish()
    finally:
        writing.close()
    if not written.parts:
        names = ", ".join(each["path"] for each in facts.described)
        message = f"no two words stand together anywhere in {names}; there is nothing to learn"
        raise DataError(message)
    return Corpus(
        folder=facts.folder,
        key=facts.key,
        sources=tuple(facts.described),
        analyzer=facts.analyzer.kind,
        analyzer_fingerprint=facts.analyzer.fingerprint,
        parts=written.parts,
        heldout=written.heldout,
        forgotten=written.forgotten,
        counts_sha256=written.counts_sha256,
    )


class _Reading:
    """The texts of files, and how much of the files has been read."""

    def __init__(
        self,
        files: Sequence[TextFile],
        described: list[dict[str, Any]],
        column: int | str | None,
    ) -> None:
        self._files = files
        self._described = described
        self._column = column
        self._before = self._here = 0

    @property
    def bytes(self) -> int:
        """Bytes read, packed as they are."""
        return self._before + self._here

    def texts(self) -> Iterator[str]:
        """Every text, counted in the `rows` of its source."""
        for file, facts in zip(self._files, self._described, strict=True):
            for text in read_texts(file, self._column, self._note):
                facts["rows"] += 1
                yield text
            self._before, self._here = self._before + facts["bytes"], 0

    def _note(self, count: int) -> None:
        self._here = count


def _describe(files: Sequence[TextFile], recipe: WordRecipe, tell: Tell) -> list[dict[str, Any]]:
    started = time.perf_counter()
    sizes = [file.path.stat().st_size for file in files]
    described = []
    for number, file in enumerate(files):
        described.append(
            {
                "name": file.path.name.partition(".")[0],
                "path": str(file.path),
                "sha256": hash_file(file.path),
                "bytes": sizes[number],
                "rows": 0,
                "licence": recipe.licence or None,
            }
        )
        elapsed = time.perf_counter() - started
        tell(WordProgress("check", sum(sizes[: number + 1]), sum(sizes), elapsed))
    return described
