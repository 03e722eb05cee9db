"""Judged pairs and analogies against scores known otherwise."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from embeddings.words.folder import WordFacts, WordTable, write_table
from embeddings.words.model import Words
from embeddings.words.vocabulary import Vocabulary
from eval.analogies import solve
from eval.errors import ChoiceError, DatasetError
from eval.word_tests import Analogies, WordPairs, load_word_test
from eval.words import evaluate_words, run_words

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["man", "woman", "king", "queen", "boy", "girl", "tree"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Royalty, sex and age are directions of their own; so analogies hold."""
    vectors = np.array(
        [
            *([1, 0, 0, 0.2], [0, 1, 0, 0.2], [1, 0, 1, 0], [0, 1, 1, 0]),
            *([1, 0, 0, -1], [0, 1, 0, -1], [0.1, 0.1, -1, 0.5]),
        ],
        dtype=np.float32,
    )
    path = tmp_path_factory.mktemp("words") / "royal"
    facts = WordFacts(method="skip-gram", dim=4, tokens=100)
    counted = Vocabulary(NAMES, range(len(NAMES), 0, -1))
    write_table(WordTable.of(facts, counted, vectors), path)
    return path


@pytest.fixture(scope="module")
def words(folder: Path) -> Words:
    return Words.open(folder)


PAIRS = WordPairs(
    "pairs",
    ("king", "man", "man", "King", "tree", "elf"),
    ("queen", "woman", "tree", "man", "queen", "king"),
    (8.0, 7.0, 1.0, 6.0, 2.0, 9.0),
)


def test_the_correlation_is_of_known_pairs(words: Words) -> None:
    (found,) = evaluate_words([PAIRS], words, resamples=50).pairs
    known = range(5)
    cosines = [words.similarity(PAIRS.first[n], PAIRS.second[n])[2] for n in known]
    expected = stats.spearmanr(cosines, [PAIRS.scores[n] for n in known]).statistic
    assert (found.pairs, found.known, found.answered) == (6, 5, 5)
    assert found.spearman.value == pytest.approx(expected)
    assert found.spearman.low <= found.spearman.value <= found.spearman.high
    assert found.spearman_answered == found.spearman


def test_words_of_known_parts_are_answered_and_not_known(words: Words) -> None:
    data = WordPairs("x", ("king-man", "king", "boy"), ("queen", "man", "girl"), (1.0, 2.0, 3.0))
    (found,) = evaluate_words([data], words, resamples=50).pairs
    assert (found.known, found.answered, found.spearman) == (2, 3, None)
    assert found.spearman_answered is not None


def test_analogies_by_section(words: Words) -> None:
    data = Analogies(
        "a",
        {
            "sex": (
                ("man", "woman", "king", "queen"),
                ("Man", "Woman", "boy", "girl"),
                ("man", "woman", "king", "tree"),
            ),
            "far": (("man", "woman", "elf", "queen"),),
            "same": (("man", "woman", "king", "King"), ("man", "Man", "king", "queen")),
        },
    )
    sex, far, same, total = solve(data, words)
    assert (sex.questions, sex.asked, sex.added, sex.multiplied) == (3, 3, 2, 2)
    assert (far.questions, far.asked, far.accuracy) == (1, 0, None)
    assert (same.questions, same.asked, same.merged) == (2, 1, 1)
    assert (total.name, total.questions, total.asked, total.merged) == ("total", 6, 4, 1)
    assert total.added == 2 + same.added
    assert sex.accuracy == pytest.approx(2 / 3)


@pytest.mark.parametrize("rule", ["3cosadd", "3cosmul"])
def test_analogies_are_solved_as_the_model_solves_them(rule: str) -> None:
    """Of random vectors, where the rules differ."""
    generator = np.random.default_rng(1)
    vectors = generator.standard_normal((300, 6)).astype(np.float32)
    names = [f"w{n}" for n in range(300)]
    facts = WordFacts(method="skip-gram", dim=6, analyzer="bigrams")
    words = Words(WordTable.of(facts, Vocabulary(names), vectors), "random")
    questions = []
    for a, b, c in (generator.choice(300, 3, replace=False) for _ in range(40)):
        best = words.analogy(names[a], names[b], names[c], 1, rule=rule).neighbours[0].word
        questions.append((names[a], names[b], names[c], best))
    (found,) = solve(Analogies("a", {"all": tuple(questions)}), words)
    solved = {"3cosadd": found.added, "3cosmul": found.multiplied}
    assert solved.pop(rule) == 40
    assert 0 < solved.popitem()[1] < 40


def test_files_of_every_form(tmp_path: Path) -> None:
    expected = (("sun", "car", "a"), ("moon", "bus", "b"), (8.5, 3.0, 1.0))
    files = {
        "a.csv": ",word1,word2,similarity\n0,sun,moon,8.5\n1,car,bus,3\n2,a,b,1\n,,,\n",
        "b.csv": "\ufeffword 1,word 2,kor_score\r\nsun,moon,8.50\r\ncar,bus,3\r\na,b,1\r\n",
        "c.tsv": "sun\tmoon\t8.5\ncar\tbus\t3\na\tb\t1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = load_word_test(tmp_path / name)
        assert (found.name, found.first, found.second, found.scores) == (name[0], *expected)
    packed = gzip.compress(b": one\na b c d\ne f g h\n: two\ni j k l\n", mtime=0)
    (tmp_path / "q.txt.gz").write_bytes(packed)
    assert load_word_test(tmp_path / "q.txt.gz") == Analogies(
        "q",
        {"one": (("a", "b", "c", "d"), ("e", "f", "g", "h")), "two": (("i", "j", "k", "l"),)},
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.pdf", "", "unknown kind"),
        ("a.csv", "a,b\n", r"a\.csv:1: 2 cells; word, word and score"),
        ("a.csv", "a,b,1\nc,d,x\n", r"a\.csv:2: \['c', 'd', 'x'\] are not two words and"),
        ("a.csv", "a,b,1\nc,d,nan\n", r"a\.csv:2"),
        ("a.csv", "a,b,1\nc,d,2\n", "2 judged pairs; a correlation needs 3"),
        ("a.txt", ": x\na b c\n", r"a\.txt:2: 3 words; a line has four"),
        ("a.txt", ": x\n", "no analogies"),
    ],
)
def test_what_is_no_test_is_told(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=message):
        load_word_test(tmp_path / name)


def test_tests_of_another_language_are_told(words: Words) -> None:
    data = WordPairs("ko", ("왕", "해", "차"), ("여왕", "달", "배"), (1.0, 2.0, 3.0))
    with pytest.raises(DatasetError, match=r"'royal' knows none of the words of ko; .* man, woman"):
        evaluate_words([data], words)
    equal = WordPairs("x", PAIRS.first, PAIRS.second, (1.0,) * 6)
    with pytest.raises(DatasetError, match="all 6 scores are 1"):
        evaluate_words([equal], words)


def test_it_runs_as_a_module_and_writes_its_report(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("king,queen,8\nman,woman,7\nman,tree,1\nboy,king,3\n")
    (tmp_path / "q.txt").write_text("man woman king queen\n")
    with pytest.raises(ChoiceError, match="no tests"):
        run_words([], model=folder)
    command = [sys.executable, "-m", "eval.words", tmp_path / "a.csv", tmp_path / "q.txt"]
    command += ["--model", folder, "--out", tmp_path / "out", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout)
    assert report == json.loads((tmp_path / "out" / "words.json").read_bytes())
    assert report["pairs"][0]["known"] == 4
    assert report["analogies"]["q"][0]["accuracy"] == {"3cosadd": 1.0, "3cosmul": 1.0}
    page = (tmp_path / "out" / "words.md").read_text(encoding="utf-8")
    assert "# Words: royal" in page
    assert "3CosMul" in page
    missing = subprocess.run(
        [*command[:3], tmp_path / "b.csv", "--model", folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (missing.returncode, "there is no such file" in missing.stderr) == (1, True)
