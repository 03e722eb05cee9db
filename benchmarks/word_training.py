r"""Words a second of `train words`, beside gensim called bare on the same lines and settings.

    python -m benchmarks.word_training [--method skip-gram] [--words 3000000] [--rounds 3]

Paragraphs of en_wiki_text, cut into words once before anything is timed. In every round both
sides train, in turn first: ours by `train_words` (vocabulary, held-out scores, checkpoints and
the finished folder with it), gensim by `Word2Vec(corpus_file=...)` or `FastText(...)` and `save`.
Told are words a second of training alone and of the whole, and the ratio of each pair.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.record import save
from embeddings.training.recipe import read_recipe
from embeddings.training.words.corpus import prepare_corpus
from embeddings.training.words.progress import tell_nobody
from embeddings.training.words.recipe import WordRecipe
from embeddings.training.words.running import train_words

if TYPE_CHECKING:
    from embeddings.training.words.corpus import Corpus

PARAGRAPHS = Path(__file__).parents[2] / "shared/data/en_wiki_text/enwiki.tsv.gz"


@dataclass(frozen=True, slots=True)
class Seconds:
    """What one side took once: of training alone, and of the whole."""

    training: float
    whole: float


def main(
    method: Annotated[str, typer.Option()] = "skip-gram",
    words: Annotated[int, typer.Option(min=100_000)] = 3_000_000,
    epochs: Annotated[int, typer.Option(min=1)] = 2,
    dim: Annotated[int, typer.Option(min=2)] = 200,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    threads: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Measure both sides in turn, print the table and save it."""
    given = {"method": method, "epochs": epochs, "dim": dim, "workers": threads}
    recipe = read_recipe(WordRecipe, None, (), **given)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "paragraphs.txt"
        write_paragraphs(source, words)
        corpus = prepare_corpus([source], recipe, folder / "cache", tell_nobody)
        pairs = []
        for number in range(rounds):
            sides = [("ours", _ours), ("gensim", _gensim)]
            times: dict[str, Seconds] = {}
            for name, side in sides if number % 2 == 0 else sides[::-1]:
                times[name] = side(folder, corpus, recipe)
                shutil.rmtree(folder / "out", ignore_errors=True)
            pairs.append(times)
            _tell(number, times, epochs * corpus.words)
    result = _summary(pairs, epochs * corpus.words)
    print(result["ratios"])
    described = {"lines": corpus.lines, "words": corpus.words, "recipe": given}
    save(f"word_training_{method}", {**described, **result})


def write_paragraphs(path: Path, words: int) -> None:
    """The first paragraphs of about so many words, one a line."""
    left = words
    with gzip.open(PARAGRAPHS, "rt", encoding="utf-8") as lines, path.open("w") as out:
        for line in lines:
            paragraph = line.partition("\t")[2]
            out.write(paragraph)
            left -= paragraph.count(" ") + 1
            if left <= 0:
                return


def _ours(folder: Path, corpus: Corpus, recipe: WordRecipe) -> Seconds:
    del corpus
    started = time.perf_counter()
    source = folder / "paragraphs.txt"
    made = train_words([source], folder / "out", recipe, cache=folder / "cache")
    whole = time.perf_counter() - started
    told = made.receipt["extra"]["corpus"]["words"] * recipe.epochs
    return Seconds(told / made.receipt["throughput"]["words_per_s"], whole)


def _gensim(folder: Path, corpus: Corpus, recipe: WordRecipe) -> Seconds:
    from gensim.models import FastText, Word2Vec

    kind = FastText if recipe.has_subwords else Word2Vec
    more: dict[str, Any] = {}
    if recipe.has_subwords:
        more = {"min_n": recipe.shortest, "max_n": recipe.longest, "bucket": recipe.buckets}
    (folder / "out").mkdir()
    lines = str(corpus.folder / corpus.parts[0].file)
    started = time.perf_counter()
    model = kind(
        vector_size=recipe.dim,
        window=recipe.window,
        negative=recipe.negative,
        min_count=recipe.min_count,
        sample=recipe.sample,
        alpha=recipe.first_alpha,
        min_alpha=recipe.min_alpha,
        sg=int(recipe.is_skip_gram),
        workers=recipe.workers,
        seed=recipe.seed,
        **more,
    )
    model.build_vocab(corpus_file=lines)
    begun = time.perf_counter()
    model.train(
        corpus_file=lines,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=recipe.epochs,
    )
    trained = time.perf_counter() - begun
    model.save(str(folder / "out" / "model"))
    return Seconds(trained, time.perf_counter() - started)


def _tell(number: int, times: dict[str, Seconds], words: int) -> None:
    told = (
        f"{name}: training {words / each.training:,.0f} words/s, whole {each.whole:.1f} s"
        for name, each in times.items()
    )
    print(f"round {number + 1}: {'; '.join(told)}", flush=True)


def _summary(pairs: list[dict[str, Seconds]], words: int) -> dict[str, Any]:
    ratios = {
        part: [getattr(each["gensim"], part) / getattr(each["ours"], part) for each in pairs]
        for part in ("training", "whole")
    }
    return {
        "words_per_s": {
            name: {
                part: [words / getattr(each[name], part) for each in pairs]
                for part in ("training", "whole")
            }
            for name in ("ours", "gensim")
        },
        "ratios": {
            part: {"median": statistics.median(each), "all": each} for part, each in ratios.items()
        },
    }


if __name__ == "__main__":
    typer.run(main)
