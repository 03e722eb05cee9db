from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from analysis.errors import ResultNotFoundError
from analysis.results import Result, Results

if TYPE_CHECKING:
    from pathlib import Path


def _result(*scores: float) -> Result:
    ids = [f"문서{i}" for i in range(len(scores))]
    return Result({"receipt": {"n": len(scores)}}, {"points": pa.table({"id": ids, "s": scores})})


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save("outliers", _result(0.5, 0.25))
    found = Results(tmp_path).load("outliers")
    assert found.header == {"receipt": {"n": 2}}
    assert found.tables["points"].to_pydict() == {"id": ["문서0", "문서1"], "s": [0.5, 0.25]}
    assert results.kinds() == ["outliers"]


def test_the_next_takes_its_place_and_readers_of_the_last_go_on(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save("outliers", _result(0.5))
    before = results.load("outliers")
    results.save("outliers", _result(0.1, 0.2, 0.3))
    assert results.load("outliers").tables["points"]["s"].to_pylist() == [0.1, 0.2, 0.3]
    assert before.tables["points"]["s"].to_pylist() == [0.5]
    assert len(list((tmp_path / "analysis" / "outliers").iterdir())) == 2


def test_nothing_kept_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        ResultNotFoundError, match=r"no outliers are kept in .*; ask for them first"
    ):
        Results(tmp_path).load("outliers")


@pytest.mark.parametrize("name", ["result.json", "points-1.arrow"])
def test_damage_is_found_and_never_trusted(tmp_path: Path, name: str) -> None:
    results = Results(tmp_path)
    results.save("outliers", _result(0.5, 0.25))
    path = tmp_path / "analysis" / "outliers" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ResultNotFoundError, match="ask for the outliers again"):
        results.load("outliers")
    results.save("outliers", _result(0.75))
    assert results.load("outliers").tables["points"]["s"].to_pylist() == [0.75]


def test_dropped_results_are_gone(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save("outliers", _result(0.5))
    results.drop("outliers")
    assert results.kinds() == []
