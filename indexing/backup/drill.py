"""A restore drill: a backup is brought back aside, and has to answer as the collection does."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import EmbeddingError
from indexing.backup.comparing import (
    answers_agree,
    compare_documents,
    first_words,
    overlap,
    sample,
)
from indexing.backup.making import untold
from indexing.backup.restoring import restored_aside
from indexing.errors import DamagedError, EncoderMismatchError, LexicalIndexError
from indexing.local import LocalCollection
from indexing.types import EncodedQuery, SearchRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexing.backup.folder import BackupFolder
    from indexing.backup.making import Told
    from indexing.backup.manifest import Manifest
    from indexing.types import Match, Mode, StoredDocument

QUERIES = 50
DEPTH = 10
_DEEPER = 100
_MODES: tuple[Mode, ...] = ("dense", "lexical", "hybrid")
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Replay:
    """Sampled queries of one mode, asked of the collection and of what was restored.

    Attributes:
        mode: `dense` (every vector compared), `lexical` or `hybrid`.
        queries: asked.
        agreeing: of them, those with the same ten best and the same scores.
        overlap: share of the ten best that both have, on average.
        difference: the largest between two scores of the same rank.
        judged: False where the two may rightly differ: `note` says why.
        note: why not judged, or why nothing was asked; empty otherwise.
    """

    mode: Mode
    queries: int = 0
    agreeing: int = 0
    overlap: float = 1.0
    difference: float = 0.0
    judged: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class DrillReport:
    """Whether a backup can be relied on.

    Attributes:
        ok: True if it was restored whole and answers alike.
        backup: its id.
        collection: name of the collection it is of.
        documents: restored.
        compared: documents, with vectors, held against those of the collection; 0 without one.
        changed: True if the collection was written to since the backup, None without one.
        replays: by mode.
        problems: why not ok, one sentence each.
        seconds: to restore and check, and to compare and ask.
    """

    ok: bool
    backup: str
    collection: str
    documents: int
    compared: int
    changed: bool | None
    replays: tuple[Replay, ...]
    problems: tuple[str, ...]
    seconds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        replays = [asdict(replay) for replay in self.replays]
        return asdict(self) | {"replays": replays, "problems": list(self.problems)}


def drill(
    folder: BackupFolder,
    manifest: Manifest,
    scratch: Path,
    live: LocalCollection | None,
    *,
    queries: int = QUERIES,
    seed: int = 0,
    told: Told = untold,
    floor: int = 0,
) -> DrillReport:
    """Restore a backup aside, compare it with the collection, and remove it again.

    Where the collection was not written to since, all documents and vectors have to be the same,
    and answers by meaning, by words and by both. Where it was, documents that stand in both as
    they were have to have the same vectors, and answers by meaning the same order and scores among
    them; how far the others overlap is told and not judged.

    Args:
        folder: of the backups.
        manifest: which of them.
        scratch: a folder with room for the collection.
        live: the collection; None: it is not there, so that the copy is checked by itself alone.
        queries: documents that are sampled to ask with, 1 or more.
        seed: of the sample.
        told: hears how far it is.
        floor: bytes of the scratch folder's disk that have to stay free.

    Raises:
        StorageFullError: no room for the copy.
        FolderLockedError: somebody changes the backups.
    """
    began = time.monotonic()
    try:
        aside = restored_aside(folder, manifest, scratch, manifest.name, told=told, floor=floor)
        with aside as (path, report):
            restored = time.monotonic()
            with LocalCollection.open(path, mode="read", locked=True) as copy:
                drilling = _Drilling(copy, live, manifest, told)
                drilling.run(queries, seed)
            compared = drilling.compared
            seconds = {"restore": restored - began, "replay": time.monotonic() - restored}
    except DamagedError as error:
        seconds = {"restore": round(time.monotonic() - began, 3), "replay": 0.0}
        return DrillReport(
            False, manifest.id, manifest.name, 0, 0, None, (), (str(error),), seconds
        )
    return DrillReport(
        ok=not drilling.problems,
        backup=manifest.id,
        collection=manifest.name,
        documents=report.documents,
        compared=compared,
        changed=drilling.changed,
        replays=tuple(drilling.replays),
        problems=tuple(drilling.problems[:_MOST_PROBLEMS]),
        seconds={name: round(spent, 3) for name, spent in seconds.items()},
    )


class _Drilling:
    """One drill and what it finds.

    Attributes:
        changed: as in the report.
        compared: as in the report.
        replays: as in the report.
        problems: as in the report, all of them.
    """

    def __init__(
        self, copy: LocalCollection, live: LocalCollection | None, manifest: Manifest, told: Told
    ) -> None:
        self._copy = copy
        self._live = live
        self._told = told
        self._version = manifest.version
        self.changed: bool | None = None
        if live is not None:
            self.changed = live.storage.documents.version() != manifest.version
        self.compared = 0
        self.replays: list[Replay] = []
        self.problems: list[str] = []

    def run(self, queries: int, seed: int) -> None:
        """Compare and ask; once more where the collection was written to in the middle."""
        self._run(queries, np.random.default_rng(seed))
        if self._live is None or self.changed:
            return
        if self._live.storage.documents.version() != self._version:
            self.changed, self.replays, self.problems = True, [], []
            self._run(queries, np.random.default_rng(seed))

    def _run(self, queries: int, rng: np.random.Generator) -> None:
        copy = self._copy
        if self._live is not None:
            self._told("comparing", 0, 1)
            strict = not self.changed
            self.compared, found = compare_documents(
                self._live.storage, copy.storage, strict=strict
            )
            self.problems += found
        documents = sample(copy.storage, queries, rng)
        if self._live is not None:
            documents = [each for each in documents if self._same(each.document.id)]
        for mode in _MODES:
            self._told(mode, 0, len(documents))
            self._replay(mode, documents)

    def _replay(self, mode: Mode, documents: Sequence[StoredDocument]) -> None:
        """Ask with all of them, where they can be asked."""
        try:
            self.replays.append(self._replayed(mode, documents))
        except (EmbeddingError, EncoderMismatchError, LexicalIndexError) as error:
            self.replays.append(Replay(mode, judged=False, note=f"not asked: {error}"))

    def _replayed(self, mode: Mode, documents: Sequence[StoredDocument]) -> Replay:
        requests = self._requests(mode, documents)
        note = self._why_not_judged(mode, [request.query or "" for _, request, _ in requests])
        replay = Replay(mode, judged=not note, note=note)
        overlaps = []
        for place, (document, request, encoded) in enumerate(requests):
            own = self._ask(self._copy, request, encoded)
            if mode == "dense":
                self._check_itself(document, own)
            if self._live is None:
                replay = replace(replay, queries=replay.queries + 1, agreeing=replay.agreeing + 1)
                continue
            theirs = self._ask(self._live, request, encoded)
            if self.changed and mode == "dense":
                own, theirs = self._common(own), self._common(theirs)
                both = min(len(own), len(theirs))  # behind that one was cut, not answered
                own, theirs = own[:both], theirs[:both]
            own, theirs = own[:DEPTH], theirs[:DEPTH]
            agree, difference = answers_agree(theirs, own)
            overlaps.append(overlap(theirs, own))
            replay = replace(
                replay,
                queries=replay.queries + 1,
                agreeing=replay.agreeing + agree,
                difference=max(replay.difference, difference),
            )
            if not agree and replay.judged:
                self.problems.append(
                    f"{mode}: asked with {document.document.id[:80]!r} the copy answers otherwise "
                    f"(scores differ by up to {difference:.3g})"
                )
            self._told(mode, place + 1, len(requests))
        shared = round(float(np.mean(overlaps)), 4) if overlaps else 1.0
        return replace(replay, overlap=shared)

    def _requests(
        self, mode: Mode, documents: Sequence[StoredDocument]
    ) -> list[tuple[StoredDocument, SearchRequest, EncodedQuery | None]]:
        """What is asked with each document: its vector, or its first words."""
        if mode == "dense":
            vectors = self._copy.storage.snapshot.vectors
            limit = _DEEPER if self.changed else DEPTH
            return [
                (each, SearchRequest(vector=vectors[each.row], limit=limit, exact=True), None)
                for each in documents
            ]
        worded = [each for each in documents if each.document.encoded_text]
        texts = [first_words(each.document) for each in worded]
        requests = [SearchRequest(query=text, mode=mode, limit=DEPTH, exact=True) for text in texts]
        if mode == "lexical" or not texts:
            return [(*pair, None) for pair in zip(worded, requests, strict=True)]
        encoder = (self._live or self._copy).encoder
        vectors = encoder.encode(texts, role="query").vectors
        print_ = self._copy.card.encoder.fingerprint
        encoded = [EncodedQuery(print_, vector[None], 0, False, 0, 0.0) for vector in vectors]
        return list(zip(worded, requests, encoded, strict=True))

    @staticmethod
    def _ask(
        collection: LocalCollection, request: SearchRequest, encoded: EncodedQuery | None
    ) -> list[Match]:
        return list(collection.search(request, encoded=encoded).matches)

    def _why_not_judged(self, mode: Mode, queries: Sequence[str]) -> str:
        """Empty where both have to answer alike."""
        if self._live is None:
            return "the collection is not there to be asked"
        if mode == "dense":
            return ""
        if self.changed:
            return "the collection was written to since, which moves every score of words"
        if _statistics(self._live, queries) != _statistics(self._copy, queries):
            return "the index of words was merged since, which moves its scores a little"
        if mode == "hybrid" and _calibrated(self._live) != _calibrated(self._copy):
            return "scores were calibrated since"
        return ""

    def _check_itself(self, document: StoredDocument, matches: Sequence[Match]) -> None:
        """Asked with a document's own vector, nothing is nearer than the document."""
        metric = self._copy.card.metric.value
        if metric == "dot" or not matches:  # a longer vector may have a larger inner product
            return
        own = [match.score for match in matches if match.document.id == document.document.id]
        best = matches[0].score
        if (own and own[0] < best - 1e-4) or (not own and matches[-1].score < best - 1e-4):
            id_ = document.document.id[:80]
            self.problems.append(f"dense: the copy does not find {id_!r} by its own vector")

    def _common(self, matches: Sequence[Match]) -> list[Match]:
        return [match for match in matches if self._same(match.document.id)]

    def _same(self, id_: str) -> bool:
        """True if both have that document with the same content."""
        if self._live is None:
            return True
        hashes = [
            each.storage.documents.hashes([id_]).get(id_) for each in (self._live, self._copy)
        ]
        ours, copied = hashes
        return ours is not None and copied is not None and ours[1] == copied[1]


def _statistics(collection: LocalCollection, queries: Sequence[str]) -> object:
    """What scores of words are made of: deleted documents count until segments are merged."""
    lexicon = collection.storage.lexicon
    terms = sorted({term for query in queries for term in lexicon.terms_of(query)})
    return lexicon.segments, lexicon.frequencies(terms)


def _calibrated(collection: LocalCollection) -> object:
    found = collection.storage.calibration
    return None if found is None else (found.documents, found.rows.tolist(), dict(found.trust))
