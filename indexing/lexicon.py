"""The lexical side of a collection: analyzer and BM25 index, kept in step with the documents."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import numpy as np

from embeddings.errors import AnalyzerError
from embeddings.text import korean
from embeddings.text.analyzer import QueryTerms, load_analyzer
from indexing.backlog import Backlog
from indexing.errors import CollectionClosedError, IndexingError, LexicalIndexError
from indexing.lexical import TITLE_REPEATS, LexicalIndex, OtherAnalyzerError
from indexing.terms import NOTHING, Analysis, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from embeddings.text.analyzer import Analyzer
    from indexing.documents import DocumentStore
    from indexing.types import Document, Hits, Ids

logger = logging.getLogger(__name__)

FOLDER = "lexical"
_BLOCK = 512
_ROUNDS = 5
"""Behind the words of documents those of others are found, that came meanwhile, so often at most:
what is left then is found while writes wait."""
_MOST_PENDING = 5_000


class Lexicon:
    """Terms of documents and BM25 over them; derived from the documents, never trusted over them.

    The index carries the version of the documents it was committed for. Where that is another
    than the documents', rows that are missing are added and rows that are gone are dropped; where
    it cannot be read, it is built again. Terms are kept with the documents, so that only those
    are analysed whose terms are not there, are damaged, or are of another analyzer.

    Args:
        folder: the collection's.
        kind: the analyzer's kind. An index that Kiwi's morphemes are in is never made one of
            bigrams because Kiwi is missing, except by `rebuild`.
        documents: the truth.
        writable: False opens an index that is in step and changes nothing.
        indexed: False leaves the index alone: nothing is found by words, but the terms that are
            kept can be read.

    Attributes:
        problem: why there is no lexical search, one sentence; empty if there is.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        documents: DocumentStore,
        *,
        writable: bool,
        indexed: bool = True,
    ) -> None:
        self.problem = "" if indexed else "the collection was opened without its indexes"
        self._name = folder.name
        self._folder = folder / FOLDER
        self._closed = False
        self._kind = kind
        self._documents = documents
        self._writable = writable
        self._index: LexicalIndex | None = None
        self._following = threading.RLock()
        self._followed = 0
        self._pending = 0
        self._later = Backlog(-1)
        self._analyzer: Analyzer | None = None
        try:
            self._analyzer = load_analyzer(kind)
            if kind == "auto" and self._analyzer.kind == "bigrams":
                logger.warning("%s: Hangul is cut into bigrams: %s", folder, korean.absence())
            if indexed:
                self._index = self._open(self._analyzer)
        except (AnalyzerError, IndexingError) as error:
            self._analyzer = None
            self.problem = str(error)
            logger.warning("%s: no lexical search: %s", folder, error)

    @property
    def is_available(self) -> bool:
        """False if there is no lexical search; `problem` says why."""
        return self._index is not None

    @property
    def is_behind(self) -> bool:
        """True if words of documents are still to be found."""
        return self._later.deferred

    def analyse(self, documents: Sequence[Document]) -> Analysis:
        """The terms of each document; nothing where the analyzer is missing.

        Documents are written without terms then; they are found by words once there is one.
        """
        if self._analyzer is None:
            return NOTHING
        try:
            return self._analysed(self._analyzer, documents)
        except AnalyzerError as error:
            logger.error("%s: documents are written without their words: %s", self._folder, error)
            return NOTHING

    def write(self, rows: Sequence[int], analysis: Analysis, deleted: Sequence[int]) -> None:
        """Follow a write that the documents have committed.

        Documents without analysis are analysed before the next search that needs them, or by
        `catch_up`. It is committed here before such a search, and now and then: a commit costs a
        tenth of a second whatever its size. A failure loses no document: the index stays
        behind, says so, and catches up at the next write or opening.
        """
        with self._following:
            if self._index is None:
                return
            try:
                version = self._documents.version()
                if self._later.deferred or len(analysis.terms) != len(rows):
                    self._later.defer(version, rows, deleted)
                elif self._followed == version - 1:
                    self._index.delete([row for row in deleted if row >= 0])
                    self._index.add(rows, _counted(analysis.terms))
                    self._followed = self._later.version = version
                    self._pending += len(rows) + len(deleted)
                    if self._pending >= _MOST_PENDING:
                        self._commit(self._index)
                else:
                    self._commit(self._index)
                    self._catch_up(self._index)
                self.problem = ""
            except (AnalyzerError, IndexingError) as error:
                self._fall_behind(error)

    def terms_of(self, query: str) -> list[str]:
        """What a query looks for; empty if it holds no words.

        Raises:
            AnalyzerError: the analyzer cannot be loaded.
        """
        return [] if self._analyzer is None else self._analyzer.analyze_queries([query])[0]

    def read_query(self, query: str) -> QueryTerms:
        """What a query looks for, and what it holds that is not looked for.

        Raises:
            AnalyzerError: the analyzer cannot be loaded.
        """
        if self._analyzer is None:
            return QueryTerms((), tuple(dict.fromkeys(query.split())))
        return self._analyzer.read_query(query)

    def search(self, terms: Sequence[str], k: int, rows: Ids | None) -> Hits:
        """The k best rows by BM25, scores above 0; see `LexicalIndex.search`.

        Raises:
            LexicalIndexError: there is no lexical search; the message says why.
            CollectionClosedError: not any more.
        """
        return self._settled().search(terms, k, rows)

    @property
    def segments(self) -> int:
        """In how many parts the index is searched.

        Raises:
            LexicalIndexError: there is no lexical search; the message says why.
        """
        return self._settled().segments

    def frequencies(self, terms: Sequence[str]) -> tuple[int, list[int]]:
        """How many rows there are, and in how many of them each term stands.

        Raises:
            LexicalIndexError: there is no lexical search; the message says why.
        """
        index = self._settled()
        return index.count, index.frequencies(terms)

    def kept_terms(self, rows: Sequence[int]) -> dict[int, list[str]]:
        """The terms of documents by row, a title's first; rows not analysed yet are left out."""
        if self._analyzer is None:
            return {}
        kept = self._documents.terms(rows, self._analyzer.fingerprint)
        return {row: [*terms.title, *terms.text] for row, terms in kept.items()}

    def verify(self) -> list[str]:
        """What is wrong, one sentence each: rows that are missing or should be gone."""
        if self._index is None:
            return [f"lexical index: {self.problem}"] if self._writable else []
        there, wanted = self._settled().rows(), self._wanted()
        if np.array_equal(there, wanted):
            return []
        missing, gone = _without(wanted, there), _without(there, wanted)
        return [f"lexical index: {len(missing)} documents missing, {len(gone)} deleted ones left"]

    def rebuild(self) -> None:
        """Build the index again, with the best analyzer there is now."""
        with self._following:
            try:
                self._analyzer = load_analyzer(self._kind)
                if self._index is not None:
                    self._index.close()
                    self._index = None
                LexicalIndex.remove(self._folder)
                self._index = LexicalIndex.open(self._folder, self._analyzer.fingerprint)
                self._catch_up(self._index)
                self.problem = ""
            except (AnalyzerError, IndexingError) as error:
                self._fall_behind(error)

    def catch_up(self, between: Callable[[float], None] = lambda _: None) -> None:
        """Find the words of documents that were written without them; searches go on meanwhile.

        Args:
            between: told after each block what share of them is done; may raise to stop.
        """
        if not self._later.deferred or self._index is None:
            return
        found: set[int] = set()
        for _ in range(_ROUNDS):
            missing = [row for row in self._missing(self._index) if row not in found]
            if found and len(missing) < _BLOCK:
                break
            for start in range(0, len(missing), _BLOCK):
                self._terms_of_rows(missing[start : start + _BLOCK])  # keeps them
                between(min(1.0, (start + _BLOCK) / len(missing)))
            found.update(missing)
        with self._following:
            self._settle(self._index)

    def _missing(self, index: LexicalIndex) -> list[int]:
        """Rows that are not in the index yet."""
        with self._following:
            if self._later.is_whole:
                return list(self._later.came)
        return list(_without(self._wanted(), index.rows()).tolist())

    def freeze(self) -> None:
        """Commit what is followed and end all writing; searches go on in what there is now.

        Afterwards the folder may be moved away.
        """
        with self._following:
            if self._index is None:
                return
            self._settle(self._index)
            self._index.close()

    def settle_quickly(self) -> None:
        """Commit what is followed; words that are still to be found stay so."""
        with self._following:
            if self._index is not None and self._writable and not self._later.deferred:
                self._settle(self._index)

    def close(self) -> None:
        """Commit what is followed and give back the files; a second call does nothing."""
        with self._following:
            self.freeze()
            if self._index is not None:
                self._index = None
                self._closed = True
                self.problem = "the collection is closed"

    def _settled(self) -> LexicalIndex:
        """The index with everything followed in it."""
        with self._following:
            if self._index is None and self._closed:
                message = f"collection {self._name!r} is closed; open it again to use it"
                raise CollectionClosedError(message)
            if self._index is None:
                raise LexicalIndexError(self.problem)
            self._settle(self._index)
            return self._index

    def _settle(self, index: LexicalIndex) -> None:
        """Bring everything followed into the index, or say why not."""
        try:
            if self._later.deferred:
                self._follow_later(index) if self._later.is_whole else self._catch_up(index)
                self.problem = ""
            else:
                self._commit(index)
        except (AnalyzerError, IndexingError) as error:
            self._fall_behind(error)

    def _commit(self, index: LexicalIndex) -> None:
        if self._pending:
            index.commit(self._followed)
            self._pending = 0

    def _fall_behind(self, error: AnalyzerError | IndexingError) -> None:
        missing = "" if self._index is None else "words of the last documents are not found yet: "
        self.problem = f"{missing}{error}"
        self._followed, self._pending, self._later = -1, 0, Backlog(-1)
        logger.error("%s: %s", self._folder, self.problem)

    def _open(self, analyzer: Analyzer) -> LexicalIndex:
        """The index in the folder, made again or brought up to date where that is needed."""
        if self._writable:
            self._require_kiwi(self._documents.analyzer())
        try:
            index = LexicalIndex.open(self._folder, analyzer.fingerprint, writable=self._writable)
        except LexicalIndexError as error:
            if isinstance(error, OtherAnalyzerError):
                self._require_kiwi(error.fingerprint)
            if not self._writable:
                raise
            logger.warning("%s; it is built again", error)
            LexicalIndex.remove(self._folder)
            index = LexicalIndex.open(self._folder, analyzer.fingerprint)
        self._followed = index.version
        self._later = Backlog(index.version)
        if index.version == self._documents.version():
            return index
        if not self._writable:
            message = "the lexical index is behind; open the collection for writing once"
            raise LexicalIndexError(message)
        try:
            self._catch_up(index)
        except BaseException:
            index.close()
            raise
        return index

    def _require_kiwi(self, fingerprint: str | None) -> None:
        """Refuse bigrams where an analyzer of that fingerprint found morphemes.

        Raises:
            AnalyzerError: Kiwi is missing.
        """
        found_by_kiwi = fingerprint is not None and " kiwi=" in fingerprint
        if found_by_kiwi and self._kind == "auto" and korean.versions() is None:
            message = (
                f"the words of {self._folder.parent.name!r} were found by Kiwi, and "
                f"{korean.absence()}; `collections verify --repair` cuts Hangul into character "
                "bigrams instead"
            )
            raise AnalyzerError(message)

    def _wanted(self) -> Ids:
        rows = self._documents.rows()
        return rows[rows >= 0]

    def _catch_up(self, index: LexicalIndex) -> None:
        """Make the index hold exactly the rows of the documents, and commit."""
        index.rollback()
        version = self._documents.version()
        there, wanted = index.rows(), self._wanted()
        index.delete(_without(there, wanted).tolist())
        self._take_in(index, _without(wanted, there).tolist(), version)

    def _follow_later(self, index: LexicalIndex) -> None:
        """Follow the writes that were kept for later, and commit."""
        later = self._later
        index.delete(later.gone)
        gone = set(later.gone)
        self._take_in(index, [row for row in later.came if row not in gone], later.version)

    def _take_in(self, index: LexicalIndex, rows: Sequence[int], version: int) -> None:
        for start in range(0, len(rows), _BLOCK):
            terms = self._terms_of_rows(rows[start : start + _BLOCK])
            index.add(list(terms), _counted(terms.values()))
        index.commit(version)
        self._followed, self._pending, self._later = version, 0, Backlog(version)

    def _terms_of_rows(self, rows: Sequence[int]) -> dict[int, Terms]:
        """The kept terms of documents; those that are not kept yet are found and kept."""
        if self._analyzer is None:
            return {}
        terms = self._documents.terms(rows, self._analyzer.fingerprint)
        missing = self._documents.by_rows([row for row in rows if row not in terms])
        if missing:
            analysis = self._analysed(self._analyzer, [item.document for item in missing.values()])
            with self._documents.transaction(counted=False) as change:
                change.keep_terms(missing, analysis)
            terms |= zip(missing, analysis.terms, strict=True)
        return terms

    def _analysed(self, analyzer: Analyzer, documents: Sequence[Document]) -> Analysis:
        texts = analyzer.analyze([document.text for document in documents])
        titled = [place for place, document in enumerate(documents) if document.title]
        found = analyzer.analyze([documents[place].title for place in titled])
        titles = dict(zip(titled, found, strict=True))
        terms = [Terms(titles.get(place, []), text) for place, text in enumerate(texts)]
        return Analysis(analyzer.fingerprint, terms)


def _counted(many: Iterable[Terms]) -> list[list[str]]:
    """A title's terms stand there `TITLE_REPEATS` times."""
    return [[*terms.title] * TITLE_REPEATS + [*terms.text] for terms in many]


def _without(rows: Ids, others: Ids) -> Ids:
    """int64, ascending: the rows that are not among the others; all of them 0 or more.

    Nothing is sorted, which would keep every other thread from running Python for long.
    """
    left = np.zeros(1 + max(rows.max(initial=-1), others.max(initial=-1)), dtype=bool)
    left[rows] = True
    left[others] = False
    return np.flatnonzero(left)
