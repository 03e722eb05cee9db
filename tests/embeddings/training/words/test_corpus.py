"""Lines of words, their counts, and which are held out."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from embeddings.training.errors import DataError
from embeddings.training.words import analysis, lines
from embeddings.training.words import corpus as corpus_module
from embeddings.training.words.corpus import Corpus, prepare_corpus
from embeddings.training.words.heldout import HeldOut
from embeddings.training.words.progress import tell_nobody
from embeddings.training.words.recipe import WordRecipe

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.text.analyzer import Analyzer

ONE = WordRecipe(processes=1, heldout=0)


def lines_of(corpus: Corpus) -> list[str]:
    return [
        line
        for part in corpus.parts
        for line in (corpus.folder / part.file).read_text(encoding="utf-8").splitlines()
    ]


def prepare(tmp_path: Path, text: str, recipe: WordRecipe = ONE) -> Corpus:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    return prepare_corpus([tmp_path / "a.txt"], recipe, tmp_path / "cache", tell_nobody)


def test_korean_is_morphemes_and_english_is_words_as_they_stand(tmp_path: Path) -> None:
    made = prepare(tmp_path, "서울에서 기차를 타고 갔다\nThe runners' Café was RUNNING, 3.14!\n")
    assert lines_of(made) == ["서울 기차 타다 가다", "the runners cafe was running 3.14"]
    assert (made.lines, made.words) == (2, 10)
    assert made.analyzer_fingerprint.startswith("analyzer=2 unstemmed kiwi=")


def test_counts_are_of_the_lines_to_train_on(tmp_path: Path) -> None:
    text = "\n".join(f"common w{n % 40} w{n % 7}" for n in range(3000))
    made = prepare(tmp_path, text, WordRecipe(processes=1, heldout=50))
    kept, held = lines_of(made), made.heldout_lines()
    assert len(kept) + len(held) == 3000
    assert 0 < len(held) <= 50
    assert not {" ".join(line) for line in held} & set(kept)
    counted = made.counts()
    expected = Counter(word for line in kept for word in line.split())
    assert dict(zip(counted.words, counted.counts.tolist(), strict=True)) == expected
    order = list(zip((-counted.counts).tolist(), counted.words, strict=True))
    assert order == sorted(order)


def test_long_texts_are_several_lines_and_single_words_none(tmp_path: Path) -> None:
    made = prepare(tmp_path, "alone\n" + "word " * 2500 + "\n")
    assert [len(line.split()) for line in lines_of(made)] == [1000, 1000, 500]


def test_processes_change_nothing(tmp_path: Path, corpus_file: Path) -> None:
    """Enough text for several batches, in two languages."""
    text = corpus_file.read_text(encoding="utf-8") * 8 + "서울에서 기차를 탔다\n" * 400
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    found = []
    for processes in (1, 2):
        recipe = WordRecipe(processes=processes, heldout=20)
        place = tmp_path / f"cache{processes}"
        made = prepare_corpus([tmp_path / "a.txt"], recipe, place, tell_nobody)
        found.append((made.key, made.counts_sha256, lines_of(made), made.heldout_lines()))
    assert found[0] == found[1]


def test_parts_are_cut_by_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PART_WORDS", 100)
    made = prepare(tmp_path, "one two three\n" * 100)
    assert [part.words for part in made.parts] == [102, 102, 96]
    assert sum(part.lines for part in made.parts) == 100


def test_the_rarest_are_forgotten_where_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_MOST_COUNTED", 100)
    made = prepare(tmp_path, "a b\n" * 5 + "".join(f"x{n} y{n}\n" for n in range(100)))
    assert made.forgotten == 1
    assert made.counts().words[:2] == ["a", "b"]
    assert len(made.counts()) <= 100


def test_an_analysed_corpus_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare(tmp_path, "one two\n" * 10)
    monkeypatch.setattr(corpus_module, "analysed", None)  # would be a TypeError
    again = prepare(tmp_path, "one two\n" * 10)
    assert again == first
    with pytest.raises(TypeError):
        prepare(tmp_path, "one two three\n" * 10)
    with pytest.raises(TypeError):
        prepare(tmp_path, "one two\n" * 10, WordRecipe(processes=1, heldout=5))
    (first.folder / first.parts[0].file).unlink()
    with pytest.raises(TypeError):
        prepare(tmp_path, "one two\n" * 10)


def test_an_analysis_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "_BATCH_CHARACTERS", 100)
    text = "".join(f"word{n} word{n % 9} w\n" for n in range(900))
    whole = prepare(tmp_path, text, WordRecipe(processes=1, heldout=30))
    shutil.rmtree(tmp_path / "cache")
    cut, done = analysis._lines, 0

    def cut_or_stop(analyzer: Analyzer, batch: list[str]) -> list[str]:
        nonlocal done
        done += 1
        if done == 40:
            raise KeyboardInterrupt
        return cut(analyzer, batch)

    monkeypatch.setattr(analysis, "_lines", cut_or_stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path, text, WordRecipe(processes=1, heldout=30))
    assert not list((tmp_path / "cache").glob(f"{whole.key[:16]}/*"))
    again = prepare(tmp_path, text, WordRecipe(processes=1, heldout=30))
    assert again == whole
    assert lines_of(again) == lines_of(whole)
    batches = -(-len(text) // 108)
    assert done - 40 < batches - 30  # two shards of 16 batches were not cut again
    assert not list((tmp_path / "cache").glob("*.begun"))


@pytest.mark.parametrize("text", ["", "\n\n", "!!! ???\n", "alone\n"])
def test_a_corpus_without_two_words_together(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"no two words stand together anywhere in .*a\.txt"):
        prepare(tmp_path, text)
    assert not list((tmp_path / "cache").glob("*/lines-*"))


def test_held_out_lines_are_even_and_of_one_side() -> None:
    lines = [f"line {n}" for n in range(50_000)]
    held = HeldOut(300)
    training = []
    for line in [*lines, *lines]:
        if not held.takes(line):
            training.append(line)
        training += held.release()
    assert 75 < len(held.lines) <= 300
    assert len(held.lines) + len(training) == 100_000
    assert not set(held.lines) & set(training)
    firsts = sum(int(line.split()[1]) < 25_000 for line in held.lines)
    assert 0.3 < firsts / len(held.lines) < 0.7
    assert not HeldOut(0).takes("line 1")
