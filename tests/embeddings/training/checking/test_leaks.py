"""Examples in two parts of the data, the same or nearly, with the lines they stand in."""

from __future__ import annotations

import pytest

from embeddings.training.checking.leaks import check_leaks
from embeddings.training.checking.shingles import find_alike, normalise
from embeddings.training.subjects.table import Part, Table

LONG = "the committee will meet on monday in the large hall to speak about the new bridge"


def table(part: Part, texts: list[str], labels: list[str] | None = None) -> Table:
    return Table(
        part=part,
        name=part,
        texts={"text": texts},
        place=lambda row: f"{part}.tsv, line {row + 2}",
        identity=("text",),
        labels=labels,
    )


def test_normalising_leaves_letters_and_digits() -> None:
    assert normalise("  Der  Fluß,\n Nr. 12! ") == "der fluss nr 12"
    assert normalise("한글\u3000은 그대로") == "한글 은 그대로"
    assert normalise("!?") == ""


def test_near_duplicates_are_found_and_the_same_are_left_out() -> None:
    first = [normalise(text) for text in (LONG, "a wholly other text about ships and sails")]
    second = [normalise(LONG.replace("monday", "Sunday")), normalise(LONG), "something else again"]
    (found,) = find_alike(first, second)
    assert (found.first, found.second) == (0, 0)
    # 78 shingles of five characters, of which those that touch the three changed letters differ.
    assert 0.85 < found.share < 0.9


def test_texts_that_share_words_alone_are_not_alike() -> None:
    first = [
        f"sentence number {number} is about {'abcdefghij'[number % 10] * 6}" for number in range(50)
    ]
    second = [f"query {number} asks for {'klmnopqrst'[number % 10] * 6}" for number in range(50)]
    assert find_alike(first, second) == []


def test_leaks_are_told_with_file_and_line() -> None:
    learned = table("train", ["one text", LONG, "three texts"])
    others = [f"other text number {number} of those" for number in range(97)]
    measured = table(
        "test", [*others, "One  text!", LONG.replace("monday", "sunday"), "three texts"]
    )
    (finding,) = check_leaks([learned, measured], seed=0)
    assert finding.state == "failed"
    assert finding.value == pytest.approx(0.02)
    assert (finding.details["same"], finding.details["near"]) == (2, 1)
    assert [(each["row"], each["learned"]) for each in finding.details["examples"]] == [
        ("test.tsv, line 99", "train.tsv, line 2"),
        ("test.tsv, line 101", "train.tsv, line 4"),
        ("test.tsv, line 100", "train.tsv, line 3"),
    ]
    assert "test.tsv, line 99 and train.tsv, line 2" in finding.sentence
    assert "limit 1.0 %" in finding.sentence


def test_one_leaked_row_of_many_is_a_warning() -> None:
    others = [f"other text number {number} of those" for number in range(200)]
    (finding,) = check_leaks(
        [table("train", ["one text"]), table("dev", [*others, "one text"])], seed=0
    )
    assert (finding.state, finding.details["same"]) == ("warned", 1)


def test_contradictions_are_told_with_both_lines() -> None:
    texts = [f"text {number}" for number in range(30)]
    labels = ["yes"] * 30
    learned = table("train", [*texts, "Text 7"], [*labels, "no"])
    (finding,) = check_leaks([learned], seed=0)
    assert (finding.check, finding.state) == ("contradictions", "warned")
    assert finding.details["examples"] == [
        {"row": "train.tsv, line 32", "other": "train.tsv, line 9"}
    ]
    assert check_leaks([table("train", texts, labels)], seed=0)[0].state == "passed"
