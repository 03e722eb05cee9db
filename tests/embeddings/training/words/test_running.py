"""Whole runs over a corpus of two subjects."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.load import load_encoder
from embeddings.training.errors import DataError, RecipeError, TrainingError
from embeddings.training.recipe import read_recipe
from embeddings.training.words import running
from embeddings.training.words.network import Network
from embeddings.training.words.recipe import WordRecipe
from embeddings.training.words.running import train_words
from embeddings.words.model import Words
from embeddings.words.vocabulary import Vocabulary
from tests.embeddings.training.words.conftest import ANIMALS, TOWNS, corpus_lines

if TYPE_CHECKING:
    from embeddings.training.words.progress import WordProgress

ROOT = Path(__file__).parents[4]
RECIPE = WordRecipe(
    dim=16, epochs=3, min_count=1, sample=0, workers=1, processes=1, alpha=0.05, buckets=500
)


@pytest.mark.parametrize("method", ["skip-gram", "cbow", "fasttext", "fasttext-cbow"])
def test_words_of_a_subject_are_near_each_other(
    tmp_path: Path, corpus_file: Path, method: str
) -> None:
    said: list[WordProgress] = []
    recipe = replace(RECIPE, method=method, languages=("en",))
    made = train_words([corpus_file], tmp_path / "out", recipe, tell=said.append)
    words = Words.open(tmp_path / "out")
    assert set(words.table.vocabulary.words) == {*ANIMALS, *TOWNS}
    for subject in (ANIMALS, TOWNS):
        for word in subject:
            near = {each.word for each in words.neighbours(word, 5).neighbours}
            assert near == set(subject) - {word}
    losses = [epoch["loss"] for epoch in made.receipt["curves"]["epochs"]]
    assert len(losses) == 4
    assert losses[-1] < 0.8 * losses[0]
    assert made.receipt["curves"]["epochs"][-1]["ranking"] > 0.7
    trained = [each for each in said if each.stage == "train"]
    assert (trained[0].epoch, trained[-1].epoch) == (0, 3)
    assert trained[-1].done == trained[-1].total == 3 * made.receipt["extra"]["corpus"]["words"]


def test_the_folder_encodes_and_has_its_papers(tmp_path: Path, corpus_file: Path) -> None:
    recipe = replace(RECIPE, languages=("en",), licence="CC0")
    made = train_words([corpus_file], tmp_path / "out", recipe)
    encoder = load_encoder(tmp_path / "out")
    texts = ["A cat and a dog.", "Horse, sheep, goat", "the market square", "a street, a bridge"]
    vectors = encoder.encode(texts, role="document").vectors
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert cosines[0, 1] > cosines[0, 2]
    assert cosines[2, 3] > cosines[2, 1]
    card = json.loads((tmp_path / "out" / "encoder_card.json").read_bytes())
    assert card["fingerprint"] == encoder.card.fingerprint
    assert (card["kind"], card["pooling"], card["languages"]) == ("words", "sif", ["en"])
    receipt = json.loads((tmp_path / "out" / "training.json").read_bytes())
    assert receipt == made.receipt
    assert receipt["kind"] == "words"
    assert receipt["recipe"]["dim"] == 16
    (source,) = receipt["data"]["train"]
    assert (source["name"], source["rows"], source["licence"]) == ("corpus", 1500, "CC0")
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "word2vec skip-gram" in page
    assert "CC0" in page
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_equal_seeds_give_equal_vectors_and_others_others(
    tmp_path: Path, corpus_file: Path
) -> None:
    cache = tmp_path / "cache"
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        recipe = replace(RECIPE, seed=seed, epochs=1)
        train_words([corpus_file], tmp_path / name, recipe, cache=cache)
        found.append(Words.open(tmp_path / name).table.unit)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0.01


class StopError(Exception):
    pass


@pytest.mark.parametrize("method", ["skip-gram", "fasttext"])
def test_a_stopped_run_goes_on_to_the_same_vectors(
    tmp_path: Path, corpus_file: Path, method: str
) -> None:
    recipe = replace(RECIPE, method=method)
    train_words([corpus_file], tmp_path / "whole", recipe)

    def stop(progress: WordProgress) -> None:
        if progress.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        train_words([corpus_file], tmp_path / "stopped", recipe, tell=stop)
    with pytest.raises(TrainingError, match="a run that was begun; --resume goes on"):
        train_words([corpus_file], tmp_path / "stopped", recipe)
    epochs: list[int] = []
    made = train_words(
        [corpus_file],
        tmp_path / "stopped",
        recipe,
        resume=True,
        tell=lambda progress: epochs.append(progress.epoch),
    )
    assert min(epochs[epochs.index(2) :]) == 2
    assert [each["epoch"] for each in made.receipt["curves"]["epochs"]] == [0, 1, 2, 3]
    whole, stopped = (Words.open(tmp_path / name).table for name in ("whole", "stopped"))
    np.testing.assert_array_equal(whole.unit, stopped.unit)
    np.testing.assert_array_equal(whole.norms, stopped.norms)


KILLED = """
import sys
from pathlib import Path
from embeddings.training.words import lines, running
from embeddings.training.words.recipe import WordRecipe
lines.PART_WORDS = 5000
running._CHECKPOINT_EVERY = 0.0

def tell(progress):
    print(progress.stage, progress.done, flush=True)

if __name__ == "__main__":
    recipe = WordRecipe(**eval(sys.argv[3]))
    running.train_words([sys.argv[1]], Path(sys.argv[2]), recipe, resume=True, tell=tell)
"""


def test_a_killed_run_goes_on_to_the_same_vectors(tmp_path: Path, corpus_file: Path) -> None:
    given = {"dim": 16, "epochs": 10, "min_count": 1, "workers": 1, "processes": 1, "sample": 0.0}
    (tmp_path / "run.py").write_text(KILLED, encoding="utf-8")

    def start(out: str) -> subprocess.Popen[str]:
        command = [sys.executable, "run.py", str(corpus_file), out, repr(given)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        )

    def finish(out: str) -> None:
        process = start(out)
        process.communicate(timeout=120)
        assert process.returncode == 0

    finish("whole")
    killed = start("killed")
    with killed:
        for line in killed.stdout:
            stage, done = line.split()
            if stage == "train" and int(done) > 50_000:
                break
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "checkpoint" / "state.json").is_file()
    finish("killed")
    whole, again = (Words.open(tmp_path / name).table for name in ("whole", "killed"))
    np.testing.assert_array_equal(whole.unit, again.unit)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, corpus_file: Path) -> None:
    def stop(progress: WordProgress) -> None:
        if progress.epoch == 1:
            raise StopError

    out = tmp_path / "out"
    with pytest.raises(StopError):
        train_words([corpus_file], out, RECIPE, tell=stop)
    with pytest.raises(TrainingError, match="another recipe: dim was 16, window was 5"):
        train_words([corpus_file], out, replace(RECIPE, dim=8, window=2), resume=True)
    other = tmp_path / "other.txt"
    other.write_text("\n".join(corpus_lines(seed=9)), encoding="utf-8")
    with pytest.raises(TrainingError, match="another corpus"):
        train_words([other], out, RECIPE, resume=True)
    next((out / "checkpoint").glob("arrays-*")).write_bytes(b"x" * 20)
    with pytest.raises(TrainingError, match=r"is damaged .* train without --resume"):
        train_words([corpus_file], out, RECIPE, resume=True)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, corpus_file: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(TrainingError, match="holds other files; give a new or empty folder"):
        train_words([corpus_file], tmp_path, RECIPE)
    with pytest.raises(TrainingError, match=r"mine\.txt is a file"):
        train_words([corpus_file], tmp_path / "mine.txt", RECIPE)
    train_words([corpus_file], tmp_path / "out", replace(RECIPE, epochs=1))
    with pytest.raises(TrainingError, match="holds finished word vectors"):
        train_words([corpus_file], tmp_path / "out", RECIPE, resume=True)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["mine.txt"]


def test_a_corpus_of_rare_words_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two two three\n", encoding="utf-8")
    with pytest.raises(
        DataError,
        match=r"of 3 different words 0 would be left: min_count is 5, the most frequent word, "
        r"'two', is seen 2 times; lower min_count",
    ):
        train_words([tmp_path / "a.txt"], tmp_path / "out", replace(RECIPE, min_count=5))


def test_the_most_frequent_words_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a a a b b b c c d\n" * 5, encoding="utf-8")
    recipe = replace(RECIPE, most_words=2, epochs=1)
    made = train_words([tmp_path / "a.txt"], tmp_path / "out", recipe)
    assert Words.open(tmp_path / "out").table.vocabulary.words == ["a", "b"]
    assert made.receipt["notes"][0].startswith("33.3% of the corpus' words are too rare")
    assert "nobody knows how well" in made.receipt["verdict"]["sentences"][0]


def test_a_learning_rate_far_too_high_is_told(tmp_path: Path, corpus_file: Path) -> None:
    made = train_words([corpus_file], tmp_path / "out", replace(RECIPE, alpha=50.0, epochs=2))
    assert "nothing was learned that holds for new text" in made.receipt["verdict"]["sentences"][0]


def test_vectors_that_have_left_the_numbers_are_not_kept() -> None:
    network = Network(RECIPE, Vocabulary(["a", "b"], [5, 4]))
    network.check_finite()
    network.arrays()["outputs"][1, 2] = np.nan
    with pytest.raises(TrainingError, match=r"outputs hold NaN .* lower alpha \(0\.05\)"):
        network.check_finite()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["windw=3"], "'windw' is unknown; did you mean 'window'"),
        (["method=skipgram"], "did you mean 'skip-gram'"),
        (["dim=0"], "must be at least 2"),
        (["epochs=many"], "a whole number is needed"),
        (["shortest=5", "longest=3"], "'longest' is 3, shorter than 'shortest' \\(5\\)"),
        (["alpha=0.01", "min_alpha=0.1"], "must not rise"),
    ],
)
def test_impossible_recipes(overrides: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read_recipe(WordRecipe, None, overrides)


def test_a_recipe_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('method = "cbow"\ndim = 50\nlanguages = ["ko"]\n')
    made = read_recipe(WordRecipe, tmp_path / "r.toml", ["window=3"], epochs=2)
    expected = WordRecipe(method="cbow", dim=50, languages=("ko",), window=3, epochs=2)
    assert made == expected
    assert made.first_alpha == 0.05


def test_words_per_second_are_of_training(tmp_path: Path, corpus_file: Path) -> None:
    before = time.perf_counter()
    made = train_words([corpus_file], tmp_path / "out", replace(RECIPE, epochs=1))
    elapsed = time.perf_counter() - before
    words = made.receipt["extra"]["corpus"]["words"]
    assert made.receipt["throughput"]["words_per_s"] > words / elapsed


def test_checkpoints_come_between_parts(
    tmp_path: Path, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embeddings.training.words.lines.PART_WORDS", 4000)
    monkeypatch.setattr(running, "_CHECKPOINT_EVERY", 0.0)
    written: list[tuple[int, int]] = []
    write = running.write_checkpoint

    def note(folder: Path, state: object, arrays: object) -> None:
        written.append((state.epoch, state.part))
        write(folder, state, arrays)

    monkeypatch.setattr(running, "write_checkpoint", note)
    train_words([corpus_file], tmp_path / "out", replace(RECIPE, epochs=2))
    assert written == [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)]
