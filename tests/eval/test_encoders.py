"""A ladder of tiny encoders: rows trained once, judged alike, told in one table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from embeddings.training.errors import RecipeError
from eval.datasets import load_beir
from eval.encoders import LadderReport, run_encoders
from eval.errors import ChoiceError, DatasetError, EvalError
from eval.ladder import read_ladder
from eval.ladder_data import fingerprint_of, sample_documents
from eval.retrieval import run_retrieval
from eval.similarity import run_similarity

if TYPE_CHECKING:
    from pathlib import Path

LADDER = """
title = "Small ladder"
data = "data"
models = "models"
resamples = 50

[[judge]]
name = "pairs"
path = "pairs.tsv"
language = "en"

[[judge]]
name = "animals"
form = "retrieval"
path = "animals"
language = "en"

[[judge]]
name = "Korean"
path = "pairs.tsv"
language = "ko"

[[row]]
name = "counts"
encoders = {en = "bag"}
note = "nothing learned"

[[row]]
name = "hashes"
encoder = "hash:32"

[[row]]
name = "words"
encoder = "words"

[[model]]
name = "bag"
kind = "bag"
sources = ["texts.txt"]

[[model]]
name = "words"
recipe = "words.toml"
set = ["run.epochs=3"]
"""
RECIPE = """
body = "words"
shape = {width = 16, tokenizer = "words"}
[[train]]
path = "pairs.tsv"
split = "train"
range = [0, 5]
[optimiser]
learning_rate = 1e-2
[run]
batch = 8
"""


@pytest.fixture
def ladder(tmp_path: Path, beir_folder: Path) -> Path:
    """A ladder file with its data beside it."""
    (tmp_path / "data").mkdir()
    beir_folder.rename(tmp_path / "data" / "animals")
    words = ["whale", "ocean", "guitar", "violin", "bread", "water", "string", "salt"]
    lines = ["sentence1\tsentence2\tscore\tsplit"]
    for number in range(48):
        first, second = words[number % 8], words[(number * 3 + number // 8) % 8]
        score = 5 if first == second else (number % 3)
        split = "train" if number % 2 else "test"
        lines.append(
            f"the {first} of {second}\ta {first} and {words[number % 5]}\t{score}\t{split}"
        )
    (tmp_path / "data" / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "data" / "texts.txt").write_text("\n".join(words * 2) + "\n", encoding="utf-8")
    (tmp_path / "words.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "ladder.toml").write_text(LADDER, encoding="utf-8")
    return tmp_path / "ladder.toml"


def ran(ladder: Path, *rows: str, **options: object) -> tuple[LadderReport, list[str]]:
    notes: list[str] = []
    report = run_encoders(
        ladder,
        out=ladder.parent / "out",
        rows=rows,
        note=notes.append,
        **options,  # type: ignore[arg-type]
    )
    return report, notes


def test_rows_are_trained_once_and_judged_as_the_other_verbs_judge(ladder: Path) -> None:
    report, notes = ran(ladder)
    assert [row.name for row in report.rows] == ["counts", "hashes", "words"]
    assert sum(note.startswith("training ") for note in notes) == 2
    counts, hashes, words = report.rows
    assert counts.figures["Korean"] is None
    assert words.seconds is not None
    assert hashes.encoders["en"]["dim"] == 32
    data = ladder.parent / "data"
    alone = run_similarity(str(data / "pairs.tsv"), split="test", encoder="hash:32")
    figure = hashes.figures["pairs"]
    assert figure is not None
    assert figure.value == pytest.approx(alone.spearman.value)
    found = run_retrieval(str(data / "animals"), encoder="hash:32", measures=["nDCG@10"])
    retrieved = hashes.figures["animals"]
    assert retrieved is not None
    assert retrieved.value == pytest.approx(found.measures["nDCG@10"].value)
    assert retrieved.low <= retrieved.value <= retrieved.high
    assert report.judged == {
        "pairs": {"pairs": 24},
        "animals": {"queries": 3, "documents": 5},
        "Korean": {"pairs": 24},
    }
    again, notes = ran(ladder)
    assert notes == [], "nothing is trained or measured twice"
    assert [row.figures for row in again.rows] == [row.figures for row in report.rows]


def test_translations_are_a_column_too(ladder: Path) -> None:
    column = """
[[judge]]
name = "found"
form = "translations"
path = "words.tsv"
language = "en"
sentence1 = "one"
sentence2 = "other"
where = {kind = "good"}
"""
    rows = ["one\tother\tkind\tsplit", "red sea\tred sea\tgood\ttest", "x\ty\tbad\ttest"]
    rows += ["big whale\tbig whale\tgood\ttest", "z\tz\tgood\tdev"]
    (ladder.parent / "data" / "words.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    ladder.write_text(LADDER.replace("\n[[row]]", f"{column}\n[[row]]", 1), encoding="utf-8")
    report, _ = ran(ladder, "hashes")
    (row,) = report.rows
    assert row.figures["found"] is not None
    assert row.figures["found"].value == 1
    assert report.judged["found"] == {"pairs": 2}
    assert "the nearest text of the other language is the translation" in report.to_markdown()


def test_the_page_the_figures_and_the_picture_are_written(ladder: Path) -> None:
    report, _ = ran(ladder, "counts", "hashes")
    out = ladder.parent / "out"
    page = (out / "encoders.md").read_text(encoding="utf-8")
    assert page == report.to_markdown()
    assert page.startswith("# Small ladder\n")
    (line,) = [line for line in page.splitlines() if line.startswith("| counts")]
    figure = report.rows[0].figures["animals"]
    assert figure is not None
    assert f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]" in line
    assert " - |" in line, "no encoder for Korean"
    assert "- **counts**: nothing learned" in page
    assert "nDCG@10, every document compared. 3 queries, 5 documents." in page
    told = json.loads((out / "encoders.json").read_bytes())
    assert told["rows"][0]["figures"]["Korean"] is None
    assert told["rows"][1]["encoders"]["ko"]["name"] == "hash:32"
    assert (out / "encoders.png").read_bytes().startswith(b"\x89PNG")


def test_another_recipe_or_other_data_train_another_model(ladder: Path) -> None:
    ran(ladder, "words")
    folders = sorted((ladder.parent / "models").iterdir())
    recipe = ladder.parent / "words.toml"
    recipe.write_text(RECIPE.replace("batch = 8", "batch = 4"), encoding="utf-8")
    _, notes = ran(ladder, "words")
    assert any("training words" in note for note in notes)
    assert len(list((ladder.parent / "models").iterdir())) == 2
    recipe.write_text(RECIPE, encoding="utf-8")
    _, notes = ran(ladder, "words")
    assert notes == []
    assert folders[0] in (ladder.parent / "models").iterdir()


def test_a_folder_given_is_not_trained(ladder: Path) -> None:
    ran(ladder, "words")
    (folder,) = (ladder.parent / "models").iterdir()
    moved = folder.rename(ladder.parent / "mine")
    report, notes = ran(ladder, "words", given=[f"words={moved}"])
    assert notes == []
    assert report.rows[0].seconds is not None
    with pytest.raises(ChoiceError, match="models: bag, words"):
        ran(ladder, given=["word=mine"])
    with pytest.raises(ChoiceError, match="is not there"):
        ran(ladder, given=["words=nowhere"])


def test_documents_are_sampled_with_all_that_are_judged(beir_folder: Path) -> None:
    data = load_beir(beir_folder, "dev")
    small = sample_documents(data, 3, seed=1)
    assert len(small.documents) == 3
    assert "d3" in small.documents
    assert sample_documents(data, 3, seed=1).documents == small.documents
    assert sample_documents(data, None, seed=1) is data
    assert fingerprint_of(small) != fingerprint_of(data)
    with pytest.raises(EvalError, match="has 5 judged documents; `documents` is 2"):
        sample_documents(load_beir(beir_folder), 2, seed=1)


def test_a_row_that_is_unknown_is_told(ladder: Path) -> None:
    with pytest.raises(ChoiceError, match="no row 'counting'; there are counts, hashes, words"):
        ran(ladder, "counting")


def test_missing_data_are_told(ladder: Path) -> None:
    with pytest.raises(DatasetError, match="say where the data are"):
        ran(ladder, "hashes", overrides=['data="elsewhere"'])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "hashes"', 'name = "counts"', r"two of \[\[row\]\] with name 'counts'"),
        ('encoder = "hash:32"', "", r"row 'hashes' needs either `encoder` or `encoders`"),
        ('"run.epochs=3"', '"body=@nothing"', r"needs model 'nothing', which is none"),
        ('kind = "bag"', 'kind = "repool"', r"needs `source` for repool"),
        ("resamples", "resample", r"did you mean 'resamples'"),
    ],
)
def test_what_is_refused(ladder: Path, old: str, new: str, told: str) -> None:
    text = LADDER.replace(old, new)
    assert text != LADDER
    ladder.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=told):
        read_ladder(ladder)


def test_a_report_of_no_figure_has_a_dash(ladder: Path) -> None:
    report, _ = ran(ladder, "hashes")
    row = replace(report.rows[0], seconds=None)
    page = replace(report, rows=[row]).to_markdown()
    (line,) = [line for line in page.splitlines() if line.startswith("| hashes")]
    assert line.endswith("- |")
