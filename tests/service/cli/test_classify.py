"""`meari train classifier` and `meari classify`, as a new user would try them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.embeddings.training.classifier.conftest import foreign, labelled, write_rows

if TYPE_CHECKING:
    from tests.service.cli.conftest import Meari, Ran


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe beside its data."""
    folder = tmp_path_factory.mktemp("recipe")
    write_rows(folder / "train.jsonl", labelled(150, 0))
    write_rows(folder / "test.jsonl", [*labelled(60, 1), *foreign(12, 1)])
    write_rows(folder / "dev.jsonl", [*labelled(60, 2), *foreign(12, 2)])
    path = folder / "recipe.toml"
    tables = "".join(f'[[{split}]]\npath = "{split}.jsonl"\n' for split in ("train", "dev", "test"))
    path.write_text(
        'encoder = "hash:256"\nunknown = { label = "none" }\n[head]\nepochs = 12\nbatch = 16\n'
        f"{tables}",
        encoding="utf-8",
    )
    return path


def train(meari: Meari, recipe: Path, out: Path, *more: str) -> Ran:
    return meari("train", "classifier", "--config", recipe, "--out", out, *more)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, recipe: Path) -> Path:
    from embeddings.training.classifier.recipe import ClassifierRecipe
    from embeddings.training.classifier.run import train_classifier
    from embeddings.training.recipe import read_recipe

    out: Path = tmp_path_factory.mktemp("trained") / "topics"
    train_classifier(read_recipe(ClassifierRecipe, recipe), out)
    return out


@pytest.fixture
def topics(meari: Meari, trained: Path) -> Path:
    """A classifier in the data folder."""
    return Path(shutil.copytree(trained, meari.folder / "models" / "topics"))


def test_training_tells_how_it_went(meari: Meari, recipe: Path, tmp_path: Path) -> None:
    ran = train(meari, recipe, tmp_path / "out")
    assert ran.status == 0, ran.err
    told = dict(line.split(maxsplit=1) for line in ran.out.splitlines() if len(line.split()) > 1)
    assert told["classes"] == "3"
    assert told["trained"] == "head alone"
    assert told["measure"].split() == ["dev", "test"]
    assert float(told["accuracy"].split()[1]) > 0.9
    assert "out_of_scope_recall" in ran.out
    assert "encoding 294 texts by hash:256" in ran.err
    assert "(ln 3, one of 3 classes), as it should be" in ran.err


def test_training_gives_its_receipt_as_json(meari: Meari, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = train(meari, recipe, out, "--epochs", "2", "--set", "head.kind=mlp", "--json").json
    assert found["folder"] == str(out)
    assert found["training"] == json.loads((out / "training.json").read_bytes())
    assert found["training"]["recipe"]["head"]["epochs"] == 2
    assert found["training"]["recipe"]["head"]["kind"] == "mlp"
    assert found["training"]["extra"]["epochs"] == 2


@pytest.mark.parametrize(
    ("more", "status", "told"),
    [
        (["--full"], 2, "encoder 'hash:256' has no weights to tune"),
        (["--set", "hed.kind=mlp"], 2, "recipe key 'hed' is unknown; did you mean 'head'?"),
        (["--set", "head.kind=svm"], 2, "possible: logistic, mlp"),
        (["--set", "train.0.path=gone.jsonl"], 1, "gone.jsonl is not there"),
        (["--set", "dev.0.columns={label='intent'}"], 1, "has no column 'intent'"),
        (["--set", "encoder=nowhere"], 1, "encoder 'nowhere' is neither a folder nor one of"),
    ],
)
def test_what_cannot_be_trained(
    meari: Meari, recipe: Path, tmp_path: Path, more: list[str], status: int, told: str
) -> None:
    ran = train(meari, recipe, tmp_path / "out", *more)
    assert ran.status == status, ran.err
    assert told in ran.err
    assert not (tmp_path / "out" / "classifier.json").exists()


def test_texts_are_classified(meari: Meari, topics: Path) -> None:
    ran = meari.done("classify", topics, "cat dog cow goat", "gold tin iron zinc")
    rows = [line.split() for line in ran.out.splitlines()[2:]]
    assert rows[0][0] == "animal"
    assert float(rows[0][1]) > 0.6
    assert rows[1][:3] == ["(none", "of", "these)"]


def test_a_name_in_the_data_folder_and_json(meari: Meari, topics: Path) -> None:
    found = meari.done("classify", "topics", "서가 작가 도서", "--top", "2", "--json").json
    assert found["results"][0]["label"] == "책"
    assert len(found["results"][0]["scores"]) == 2
    assert found["receipt"]["classifier"]["name"] == "topics"
    assert found["receipt"]["least"] > 0.3
    same = meari.done("classify", topics, "서가 작가 도서", "--top", "2", "--json").json
    assert same == found


def test_lines_of_a_file_and_of_stdin(meari: Meari, topics: Path, tmp_path: Path) -> None:
    lines = [text for text, _ in labelled(150, 7)]
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    from_file = meari.done("classify", "topics", "--file", path, "--json").json
    assert len(from_file["results"]) == 150
    from_stdin = meari.done("classify", "topics", "-", "--json", stdin="\n".join(lines)).json
    assert from_stdin == from_file
    wanted = [label for _, label in labelled(150, 7)]
    right = [each["label"] for each in from_file["results"]]
    assert sum(a == b for a, b in zip(right, wanted, strict=True)) > 130
    empty = meari.done("classify", "topics", "-", "--json", stdin="").json
    assert empty["results"] == []


def test_the_most_probable_of_each_text(meari: Meari, topics: Path) -> None:
    ran = meari.done("classify", "topics", "cat dog horse sheep", "--top", "3")
    rows = [line.split() for line in ran.out.splitlines()[2:]]
    assert [len(rows), rows[0][0], rows[0][2]] == [3, "animal", "yes"]
    shares = [float(row[1]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=2e-4)
    assert rows[0][3:] == ["cat", "dog", "horse", "sheep"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["topics"], 2, "give either texts, or --file FILE, or - for lines from stdin"),
        (["topics", "x", "--file", "y"], 2, "give either texts"),
        (["topics", " "], 2, "input 0 is empty or blank"),
        (["nothing", "x"], 1, "no classifier at nothing; the data folder has topics"),
        (["topics", "x", "--top", "0"], 2, "--top"),
        (["topics", "x", "--data", "d", "--url", "http://h:1"], 2, "name two places"),
    ],
)
def test_refusals(meari: Meari, topics: Path, arguments: list[str], status: int, told: str) -> None:
    ran = meari("classify", *arguments)
    assert ran.status == status, ran.err
    assert told in ran.err
    assert topics.is_dir()


def test_a_folder_that_is_no_classifier(meari: Meari, tmp_path: Path) -> None:
    ran = meari("classify", tmp_path, "x")
    assert ran.status == 1
    assert "is no classifier: classifier.json is not there" in ran.err


def test_a_head_whose_encoder_changed(meari: Meari, topics: Path) -> None:
    facts = json.loads((topics / "classifier.json").read_bytes())
    facts["encoder"]["fingerprint"] = "0" * 64
    (topics / "classifier.json").write_text(json.dumps(facts))
    ran = meari("classify", "topics", "x")
    assert ran.status == 1
    assert "was made for an encoder with fingerprint 0000000000000000; hash:256 has" in ran.err
