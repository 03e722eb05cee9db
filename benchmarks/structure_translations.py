r"""Translations found in a collection of two languages, and how many where there are none.

    python -m benchmarks.structure_translations DATA --cache DIR

DATA holds `nsmc`, `clinc150`, `parallel_general`. Asked: the bookshop, whose twins are marked;
Korean reviews of films and English requests, of which none translates another; parallel sentences
(JHE, news, Tatoeba) planted into those, 5 and 50 % of all documents; and the Korean of one half of
JHE and news with the English of the other half, where sentences of one source about one matter are
counted false though some say the same.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from analysis.duplicates.finding import find_duplicates
from benchmarks.record import save
from benchmarks.structure_duplicates import corpus_of, encoded
from indexing.data_folder import DataFolder
from indexing.types import Document

if TYPE_CHECKING:
    Sides = tuple[list[str], list[str], int]
    """Korean texts, English texts, and how many of the first ones translate each other."""

ENCODER = "meari-ko-en"
SEED = 0
_PLANTED = (
    ("jhe", "5 %", 150, 2_850),
    ("jhe", "50 %", 1_440, 1_440),
    ("news", "50 %", 1_440, 1_440),
    ("tatoeba", "5 %", 150, 2_850),
    ("tatoeba", "50 %", 1_000, 1_000),
)
_BOOKSHOP = Path("examples/bookshop/corpus.jsonl")


def main(
    data: Annotated[Path, typer.Argument(help="Folder of the data sets.")],
    cache: Annotated[Path, typer.Option(help="Keeps vectors between runs.")],
) -> None:
    """Measure, print and save under `benchmarks/results`."""
    cache.mkdir(parents=True, exist_ok=True)
    runs = {}
    for name, sides in _collections(data).items():
        runs[name] = _measured(name, sides, cache)
        print(name, json.dumps(runs[name], ensure_ascii=False), flush=True)
    print(f"saved {save('structure_translations', {'encoder': ENCODER, 'runs': runs})}")


def _collections(data: Path) -> dict[str, Sides]:
    reviews = _some(data / "nsmc" / "nsmc.parquet")
    requests = _some(data / "clinc150" / "clinc150.parquet")
    found = {"bookshop": _bookshop(), "none": (reviews[:3_000], requests[:3_000], 0)}
    for source, share, twins, others in _PLANTED:
        korean, english = _parallel(data, source)
        found[f"{source}, {share}"] = (
            korean[:twins] + reviews[:others],
            english[:twins] + requests[:others],
            twins,
        )
    for source in ("jhe", "news"):
        korean, english = _parallel(data, source)
        found[f"halves of {source}"] = (korean[:1_440:2], english[1:1_440:2], 0)
    return found


def _some(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    texts = [text for text in pq.read_table(path)["text"].to_pylist() if text and text.strip()]
    order = np.random.default_rng(SEED).permutation(len(texts))[:3_000]
    return [texts[place] for place in order.tolist()]


def _parallel(data: Path, source: str) -> tuple[list[str], list[str]]:
    import pyarrow.parquet as pq

    rows = pq.read_table(data / "parallel_general" / "parallel_general.parquet").to_pylist()
    rows = [row for row in rows if row["source"] == source]
    return [row["ko"] for row in rows], [row["en"] for row in rows]


def _bookshop() -> Sides:
    """Twins first, in the same order on both sides."""
    rows = [json.loads(line) for line in _BOOKSHOP.read_text("utf-8").splitlines()]
    texts = {
        row["_id"]: Document(row["_id"], row["text"], row["title"]).encoded_text for row in rows
    }
    twins = [
        (row["_id"], row["metadata"]["twin"])
        for row in rows
        if "twin" in row["metadata"] and row["metadata"]["language"] == "ko"
    ]
    twinned = {id for pair in twins for id in pair}
    alone = {
        language: [
            texts[row["_id"]]
            for row in rows
            if row["metadata"]["language"] == language and row["_id"] not in twinned
        ]
        for language in ("ko", "en")
    }
    korean = [texts[one] for one, _ in twins] + alone["ko"]
    return korean, [texts[other] for _, other in twins] + alone["en"], len(twins)


def _measured(name: str, sides: Sides, cache: Path) -> dict[str, Any]:
    korean, english, twins = sides
    texts = korean + english
    vectors = encoded(texts, ENCODER, cache / f"translations_{name}")
    with tempfile.TemporaryDirectory() as folder, DataFolder.open(Path(folder)) as opened:
        found = find_duplicates(corpus_of(opened, texts, vectors, list(range(len(texts)))))
    pairs = {
        tuple(sorted((int(group.representative), int(group.members[0].id))))
        for group in found.groups
        if group.translation
    }
    true = {(place, len(korean) + place) for place in range(twins)}
    hit = len(pairs & true)
    return {
        "documents": len(texts),
        "twins": twins,
        "found": len(pairs),
        "right": hit,
        "precision": round(hit / len(pairs), 4) if pairs and twins else None,
        "recall": round(hit / twins, 4) if twins else None,
        "false_examples": [
            [texts[place][:80] for place in pair] for pair in sorted(pairs - true)[:8]
        ],
    }


if __name__ == "__main__":
    typer.run(main)
