"""A trained network to its folder: vectors, pooling, receipt, cards."""

from __future__ import annotations

import json
import math
import platform
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any

from embeddings.training.curves import Curves, draw_curves
from embeddings.training.receipt import Receipt, write_receipt
from embeddings.training.toml_text import plain
from embeddings.training.words.card import write_card
from embeddings.words.encoder import WordEncoder
from embeddings.words.folder import WordFacts, WordTable, write_table
from embeddings.words.pooling import common_directions
from embeddings.words.tensors import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from embeddings.training.words.checkpoint import State
    from embeddings.training.words.corpus import Corpus
    from embeddings.training.words.network import Network
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.training.words.scoring import HeldOutPairs
    from embeddings.words.vocabulary import Vocabulary

RANKING = "noise ranked below"
ENCODER_CARD = "encoder_card.json"
_EQUAL = 0.002
"""Share by which held-out losses differ that are called equal."""
_STILL_FALLING = 0.01


def save(
    folder: Path,
    recipe: WordRecipe,
    corpus: Corpus,
    vocabulary: Vocabulary,
    network: Network,
    state: State,
    pairs: HeldOutPairs | None,
    seconds: float,
) -> dict[str, Any]:
    """Write the folder; gives its receipt."""
    facts = WordFacts(
        method=recipe.method,
        dim=recipe.dim,
        analyzer=corpus.analyzer,
        analyzer_fingerprint=corpus.analyzer_fingerprint,
        tokens=corpus.words,
        subwords=network.subwords,
        pooling=recipe.pooling,
        smoothing=recipe.smoothing,
        languages=recipe.languages,
    )
    table = WordTable.of(facts, vocabulary, network.word_vectors(), buckets=network.buckets())
    table = common_directions(table, sample_lines(corpus), recipe.common)
    receipt = write_receipt(
        describe(recipe, corpus, vocabulary, network, state, pairs, seconds), folder
    )
    if pairs is not None:
        picture = folder / "learning_curves.png"
        draw_curves(_curves(state), picture, measure=RANKING, title=f"{folder.name}, by epoch")
    write_table(table, folder)
    card = WordEncoder.from_folder(folder, name=folder.name).card
    kept = {key: receipt[key] for key in ("kind", "data", "recipe", "scores")}
    data = {**card.to_json(), "training": kept}
    write_text(folder / ENCODER_CARD, json.dumps(data, ensure_ascii=False, indent=2) + "\n")
    write_card(folder, card, receipt)
    return receipt


def sample_lines(corpus: Corpus, most: int = 2_000) -> list[list[str]]:
    """Lines to find common directions in: those held out, or the first ones."""
    held = corpus.heldout_lines()
    if len(held) >= min(most, corpus.lines):
        return held[:most]
    lines = list(held)
    with (corpus.folder / corpus.parts[0].file).open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if len(lines) >= most:
                break
            lines.append(line.rstrip("\n").split(" "))
    return lines


def describe(
    recipe: WordRecipe,
    corpus: Corpus,
    vocabulary: Vocabulary,
    network: Network,
    state: State,
    pairs: HeldOutPairs | None,
    seconds: float,
) -> Receipt:
    """The receipt of a run."""
    first, last = state.curve[0], state.curve[-1]
    trained = recipe.epochs * corpus.words
    return Receipt(
        kind="words",
        recipe=plain(recipe),
        data={"train": list(corpus.sources)},
        seed=recipe.seed,
        hardware={
            "device": "cpu",
            "name": platform.processor() or platform.machine(),
            "precision": "fp32",
            "threads": network.workers,
            "system": platform.platform(terse=True),
        },
        seconds=seconds,
        curves={**_curves(state).to_json(), "epochs": [asdict(each) for each in state.curve]},
        scores={
            split: {"loss": each.loss, "ranking": each.ranking or 0.0}
            for split, each in (("before", first), ("heldout", last))
            if each.loss is not None
        },
        verdict={"sentences": _verdict(recipe, state, pairs)},
        throughput={"words_per_s": trained / state.seconds if state.seconds else 0.0},
        notes=_notes(recipe, corpus, vocabulary, network),
        extra={
            "corpus": {
                "words": corpus.words,
                "lines": corpus.lines,
                "heldout_lines": corpus.heldout,
                "analyzer": corpus.analyzer_fingerprint,
            },
            "vocabulary": {
                "words": len(vocabulary),
                "least_count": int(vocabulary.counts[-1]),
                "coverage": int(vocabulary.counts.sum()) / corpus.words,
            },
            "gensim": metadata.version("gensim"),
        },
    )


def _curves(state: State) -> Curves:
    """The held-out loss and ranking and the learning rate, a step an epoch."""
    return Curves(
        loss=[],
        dev_loss=[(each.epoch, each.loss) for each in state.curve if each.loss is not None],
        rate=[(each.epoch, each.alpha) for each in state.curve],
        measures={
            RANKING: [(e.epoch, e.ranking) for e in state.curve if e.ranking is not None],
        },
    )


def _verdict(recipe: WordRecipe, state: State, pairs: HeldOutPairs | None) -> list[str]:
    """What the held-out losses say, in sentences."""
    losses = [(each.epoch, each.loss) for each in state.curve if each.loss is not None]
    if pairs is None or len(losses) < 2:
        return ["no lines were held out, so nobody knows how well the vectors foretell new text"]
    (_, first), (_, last) = losses[0], losses[-1]
    told = [f"the held-out loss fell from {first:.3f} to {last:.3f} nats a pair"]
    if not math.isclose(first, pairs.untrained, rel_tol=1e-5):
        told.append(
            f"before training it was {first:.4f}; vectors that know nothing have "
            f"{pairs.untrained:.4f}: something is wrong with this run"
        )
    epoch, best = min(losses, key=lambda each: each[1])
    if last >= first * (1 - _EQUAL):
        told[0] = (
            f"the held-out loss is {last:.3f} nats a pair after training and was {first:.3f} "
            "before: nothing was learned that holds for new text; more text is needed"
        )
    elif last > best * (1 + _EQUAL):
        told.append(
            f"it was lowest after epoch {epoch} of {recipe.epochs} ({best:.3f}): later ones fit "
            "the training lines alone; fewer epochs or more text would be better"
        )
    elif losses[-2][1] - last > _STILL_FALLING * last:
        told.append("it was still falling in the last epoch: more epochs would help")
    return told


def _notes(
    recipe: WordRecipe, corpus: Corpus, vocabulary: Vocabulary, network: Network
) -> list[str]:
    notes = []
    share = 1 - int(vocabulary.counts.sum()) / corpus.words
    notes.append(
        f"{share:.1%} of the corpus' words are too rare for a vector (min_count {recipe.min_count})"
    )
    if corpus.forgotten >= recipe.min_count:
        notes.append(
            f"the corpus has so many different words that those seen {corpus.forgotten} times or "
            "less were not all counted"
        )
    if network.workers > 1:
        notes.append(
            f"{network.workers} threads wrote into one matrix: another run gives other vectors "
            "(workers = 1 gives equal ones)"
        )
    return notes
