"""A small corpus in two languages, made of words with endings, and a BERT that tears Hangul."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NOUNS = ["학교", "도서관", "나무", "바다", "사람", "컴퓨터", "음악", "영화", "책방", "구름", "시장"]
ENDINGS = ["은", "는", "에서", "까지", "으로", "의", "을", "를", "보다", "처럼"]
WORDS = ["school", "library", "tree", "ocean", "people", "computer", "music", "movie", "market"]
AFTER = ["s", "", "ing", "ed", "er"]


def make_lines(count: int, seed: int = 5) -> list[str]:
    """Lines of Korean, English, or both."""
    draw = random.Random(seed)
    lines = []
    for number in range(count):
        korean = [draw.choice(NOUNS) + draw.choice(ENDINGS) for _ in range(6)]
        english = [draw.choice(WORDS) + draw.choice(AFTER) for _ in range(6)]
        chosen = [korean, english, [*korean[:3], *english[:3]]][number % 3]
        lines.append(f"{' '.join(chosen)} {number}.")
    return lines


@pytest.fixture(scope="session")
def lines() -> list[str]:
    """900 lines of text."""
    return make_lines(900)


@pytest.fixture(scope="session")
def corpus(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lines as a file."""
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tearing_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A one-layer BERT of width 8 whose tokenizer strips accents, and Hangul with them."""
    import string

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer, set_seed

    set_seed(3)
    body = tmp_path_factory.mktemp("tearing-body")
    jamo = ["ᄒ", "ᅡ", "ᄀ", "ᆨ", "ᅭ"]
    singles = [*string.ascii_lowercase, *string.digits, *jamo]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "school", "tree", "##ing"]
    pieces += [*singles, *(f"##{char}" for char in singles)]
    (body / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    BertTokenizer(vocab={piece: row for row, piece in enumerate(pieces)}).save_pretrained(body)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(body)
    first = Transformer(str(body), max_seq_length=48)
    model = SentenceTransformer(modules=[first, Pooling(8, "mean"), Normalize()], device="cpu")
    folder = tmp_path_factory.mktemp("tearing")
    model.save(str(folder), create_model_card=False)
    return folder
