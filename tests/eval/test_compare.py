"""Comparing two results: counts, means and p by hand, and everything that must be refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from embeddings.hashing import HashEncoder
from eval.compare import compare
from eval.datasets import load_beir
from eval.errors import ComparisonError, DatasetError
from eval.retrieval import evaluate_retrieval
from eval.searchers import EncoderSearcher

if TYPE_CHECKING:
    from pathlib import Path

QRELS = "q1 0 a 1\nq2 0 a 1\nq3 0 a 1\nq4 0 a 1\nq5 0 a 0\n"
FIRST = "q1 Q0 a 1 2 t\nq2 Q0 a 1 2 t\nq3 Q0 x 1 2 t\nq3 Q0 a 2 1 t\nq4 Q0 a 1 2 t\n"
SECOND = "q1 Q0 a 1 2 t\nq2 Q0 x 1 2 t\nq3 Q0 a 1 2 t\nq9 Q0 a 1 2 t\n"
"""Reciprocal ranks: A 1 1 1/2 1, B 1 0 1 0 (q4 unanswered, q5 without positive, q9 unjudged)."""


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path, Path]:
    paths = tmp_path / "a.run", tmp_path / "b.run", tmp_path / "judged.qrels"
    for path, content in zip(paths, (FIRST, SECOND, QRELS), strict=True):
        path.write_text(content)
    return paths


def test_two_runs_are_compared_query_by_query(runs: tuple[Path, Path, Path]):
    a, b, qrels = runs
    outcome = compare(a, b, qrels=qrels, measures=["MRR"])
    difference = outcome.differences["MRR"]

    assert outcome.queries == 4
    assert (difference.a, difference.b) == (0.875, 0.5)
    assert difference.difference == pytest.approx(0.375)
    assert (difference.wins, difference.ties, difference.losses) == (2, 1, 1)
    # differences 1, 1 and -1/2: of 8 sign patterns the sums 2.5, 1.5 and their mirrors reach 1.5
    assert difference.p == pytest.approx(4 / 8)
    assert (difference.permutations, difference.exact) == (8, True)


def test_swapping_sides_mirrors_everything_but_p(runs: tuple[Path, Path, Path]):
    a, b, qrels = runs
    there, back = compare(a, b, qrels=qrels), compare(b, a, qrels=qrels)
    assert list(there.differences) == [
        "nDCG@10", "Recall@10", "Recall@100", "P@10", "MRR@10", "MAP@100", "Success@1",
        "Success@10",
    ]  # fmt: skip
    for name, one in there.differences.items():
        other = back.differences[name]
        assert one.difference == pytest.approx(-other.difference)
        assert one.p == pytest.approx(other.p)
        assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)


def test_a_run_beside_itself_has_no_difference(runs: tuple[Path, Path, Path]):
    a, _, qrels = runs
    for difference in compare(a, a, qrels=qrels).differences.values():
        assert (difference.difference, difference.p, difference.ties) == (0.0, 1.0, 4)


def test_runs_need_judgements_with_something_relevant(runs: tuple[Path, Path, Path]):
    a, b, qrels = runs
    with pytest.raises(ComparisonError, match=r"a\.run is no report .* give the judgements"):
        compare(a, b)
    qrels.write_text("q1 0 a 0\n")
    with pytest.raises(DatasetError, match="no query of the judgements has a relevant document"):
        compare(a, b, qrels=qrels)


# -- reports -------------------------------------------------------------------------------


@pytest.fixture
def reports(beir_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    data = load_beir(beir_folder)
    folders = tmp_path / "wide", tmp_path / "narrow"
    for folder, dim in zip(folders, (256, 2), strict=True):
        encoder = HashEncoder(dim)
        searcher = EncoderSearcher.over(encoder, data.documents.values())
        evaluate_retrieval(data, searcher).write(folder)
    return folders


def edit(folder: Path, change: Any) -> None:  # noqa: ANN401
    path = folder / "retrieval.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))


def test_what_is_not_there_is_not_called_a_run_file(reports: tuple[Path, Path], tmp_path: Path):
    wide, _ = reports
    for name in ("nope", "nope.json", "nope.run"):
        with pytest.raises(ComparisonError, match=rf"{name} is not there; name a report"):
            compare(wide, tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ComparisonError, match=r"empty holds no retrieval\.json; `meari eval ret"):
        compare(wide, tmp_path / "empty")


def test_judgements_that_nobody_needs_are_refused(
    reports: tuple[Path, Path], runs: tuple[Path, Path, Path]
):
    wide, narrow = reports
    with pytest.raises(ComparisonError, match=r"which bring their judgements; leave qrels .* out"):
        compare(wide, narrow / "retrieval.json", qrels=runs[2])


def test_reports_are_compared_as_folders_or_files(reports: tuple[Path, Path]):
    wide, narrow = reports
    outcome = compare(wide, narrow / "retrieval.json")
    values = [
        {q["id"]: q["values"]["nDCG@10"] for q in json.loads(path.read_text())["queries"]}
        for path in (wide / "retrieval.json", narrow / "retrieval.json")
    ]
    difference = outcome.differences["nDCG@10"]

    assert outcome.task == {"data set": "animals", "split": "test"}
    assert outcome.a.endswith("retrieval.json (encoder hash:256)")
    assert outcome.queries == 3
    assert difference.a == pytest.approx(sum(values[0].values()) / 3)
    assert difference.wins == sum(values[0][q] > values[1][q] + 1e-9 for q in values[0])


def test_a_report_and_its_own_run_file_agree(reports: tuple[Path, Path], beir_folder: Path):
    """q5 has judgements but no text: the run is judged on it and the report is not."""
    wide, _ = reports
    run, qrels = wide / "retrieval.run", beir_folder / "qrels" / "test.tsv"
    with pytest.raises(ComparisonError, match=r"only B has 1 query \('q5'\)"):
        compare(wide, run, qrels=qrels)
    outcome = compare(wide, run, qrels=qrels, shared=True)
    assert (outcome.queries, outcome.only_a, outcome.only_b) == (3, 0, 1)
    assert all(difference.ties == 3 for difference in outcome.differences.values())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "plants", "judged on data set 'animals', B on 'plants'"),
        ("split", "dev", "judged on split 'test', B on 'dev'"),
    ],
)
def test_another_task_is_refused_even_for_shared_queries(
    reports: tuple[Path, Path], field: str, value: str, message: str
):
    edit(reports[1], lambda report: report["dataset"].update({field: value}))
    with pytest.raises(ComparisonError, match=message):
        compare(*reports, shared=True)


def test_other_queries_are_refused_unless_the_shared_ones_are_asked_for(
    reports: tuple[Path, Path],
):
    edit(reports[1], lambda report: report["queries"].pop(0))
    with pytest.raises(ComparisonError, match=r"only A has 1 query \('q1'\); only B has none; ask"):
        compare(*reports)
    outcome = compare(*reports, shared=True)
    assert (outcome.queries, outcome.only_a, outcome.only_b) == (2, 1, 0)
    difference = outcome.differences["nDCG@10"]
    assert difference.wins + difference.ties + difference.losses == 2

    edit(reports[1], lambda report: report.update(queries=[{**report["queries"][0], "id": "z"}]))
    with pytest.raises(ComparisonError, match="no query in common"):
        compare(*reports, shared=True)


def test_changed_judgements_are_refused(reports: tuple[Path, Path]):
    edit(reports[1], lambda report: report["queries"][1].update(fingerprint="0" * 16))
    with pytest.raises(ComparisonError, match=r"judgements of 1 query \('q2'\) differ"):
        compare(*reports, shared=True)


def test_measures_of_one_side_are_named(reports: tuple[Path, Path]):
    def rename(report: dict[str, Any]) -> None:
        report["measures"]["P@7"] = report["measures"].pop("P@10")
        for query in report["queries"]:
            query["values"]["P@7"] = query["values"].pop("P@10")

    edit(reports[1], rename)
    outcome = compare(*reports)
    assert outcome.left_out == ("P@10", "P@7")
    assert "P@10" not in outcome.differences
    with pytest.raises(ComparisonError, match=r"has no P@10; it has nDCG@10, .*P@7"):
        compare(*reports, measures=["P@10"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "is not a retrieval report"),
        ("{", "is not a retrieval report"),
        ('{"kind": "similarity", "format": 1}', "is similarity of format 1; retrieval of 1 is"),
        ('{"kind": "retrieval", "format": 1}', r"is not a retrieval report .*'dataset'"),
    ],
)
def test_a_file_that_is_no_report_is_named(
    reports: tuple[Path, Path], tmp_path: Path, content: str, message: str
):
    (tmp_path / "odd.json").write_text(content)
    with pytest.raises(ComparisonError, match=message):
        compare(reports[0], tmp_path / "odd.json")
    with pytest.raises(ComparisonError, match="is not there"):
        compare(reports[0], tmp_path / "none.json")


def test_it_runs_as_a_module_and_prints_a_table(runs: tuple[Path, Path, Path]):
    a, b, qrels = map(str, runs)
    command = [sys.executable, "-m", "eval.compare", a, b, "--measure", "MRR"]
    page = subprocess.run([*command, "--qrels", qrels], capture_output=True, text=True, check=True)
    row = next(line for line in page.stdout.splitlines() if line.startswith("| MRR"))
    assert row.replace("|", " ").split() == [
        "MRR", "0.8750", "0.5000", "+0.3750", "0.5000", "2", "1", "1",
    ]  # fmt: skip
    told = subprocess.run(
        [*command, "--qrels", qrels, "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout)["differences"]["MRR"]["losses"] == 1
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "give the judgements" in refused.stderr
    misused = subprocess.run(
        [*command, "--seed", "-1"], capture_output=True, text=True, check=False
    )
    assert (misused.returncode, misused.stderr) == (2, "error: seed is -1; 0 or more is possible\n")
