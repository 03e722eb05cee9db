"""Recipes to folders that answer: a head alone, both together, and the two compared."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.classifier import Classifier
from embeddings.training.classifier.examples import load_examples
from embeddings.training.classifier.report import score
from embeddings.training.classifier.run import train_classifier
from embeddings.training.errors import TrainingError
from embeddings.training.trainer import Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from embeddings.training.classifier.recipe import ClassifierRecipe

    Make = Callable[..., ClassifierRecipe]

TUNING: dict[str, Any] = {
    "optimiser": {"learning_rate": 5e-3},
    "run": {"device": "cpu", "epochs": 3, "batch": 16, "evaluations": 3},
    "head": {"epochs": 3, "batch": 16},
}


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}


def test_a_head_alone(make: Make, tmp_path: Path) -> None:
    recipe, out = make(name="topics", languages=["en", "ko"]), tmp_path / "topics"
    made = train_classifier(recipe, out)
    assert files_of(out) == {
        "README.md",
        "classifier.json",
        "confusion_matrix.png",
        "head.safetensors",
        "learning_curves.png",
        "tensorboard",
        "training.json",
    }
    assert json.loads((out / "training.json").read_bytes()) == made
    assert made["kind"] == "classifier"
    assert made["data"]["train"][0]["rows"] == 180
    assert made["data"]["train"][0]["licence"] == "CC0"
    assert made["scores"]["test"]["accuracy"] > 0.85
    # The head begins as one who guesses: ln 3, a little more for weights that are not 0.
    assert made["verdict"]["initial_loss"] == pytest.approx(math.log(3), rel=0.3)
    assert made["verdict"]["expected_loss"] == pytest.approx(math.log(3))
    assert made["verdict"]["initial_is_odd"] is False

    facts = made["extra"]["classifier"]
    classifier = Classifier.open(out)
    assert facts["way"] == "head"
    assert facts["fingerprint"] == classifier.card.fingerprint
    assert classifier.card.encoder.name == "hash:64"
    assert classifier.card.rule.temperature == facts["calibration"]["temperature"] != 1.0
    test = load_examples(recipe).test
    assert test is not None
    answers = classifier.classify(test.texts)
    assert score(answers, test.truth, is_multi=False) == pytest.approx(made["scores"]["test"])


def test_what_the_report_says_of_classes(make: Make, tmp_path: Path) -> None:
    recipe, out = make(), tmp_path / "topics"
    facts = train_classifier(recipe, out)["extra"]["classifier"]
    assert facts["measured_on"] == "test"
    assert [each["label"] for each in facts["classes"]] == ["animal", "town", "책"]
    assert sum(each["texts"] for each in facts["classes"]) == 90
    assert sum(each["learned"] for each in facts["classes"]) == 180
    wrong = sum(each["count"] for each in facts["confusions"])
    accuracy = sum(c["recall"] * c["texts"] for c in facts["classes"]) / 90
    assert wrong == pytest.approx(90 * (1 - accuracy), abs=0.05)
    worst = facts["confusions"][0]
    assert worst["count"] == max(each["count"] for each in facts["confusions"])
    test = load_examples(recipe).test
    assert test is not None
    for example in worst["examples"]:
        row = test.texts.index(example["text"])
        assert test.truth[row, ["animal", "town", "책"].index(worst["true"])]
        assert Classifier.open(out).classify([example["text"]]).given_labels(0)[0] == (
            worst["given"],
            pytest.approx(example["probability"], abs=1e-4),
        )
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| animal |" in card
    assert f"{worst['true']} taken for {worst['given']}: {worst['count']}" in card
    assert "meari classify topics" in card
    assert "![confusion matrix](confusion_matrix.png)" in card


def test_a_dev_split_is_held_out_where_none_is_named(make: Make, tmp_path: Path) -> None:
    made = train_classifier(make(dev=[], test=[], holdout=0.2), tmp_path / "out")
    # A fifth of each of three classes, rounded.
    assert made["extra"]["classifier"]["texts"] == {"train": 145, "dev": 35}
    assert set(made["data"]) == {"train"}
    assert set(made["scores"]) == {"dev"}
    assert made["extra"]["classifier"]["measured_on"] == "dev"
    assert "35 training texts were held out as dev split (holdout = 0.2)" in made["notes"]


def test_without_any_dev_split(make: Make, tmp_path: Path) -> None:
    made = train_classifier(make(dev=[], holdout=0.0), tmp_path / "out")
    assert set(made["scores"]) == {"test"}
    assert made["extra"]["classifier"]["calibration"] == {}
    lacking = "without a dev split neither temperature nor thresholds could be set"
    assert made["notes"][-1] == lacking


def test_none_of_these(make: Make, tmp_path: Path) -> None:
    made = train_classifier(make("open-", unknown={"label": "none"}), tmp_path / "out")
    scores = made["scores"]["test"]
    assert scores["out_of_scope_recall"] > 0.7
    assert scores["in_scope_accuracy"] > 0.8
    assert scores["out_of_scope_auroc"] > 0.9
    share = (90 * scores["in_scope_accuracy"] + 30 * scores["out_of_scope_recall"]) / 120
    assert scores["accuracy"] == pytest.approx(share)
    classifier = Classifier.open(tmp_path / "out")
    assert classifier.card.rule.least is not None
    test = load_examples(make("open-", unknown={"label": "none"})).test
    assert test is not None
    refused = ~classifier.classify(test.texts).given.any(axis=1)
    assert refused[~test.in_scope].mean() == pytest.approx(scores["out_of_scope_recall"])


def test_several_labels(make: Make, tmp_path: Path) -> None:
    made = train_classifier(make("multi-", task="multi", balance="root"), tmp_path / "out")
    assert made["scores"]["test"]["micro_f1"] > 0.9
    assert made["scores"]["test"]["exact"] > 0.75
    assert made["verdict"]["initial_is_odd"] is False
    classifier = Classifier.open(tmp_path / "out")
    assert len(classifier.card.rule.thresholds or ()) == 3
    answers = classifier.classify(["cat dog cow 도서 출판 작가", "gold tin"])
    assert {each.label for each in answers.given_labels(0)} == {"animal", "책"}
    assert answers.given_labels(1) == []


def test_vectors_are_kept_and_read_again(make: Make, tmp_path: Path) -> None:
    recipe = make(cache=str(tmp_path / "kept"))
    train_classifier(recipe, tmp_path / "one")
    kept = sorted((tmp_path / "kept").iterdir())
    assert [path.suffix for path in kept] == [".safetensors"] * 3
    # A damaged piece is made again, the others are read.
    kept[0].write_bytes(b"damaged")
    before = {path: path.stat().st_mtime_ns for path in kept}
    train_classifier(recipe, tmp_path / "two")
    written = [path for path in kept if path.stat().st_mtime_ns != before[path]]
    assert written == [kept[0]]
    assert (tmp_path / "one" / "head.safetensors").read_bytes() == (
        tmp_path / "two" / "head.safetensors"
    ).read_bytes()


def test_a_folder_with_a_model_is_not_written_over(make: Make, tmp_path: Path) -> None:
    train_classifier(make(head={"epochs": 1}), tmp_path / "out")
    with pytest.raises(TrainingError, match="holds a model already; give another --out"):
        train_classifier(make(), tmp_path / "out")


def test_encoder_and_head_together(make: Make, tmp_path: Path, transformer_folder: Path) -> None:
    recipe = make(encoder=str(transformer_folder), role="query", full=True, **TUNING)
    notes: list[str] = []
    made = train_classifier(recipe, tmp_path / "out", listener=Listener(note=notes.append))
    facts = made["extra"]["classifier"]
    assert facts["way"] == "full"
    assert facts["compared"] is None
    assert made["extra"]["best_step"] in {0, 12, 24, 36}
    assert made["throughput"]["samples"] > 0
    classifier = Classifier.open(tmp_path / "out")
    untouched = Classifier.open(tmp_path / "out").encoder.card
    assert classifier.card.role == "query"
    assert untouched.prompts == {"query": "query: ", "document": "passage: "}
    assert facts["encoder"]["fingerprint"] == untouched.fingerprint
    # It is another encoder than the one it began with, and the folder encodes by itself.
    from embeddings.load import load_encoder

    assert load_encoder(transformer_folder).card.fingerprint != untouched.fingerprint
    assert load_encoder(tmp_path / "out" / "encoder").card.fingerprint == untouched.fingerprint
    card = json.loads((tmp_path / "out" / "encoder" / "encoder_card.json").read_bytes())
    assert card["training"]["kind"] == "classifier"
    assert not list((tmp_path / "out").rglob("*.bin"))
    assert not list((tmp_path / "out").rglob("*.pt"))
    assert any("the head alone: 3 epochs" in each for each in notes)


def test_the_two_ways_compared(make: Make, tmp_path: Path, transformer_folder: Path) -> None:
    recipe = make(encoder=str(transformer_folder), compare=True, **TUNING)
    made = train_classifier(recipe, tmp_path / "out")
    compared = made["extra"]["classifier"]["compared"]
    assert set(compared) == {"kept", "head", "full"}
    dev = {way: compared[way]["scores"]["dev"]["macro_f1"] for way in ("head", "full")}
    assert dev[compared["kept"]] == max(dev.values())
    assert made["scores"] == compared[compared["kept"]]["scores"]
    # Full tuning counts the seconds of the head that it began with.
    assert compared["full"]["seconds"] > compared["head"]["seconds"]
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "## Head alone against full fine-tuning" in card
    kept = {"head": "head alone, encoder frozen", "full": "encoder and head"}[compared["kept"]]
    assert f"| {kept} (kept) |" in card
    other = {"head": "full", "full": "head"}[compared["kept"]]
    assert (tmp_path / "out" / f"learning_curves_{other}.png").is_file()
    Classifier.open(tmp_path / "out")


def test_an_encoder_from_scratch(make: Make, tmp_path: Path) -> None:
    recipe = make(
        encoder="cnn",
        full=True,
        shape={"width": 16, "channels": 8, "tokenizer": "words"},
        optimiser={"learning_rate": 2e-2},
        head_rate=1.0,
        run={"device": "cpu", "epochs": 4, "batch": 16, "evaluations": 2},
    )
    made = train_classifier(recipe, tmp_path / "out")
    assert made["scores"]["test"]["accuracy"] > 0.85
    assert made["verdict"]["expected_loss"] == pytest.approx(math.log(3))
    assert made["verdict"]["initial_is_odd"] is False
    answers = Classifier.open(tmp_path / "out").classify(["cat dog cow goat"])
    assert answers.given_labels(0)[0].label == "animal"


def test_a_stopped_run_goes_on_to_the_same_weights(
    make: Make, tmp_path: Path, transformer_folder: Path
) -> None:
    recipe = make(encoder=str(transformer_folder), full=True, **TUNING)

    class StopError(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "train" and done == 20:
            raise StopError

    with pytest.raises(StopError):
        train_classifier(recipe, tmp_path / "out", listener=Listener(progress=stop))
    with pytest.raises(TrainingError, match=r"stopped at step 12; go on with\s+--resume"):
        train_classifier(recipe, tmp_path / "out")
    resumed = train_classifier(recipe, tmp_path / "out", resume=True)
    assert resumed["extra"]["resumed_from"] == 12
    whole = train_classifier(recipe, tmp_path / "whole")
    assert resumed["scores"] == whole["scores"]
    one, two = Classifier.open(tmp_path / "out"), Classifier.open(tmp_path / "whole")
    assert one.card.fingerprint == two.card.fingerprint
    assert np.array_equal(one.head.layers[0].weight, two.head.layers[0].weight)
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_korean_labels_are_drawn_or_numbered() -> None:
    from embeddings.training.classifier.picture import drawable

    shown, family = drawable(["book", "책 $5"], [4, 9])
    assert shown[0] == "book"
    assert shown[1] == ("#9" if family == "DejaVu Sans" else r"책 \$5")


def test_of_many_classes_those_with_the_most_errors_are_drawn(tmp_path: Path) -> None:
    from embeddings.classifier import Answers
    from embeddings.training.classifier.examples import Split
    from embeddings.training.classifier.picture import draw_confusions
    from embeddings.training.classifier.report import Errors

    truth = np.tile(np.eye(40, dtype=np.bool_), (3, 1))
    given = truth.copy()
    given[:5] = np.roll(given[:5], 1, axis=1)
    zeros = np.zeros(120, np.int32)
    labels = tuple(f"class {place}" for place in range(40))
    answers = Answers(labels, given.astype(np.float32), given, zeros, zeros.astype(np.bool_))
    errors = Errors(Split([f"text {row}" for row in range(120)], truth, []), answers)
    assert [(each["true"], each["given"]) for each in errors.worst()] == [
        (f"class {place}", f"class {place + 1}") for place in range(5)
    ]
    draw_confusions(errors, tmp_path / "drawn.png", title="many")
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
