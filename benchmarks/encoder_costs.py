"""What an encoder costs: Korean tokens for a word, and texts a second beside another encoder."""

from __future__ import annotations

import gzip
import os
import statistics
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from eval.pairs import Columns, load_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from embeddings.types import Encoder

SAMPLE = 2_000
SENTENCES = 256
ROUNDS = 7
_STS = "korsts_stsb/korsts_stsb.parquet"


def tokens_per_word(encoder: Encoder, texts: Sequence[str]) -> float:
    """Tokens of all texts over their words (whatever stands between blanks).

    Prompt and special tokens, as many as stand around any text, are not counted.
    """
    one, two = map(int, encoder.count_tokens(["a", "a a"], role="document"))
    around = 2 * one - two
    tokens = int(encoder.count_tokens(texts, role="document").sum()) - around * len(texts)
    return tokens / sum(len(text.split()) for text in texts)


def korean_samples(data: Path) -> dict[str, list[str]]:
    """Fixed texts of three kinds: reviews (nsmc dev), an encyclopedia, sentences (KorSTS dev).

    At most `SAMPLE` of each, evenly spaced over the rows.

    Raises:
        OSError: a file is not there.
    """
    with gzip.open(data / "ko_wiki_text/kowiki.tsv.gz", "rt", encoding="utf-8") as lines:
        paragraphs = [line.rstrip("\n").partition("\t")[2] for line in lines]
    return {
        "reviews": _spread(_reviews(data / "nsmc/nsmc.parquet")),
        "encyclopedia": _spread(paragraphs),
        "sentences": _spread(sentences(data, "ko")),
    }


def sentences(data: Path, language: str) -> list[str]:
    """The different sentences of KorSTS's (`ko`) or STS-B's (`en`) dev split, in order."""
    columns = Columns(f"{language}_sentence1", f"{language}_sentence2")
    pairs = load_pairs(data / _STS, columns=columns, split="dev")
    return list(dict.fromkeys((*pairs.first, *pairs.second)))


def measure_tokens(encoder: Encoder, data: Path) -> dict[str, Any]:
    """`figures` by kind of text and over all of them, and how many texts."""
    samples = korean_samples(data)
    texts = [text for sample in samples.values() for text in sample]
    by_kind = {kind: tokens_per_word(encoder, sample) for kind, sample in samples.items()}
    return {
        "figures": {
            "all": {"value": tokens_per_word(encoder, texts)},
            **{kind: {"value": value} for kind, value in by_kind.items()},
        },
        "texts": len(texts),
    }


def measure_speed(
    encoder: Encoder, reference: Encoder, texts: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Texts a second of both, in turns, and how many times as fast as the other.

    Every round encodes all texts by the one and then by the other, the other first the next time;
    medians of `ROUNDS` rounds behind one that is not counted. The machine's load stands beside.

    Args:
        encoder: what is measured.
        reference: what it is compared with.
        texts: by language.
    """
    figures: dict[str, dict[str, float]] = {}
    for language, those in texts.items():
        taken: dict[int, list[float]] = {0: [], 1: []}
        sides = (encoder, reference)
        for turn in range(ROUNDS + 1):
            for side in (0, 1) if turn % 2 else (1, 0):
                started = time.perf_counter()
                sides[side].encode(those, role="document")
                if turn:
                    taken[side].append(time.perf_counter() - started)
        own, other = (statistics.median(taken[side]) for side in (0, 1))
        figures[f"{language}, texts/s"] = {"value": len(those) / own}
        figures[f"{language}, reference texts/s"] = {"value": len(those) / other}
        figures[f"{language}, ratio"] = {"value": other / own}
    return {
        "figures": figures,
        "reference": reference.card.name,
        "texts": {language: len(those) for language, those in texts.items()},
        "rounds": ROUNDS,
        "load": [round(each, 2) for each in os.getloadavg()],
        "threads": _threads(),
    }


def speed_texts(data: Path) -> dict[str, list[str]]:
    """The first `SENTENCES` sentences in each language."""
    return {
        "English": sentences(data, "en")[:SENTENCES],
        "Korean": sentences(data, "ko")[:SENTENCES],
    }


def _reviews(path: Path) -> Iterator[str]:
    from pyarrow import parquet

    table = parquet.read_table(path, columns=["split", "text"])
    for row in table.to_pylist():
        if row["split"] == "dev" and (row["text"] or "").strip():
            yield row["text"]


def _spread(texts: Iterable[str]) -> list[str]:
    those = [text for text in texts if text.strip()]
    step = max(1, len(those) // SAMPLE)
    return list(islice(those, 0, step * SAMPLE, step))


def _threads() -> int:
    import torch

    return torch.get_num_threads()
