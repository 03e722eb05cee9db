"""Finding translations: accuracies worked out by hand, the file, the verb's module, a column."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.hashing import HashEncoder
from embeddings.types import Encoding
from eval.errors import ChoiceError, DatasetError
from eval.pairs import TranslationData, load_translations
from eval.tables import read_where
from eval.translations import evaluate_translations, run_translations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Placed(HashEncoder):
    """Gives each text the vector it is told."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        super().__init__(len(next(iter(vectors.values()))))
        self._vectors = vectors

    def encode(self, inputs: Sequence[str], *, role: str) -> Encoding:
        del role
        made = np.array([self._vectors[text] for text in inputs], dtype=np.float32)
        ones = np.ones(len(inputs), dtype=np.int32)
        return Encoding(made, ones, ones > 1, ones - 1)


def data(*pairs: tuple[str, str]) -> TranslationData:
    sources, targets = zip(*pairs, strict=True)
    return TranslationData("x", None, sources, targets, 0)


def test_both_directions_by_hand() -> None:
    """b's nearest is X, but of X and Y it is Y that b is nearest to."""
    encoder = Placed(
        {"a": [1, 0], "b": [1, 0.5], "X": [1, 0.1], "Y": [0.2, 1], "far": [-1, 0], "FAR": [-1, -1]}
    )
    report = evaluate_translations(data(("a", "X"), ("b", "Y"), ("far", "FAR")), encoder)
    assert report.forward.value == pytest.approx(2 / 3)
    assert report.backward.value == 1
    assert report.both.value == pytest.approx(5 / 6)
    assert report.pairs == 3
    assert report.texts.texts == 6


def test_a_text_near_to_all_is_nobodys_translation_by_margin() -> None:
    """Of a and b the nearest is HUB (.8 against .53), but it is as near to everything."""
    encoder = Placed(
        {
            "a": [0.8, 0.6, 0, 0, 0],
            "b": [0.8, 0, 0.6, 0, 0],
            "hub": [1, 0, 0, 0, 0],
            "X": [0.1, 0.75, 0, 0.65, 0],
            "Y": [0.1, 0, 0.75, 0, 0.65],
            "HUB": [1, 0, 0, 0, 0],
        }
    )
    report = evaluate_translations(data(("a", "X"), ("b", "Y"), ("hub", "HUB")), encoder)
    assert (report.forward.value, report.backward.value) == (pytest.approx(1 / 3), 1)
    assert [figure.value for figure in report.by_margin] == [1, 1, 1]
    told = report.to_json()["measures"]
    assert (told["forward"]["value"], told["margin_forward"]["value"]) == (pytest.approx(1 / 3), 1)
    assert "source to target, by margin" in report.to_markdown()


def test_every_text_beside_it_is_right_and_a_tie_is_missed() -> None:
    encoder = Placed({"a": [1, 0], "b": [0, 1], "X": [0.9, 0.1], "Z": [1, 0], "Y": [0, 2]})
    several = data(("a", "X"), ("a", "Z"), ("b", "Y"))
    report = evaluate_translations(several, encoder)
    assert (report.forward.value, report.backward.value) == (1, 1)
    tied = Placed({"a": [1, 0], "b": [0, 1], "X": [3, 0], "Y": [1, 0]})
    report = evaluate_translations(data(("a", "X"), ("b", "Y")), tied)
    assert (report.forward.value, report.backward.value) == (0, 0.5)


def test_a_text_that_is_its_own_translation_is_found() -> None:
    report = evaluate_translations(
        data(("API", "API"), ("책", "책 book"), ("one two", "one two three")), HashEncoder(64)
    )
    assert report.both.value == 1
    assert report.texts.texts == 5


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    rows = [
        "ko\ten\tsource\tsplit",
        "사과 apple\tapple\tfruit\ttest",
        "배 pear\tpear\tfruit\ttest",
        "말 horse\thorse\tanimal\ttest",
        " \tnothing\tfruit\ttest",
        "소 cow\tcow\tfruit\tdev",
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_rows_are_chosen(table: Path) -> None:
    found = load_translations(
        table, source="ko", target="en", split="test", where={"source": "fruit"}
    )
    assert found == TranslationData(
        "pairs", "test", ("사과 apple", "배 pear"), ("apple", "pear"), 1
    )
    with pytest.raises(DatasetError, match="1 translations with source = 'animal'"):
        load_translations(table, source="ko", target="en", where={"source": "animal"})
    with pytest.raises(DatasetError, match="no column 'kr'; there are ko, en"):
        load_translations(table, source="kr", target="en")
    with pytest.raises(ChoiceError, match="is not of the form COLUMN=VALUE"):
        read_where(["fruit"])
    assert read_where(["source=a=b"]) == {"source": "a=b"}


def test_a_report_is_written(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = run_translations(
        str(table), source="ko", target="en", split="test", encoder="hash:256", out=out
    )
    assert (report.pairs, report.blank) == (3, 1)
    assert report.both.value == 1
    kept = json.loads((out / "translations.json").read_bytes())
    assert kept["measures"]["both"]["value"] == 1
    assert kept["dataset"] == {"name": "pairs", "split": "test", "pairs": 3, "blank": 1}
    page = (out / "translations.md").read_text("utf-8")
    assert "# Translations: pairs (test) by encoder hash:256" in page
    assert "| both ways                   | 1.0000 |" in page


def test_it_runs_as_a_module(table: Path) -> None:
    command = [sys.executable, "-m", "eval.translations", str(table), "--source", "ko"]
    command += ["--target", "en", "--where", "source=fruit", "--encoder", "hash:256", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(ran.stdout)["dataset"]["pairs"] == 3
