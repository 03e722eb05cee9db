"""What was learned of a corpus, kept so that new vectors are scored on the same scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.outliers.calibration import Scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.outliers.calibration import Raw
    from analysis.outliers.detectors import Detector
    from analysis.outliers.nearness import Nearness
    from embeddings.types import Vectors

BLOCK = 4_096
"""Vectors scored at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of some vectors.

    Attributes:
        scores: float64 (m,), 0 to 1, calibrated.
        parts: of each detector alone, float64 (m,), calibrated likewise.
    """

    scores: Raw
    parts: Mapping[str, Raw]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Detectors with their scales.

    Attributes:
        k: neighbours looked at.
        detectors: by name.
        weights: how often each detector counts in the mean.
        scales: of each detector's raw scores.
    """

    k: int
    detectors: Mapping[str, Detector]
    weights: Mapping[str, int]
    scales: Mapping[str, Scale]

    @classmethod
    def of(
        cls,
        k: int,
        detectors: Mapping[str, Detector],
        weights: Mapping[str, int],
        raw: Mapping[str, Raw],
    ) -> Model:
        """Scales for detectors whose raw scores of the corpus are these."""
        return cls(k, detectors, weights, {name: Scale.fit(values) for name, values in raw.items()})

    def score(self, vectors: Vectors, near: Nearness) -> Scored:
        """Scores of vectors (m, dim), given their nearest documents."""
        return self.calibrated(
            {name: detector.score(vectors, near) for name, detector in self.detectors.items()}
        )

    def calibrated(self, raw: Mapping[str, Raw]) -> Scored:
        """Raw scores by detector on the scales of the corpus, and their weighted mean."""
        parts = {name: self.scales[name].calibrated(values) for name, values in raw.items()}
        weights = [self.weights[name] for name in parts]
        return Scored(np.average(list(parts.values()), axis=0, weights=weights), parts)
