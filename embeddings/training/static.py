"""Body `static`: one vector for each piece, a text their mean; begun from an encoder if asked to.

Tulkens and van Dongen, "Model2Vec", 2024, gave the way to begin: each piece of a tokenizer is
encoded by itself, the vectors are made narrower by PCA and frequent pieces shorter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.matryoshka import first_numbers
from embeddings.training.errors import RecipeError
from embeddings.training.matryoshka import may_be_cut
from embeddings.training.vocabularies import drawn_vectors, make_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    from embeddings.training.bodies import Body
    from embeddings.types import Vectors

_AT_ONCE = 1_024
"""Pieces or texts that are encoded or counted together."""


def static_table(body: Body, texts: Sequence[str], device: str) -> StaticEmbedding:
    """A table over the pieces of `shape.encoder`, or of a tokenizer of the texts, drawn at random.

    A text's vector is the mean of the rows of its pieces, special tokens left out; what a piece
    weighs is the length of its row.

    Args:
        body: of the name `static`.
        texts: of the training data, for the vocabulary and for the share of each piece.
        device: where the encoder computes.

    Raises:
        RecipeError: parts of the shape do not fit each other.
        TrainingError: the encoder cannot be loaded.
    """
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    shape = body.shape
    if body.pooling not in {"auto", "mean"} or shape.vectors is not None:
        message = (
            "body static is the mean of its table's rows; pooling and shape.vectors are not for it "
            "(shape.encoder is what it may begin with)"
        )
        raise RecipeError(message)
    if shape.encoder is not None:
        tokenizer, rows = _begun(body, device)
    elif shape.tokenizer == "words":
        message = "body static reads pieces; shape.tokenizer is `pieces` or a folder"
        raise RecipeError(message)
    else:
        tokenizer = _plain(make_tokenizer(body, texts).backend_tokenizer)
        rows = drawn_vectors(_rows_of(tokenizer), shape.width)
    if shape.sif is not None:
        rows *= sif_weights(tokenizer, texts, len(rows), shape.sif)[:, None]
    if body.max_tokens is not None:
        tokenizer.enable_truncation(body.max_tokens)
    return StaticEmbedding(tokenizer, embedding_weights=rows)


def sif_weights(tokenizer: Tokenizer, texts: Sequence[str], rows: int, a: float) -> Vectors:
    """The weight a / (a + p) of each piece, float32 (rows,); p is its share of the texts' pieces.

    Arora, Liang and Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", 2017.
    """
    counts = np.zeros(rows, dtype=np.int64)
    for start in range(0, len(texts), _AT_ONCE):
        part = list(texts[start : start + _AT_ONCE])
        for encoding in tokenizer.encode_batch_fast(part, add_special_tokens=False):
            np.add.at(counts, encoding.ids, 1)
    share = counts / max(int(counts.sum()), 1)
    return (a / (a + share)).astype(np.float32)


def piece_vectors(model: SentenceTransformer) -> Vectors:
    """The vector of each piece between the special tokens, float32 (pieces, width), in id order.

    Raises:
        RecipeError: its first module is no Transformer.
    """
    import torch

    first: Any = model[0]
    if type(first).__name__ != "Transformer":
        message = (
            f"its first module is {type(first).__name__}; one vector a piece takes a Transformer"
        )
        raise RecipeError(message)
    tokenizer = _plain(first.tokenizer.backend_tokenizer, specials=True)
    framed = tokenizer.encode("a")
    inner = [place for place, special in enumerate(framed.special_tokens_mask) if not special]
    before, after = framed.ids[: inner[0]], framed.ids[inner[-1] + 1 :]
    total = _rows_of(tokenizer)
    model.eval()
    made = np.empty((total, int(model.get_embedding_dimension() or 0)), dtype=np.float32)
    for start in range(0, total, _AT_ONCE):
        pieces = torch.arange(start, min(start + _AT_ONCE, total))[:, None]
        left, right = (
            torch.tensor([part], dtype=torch.long).expand(len(pieces), -1)
            for part in (before, after)
        )
        ids = torch.cat([left, pieces, right], dim=1).to(model.device)
        features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if "token_type_ids" in first.tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(ids)
        with torch.inference_mode():
            vectors = model(features)["sentence_embedding"]
        made[start : start + len(pieces)] = vectors.float().cpu().numpy()
    return made


def narrowed(vectors: Vectors, width: int) -> Vectors:
    """The vectors around their mean, along the `width` directions in which they differ most.

    float32 (n, width). Principal components, each direction's sign such that its largest number is
    positive.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    chosen = directions[:, ::-1][:, :width]
    largest = np.abs(chosen).argmax(axis=0)
    chosen = chosen * np.sign(chosen[largest, np.arange(chosen.shape[1])])
    return np.ascontiguousarray(centred @ chosen, dtype=np.float32)


def _begun(body: Body, device: str) -> tuple[Tokenizer, Vectors]:
    from dataclasses import replace

    from embeddings.training.bodies import find_body
    from embeddings.training.pipelines import trained_pipeline

    shape, name = body.shape, str(body.shape.encoder)
    if shape.tokenizer != "auto":
        message = "shape.encoder brings its tokenizer along; leave out shape.tokenizer"
        raise RecipeError(message)
    folder = find_body(name, key="shape.encoder")
    if folder is None:
        message = f"recipe key 'shape.encoder' is {name!r}; a trained encoder is needed"
        raise RecipeError(message)
    model = trained_pipeline(
        replace(body, name=name, pooling="auto", max_tokens=None), folder, device
    )
    try:
        vectors = piece_vectors(model)
    except RecipeError as error:
        message = f"shape.encoder {name}: {error}"
        raise RecipeError(message) from error
    if vectors.shape[1] < shape.width:
        message = (
            f"shape.width is {shape.width}; the vectors of shape.encoder {name} have "
            f"{vectors.shape[1]} numbers, and a table begun with them has no more"
        )
        raise RecipeError(message)
    first: Any = model[0]
    # Where it can, the table stays in the encoder's frame: what it is then taught lies there too.
    stays = shape.width == vectors.shape[1] or may_be_cut(name, shape.width)
    rows = first_numbers(vectors, shape.width) if stays else narrowed(vectors, shape.width)
    return _plain(first.tokenizer.backend_tokenizer), rows


def _rows_of(tokenizer: Tokenizer) -> int:
    """Rows that a table needs: ids may have gaps."""
    return max(tokenizer.get_vocab().values()) + 1


def _plain(tokenizer: Tokenizer, *, specials: bool = False) -> Tokenizer:
    """A copy without limits, padding and, unless asked for, special tokens around a text."""
    copy = type(tokenizer).from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    if not specials:
        copy.post_processor = None
    return copy
