"""The folder of word vectors: what is in it and how it is written and opened.

    words.json            format, method, width, analyzer, subwords, how texts are pooled
    vocabulary.tsv        word TAB count, most frequent first; line n is row n
    vectors.safetensors   unit (n, dim): vectors of length 1 · norms (n,): their lengths before
    subwords.safetensors  buckets (buckets, dim): vectors of n-grams (fastText alone)
    pooling.safetensors   common (c, dim): directions that SIF takes out of texts

All numbers are float32, nothing is pickled. `unit * norms` are the vectors as trained.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from embeddings.contents import check_contents, read_json
from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.words.subwords import Subwords
from embeddings.words.tensors import map_tensors, write_tensors, write_text
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.types import Vectors

FORMAT = 1
FACTS_FILE = "words.json"
VOCABULARY_FILE = "vocabulary.tsv"
VECTORS_FILE = "vectors.safetensors"
SUBWORDS_FILE = "subwords.safetensors"
POOLING_FILE = "pooling.safetensors"
_HEAVY_FILES = (VECTORS_FILE, SUBWORDS_FILE)

Pooling = Literal["mean", "sif"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordFacts:
    """What `words.json` says.

    Attributes:
        method: `skip-gram`, `cbow`, `fasttext`, `fasttext-cbow`, or `imported`.
        dim: width of a vector.
        analyzer: kind of analyzer that texts are cut by (`kiwi`, `bigrams`); None for imported
            vectors of which nobody knows.
        analyzer_fingerprint: of the analyzer that cut the corpus; empty likewise.
        tokens: words of the corpus, with those too rare for a vector; 0 if nobody counted.
        subwords: n-grams, where words have them.
        pooling: how the words of a text become one vector.
        smoothing: `a` of the weights a / (a + p(word)) of SIF.
        languages: ISO 639-1 codes of the corpus; empty if nobody said.
    """

    method: str
    dim: int
    analyzer: str | None = None
    analyzer_fingerprint: str = ""
    tokens: int = 0
    subwords: Subwords | None = None
    pooling: Pooling = "mean"
    smoothing: float = 1e-3
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class WordTable:
    """Everything in a folder of word vectors; large arrays are memory-mapped.

    Attributes:
        facts: what `words.json` says.
        vocabulary: the words, row by row.
        unit: float32 (n, dim), each row of length 1 (or 0).
        norms: float32 (n,), lengths before.
        buckets: float32 (buckets, dim), vectors of n-grams; None without subwords.
        common: float32 (c, dim), orthonormal; c is 0 where nothing is taken out.
    """

    facts: WordFacts
    vocabulary: Vocabulary
    unit: Vectors
    norms: Vectors
    buckets: Vectors | None
    common: Vectors

    @classmethod
    def of(
        cls,
        facts: WordFacts,
        vocabulary: Vocabulary,
        vectors: Vectors,
        *,
        buckets: Vectors | None = None,
    ) -> WordTable:
        """The table of vectors as trained, without common directions."""
        norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
        unit = vectors / np.maximum(norms, np.finfo(np.float32).tiny)[:, None]
        return cls(facts, vocabulary, unit, norms, buckets, np.zeros((0, facts.dim), np.float32))


def holds_words(folder: Path) -> bool:
    """True if the folder is one of word vectors."""
    return (folder / FACTS_FILE).is_file()


def write_table(table: WordTable, folder: Path) -> None:
    """Write all files, `words.json` last, so that a folder that has it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / VECTORS_FILE, {"unit": table.unit, "norms": table.norms})
    if table.buckets is not None:
        write_tensors(folder / SUBWORDS_FILE, {"buckets": table.buckets})
    _write_light(table, folder)


def read_table(folder: Path) -> WordTable:
    """The word vectors in a folder.

    Raises:
        EncoderNotFoundError: none are there, or a file is missing.
        EncoderRefusedError: a file is damaged, or files contradict each other.
    """
    check_contents(folder)
    facts, words, sha256 = _read_facts(folder)
    vocabulary = Vocabulary.read(folder / VOCABULARY_FILE, sha256=sha256)
    tensors = map_tensors(folder / VECTORS_FILE)
    unit, norms = tensors.get("unit"), tensors.get("norms")
    _check_shape(folder / VECTORS_FILE, "unit", unit, (words, facts.dim))
    _check_shape(folder / VECTORS_FILE, "norms", norms, (words,))
    if len(vocabulary) != words:
        message = (
            f"{folder / VOCABULARY_FILE} has {len(vocabulary):,} words, {FACTS_FILE} {words:,}"
        )
        raise EncoderRefusedError(message)
    buckets = None
    if facts.subwords is not None:
        buckets = map_tensors(folder / SUBWORDS_FILE).get("buckets")
        shape = (facts.subwords.buckets, facts.dim)
        _check_shape(folder / SUBWORDS_FILE, "buckets", buckets, shape)
    common = map_tensors(folder / POOLING_FILE).get("common")
    _check_shape(folder / POOLING_FILE, "common", common, (None, facts.dim))
    _check_finite(folder / VECTORS_FILE, "norms", norms)
    _check_finite(folder / POOLING_FILE, "common", common)
    return WordTable(facts, vocabulary, unit, norms, buckets, common)  # type: ignore[arg-type]


def write_pooled(table: WordTable, source: Path, folder: Path) -> None:
    """A second folder of the same vectors that pools in another way.

    The large files are linked where the file system can, and copied where not.

    Args:
        table: with the new facts and common directions.
        source: the folder its vectors came from.
        folder: the new one; made if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _HEAVY_FILES:
        if (source / name).is_file():
            (folder / name).unlink(missing_ok=True)
            try:
                os.link(source / name, folder / name)
            except OSError:
                shutil.copyfile(source / name, folder / name)
    _write_light(table, folder)


def _write_light(table: WordTable, folder: Path) -> None:
    write_tensors(folder / POOLING_FILE, {"common": table.common})
    sha256 = table.vocabulary.write(folder / VOCABULARY_FILE)
    facts = {"format": FORMAT, "words": len(table.vocabulary), **asdict(table.facts)}
    facts["vocabulary_sha256"] = sha256
    write_text(folder / FACTS_FILE, json.dumps(facts, ensure_ascii=False, indent=2) + "\n")


def _read_facts(folder: Path) -> tuple[WordFacts, int, str]:
    path = folder / FACTS_FILE
    if not path.is_file():
        message = f"{folder} holds no word vectors: {FACTS_FILE} is not there"
        raise EncoderNotFoundError(message)
    data: Any = read_json(path)
    try:
        if data.pop("format") != FORMAT:
            message = f"{path} is of another format than {FORMAT}; a newer version wrote it"
            raise EncoderRefusedError(message)
        words, sha256 = int(data.pop("words")), str(data.pop("vocabulary_sha256"))
        subwords = data.pop("subwords")
        languages = tuple(map(str, data.pop("languages")))
        made = None if subwords is None else Subwords(**subwords)
        facts = WordFacts(**data, subwords=made, languages=languages)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{path} is damaged: {type(error).__name__}: {error}"
        raise EncoderRefusedError(message) from error
    numbers = (facts.dim, words, *(() if made is None else (made.shortest, made.buckets)))
    smoothing = isinstance(facts.smoothing, int | float) and 0 < facts.smoothing < math.inf
    if facts.pooling not in get_args(Pooling) or min(numbers) < 1 or not smoothing:
        message = (
            f"{path} is damaged: pooling {facts.pooling!r}, {words} words of {facts.dim}, "
            f"smoothing {facts.smoothing!r}"
        )
        raise EncoderRefusedError(message)
    return facts, words, sha256


def _check_finite(path: Path, name: str, found: np.ndarray | None) -> None:
    """The small tensors alone: the vectors stay on disk until they are looked at."""
    if found is None or not np.isfinite(found).all():
        message = f"{path} is damaged: {name!r} holds NaN or infinity"
        raise EncoderRefusedError(message)


def _check_shape(
    path: Path, name: str, found: np.ndarray | None, shape: tuple[int | None, ...]
) -> None:
    fits = found is not None and found.dtype == np.float32 and len(found.shape) == len(shape)
    if fits and found is not None:
        fits = all(b is None or a == b for a, b in zip(found.shape, shape, strict=True))
    if not fits:
        told = "nothing" if found is None else f"{found.dtype} of shape {found.shape}"
        message = f"{path} is damaged: {name!r} is {told}; float32 of shape {shape} is needed"
        raise EncoderRefusedError(message)
