"""The model that answers, and the folder it is opened from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.classifier import Answers, Classifier, Head, Layer, Rule
from embeddings.classifier_folder import FACTS, WEIGHTS, write_classifier
from embeddings.errors import (
    EncoderNotFoundError,
    EncoderRefusedError,
    HeadMismatchError,
    InvalidInputError,
)
from embeddings.load import load_encoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LABELS = ("a", "b", "c")
HEAD = Head((Layer(np.eye(3, 8, dtype=np.float32) * 4, np.zeros(3, np.float32)),))


def write(folder: Path, rule: Rule | None = None, labels: tuple[str, ...] = LABELS) -> Path:
    folder.mkdir(exist_ok=True)
    write_classifier(
        folder,
        labels=labels,
        rule=rule or Rule("single"),
        role="document",
        head=HEAD,
        encoder=load_encoder("hash:8").card,
    )
    return folder


def test_logits_of_layers() -> None:
    head = Head(
        (
            Layer(np.array([[1, 0], [0, -1]], np.float32), np.array([0, 1], np.float32)),
            Layer(np.array([[2, 3]], np.float32), np.array([5], np.float32)),
        )
    )
    # Hidden: max(x, 0) = [1, 0] and [0, 3]; then 2 h1 + 3 h2 + 5.
    assert head.logits(np.array([[1, 2], [-1, -2]], np.float32)).tolist() == [[7], [14]]
    assert head.kind == "mlp"
    assert HEAD.kind == "logistic"


def test_probabilities() -> None:
    logits = np.array([[0, np.log(3)], [1000, -1000]], np.float32)
    shares = Rule("single").probabilities(logits)
    assert shares.dtype == np.float32
    assert np.allclose(shares, [[0.25, 0.75], [1, 0]])
    warm = Rule("single", temperature=2).probabilities(logits)
    assert warm[0, 1] == pytest.approx(np.sqrt(3) / (1 + np.sqrt(3)))
    each = Rule("multi").probabilities(logits)
    assert np.allclose(each, [[0.5, 0.75], [1, 0]])


def test_decisions() -> None:
    shares = np.array([[0.5, 0.5], [0.3, 0.7], [0.55, 0.45]], np.float32)
    assert Rule("single").decide(shares).tolist() == [[True, False], [False, True], [True, False]]
    strict = Rule("single", least=0.6).decide(shares)
    assert strict.tolist() == [[False, False], [False, True], [False, False]]
    several = Rule("multi", thresholds=(0.5, 0.6)).decide(shares)
    assert several.tolist() == [[True, False], [False, True], [True, False]]
    assert Rule("multi").decide(shares)[0].tolist() == [True, True]


def test_answers_rank_classes() -> None:
    shares = np.array([[0.2, 0.6, 0.2], [0.1, 0.2, 0.3]], np.float32)
    given = np.array([[True, True, False], [False, False, False]])
    zeros = np.zeros(2, np.int32)
    answers = Answers(LABELS, shares, given, zeros, zeros.astype(np.bool_))
    assert [each.label for each in answers.ranked(0)] == ["b", "a", "c"]
    assert answers.ranked(0, 1)[0].probability == pytest.approx(0.6)
    assert [each.label for each in answers.given_labels(0)] == ["b", "a"]
    assert answers.given_labels(1) == []


def test_a_folder_is_opened_as_it_was_written(tmp_path: Path) -> None:
    rule = Rule("single", temperature=1.5, least=0.4)
    found = Classifier.open(write(tmp_path / "letters", rule))
    card = found.card
    assert (card.name, card.labels, card.rule, card.role) == ("letters", LABELS, rule, "document")
    assert card.head == "logistic"
    assert np.array_equal(found.head.layers[0].weight, HEAD.layers[0].weight)
    texts = ["one text", "and another"]
    encoding = load_encoder("hash:8").encode(texts, role="document")
    wanted = rule.probabilities(HEAD.logits(encoding.vectors))
    answers = found.classify(texts)
    assert np.array_equal(answers.probabilities, wanted)
    assert answers.tokens.tolist() == encoding.tokens.tolist()
    assert len(found.classify([])) == 0
    with pytest.raises(InvalidInputError, match="input 1 is empty"):
        found.classify(["fine", " "])
    told = card.to_json()
    assert told["encoder"] == {"name": "hash:8", "fingerprint": card.encoder.fingerprint}
    assert told["least"] == 0.4


def test_the_fingerprint_is_of_all_that_decides(tmp_path: Path) -> None:
    plain = Classifier.open(write(tmp_path / "one")).card.fingerprint
    assert Classifier.open(write(tmp_path / "two")).card.fingerprint == plain
    warm = write(tmp_path / "warm", Rule("single", temperature=1.1))
    other = write(tmp_path / "other", labels=("a", "b", "d"))
    least = write(tmp_path / "least", Rule("single", least=0.1))
    found = {Classifier.open(each).card.fingerprint for each in (warm, other, least)}
    assert len(found | {plain}) == 4


def test_a_long_text_is_told_as_cut(tmp_path: Path) -> None:
    write_classifier(
        tmp_path,
        labels=LABELS,
        rule=Rule("single"),
        role="document",
        head=HEAD,
        encoder=load_encoder("hash:8:4").card,
    )
    answers = Classifier.open(tmp_path).classify(["short", "one two three four five six"])
    assert answers.truncated.tolist() == [False, True]


def test_a_folder_that_is_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match=r"is no classifier: classifier\.json is not t"):
        Classifier.open(tmp_path)
    with pytest.raises(EncoderNotFoundError, match="is no folder; name the folder of a classifie"):
        Classifier.open(tmp_path / "gone")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 9}, "is of version 9; 1 is read here"),
        ({"labels": ["a", "a", "b"]}, "'labels' is"),
        ({"labels": []}, "'labels' is"),
        ({"task": "many"}, "'task' is many"),
        ({"task": ["single"]}, "'task' is"),
        ({"temperature": 0}, "'temperature' is 0"),
        ({"least": 1.5}, "'least' is 1.5"),
        ({"thresholds": [0.5]}, "1 thresholds for 3 labels"),
        ({"role": "passage"}, "'role' is passage"),
        ({"encoder": {"built_in": "../x", "dim": 8, "fingerprint": ""}}, "'encoder' is"),
        ({"labels": ["a", "b"]}, "does not fit classifier.json"),
    ],
)
def test_facts_that_are_damaged(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    folder = write(tmp_path / "c")
    facts = json.loads((folder / FACTS).read_bytes())
    (folder / FACTS).write_text(json.dumps(facts | change))
    with pytest.raises(EncoderRefusedError) as error:
        Classifier.open(folder)
    assert told in str(error.value)


def save(path: Path, **tensors: np.ndarray) -> None:
    from safetensors.numpy import save_file

    save_file(tensors, path)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b"\x80\x04pickled"), "no safetensors file"),
        (lambda path: save(path, other=np.zeros(3, np.float32)), "is no head: it holds other"),
        (
            lambda path: save(
                path,
                **{"0.weight": np.zeros((3, 9), np.float32), "0.bias": np.zeros(3, np.float32)},
            ),
            "does not fit",
        ),
        (
            lambda path: save(
                path,
                **{
                    "0.weight": np.full((3, 8), np.nan, np.float32),
                    "0.bias": np.zeros(3, np.float32),
                },
            ),
            "does not fit",
        ),
    ],
)
def test_weights_that_are_damaged(
    tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    folder = write(tmp_path / "c")
    spoil(folder / WEIGHTS)
    with pytest.raises(EncoderRefusedError, match=told):
        Classifier.open(folder)


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "c")
    facts = json.loads((folder / FACTS).read_bytes())
    facts["encoder"]["built_in"] = "hash:8:99"
    (folder / FACTS).write_text(json.dumps(facts))
    other = load_encoder("hash:8:99").card.fingerprint[:16]
    with pytest.raises(HeadMismatchError) as error:
        Classifier.open(folder)
    assert facts["encoder"]["fingerprint"][:16] in str(error.value)
    assert other in str(error.value)


def test_an_encoder_of_its_own(tmp_path: Path, static_folder: Path) -> None:
    import shutil

    encoder = load_encoder(static_folder)
    head = Head((Layer(np.ones((3, 12), np.float32), np.zeros(3, np.float32)),))
    write_classifier(
        tmp_path,
        labels=LABELS,
        rule=Rule("single"),
        role="document",
        head=head,
        encoder=encoder.card,
    )
    with pytest.raises(EncoderNotFoundError, match="a classifier does not work without its encod"):
        Classifier.open(tmp_path)
    shutil.copytree(static_folder, tmp_path / "encoder")
    opened: list[str] = []

    def load(name: str) -> Any:  # noqa: ANN401 - any encoder
        opened.append(name)
        return load_encoder(name)

    found = Classifier.open(tmp_path, load=load)
    assert opened == [str((tmp_path / "encoder").resolve())]
    assert found.card.encoder.fingerprint == encoder.card.fingerprint
    # Its weights changed: the head's numbers would mean nothing.
    from safetensors.numpy import load_file, save_file

    weights = tmp_path / "encoder" / "model.safetensors"
    tensors = {name: values * 2 for name, values in load_file(weights).items()}
    save_file(tensors, weights)
    with pytest.raises(HeadMismatchError, match="whose vectors mean something else"):
        Classifier.open(tmp_path)


def test_rules_compare_by_value() -> None:
    assert replace(Rule("single"), least=0.5) == Rule("single", least=0.5)
