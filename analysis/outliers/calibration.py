"""Raw scores of a detector on a scale that is the same for all: 0 to 1, .5 where the bulk ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Raw = npt.NDArray[np.float64]
    """Scores before and after calibration, where their order is still exact."""

LINE = 0.5
"""Calibrated scores from here on lie outside the bulk."""
_BEYOND = 2.5
"""Robust z-score from which a value is called outlying, as Leys et al. 2013 advise."""
_SOFTNESS = 2.0
_QUANTILES = ((0.75, 0.6744898), (0.9, 1.2815516), (0.99, 2.3263479), (1.0, 3.0902323))
"""Quantiles looked at for a spread, with those of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A robust z-score pressed into 0 to 1.

    z = (raw - median) / spread, where the spread is that of the upper half of the corpus: the
    distance of median and upper quartile over .6745, which is the standard deviation if scores are
    normal. Outlier scores are skewed to the right, so the lower half would tell too small a spread.
    The calibrated score is (1 + t / sqrt(1 + t^2)) / 2 with t = (z - 2.5) / 2: .11 at the median,
    .5 at z = 2.5, and never quite 1, so the order of the farthest is kept.

    Attributes:
        median: of the corpus's raw scores.
        spread: in the same unit; 0 if all of them are equal.
    """

    median: float
    spread: float

    @classmethod
    def fit(cls, raw: Raw) -> Scale:
        """From the raw scores (n,) of a corpus.

        If more than a quarter of them equal the median, the next quantile that differs is taken.
        """
        median = float(np.median(raw))
        rounding = 1e-9 * max(1.0, abs(median))
        for share, usual in _QUANTILES:
            beyond = float(np.quantile(raw, share)) - median
            if beyond > rounding:
                return cls(median, beyond / usual)
        return cls(median, 0.0)

    def calibrated(self, raw: Raw) -> Raw:
        """float64 (m,), 0 to 1, in the order of `raw`; .11 throughout if the spread is 0."""
        beyond = np.asarray(raw, dtype=np.float64) - self.median
        z = beyond / self.spread if self.spread > 0 else np.zeros_like(beyond)
        t = (z - _BEYOND) / _SOFTNESS
        pressed: Raw = (1 + t / np.sqrt(1 + t * t)) / 2
        return pressed
