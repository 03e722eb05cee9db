"""How well vectors foretell lines they were not trained on.

gensim's own loss is no guide: it is summed in float32, stops growing at 134,217,728, and threads
overwrite each other's sums. Here the objective of negative sampling (Mikolov et al. 2013,
equation 4) is taken over fixed pairs of held-out lines with fixed noise words:

    loss = - log s(x . o) - sum over k noise words of log s(- x . n)

where s is the logistic function, x the vector that foretells, o that of the true word. Untrained,
where all o are zero, it is (k + 1) ln 2. The ranking is the share of noise words that score below
the true word, ties half: 0.5 untrained. Words are left out at random as in training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from embeddings.training.words.network import Network
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.words.vocabulary import Vocabulary

    Rows = npt.NDArray[np.int64]

MOST_PAIRS = 50_000
_BLOCK = 4_096
_POWER = 0.75


@dataclass(frozen=True, slots=True)
class Score:
    """What held-out lines say of vectors.

    Attributes:
        loss: in nats a pair, smaller is better.
        ranking: share of noise words below the true one, 0 to 1.
    """

    loss: float
    ranking: float


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutPairs:
    """Pairs to foretell, each with its noise.

    Attributes:
        inputs: int64 (n, w), rows of the words that foretell, -1 where there are fewer than w.
        targets: int64 (n, 1 + k): the true word, then noise; noise equal to it is -1.
    """

    inputs: Rows
    targets: Rows

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def untrained(self) -> float:
        """The loss of vectors that know nothing: (k + 1) ln 2, less for noise left out."""
        return float((self.targets >= 0).sum(axis=1).mean()) * math.log(2)


def draw_pairs(
    lines: Sequence[Sequence[str]], vocabulary: Vocabulary, recipe: WordRecipe
) -> HeldOutPairs | None:
    """Up to 50,000 pairs of the lines, the same for the same seed; None if they hold none."""
    generator = np.random.default_rng(recipe.seed)
    kept = _chances(vocabulary, recipe.sample)
    width = 1 if recipe.is_skip_gram else 2 * recipe.window
    inputs: list[list[int]] = []
    truths: list[int] = []
    for place in generator.permutation(len(lines)):
        known = [row for row in map(vocabulary.row, lines[place]) if row is not None]
        rows = [row for row in known if generator.random() < kept[row]]
        for center, row in enumerate(rows):
            reach = int(generator.integers(1, recipe.window + 1))
            around = rows[max(center - reach, 0) : center] + rows[center + 1 : center + 1 + reach]
            if recipe.is_skip_gram:
                inputs += [[each] for each in around]
                truths += [row] * len(around)
            elif around:
                inputs.append(around + [-1] * (width - len(around)))
                truths.append(row)
        if len(inputs) >= MOST_PAIRS:
            break
    if not inputs:
        return None
    truth = np.array(truths[:MOST_PAIRS], dtype=np.int64)
    shares = vocabulary.counts.astype(np.float64) ** _POWER
    noise = generator.choice(
        len(vocabulary), size=(len(truth), recipe.negative), p=shares / shares.sum()
    )
    noise[noise == truth[:, None]] = -1
    targets = np.concatenate([truth[:, None], noise], axis=1)
    return HeldOutPairs(np.array(inputs[:MOST_PAIRS], dtype=np.int64), targets)


def score(network: Network, pairs: HeldOutPairs) -> Score:
    """The loss and ranking of the vectors as they are now; about 0.2 s."""
    losses = ranked = noises = 0.0
    for start in range(0, len(pairs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        targets = pairs.targets[rows]
        foretelling = network.foretelling(pairs.inputs[rows])
        scores = np.einsum("nd,nkd->nk", foretelling, network.outputs[targets])
        is_noise = targets[:, 1:] >= 0
        # log s(z) = - log(1 + exp(-z))
        losses += float(np.logaddexp(0, -scores[:, 0]).sum(dtype=np.float64))
        losses += float((np.logaddexp(0, scores[:, 1:]) * is_noise).sum(dtype=np.float64))
        below = (scores[:, 1:] < scores[:, :1]) + 0.5 * (scores[:, 1:] == scores[:, :1])
        ranked += float((below * is_noise).sum())
        noises += float(is_noise.sum())
    return Score(losses / len(pairs), ranked / max(noises, 1))


def _chances(vocabulary: Vocabulary, sample: float) -> npt.NDArray[np.float64]:
    """float64 (n,): the chance of each word to be kept, as gensim and word2vec.c have it."""
    counts = vocabulary.counts.astype(np.float64)
    if not sample:
        return np.ones(len(counts))
    threshold = sample * counts.sum()
    chances: npt.NDArray[np.float64] = (np.sqrt(counts / threshold) + 1) * (threshold / counts)
    return np.minimum(chances, 1)
