"""`meari eval outliers`: the figures, the files, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.cli.errors import MISUSE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari


def test_outlier_scores_are_measured(meari: Meari, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = np.concatenate([random.standard_normal((60, 3)), 9 + random.standard_normal((2, 3))])
    np.savez(tmp_path / "made.npz", X=x, y=np.arange(62) >= 60)
    command = ("eval", "outliers", tmp_path / "made.npz", "--method", "knn")
    ran = meari.done(*command, "--out", tmp_path / "out", "--json")
    assert ran.json["measures"]["ROC-AUC"] == 1
    assert (tmp_path / "out" / "outliers.md").is_file()
    refused = meari(*command, "--contamination", 0.5)
    assert refused.status == MISUSE
    assert "contamination is 0.5; above 0 and below 0.5 is possible" in refused.err
