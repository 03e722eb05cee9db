"""First modules of bodies made from scratch, their vocabularies taken from the training texts."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.training.errors import DataError, RecipeError
from embeddings.training.initialisation import initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentence_transformers.sentence_transformer.modules import BoW, Transformer, WordEmbeddings
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from embeddings.training.bodies import Body, Shape
    from embeddings.types import Vectors

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WINDOW = 128
"""Tokens read by a body made from scratch, unless the recipe says otherwise."""


def bag_of_words(shape: Shape, texts: Sequence[str]) -> BoW:
    """Counts of the most frequent words, each weighted by its rarity.

    The weight of a word in d of n texts is ln((n + 1) / (d + 1)) + 1 (Spärck Jones 1972,
    smoothed).
    """
    from sentence_transformers.sentence_transformer.modules import BoW

    if shape.tokenizer not in {"auto", "words"} or shape.vectors is not None:
        message = (
            "body bow counts words parted at blanks; shape.tokenizer and vectors are not for it"
        )
        raise RecipeError(message)
    frequency = Counter(word for text in texts for word in set(_words(text)))
    words = [word for word, _ in frequency.most_common(shape.vocabulary)]
    _check_vocabulary(words)
    total = len(texts)
    weights = {word: float(np.log((total + 1) / (frequency[word] + 1)) + 1) for word in words}
    return BoW(words, weights, unknown_word_weight=0, cumulative_term_frequency=True)


def word_table(body: Body, texts: Sequence[str]) -> WordEmbeddings:
    """A vector for each word or piece; given ones, or drawn at random with deviation 0.1."""
    from sentence_transformers.sentence_transformer.modules import WordEmbeddings

    shape = body.shape
    tokenizer: Any
    if shape.vectors is not None:
        words, given = _read_vectors(Path(shape.vectors))
        tokenizer = longest_match(words)
        vectors = np.zeros((len(tokenizer), given.shape[1]), dtype=np.float32)
        known = tokenizer.get_vocab()
        for word, vector in zip(words, given, strict=True):
            vectors[known[word]] = vector
    else:
        tokenizer = make_tokenizer(body, texts)
        size = len(tokenizer.vocab) if not hasattr(tokenizer, "pad_token") else len(tokenizer)
        vectors = drawn_vectors(size, shape.width)
    return WordEmbeddings(
        tokenizer,
        vectors,
        update_embeddings=shape.tune and not body.freeze,
        max_seq_length=body.max_tokens or _WINDOW,
    )


def small_transformer(body: Body, texts: Sequence[str]) -> Transformer:
    """A BERT of the recipe's shape with weights that know nothing."""
    from sentence_transformers.sentence_transformer.modules import Transformer
    from transformers import BertConfig, BertModel

    shape = body.shape
    if shape.vectors is not None:
        message = "shape.vectors are for the bodies words, cnn and lstm; transformer learns its own"
        raise RecipeError(message)
    window = body.max_tokens or _WINDOW
    tokenizer = make_tokenizer(body, texts)
    dropout = 0.1 if body.dropout is None else body.dropout
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner or 4 * shape.width,
        max_position_embeddings=max(window, 2),
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    made = BertModel(config, add_pooling_layer=False)
    initialise(made, shape.initialisation)
    # The library's module is opened from a folder alone; this one is gone a moment later.
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        made.save_pretrained(folder)
        first: Transformer = Transformer(folder, max_seq_length=window)
    return first


def train_pieces(texts: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer of the texts (Wu et al. 2016, arXiv:1609.08144), lower-cased, NFC.

    Accents and Hangul are left as they are: BERT's accent stripping would take syllables apart.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - a token of text
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    known = tokenizer.get_vocab()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", known["[SEP]"]), ("[CLS]", known["[CLS]"])
    )
    return _wrapped(tokenizer, _named_specials())


def longest_match(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that cuts each blank-parted word into the longest known words, from the left.

    So `학교에서` is read as `학교` and `에서` where both have vectors, without a Korean analyzer
    in the model folder. Single characters without a vector are known too and get one of zeros.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    alphabet = {char for word in words for char in word} - set(words)
    listed = dict.fromkeys([*SPECIAL[:2], *words, *sorted(alphabet)])
    vocabulary = {word: row for row, word in enumerate(listed)}
    model = models.WordPiece(
        vocabulary,
        unk_token="[UNK]",  # noqa: S106 - a token of text
        continuing_subword_prefix="",
        max_input_chars_per_word=200,
    )
    tokenizer = Tokenizer(model)
    lowered = sum(word != word.lower() for word in words) < len(words) / 100
    steps: list[Any] = [normalizers.NFC(), *([normalizers.Lowercase()] if lowered else [])]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _wrapped(tokenizer, {"pad_token": SPECIAL[0], "unk_token": SPECIAL[1]})


def make_tokenizer(body: Body, texts: Sequence[str]) -> Any:  # noqa: ANN401 - of two libraries
    """The tokenizer that `shape.tokenizer` names, or one of the texts."""
    from transformers import AutoTokenizer

    shape = body.shape
    name = "pieces" if shape.tokenizer == "auto" else shape.tokenizer
    if name == "pieces":
        return train_pieces(texts, shape.vocabulary)
    if name == "words":
        if body.name == "transformer":
            message = "body transformer reads pieces; shape.tokenizer is `pieces` or a folder"
            raise RecipeError(message)
        return _word_tokenizer(texts, shape.vocabulary)
    folder = Path(name)
    if not folder.is_dir():
        message = (
            f"recipe key 'shape.tokenizer' is {name!r}: neither words, pieces, auto, nor a folder"
        )
        raise RecipeError(message)
    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    if tokenizer.pad_token is None:
        message = f"the tokenizer in {folder} has no padding token; train one with [PAD]"
        raise RecipeError(message)
    return tokenizer


def _word_tokenizer(texts: Sequence[str], vocabulary: int) -> Any:  # noqa: ANN401 - the library's
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

    counts = Counter(word for text in texts for word in _words(text))
    words = [word for word, _ in counts.most_common(vocabulary)]
    _check_vocabulary(words)
    return WhitespaceTokenizer(["[PAD]", *words], stop_words=(), do_lower_case=True)


def _read_vectors(path: Path) -> tuple[list[str], Vectors]:
    """Words and float32 (n, dim) of a folder of `train words` or of word2vec text."""
    from embeddings.words.folder import holds_words, read_table
    from embeddings.words.word2vec_files import read_word2vec

    if path.is_dir() and holds_words(path):
        table = read_table(path)
        return list(table.vocabulary.words), np.asarray(table.unit * table.norms[:, None])
    if not path.is_file():
        message = f"shape.vectors: {path} is neither a folder of `train words` nor word2vec text"
        raise DataError(message)
    vocabulary, vectors = read_word2vec(path)
    return list(vocabulary.words), vectors


def drawn_vectors(rows: int, width: int) -> Vectors:
    """float32 (rows, width) of deviation 0.1, drawn by torch's generator; row 0 is padding."""
    import torch

    made: Vectors = (torch.randn(rows, width) * 0.1).numpy()
    made[0] = 0
    return made


def _words(text: str) -> list[str]:
    """Words as the library's WhitespaceTokenizer will look them up: lower case, no punctuation."""
    import string

    parts = (part.strip(string.punctuation).lower() for part in text.split())
    return [part for part in parts if part]


def _check_vocabulary(words: list[str]) -> None:
    if not words:
        message = "the training texts hold no words; there is no vocabulary to make"
        raise DataError(message)


def _wrapped(tokenizer: Tokenizer, specials: dict[str, str]) -> PreTrainedTokenizerFast:
    from transformers import PreTrainedTokenizerFast

    kind: Any = PreTrainedTokenizerFast
    made: PreTrainedTokenizerFast = kind(tokenizer_object=tokenizer, **specials)
    return made


def _named_specials() -> dict[str, str]:
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return dict(zip(names, SPECIAL, strict=True))
