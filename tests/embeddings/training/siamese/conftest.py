"""Scored pairs over a small vocabulary, a search folder, and recipes that train in a second."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.training.recipe import from_mapping
from embeddings.training.siamese.recipe import SiameseRecipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORDS = [
    *("book", "page", "shelf", "print", "story", "author"),
    *("train", "bus", "road", "ticket", "station", "wheel"),
    *("책", "쪽", "서가", "인쇄", "이야기", "작가"),
    *("기차", "버스", "도로", "표", "역", "바퀴"),
]


def sentences(random: np.random.Generator, rows: int) -> list[tuple[str, int]]:
    """Texts of four words of one of four topics, and the topic."""
    topics = random.integers(0, 4, rows)
    return [
        (" ".join(random.choice(WORDS[topic * 6 : topic * 6 + 6], 4)), int(topic))
        for topic in topics
    ]


def write_scores(path: Path, rows: int, seed: int) -> Path:
    """Pairs scored 5 for one topic and 0 for two, with one of 3 now and then."""
    random = np.random.default_rng(seed)
    firsts, seconds = sentences(random, rows), sentences(random, rows)
    lines = ["sentence1\tsentence2\tscore"]
    for number, ((a, topic), (b, other)) in enumerate(zip(firsts, seconds, strict=True)):
        score = 5 if topic == other else 0
        lines.append(f"{a}\t{b}\t{3 if number % 10 == 9 else score}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_beir(folder: Path) -> Path:
    """Four documents a topic, and four questions a topic answered by one of them."""
    random = np.random.default_rng(5)
    (folder / "qrels").mkdir(parents=True)
    documents, queries, judged = [], [], ["query-id\tcorpus-id\tscore"]
    for topic in range(4):
        words = WORDS[topic * 6 : topic * 6 + 6]
        for number in range(4):
            text = " ".join(random.permutation(words))
            documents.append({"_id": f"d{topic}{number}", "title": words[number], "text": text})
            query = f"{words[number]} {text.split()[0]} {topic} {number}"
            queries.append({"_id": f"q{topic}{number}", "text": query})
            judged.append(f"q{topic}{number}\td{topic}{number}\t1")
            judged.append(f"q{topic}{number}\td{topic}{(number + 1) % 4}\t0")
    for name, rows in (("corpus", documents), ("queries", queries)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    for split in ("train", "dev"):
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(judged) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train.tsv`, `dev.tsv`, `nli.jsonl`, `triplets.tsv`, `parallel.tsv` and `search/`."""
    folder = tmp_path_factory.mktemp("data")
    write_scores(folder / "train.tsv", 160, seed=1)
    write_scores(folder / "dev.tsv", 60, seed=2)
    write_beir(folder / "search")
    random = np.random.default_rng(3)
    topical = sentences(random, 300)
    by_topic = [[text for text, topic in topical if topic == each] for each in range(4)]
    nli, triplets = [], ["anchor\tpositive\tnegative"]
    for place in range(30):
        topic = place % 4
        a, b, c = (random.choice(by_topic[(topic + step) % 4]) for step in (0, 0, 1))
        nli += [
            {"premise": a, "hypothesis": b, "label": "entailment"},
            {"premise": a, "hypothesis": c, "label": "contradiction"},
            {"premise": a, "hypothesis": f"{b} {c}", "label": "1"},
        ]
        triplets.append(f"{a}\t{b}\t{c}")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in nli)
    (folder / "nli.jsonl").write_text(lines, encoding="utf-8")
    (folder / "triplets.tsv").write_text("\n".join(triplets) + "\n", encoding="utf-8")
    korean = {word: WORDS[place + 12] for place, word in enumerate(WORDS[:12])}
    english = [text for text, topic in topical if topic < 2]
    pairs = [f"{text}\t{' '.join(korean[word] for word in text.split())}" for text in english]
    (folder / "parallel.tsv").write_text("\n".join(["source\ttarget", *pairs]) + "\n", "utf-8")
    return folder


@pytest.fixture
def recipe(data: Path) -> Callable[..., SiameseRecipe]:
    """A recipe over the scored pairs; arguments replace whole top-level values."""

    def made(**given: Any) -> SiameseRecipe:  # noqa: ANN401 - recipe values
        scored = {"path": str(data / "train.tsv"), "range": [0, 5], "licence": "CC0"}
        values: dict[str, Any] = {
            "body": "words",
            "shape": {"width": 16, "channels": 8, "layers": 1, "heads": 2, "vocabulary": 200},
            "max_tokens": 16,
            "train": [scored],
            "dev": [{"path": str(data / "dev.tsv"), "range": [0, 5]}],
            "optimiser": {"learning_rate": 0.01},
            "run": {"epochs": 2, "batch": 16, "evaluations": 2, "device": "cpu"},
        }
        return from_mapping(SiameseRecipe, values | given)

    return made
