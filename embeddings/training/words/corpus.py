"""A corpus cut into words once: lines of words on disk, as gensim reads them fastest."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any

from embeddings.fingerprint import hash_file
from embeddings.text.analyzer import load_analyzer
from embeddings.training.errors import DataError
from embeddings.training.words.analysis import analysed
from embeddings.training.words.heldout import HeldOut
from embeddings.training.words.progress import WordProgress
from embeddings.training.words.texts import find_files, read_texts
from embeddings.words.tensors import write_text
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from embeddings.text.analyzer import Analyzer
    from embeddings.training.words.progress import Tell
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.training.words.texts import TextFile

FORMAT = 1
CORPUS_FILE = "corpus.json"
COUNTS_FILE = "counts.tsv"
HELDOUT_FILE = "heldout.txt"
PART_WORDS = 20_000_000
"""Words in one file of lines; between two of them a run can be resumed."""
_MOST_COUNTED = 20_000_000
"""Different words counted at once; beyond it the rarest are forgotten."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of lines.

    Attributes:
        file: its name in the corpus' folder.
        lines: in it; each has 2 to 1,000 words.
        words: in it.
    """

    file: str
    lines: int
    words: int


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
            read = cls(**data, folder=folder, parts=parts)
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
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        made = _analyse(files, described, analyzer, recipe, _Facts(place, key), tell)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    made.write()
    return made


@dataclass(frozen=True, slots=True)
class _Facts:
    """Where a corpus is written and by which key it is found again."""

    folder: Path
    key: str


def _analyse(
    files: Sequence[TextFile],
    described: list[dict[str, Any]],
    analyzer: Analyzer,
    recipe: WordRecipe,
    facts: _Facts,
    tell: Tell,
) -> Corpus:
    started = time.perf_counter()
    total = sum(each["bytes"] for each in described)
    reading = _Reading(files, described, recipe.column)
    writing = _Writing(facts.folder, recipe.heldout)
    try:
        for lines, counts in analysed(reading.texts(), analyzer, recipe.processes):
            writing.add(lines, counts)
            elapsed = time.perf_counter() - started
            tell(WordProgress("analyse", reading.bytes, total, elapsed))
        made = writing.finish(
            key=facts.key,
            sources=tuple(described),
            analyzer=analyzer.kind,
            analyzer_fingerprint=analyzer.fingerprint,
        )
    finally:
        writing.close()
    if not made.parts:
        names = ", ".join(file.path.name for file in files)
        message = f"no two words stand together anywhere in {names}; there is nothing to learn"
        raise DataError(message)
    return made


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


class _Writing:
    """Lines, counts and held-out lines on their way to disk."""

    def __init__(self, folder: Path, most_heldout: int) -> None:
        self._folder = folder
        self._heldout = HeldOut(most_heldout)
        self._counts: Counter[str] = Counter()
        self._forgotten = 0
        self._parts: list[Part] = []
        self._file: IO[str] | None = None
        self._lines = self._words = 0

    def add(self, lines: list[str], counts: dict[str, int]) -> None:
        """Write lines, but for those held out."""
        self._counts.update(counts)
        if len(self._counts) > _MOST_COUNTED:
            self._forget()
        self._keep(line for line in lines if not self._heldout.takes(line))
        self._keep(self._heldout.release())

    def finish(self, **facts: Any) -> Corpus:  # noqa: ANN401 - what the corpus knows beside
        """Close the files; the corpus without its `corpus.json`.

        Args:
            facts: fields of `Corpus` that are not told by its lines.
        """
        held = self._heldout.lines
        if not self._parts and self._file is None:
            self._keep(held)  # a single line is not held out
            held = []
        self._end_part()
        for line in held:
            self._counts.subtract(line.split(" "))
        write_text(self._folder / HELDOUT_FILE, "".join(f"{line}\n" for line in held))
        left = ((word, count) for word, count in self._counts.items() if count > 0)
        ranked = sorted(left, key=lambda each: (-each[1], each[0]))
        counted = Vocabulary([word for word, _ in ranked], [count for _, count in ranked])
        return Corpus(
            folder=self._folder,
            parts=tuple(self._parts),
            heldout=len(held),
            forgotten=self._forgotten,
            counts_sha256=counted.write(self._folder / COUNTS_FILE),
            **facts,
        )

    def close(self) -> None:
        """Close the file that is being written, if there is one."""
        if self._file is not None:
            self._file.close()

    def _keep(self, lines: Iterable[str]) -> None:
        for line in lines:
            if self._file is None:
                path = self._folder / f"lines-{len(self._parts):05}.txt"
                self._file = path.open("w", encoding="utf-8", newline="\n")
            self._file.write(f"{line}\n")
            self._lines += 1
            self._words += line.count(" ") + 1
            if self._words >= PART_WORDS:
                self._end_part()

    def _end_part(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._parts.append(Part(f"lines-{len(self._parts):05}.txt", self._lines, self._words))
        self._file, self._lines, self._words = None, 0, 0

    def _forget(self) -> None:
        """Drop the rarest words, as word2vec does when its table is full."""
        self._forgotten += 1
        least = self._forgotten
        self._counts = Counter({w: count for w, count in self._counts.items() if count > least})
