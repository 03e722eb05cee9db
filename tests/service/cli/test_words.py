"""`meari train words`, `words` and `eval words`, as a new user would try them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.embeddings.training.words.conftest import ANIMALS, corpus_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari

SETTINGS = ["--set", "dim=16", "--set", "min_count=1", "--set", "sample=0", "--set", "alpha=0.05"]
SETTINGS += ["--set", "workers=1", "--set", "processes=1"]


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join([*corpus_lines(), "서울 부산 기차"] * 2), encoding="utf-8")
    return path


@pytest.fixture
def model(meari: Meari, text: Path) -> Path:
    """Word vectors in the data folder."""
    folder = meari.folder / "models" / "small"
    meari.done("train", "words", text, "--out", folder, "--epochs", "3", *SETTINGS)
    return folder


def test_training_tells_how_it_goes(meari: Meari, text: Path, tmp_path: Path) -> None:
    ran = meari.done("train", "words", text, "--out", tmp_path / "m", "--epochs", "2", *SETTINGS)
    lines = ran.err.splitlines()
    assert lines[0].startswith("before training, held-out loss ")
    assert lines[0].endswith("noise ranked below 50.0 %")
    assert lines[1].startswith("epoch 1 of 2, ")
    assert "words/s, held-out loss " in lines[2]
    assert "noise ranked below" in lines[2]
    assert "the held-out loss fell from" in ran.err
    assert "words          15" in ran.out


def test_training_gives_its_receipt_as_json(meari: Meari, text: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('method = "cbow"\nepochs = 1\n')
    ran = meari.done(
        "train",
        "words",
        text,
        "--out",
        tmp_path / "m",
        "--config",
        tmp_path / "recipe.toml",
        *SETTINGS,
        "--json",
    )
    receipt = json.loads((tmp_path / "m" / "training.json").read_bytes())
    assert ran.json == {"folder": str(tmp_path / "m"), "words": 15, "training": receipt}
    assert (receipt["recipe"]["method"], receipt["recipe"]["dim"]) == ("cbow", 16)


def test_neighbours_by_folder_and_by_name(meari: Meari, model: Path) -> None:
    ran = meari.done("words", "neighbours", "Cat", "--model", model, "-k", "5")
    assert {line.split()[0] for line in ran.out.splitlines()[2:]} == set(ANIMALS) - {"cat"}
    assert ran.err == "Cat is read as cat\n"
    answer = meari.done("words", "neighbours", "cat", "--model", "small", "--json").json
    assert (answer["model"], answer["word"], answer["known"]) == ("small", "cat", True)
    assert len(answer["neighbours"]) == 10


def test_analogy_and_similarity(meari: Meari, model: Path) -> None:
    answer = meari.done("words", "analogy", "cat", "dog", "horse", "--model", model, "--json").json
    assert [each["word"] for each in answer["words"]] == ["cat", "dog", "horse"]
    assert not {each["word"] for each in answer["answers"]} & {"cat", "dog", "horse"}
    near = float(meari.done("words", "similarity", "cat", "dog", "--model", model).out)
    far = float(meari.done("words", "similarity", "cat", "tower", "--model", model).out)
    assert near > far
    same = meari.done("words", "similarity", "cat", "CAT", "--model", model, "--json").json
    assert same["score"] == pytest.approx(1)


def test_parts_of_words_are_told(meari: Meari, model: Path) -> None:
    ran = meari.done("words", "neighbours", "서울기차", "--model", model)
    assert ran.err == "warning: 서울기차 is not known; its vector is the mean of 서울, 기차\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["neighbours", "hrose", "--model", "small"], 1, "known words spelled like it: horse"),
        (["neighbours", "cat", "--model", "none"], 1, "no word vectors at none; the data folder"),
        (["neighbours", "cat", "--model", "small", "-k", "0"], 2, "1 to 1,000 are possible"),
        (["neighbours", " ", "--model", "small"], 2, "1 to 200"),
        (["analogy", "cat", "dgo", "cow", "--model", "small"], 1, "spelled like it: dog"),
    ],
)
@pytest.mark.usefixtures("model")
def test_what_cannot_be_answered(
    meari: Meari, arguments: list[str], status: int, message: str
) -> None:
    ran = meari("words", *arguments)
    assert (ran.status, ran.out) == (status, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--set", "windw=3"], 2, "recipe key 'windw' is unknown; did you mean 'window'?"),
        (["--set", "method=glove"], 2, "possible: skip-gram, cbow, fasttext, fasttext-cbow"),
        (["--set", "min_count=100000"], 1, "0 would be left: min_count is 100000"),
        (["--config", "missing.toml"], 2, "recipe missing.toml cannot be read"),
    ],
)
def test_what_cannot_be_trained(
    meari: Meari, text: Path, tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    ran = meari("train", "words", text, "--out", tmp_path / "m", *arguments)
    assert (ran.status, ran.out) == (status, "")
    assert message in ran.err


def test_vectors_go_out_and_come_in(meari: Meari, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "vectors.txt"
    told = meari.done("words", "export", "--model", model, "--out", out, "--json").json
    assert (told["words"], told["dim"], told["bytes"]) == (15, 16, out.stat().st_size)
    made = meari.done("words", "import", out, "--out", tmp_path / "in", "--language", "en")
    assert made.out == f"15 words of 16 numbers are in {tmp_path / 'in'}\n"
    before, after = (
        meari.done("words", "neighbours", "cat", "--model", each, "--json").json["neighbours"]
        for each in (model, tmp_path / "in")
    )
    assert [each["word"] for each in before] == [each["word"] for each in after]
    assert meari("words", "import", out, "--out", tmp_path / "in").status == 2


def test_a_pickle_is_refused(meari: Meari, tmp_path: Path) -> None:
    evil = tmp_path / "evil.model"
    evil.write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    ran = meari("words", "import", evil, "--out", tmp_path / "in")
    assert ran.status == 1
    assert "evil.model is refused: it names os.system" in ran.err


def test_a_folder_indexes_and_pools_in_another_way(
    meari: Meari, model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "mean"
    card = meari.done(
        "words", "encoder", "--model", model, "--out", other, "--pooling", "mean", "--json"
    ).json
    assert (card["kind"], card["pooling"], card["dim"]) == ("words", "mean", 16)
    documents = tmp_path / "d.jsonl"
    rows = [{"id": "a", "text": "a cat, a dog"}, {"id": "t", "text": "tower and bridge"}]
    documents.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, encoder in (("sif", model), ("mean", other)):
        meari.done("index", documents, "--into", name, "--encoder", encoder)
        found = meari.done("search", name, "horse", "--mode", "dense", "--json").json
        assert found["matches"][0]["id"] == "a"
        assert found["receipt"]["query_unknown"] == 0
        found = meari.done("search", name, "zebra", "--mode", "dense", "--json").json
        assert found["receipt"]["query_unknown"] == 1


def test_word_tests_are_measured(meari: Meari, model: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("cat,dog,9\ncat,tower,1\ntower,bridge,8\ncow,market,2\n")
    ran = meari.done("eval", "words", tmp_path / "pairs.csv", "--model", model, "--json").json
    assert ran["pairs"][0]["spearman"]["value"] > 0.6
    assert "| pairs |" in meari.done("eval", "words", tmp_path / "pairs.csv", "--model", model).out
