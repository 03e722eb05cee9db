"""Judged data as both channels see it: vectors, terms and questions, kept between runs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.load import load_encoder
from embeddings.text.analyzer import load_analyzer
from eval.datasets import load_beir
from indexing.index.exact import comparable
from indexing.lexical import TITLE_REPEATS, LexicalIndex
from indexing.snapshot import Snapshot
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from embeddings.types import Vectors
    from eval.datasets import RetrievalData
    from indexing.types import Document, Hits, Ids

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Words:
    """What a `Lexicon` tells those who rank, over an index that lies alone.

    Attributes:
        index: BM25 over the terms.
        terms: of each row.
    """

    index: LexicalIndex
    terms: Sequence[Sequence[str]]
    is_available: bool = True

    def search(self, terms: Sequence[str], k: int, rows: Ids | None) -> Hits:
        """As `Lexicon.search`."""
        return self.index.search(terms, k, rows)

    def frequencies(self, terms: Sequence[str]) -> tuple[int, list[int]]:
        """As `Lexicon.frequencies`."""
        return self.index.count, self.index.frequencies(terms)

    def kept_terms(self, rows: Sequence[int]) -> dict[int, list[str]]:
        """As `Lexicon.kept_terms`; a title's are repeated."""
        return {row: list(self.terms[row]) for row in rows}


@dataclass(frozen=True, eq=False)
class Channels:
    """A data set, an encoder, and the folder in which what is dear to compute is kept.

    Attributes:
        dataset: a BEIR folder.
        split: which judgements.
        encoder: `minilm`, `hash:256` or a model folder.
        cache: a folder; files of another state of the data set must be removed by hand.
        most: at most so many questions, drawn with a fixed seed.
    """

    dataset: Path
    split: str
    encoder: str
    cache: Path
    most: int = 500

    @cached_property
    def data(self) -> RetrievalData:
        """Documents, questions and judgements."""
        return load_beir(self.dataset, self.split)

    @cached_property
    def documents(self) -> list[Document]:
        """Those with a text; their places are the rows."""
        return [document for document in self.data.documents.values() if document.encoded_text]

    @cached_property
    def asked(self) -> dict[str, str]:
        """The questions by id."""
        questions = list(self.data.queries.items())
        if len(questions) <= self.most:
            return dict(questions)
        drawn = np.random.default_rng(0).choice(len(questions), self.most, replace=False)
        return dict(questions[place] for place in np.sort(drawn))

    @cached_property
    def terms(self) -> list[list[str]]:
        """Of each document, a title's counted `TITLE_REPEATS` times."""
        return self._kept(f"{self.dataset.name}.terms.json", self._analysed)

    @cached_property
    def query_terms(self) -> list[list[str]]:
        """Of each question."""
        name = f"{self.dataset.name}.{self.split}.{self.most}.terms.json"
        return self._kept(name, lambda: load_analyzer().analyze_queries(list(self.asked.values())))

    @cached_property
    def vectors(self) -> Vectors:
        """float32 (documents, dim), ready for cosine."""
        texts = [document.encoded_text for document in self.documents]
        return self._encoded(f"{self.dataset.name}.{self._name}.npy", texts, "document")

    @cached_property
    def query_vectors(self) -> Vectors:
        """float32 (questions, dim), ready for cosine."""
        name = f"{self.dataset.name}.{self.split}.{self.most}.{self._name}.npy"
        return self._encoded(name, list(self.asked.values()), "query")

    def snapshot(self) -> Snapshot:
        """All documents, compared one by one."""
        live = np.ones(len(self.vectors), dtype=bool)
        return Snapshot(self.vectors, live, len(live), Metric.COSINE, None)

    @contextmanager
    def words(self) -> Iterator[Words]:
        """BM25 over the terms."""
        index = self.lexical_index()
        try:
            yield Words(index, self.terms)
        finally:
            index.close()

    def lexical_index(self) -> LexicalIndex:
        """BM25 over the terms; the caller closes it."""
        folder = self.cache / f"{self.dataset.name}.lexical"
        fingerprint = load_analyzer().fingerprint
        there = folder.exists()
        index = LexicalIndex.open(folder, fingerprint)
        if not there:
            index.add(range(len(self.terms)), self.terms)
            index.commit(1)
        return index

    @property
    def _name(self) -> str:
        return Path(self.encoder).name.replace(":", "_")

    def _analysed(self) -> list[list[str]]:
        analyzer = load_analyzer()
        titles = analyzer.analyze([document.title for document in self.documents])
        texts = analyzer.analyze([document.text for document in self.documents])
        return [title * TITLE_REPEATS + text for title, text in zip(titles, texts, strict=True)]

    def _kept(self, name: str, made: Callable[[], list[list[str]]]) -> list[list[str]]:
        path = self.cache / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(made(), ensure_ascii=False), encoding="utf-8")
        kept: list[list[str]] = json.loads(path.read_text(encoding="utf-8"))
        return kept

    def _encoded(self, name: str, texts: Sequence[str], role: str) -> Vectors:
        path = self.cache / name
        if not path.exists():
            model = load_encoder(self.encoder, device="cpu")
            blocks = [
                model.encode(texts[start : start + _BATCH], role=role).vectors  # type: ignore[arg-type]
                for start in range(0, len(texts), _BATCH)
            ]
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, comparable(np.concatenate(blocks), Metric.COSINE))
        vectors: Vectors = np.load(path)
        return vectors
