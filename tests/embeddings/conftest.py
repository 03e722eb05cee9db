"""Small model folders, made here: a random Transformer, a static table, word vectors."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

KOREAN = "안녕하세요반갑습니다책방배송교환환불"


@pytest.fixture(scope="session")
def transformer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of width 16 and window 24, prompts for both roles, mean pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast, set_seed

    set_seed(7)
    body = tmp_path_factory.mktemp("body")
    alphabet = [*string.ascii_lowercase, *KOREAN]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ":", "query", "passage"]
    pieces += [*alphabet, *(f"##{char}" for char in alphabet)]
    (body / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    BertTokenizerFast(str(body / "vocab.txt"), strip_accents=False).save_pretrained(body)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(body)
    first = Transformer(str(body), max_seq_length=24)
    model = SentenceTransformer(
        modules=[first, Pooling(16, "mean"), Normalize()],
        prompts={"query": "query: ", "document": "passage: "},
        device="cpu",
    )
    folder = tmp_path_factory.mktemp("transformer")
    model.save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def static_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of one vector a token, averaged: no window, no normalisation."""
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", *string.ascii_lowercase, *KOREAN, "hello", "world"]
    tokenizer = Tokenizer(WordLevel({w: i for i, w in enumerate(dict.fromkeys(words))}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    table = np.random.default_rng(3).standard_normal((len(words), 12)).astype(np.float32)
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu"
    )
    folder = tmp_path_factory.mktemp("static")
    model.save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="session")
def words_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random word vectors, weighed by frequency, one direction taken out; no n-grams."""
    from dataclasses import replace

    import numpy as np

    from embeddings.words.folder import WordFacts, WordTable, write_table
    from embeddings.words.vocabulary import Vocabulary

    words = ["hello", "world", "안녕", *string.ascii_lowercase]
    vectors = np.random.default_rng(5).standard_normal((len(words), 12)).astype(np.float32)
    facts = WordFacts(method="skip-gram", dim=12, analyzer="kiwi", tokens=1000, pooling="sif")
    counted = Vocabulary(words, range(len(words), 0, -1))
    common = np.eye(1, 12, dtype=np.float32)
    folder = tmp_path_factory.mktemp("words")
    write_table(replace(WordTable.of(facts, counted, vectors), common=common), folder)
    return folder
