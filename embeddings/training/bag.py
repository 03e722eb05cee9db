"""A bag of words as an encoder: counts weighted by rarity, nothing learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from embeddings.types import EncoderCard


def write_bag(
    texts: Iterable[str],
    folder: Path,
    *,
    vocabulary: int,
    name: str,
    languages: tuple[str, ...] = (),
) -> EncoderCard:
    """Write an encoder whose vectors count the most frequent words of some texts.

    A word counts as often as it stands in a text, times ln((n + 1) / (d + 1)) + 1 where d of the n
    texts have it; vectors have length 1. It is a baseline that takes no training.

    Args:
        texts: that tell vocabulary and rarity.
        folder: of the encoder; new.
        vocabulary: words at most, which is the width of a vector.
        name: of the encoder.
        languages: ISO 639-1 codes, for the card.

    Raises:
        DataError: the texts hold no words.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    from embeddings.progress import without_bars
    from embeddings.training.bodies import Shape
    from embeddings.training.card import write_encoder_card
    from embeddings.training.vocabularies import bag_of_words

    bag = bag_of_words(Shape(tokenizer="words", vocabulary=vocabulary), list(texts))
    with without_bars():
        model = SentenceTransformer(modules=[bag, Normalize()], device="cpu")
        model.save(str(folder), create_model_card=False)
        return write_encoder_card(folder, name=name, languages=languages, training={"kind": "bag"})
