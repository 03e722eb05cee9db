"""Masked tokens: which are hidden, and behind what.

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", 2019, arXiv:1810.04805,
section 3.1; whole words after the note of 31 May 2019 in its repository.

transformers' collator draws from one generator for all batches, so that a resumed run would mask
other tokens, and with whole words it hides all of them behind the mask token. Hence this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from embeddings.training.pretraining.examples import Marks
    from embeddings.training.pretraining.recipe import Masking

IGNORED = -100
"""The label of a position where nothing is to be told."""


def mask_tokens(
    ids: np.ndarray,
    begins: np.ndarray,
    options: Masking,
    marks: Marks,
    draw: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Masked ids and labels of one text, int64 (n,) each.

    Each token (or word) is chosen with the same chance; one at least is, where there is one that
    is not special. What becomes of a chosen token is drawn for each by itself.

    Args:
        ids: int64 (n,); special ones are never chosen.
        begins: bool (n,), where a word begins; looked at for whole words alone.
        options: shares.
        marks: special tokens.
        draw: of the tokens.
    """
    free = ~np.isin(ids, marks.special)
    word = np.cumsum(begins) if options.whole_words else np.arange(len(ids))
    words = np.unique(word[free])
    chosen = words[draw.random(len(words)) < options.share]
    if not len(chosen) and len(words):
        chosen = words[[draw.integers(len(words))]]
    told = free & np.isin(word, chosen)
    fate = draw.random(len(ids))
    masked = ids.copy()
    masked[told & (fate < options.mask)] = marks.mask
    other = told & (fate >= options.mask) & (fate < options.mask + options.random)
    masked[other] = draw.choice(marks.ordinary, other.sum())
    return masked, np.where(told, ids, IGNORED)
