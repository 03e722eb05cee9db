"""Labelled texts, and what is refused of them before anything is computed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.training.classifier.examples import hold_out, load_examples
from embeddings.training.errors import DataError, RecipeError
from tests.embeddings.training.classifier.conftest import write_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.training.classifier.recipe import ClassifierRecipe

    Make = Callable[..., ClassifierRecipe]


def source(path: Path, **given: object) -> list[dict[str, Any]]:
    return [{"path": str(path), **given}]


def pairs(*labels: str | None) -> list[tuple[str, str | None]]:
    return [(f"text {place}", label) for place, label in enumerate(labels)]


def test_classes_are_sorted_and_truth_has_a_column_each(make: Make, tmp_path: Path) -> None:
    train = write_rows(tmp_path / "t.jsonl", pairs("b", "a", "c", "b", "a", "c"))
    found = load_examples(make(train=source(train), dev=[], test=[], holdout=0.0))
    assert found.classes == ("a", "b", "c")
    assert (
        found.train.truth.tolist()
        == [
            [False, True, False],
            [True, False, False],
            [False, False, True],
        ]
        * 2
    )
    assert found.dev is None
    assert found.test is None
    assert found.notes == []


def test_classes_keep_the_order_of_the_recipe_and_take_other_names(
    make: Make, tmp_path: Path
) -> None:
    train = write_rows(tmp_path / "t.jsonl", [("x", 0), ("y", 1), ("z", 1), ("w", 0)])
    recipe = make(
        train=source(train),
        dev=[],
        test=[],
        holdout=0.0,
        rename={"0": "부정", "1": "긍정"},
        classes=["부정", "긍정"],
    )
    found = load_examples(recipe)
    assert found.classes == ("부정", "긍정")
    assert found.train.truth.argmax(axis=1).tolist() == [0, 1, 1, 0]


def test_one_class_in_several_files_is_no_fault(make: Make, tmp_path: Path) -> None:
    good = write_rows(tmp_path / "good.jsonl", pairs("good", "good"))
    bad = write_rows(tmp_path / "bad.jsonl", pairs("bad", "bad"))
    recipe = make(train=[*source(good), *source(bad)], dev=[], test=[], holdout=0.0)
    found = load_examples(recipe)
    assert found.train.truth.sum(axis=0).tolist() == [2, 2]
    assert [each["rows"] for each in found.train.files] == [2, 2]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (("a", "a", "a"), "label is a in all 3 rows; two classes are the least"),
        (("a", "a", "b"), r"too few examples of b \(1\); a class needs 2 at least"),
        (("a", None, "b"), "t.jsonl, line 2: label is missing or blank; every text needs one"),
        (("a", "b", " "), "t.jsonl, line 3: label is missing or blank"),
    ],
)
def test_training_data_that_cannot_be_learned(
    make: Make, tmp_path: Path, labels: tuple[str | None, ...], told: str
) -> None:
    train = write_rows(tmp_path / "t.jsonl", pairs(*labels))
    with pytest.raises(DataError, match=told):
        load_examples(make(train=source(train), dev=[], test=[]))


def test_an_empty_split(make: Make, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(DataError, match=r"empty\.jsonl holds no rows"):
        load_examples(make(dev=source(empty)))
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "label": "b", "split": "train"}\n')
    with pytest.raises(DataError, match="has no rows with split = 'test'"):
        load_examples(make(test=source(path, split="test")))


def test_a_label_that_training_does_not_have(make: Make, tmp_path: Path) -> None:
    dev = write_rows(tmp_path / "dev.jsonl", pairs("animal", "town", "mineral"))
    told = r"dev\.jsonl, line 3: label 'mineral' is unknown; the classes are animal, town, 책"
    with pytest.raises(DataError, match=told):
        load_examples(make(dev=source(dev)))


def test_columns_that_are_not_there(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("sentence,intent\nhello,greet\n")
    with pytest.raises(DataError, match=r"has no column 'text', 'label'; there are sentence, int"):
        load_examples(make(train=source(path)))
    found = {"columns": {"text": "sentence", "label": "intent"}}
    with pytest.raises(DataError, match="label is greet in all 1 rows"):
        load_examples(make(train=source(path, **found), dev=[], test=[]))


def test_several_labels_where_one_is_meant(make: Make, tmp_path: Path) -> None:
    train = write_rows(tmp_path / "t.jsonl", [("x", ["a", "b"]), ("y", ["a"])])
    with pytest.raises(DataError, match=r"one is possible for task 'single', several for task = "):
        load_examples(make(train=source(train)))


def test_several_labels_a_text(make: Make, tmp_path: Path) -> None:
    rows = [("x", "a | b"), ("y", ""), ("z", ["b", "b"]), ("w", []), ("v", "a")]
    train = write_rows(tmp_path / "t.jsonl", rows)
    recipe = make(train=source(train), dev=[], test=[], holdout=0.0, task="multi")
    found = load_examples(recipe)
    assert found.train.truth.astype(int).tolist() == [[1, 1], [0, 0], [0, 1], [0, 0], [1, 0]]
    train = write_rows(tmp_path / "t.jsonl", [("x", None), ("y", "a")])
    with pytest.raises(DataError, match=r"line 1: label is missing or blank; write \[\] for a t"):
        load_examples(recipe)
    write_rows(tmp_path / "t.jsonl", [("x", "a|b"), ("y", "a|b"), ("z", "a")])
    with pytest.raises(DataError, match="every text has label 'a'; there is nothing to learn"):
        load_examples(recipe)


def test_texts_of_no_class_are_not_learned(make: Make) -> None:
    found = load_examples(make("open-", unknown={"label": "none"}))
    assert found.classes == ("animal", "town", "책")
    assert len(found.train) == 180
    assert found.train.in_scope.all()
    assert found.dev is not None
    assert int((~found.dev.in_scope).sum()) == 30
    assert found.notes[0] == "60 training texts of no class (none) were not learned"
    with pytest.raises(DataError, match="label 'none' is unknown"):
        load_examples(make("open-", classes=["animal", "town", "책"]))


def test_holding_out_takes_a_share_of_each_class(make: Make, tmp_path: Path) -> None:
    train = write_rows(tmp_path / "t.jsonl", pairs(*["a"] * 40, *["b"] * 20, *["c"] * 2))
    whole = load_examples(make(train=source(train), dev=[], test=[], holdout=0.0)).train
    rest, held = hold_out(whole, 0.25, seed=3)
    assert held.truth.sum(axis=0).tolist() == [10, 5, 0]
    assert rest.truth.sum(axis=0).tolist() == [30, 15, 2]
    assert sorted(rest.texts + held.texts) == sorted(whole.texts)
    again = hold_out(whole, 0.25, seed=3)[1]
    assert held.texts == again.texts
    assert hold_out(whole, 0.25, seed=4)[1].texts != held.texts
    with pytest.raises(DataError, match=r"holdout is 0\.001, which is no text of 62"):
        hold_out(whole, 0.001, seed=3)


def test_holding_out_leaves_a_text_of_every_class(make: Make, tmp_path: Path) -> None:
    train = write_rows(tmp_path / "t.jsonl", pairs("a", "a", "b", "b"))
    whole = load_examples(make(train=source(train), dev=[], test=[], holdout=0.0)).train
    rest, held = hold_out(whole, 0.99, seed=0)
    assert rest.truth.sum(axis=0).tolist() == [1, 1]
    assert held.truth.sum(axis=0).tolist() == [1, 1]


def test_what_a_reader_should_know(make: Make, tmp_path: Path) -> None:
    train = write_rows(tmp_path / "t.jsonl", pairs("a", "b", "a", "b", "c", "c"))
    test = write_rows(tmp_path / "s.jsonl", [("text 1", "b"), ("text 1", "b"), ("new", "a")])
    found = load_examples(make(train=source(train), dev=[], test=source(test), holdout=0.0))
    assert found.notes == [
        "the test split has no text of c",
        "2 of 3 test texts are in the training data word by word",
    ]


def test_rows_of_a_split(make: Make) -> None:
    split = load_examples(make()).train
    part = split.at(np.array([5, 2]))
    assert part.texts == [split.texts[5], split.texts[2]]
    assert np.array_equal(part.truth, split.truth[[5, 2]])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"train": []}, r"no data to learn from; add a [[train]] table"),
        ({"encoder": "cnn"}, "encoder 'cnn' is made from scratch and knows nothing while it is fr"),
        ({"encoder": "lstm", "full": True, "compare": True}, "without `compare`"),
        ({"full": True}, "encoder 'hash:64' has no weights to tune"),
        ({"task": "multi", "unknown": {"label": "none"}}, "[unknown] is for task 'single'"),
        ({"classes": ["a"]}, "recipe key 'classes' is ['a']; two are the least"),
        ({"classes": ["a", "a", "b"]}, "names a class twice"),
        ({"classes": ["a", "b"], "unknown": {"label": "b"}}, "is 'b', one of the classes"),
        ({"run": {"measure": "micro_f1"}}, "possible for task 'single': macro_f1, accuracy, loss"),
        ({"holdout": 1.0}, "recipe key 'holdout' is 1; nothing would be left"),
        ({"train": [{"path": "x.csv", "weight": 2.0}]}, "x.csv has weight 2; a classifier reads"),
        ({"hed": {}}, "recipe key 'hed' is unknown; did you mean 'head'?"),
        ({"balance": "ful"}, "did you mean 'full'? possible: none, root, full"),
    ],
)
def test_recipes_that_do_not_fit_together(make: Make, given: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(told)):
        make(**given)
