"""What chance does to scores in a collection, and how far its vectors can be trusted there."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from indexing.confidence import Chance
from indexing.files import write_atomically
from indexing.index.exact import score_ids
from indexing.types import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from embeddings.types import Vectors
    from indexing.lexicon import Lexicon
    from indexing.snapshot import Snapshot
    from indexing.types import Ids, Scores

logger = logging.getLogger(__name__)

FILE = "calibration.json"
FORMAT = 1
LEAST_DOCUMENTS = 32
"""Of fewer, chance cannot be told from merit; hybrid search then takes all documents for
candidates and scales their scores between the least and the best."""

_SEED = 20_261
_SAMPLE = 512
_PROBES = 128
_LEAST_PROBES = 16
_NEIGHBOURS = 10
_WORDS = 12
_GROWTH = 1.5
_THRESHOLD, _STEEPNESS = 0.03, 25.0
"""Vectors with `excess + agreement` above the threshold are trusted; on nine judged sets it was
.19 to .79 where minilm reads the language, -.48 to 0 where it does not or hashes stood in."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How vectors of documents in one script fare among themselves.

    Attributes:
        probes: sampled documents asked from.
        excess: by which share their nearest neighbour exceeds what chance would bring, mean.
        agreement: BM25 of the ten nearest, over that of the best by words, mean, 0 to 1.
    """

    probes: int
    excess: float
    agreement: float

    @property
    def reliability(self) -> float:
        """0 to 1: nearly one or the other."""
        margin = self.excess + self.agreement - _THRESHOLD
        return 1.0 / (1.0 + math.exp(-_STEEPNESS * min(max(margin, -1.0), 1.0)))


@dataclass(frozen=True, eq=False)
class Calibration:
    """Facts about a collection that make scores comparable; derived, and fitted again when due.

    Attributes:
        documents: how many there were.
        rows: int64, a random sample of them.
        sample: float32 (len(rows), dim), their vectors.
        metric: how vectors are compared.
        trust: by script (`hangul`, `cjk`, `other`), where enough documents were sampled.
    """

    documents: int
    rows: Ids
    sample: Vectors
    metric: Metric
    trust: Mapping[str, Trust] = field(default_factory=dict)

    def chance(
        self,
        vector: Vectors | None,
        terms: Sequence[str] | None,
        *,
        documents: int,
        reach: float = 0.0,
    ) -> Chance:
        """What chance does to the scores of one query.

        Args:
            vector: float32 (1, dim), or None where meaning is left out.
            terms: the query's; None where they are not known.
            documents: how many can be found.
            reach: the highest BM25 score its words could bring.
        """
        mean, spread = 0.0, 1.0
        if vector is not None:
            mean, spread = self._moments(vector[0])
        return Chance(documents, mean, spread, self.reliability(terms), reach)

    def _moments(self, query: Vectors) -> tuple[float, float]:
        """Mean and standard deviation of the metric's scores of a query (dim,) over the sample."""
        if self.metric is Metric.EUCLIDEAN:
            scores = _scores(query, self.sample, self.metric)
            return float(scores.mean()), float(scores.std())
        products = _scores(query, self._root, self.metric)
        length = math.sqrt(float(query @ query)) if self.metric is Metric.COSINE else 1.0
        length = length or 1.0  # no direction: as far from everything
        spread = math.sqrt(float(products[1:] @ products[1:]))
        return float(products[0]) / length, spread / length

    @cached_property
    def _root(self) -> Vectors:
        """float32 (1 + m, dim): the sample's mean, and a root of its covariance.

        With X the sample without its mean, of n rows, and X / sqrt(n) = QR, the variance of a
        query's inner products with it is |Rq|^2; R has fewer rows than a large sample.
        """
        centre = self.sample.mean(axis=0, dtype=np.float64)
        root = np.linalg.qr((self.sample - centre) / math.sqrt(len(self.sample)), mode="r")
        return np.ascontiguousarray(np.vstack([centre, root]), dtype=np.float32)

    def reliability(self, terms: Iterable[str] | None) -> float:
        """0 to 1: how far vectors can be trusted for a query of those words.

        For an unknown script it is the mean over all sampled documents, 1/2 without any.
        """
        its = None if terms is None else self.trust.get(script(terms))
        known = self.trust.values() if its is None else (its,)
        probes = sum(trust.probes for trust in known)
        if not probes:
            return 0.5
        return sum(trust.probes * trust.reliability for trust in known) / probes

    def write(self, folder: Path) -> None:
        """Keep it in a collection's folder."""
        content = {
            "format": FORMAT,
            "documents": self.documents,
            "seed": _SEED,
            "rows": self.rows.tolist(),
            "trust": {
                name: {
                    "probes": trust.probes,
                    "excess": round(trust.excess, 4),
                    "agreement": round(trust.agreement, 4),
                    "reliability": round(trust.reliability, 4),
                }
                for name, trust in self.trust.items()
            },
        }
        write_atomically(folder / FILE, (json.dumps(content) + "\n").encode())


def read(folder: Path, snapshot: Snapshot) -> Calibration | None:
    """The one kept in the folder; None if there is none that can be used."""
    path = folder / FILE
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != FORMAT:
            return None
        rows = np.array(content["rows"], dtype=np.int64)
        trust = {
            str(name): Trust(int(its["probes"]), float(its["excess"]), float(its["agreement"]))
            for name, its in content["trust"].items()
        }
        documents = int(content["documents"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be used (%s); it is fitted again", path, error)
        return None
    if rows.ndim != 1 or not len(rows) or rows.min() < 0 or rows.max() >= len(snapshot.vectors):
        return None
    return Calibration(documents, rows, snapshot.vectors[rows].copy(), snapshot.metric, trust)


def is_due(calibration: Calibration | None, snapshot: Snapshot) -> bool:
    """True where one is to be fitted: the collection is half as large again, or two thirds."""
    if snapshot.documents < LEAST_DOCUMENTS:
        return False
    if calibration is None:
        return True
    ratio = snapshot.documents / calibration.documents
    return not 1 / _GROWTH < ratio < _GROWTH


def fit(snapshot: Snapshot, lexicon: Lexicon) -> Calibration | None:
    """Measure a collection, with a fixed seed; nothing is encoded.

    A sample of vectors tells for each query what chance brings. Sampled documents then ask, by
    their vectors and by their rarest words, for others like them: vectors that mean something
    have neighbours nearer than chance would bring, and these share words.

    Returns:
        None for fewer than `LEAST_DOCUMENTS` documents.
    """
    if snapshot.documents < LEAST_DOCUMENTS:
        return None
    live = np.flatnonzero(snapshot.live)
    generator = np.random.default_rng(_SEED)
    rows = np.sort(generator.choice(live, size=min(_SAMPLE, len(live)), replace=False))
    sample = snapshot.vectors[rows].copy()
    probes = np.sort(generator.choice(rows, size=min(_PROBES, len(rows)), replace=False))
    trust = _measure(snapshot, lexicon, probes, rows, sample) if lexicon.is_available else {}
    return Calibration(snapshot.documents, rows, sample, snapshot.metric, trust)


def script(terms: Iterable[str]) -> str:
    """`hangul` or `cjk` where a third of the terms are written so, else `other`."""
    counts = {"hangul": 0, "cjk": 0, "other": 0}
    for term in terms:
        first = term[:1]
        if "가" <= first <= "힣" or "ᄀ" <= first <= "ᇿ":
            counts["hangul"] += 1
        elif "⺀" <= first <= "鿿" or "豈" <= first <= "龎" or first >= "\U00020000":
            counts["cjk"] += 1
        else:
            counts["other"] += 1
    total = max(1, sum(counts.values()))
    return next((name for name in ("hangul", "cjk") if 3 * counts[name] >= total), "other")


def _measure(
    snapshot: Snapshot, lexicon: Lexicon, probes: Ids, rows: Ids, sample: Vectors
) -> dict[str, Trust]:
    """Excess and agreement of the probes, by script."""
    queries = snapshot.vectors[probes].copy()
    near = snapshot.find(queries, _NEIGHBOURS + 1).hits
    best = math.sqrt(2 * math.log(snapshot.documents))
    terms = lexicon.kept_terms(probes.tolist())
    found: dict[str, list[tuple[float, float]]] = {}
    for place, row in enumerate(probes.tolist()):
        others = (near.ids[place] != row) & (near.ids[place] >= 0)
        ids, scores = near.ids[place][others][:_NEIGHBOURS], near.scores[place][others]
        words = _rarest(lexicon, terms.get(row, []))
        if not len(ids) or not words:
            continue
        random = _scores(queries[place], sample[rows != row], snapshot.metric)
        z = (float(scores[0]) - float(random.mean())) / max(float(random.std()), 1e-9)
        agreement = _agreement(lexicon, words, row, ids)
        found.setdefault(script(terms[row]), []).append((z / best - 1, agreement))
    return {
        name: Trust(len(values), *(float(mean) for mean in np.mean(values, axis=0)))
        for name, values in found.items()
        if len(values) >= _LEAST_PROBES
    }


def _rarest(lexicon: Lexicon, terms: Sequence[str]) -> list[str]:
    """Up to `_WORDS` of the terms that stand in fewest rows, but in more than one."""
    distinct = sorted(set(terms))
    _, frequencies = lexicon.frequencies(distinct)
    shared = [pair for pair in zip(frequencies, distinct, strict=True) if pair[0] > 1]
    return [term for _, term in sorted(shared)[:_WORDS]]


def _agreement(lexicon: Lexicon, words: Sequence[str], row: int, ids: Ids) -> float:
    """BM25 of the rows over that of the best other row, mean, 0 to 1."""
    best = lexicon.search(words, 2, None)
    others = best.scores[0][(best.ids[0] != row) & (best.ids[0] >= 0)]
    if not len(others):
        return 0.0
    its = lexicon.search(words, len(ids), ids)
    return min(1.0, float(its.scores[0][its.ids[0] >= 0].sum()) / len(ids) / float(others[0]))


def _scores(query: Vectors, vectors: Vectors, metric: Metric) -> Scores:
    """float32 (n,): the metric's scores of one query (dim,)."""
    ids = np.arange(len(vectors), dtype=np.int64)[None]
    scores: Scores = score_ids(query[None], vectors, ids, metric)[0]
    return scores
