"""BM25 over the terms of rows: a tantivy index that knows which version of a collection it holds.

Like a vector index it is derived: rows and terms come from the collection, and a folder that is
missing, damaged or of another analyzer is removed and written again.
"""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from indexing.errors import LexicalIndexError, StorageFullError
from indexing.index.exact import no_hits
from indexing.lexical_schema import any_of, read_state, rows_of, schema, write_state
from indexing.segments import check_segments, remove_strays

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

    import tantivy

    from indexing.types import Hits, Ids, Scores

FORMAT = 1
"""Changes with what the index holds: its fields, or how often titles count."""
TITLE_REPEATS = 3
"""How often the terms of a title are counted; `docs/decisions/0006-lexical-search.md` says why."""

_HEAP_BYTES = 32_000_000
_FEW_ROWS = 1_000
"""Up to this many allowed rows are searched among themselves."""
_SLACK = 16
_GROWTH = 4
_NO_SPACE = ("os error 28", "os error 122", "os error 27")


class OtherAnalyzerError(LexicalIndexError):
    """An index of another analyzer or format; `fingerprint` is the analyzer's."""

    def __init__(self, message: str, fingerprint: str) -> None:
        super().__init__(message)
        self.fingerprint = fingerprint


class LexicalIndex:
    """Rows and their terms on disk; what was not committed is lost when the process dies.

    Scores are BM25 with k1 1.2 and b 0.75 (Robertson, Zaragoza: The probabilistic relevance
    framework, 2009, equation 3.15, with the idf of Lucene, which is never negative), over the
    statistics of all committed rows; lengths are rounded to one byte, as in Lucene. Deleted rows
    are never found but count in the statistics until their segment is merged.

    One thread writes at a time, any number search; a search sees the last commit.
    """

    def __init__(self, folder: Path, index: tantivy.Index, *, writable: bool) -> None:
        self._folder = folder
        self._index = index
        self._writable = writable
        self._writer: tantivy.IndexWriter | None = None
        self._lock = threading.RLock()
        self._searcher = index.searcher()
        self._state = read_state(self._searcher, index.schema)

    @classmethod
    def open(cls, folder: Path, analyzer_fingerprint: str, *, writable: bool = True) -> Self:
        """The index in the folder; a new one of version 0 where nothing is and it may be written.

        Checksums of all its files are compared.

        Raises:
            LexicalIndexError: the folder holds none or a damaged one;
                `LexicalIndex.remove(folder)` makes place for a new one.
            OtherAnalyzerError: it is of another analyzer or format; likewise.
            StorageFullError: no space for a new one.
        """
        import tantivy

        fresh = not any(folder.glob("*"))
        if fresh and not writable:
            message = f"no lexical index in {folder}; open the collection for writing to build it"
            raise LexicalIndexError(message)
        try:
            if fresh:
                folder.mkdir(parents=True, exist_ok=True)
                index = tantivy.Index(schema(), path=str(folder), reuse=False)
            else:
                if writable:
                    remove_strays(folder)
                check_segments(folder)
                index = tantivy.Index.open(str(folder))
            index.config_reader("manual")
            if fresh:
                return cls._created(folder, index, analyzer_fingerprint)
            opened = cls(folder, index, writable=writable)
        except (ValueError, OSError) as error:
            if fresh and folder.is_dir():
                raise _unwritten(error, folder) from error
            message = f"lexical index in {folder} cannot be opened ({error}); build it again"
            raise LexicalIndexError(message) from error
        if (FORMAT, analyzer_fingerprint) != (opened._state["format"], opened._state["analyzer"]):
            message = (
                f"lexical index in {folder} is of format {opened._state['format']} and "
                f"{opened._state['analyzer']!r}, wanted are {FORMAT} and "
                f"{analyzer_fingerprint!r}; build it again"
            )
            raise OtherAnalyzerError(message, str(opened._state["analyzer"]))
        return opened

    @classmethod
    def _created(cls, folder: Path, index: tantivy.Index, fingerprint: str) -> Self:
        writer = index.writer(_HEAP_BYTES, 1)
        write_state(writer, {"format": FORMAT, "analyzer": fingerprint, "version": 0})
        writer.commit()
        index.reload()
        created = cls(folder, index, writable=True)
        created._writer = writer
        return created

    @staticmethod
    def remove(folder: Path) -> None:
        """Remove the index and all in its folder; it must not be open.

        Raises:
            LexicalIndexError: it cannot be removed.
        """
        try:
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            message = f"lexical index in {folder} cannot be removed ({error}); try again"
            raise LexicalIndexError(message) from error

    @property
    def version(self) -> int:
        """The number given with the last commit."""
        return int(self._state["version"])

    @property
    def segments(self) -> int:
        """In how many parts the last commit is."""
        return int(self._searcher.num_segments)

    @property
    def count(self) -> int:
        """How many rows the last commit holds."""
        return int(self._searcher.num_docs) - 1

    def frequencies(self, terms: Sequence[str]) -> list[int]:
        """In how many rows of the last commit each term stands; deleted ones may still count."""
        searcher = self._searcher
        return [int(searcher.doc_freq("terms", term)) for term in terms]

    def rows(self) -> Ids:
        """int64, ascending: the rows the last commit holds."""
        import tantivy

        searcher = self._searcher
        query = tantivy.Query.exists_query("row")
        hits = searcher.search(query, max(1, searcher.num_docs), count=False).hits
        return np.sort(rows_of(searcher, hits))

    def add(self, rows: Sequence[int], terms: Sequence[Sequence[str]]) -> None:
        """Take in rows that are new to the index; found after the next commit.

        Args:
            rows: 0 or more each.
            terms: of each row, without white space inside; how often one stands there counts.

        Raises:
            StorageFullError: the disk is full; all since the last commit is forgotten.
            LexicalIndexError: the index is open for reading only, or cannot be written; all since
                the last commit is forgotten.
        """
        import tantivy

        with self._writing() as writer:
            for row, words in zip(rows, terms, strict=True):
                document = tantivy.Document()
                document.add_unsigned("row", int(row))
                document.add_text("terms", " ".join(words))
                writer.add_document(document)

    def delete(self, rows: Sequence[int]) -> None:
        """Let go of rows, also of such as were added since the last commit; others are ignored.

        Raises:
            StorageFullError: the disk is full; all since the last commit is forgotten.
            LexicalIndexError: the index is open for reading only, or cannot be written; all since
                the last commit is forgotten.
        """
        import tantivy

        rows = [int(row) for row in rows]
        with self._writing() as writer:
            # tantivy-py 0.27 takes a number for a signed one: deleting by term finds no unsigned
            query = tantivy.Query.term_set_query(self._index.schema, "row", rows)
            writer.delete_documents_by_query(query)

    def commit(self, version: int) -> None:
        """Bring rows added and deleted to disk, with the version, all or nothing; then show them.

        On return they survive a crash of the machine. Several file syncs: tens of milliseconds on
        a slow disk, whatever the number of rows.

        Raises:
            StorageFullError: the disk is full; the state is that of the last commit.
            LexicalIndexError: the index cannot be written; the state is that of the last commit.
        """
        with self._writing() as writer:
            state = {**self._state, "version": version}
            write_state(writer, state, instead_of=self._state)
            writer.commit()
            self._index.reload()
            self._searcher, self._state = self._index.searcher(), state

    def rollback(self) -> None:
        """Forget what was added and deleted since the last commit."""
        with self._lock:
            if self._writer is not None:
                self._writer.rollback()

    def search(self, terms: Sequence[str], k: int, allowed_rows: Ids | None = None) -> Hits:
        """The k rows with the highest BM25 scores among those that hold any of the terms.

        Args:
            terms: a term that stands there twice counts twice.
            k: 1 or more.
            allowed_rows: int64, any order; only these may be found.

        Returns:
            (1, k) hits with scores above 0, best first, equal scores by row; rows without any of
            the terms are no hits.
        """
        if allowed_rows is not None:
            allowed_rows = np.unique(allowed_rows[allowed_rows >= 0])
        if not terms or (allowed_rows is not None and not len(allowed_rows)):
            return _padded(np.empty(0, np.int64), np.empty(0, np.float32), k)
        if allowed_rows is None or len(allowed_rows) > _FEW_ROWS:
            return self._search_all(any_of(self._index.schema, terms, None), k, allowed_rows)
        return self._search_all(any_of(self._index.schema, terms, allowed_rows), k, None)

    def close(self) -> None:
        """Forget what was not committed, wait for merges and let the folder go."""
        with self._lock:
            if self._writer is not None:
                writer, self._writer = self._writer, None
                writer.rollback()
                writer.wait_merging_threads()
            self._writable = False

    def _search_all(self, query: tantivy.Query, k: int, allowed: Ids | None) -> Hits:
        """Fetch more and more of the best until k allowed ones and all that equal the last."""
        searcher = self._searcher
        most = max(1, searcher.num_docs)
        share = 1.0 if allowed is None else len(allowed) / most
        limit = min(most, int((k + _SLACK) / min(1.0, share)) + 1)
        while True:
            found = searcher.search(query, limit, count=False).hits
            rows = rows_of(searcher, found)
            scores = np.array([score for score, _ in found], dtype=np.float32)
            kept = np.ones(len(rows), bool) if allowed is None else np.isin(rows, allowed)
            complete = len(found) < limit or limit >= most
            if complete or (kept.sum() >= k and scores[-1] < scores[kept][k - 1]):
                rows, scores = rows[kept], scores[kept]
                order = np.lexsort((rows, -scores))[:k]
                return _padded(rows[order], scores[order], k)
            limit = min(most, limit * _GROWTH)

    @contextmanager
    def _writing(self) -> Iterator[tantivy.IndexWriter]:
        """The writer, alone; one that failed is let go with all that was not committed."""
        with self._lock:
            if not self._writable:
                message = f"lexical index in {self._folder} is closed or open for reading only"
                raise LexicalIndexError(message)
            try:
                if self._writer is None:
                    self._writer = self._index.writer(_HEAP_BYTES, 1)
                yield self._writer
            except ValueError as error:
                self._writer = None
                raise _unwritten(error, self._folder) from error


def _padded(rows: Ids, scores: Scores, k: int) -> Hits:
    hits = no_hits(1, k)
    hits.ids[0, : len(rows)], hits.scores[0, : len(rows)] = rows, scores
    return hits


def _unwritten(error: Exception, folder: Path) -> LexicalIndexError | StorageFullError:
    """What a failed write means; tantivy does not always say why one of its threads gave up."""
    what = f"lexical index in {folder} cannot be written; it stays at its last commit"
    full = any(sign in str(error).lower() for sign in _NO_SPACE)
    if full or shutil.disk_usage(folder).free < _HEAP_BYTES:
        return StorageFullError(f"{what}: the disk is full; free some space and write again")
    return LexicalIndexError(f"{what}: {error}")
