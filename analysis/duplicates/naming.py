"""From positions to groups of ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.duplicates.result import DuplicateGroup, DuplicateMember

if TYPE_CHECKING:
    from analysis.corpus import Corpus
    from analysis.duplicates.grouping import Star
    from analysis.duplicates.translations import Translations
    from indexing.types import Ids

_NO_COPIES = np.empty(0, dtype=np.int64)


def grouped(corpus: Corpus, near: list[Star], copies: dict[int, Ids]) -> tuple[DuplicateGroup, ...]:
    """Groups of near-duplicates and of copies, the largest first.

    Args:
        corpus: whose ids are told.
        near: groups by position; of documents that have copies the one that stands for them.
        copies: by the position of the one that stands for them, int64 positions of copies.
    """
    groups = []
    left = dict(copies)
    for star in near:
        same = left.pop(star.representative, _NO_COPIES)
        members = [DuplicateMember(str(corpus.ids[place]), 1.0, True) for place in same.tolist()]
        for place, score in zip(star.members.tolist(), star.scores.tolist(), strict=True):
            similar = min(float(score), 1.0)
            members.append(DuplicateMember(str(corpus.ids[place]), similar, False))
            members += [
                DuplicateMember(str(corpus.ids[copy]), similar, False)
                for copy in left.pop(place, _NO_COPIES).tolist()
            ]
        groups.append(DuplicateGroup(str(corpus.ids[star.representative]), tuple(members)))
    for place, same in left.items():
        members = [DuplicateMember(str(corpus.ids[copy]), 1.0, True) for copy in same]
        groups.append(DuplicateGroup(str(corpus.ids[place]), tuple(members)))
    return tuple(sorted(groups, key=lambda group: (-group.size, group.representative)))


def paired(corpus: Corpus, kept: Ids, found: Translations) -> tuple[DuplicateGroup, ...]:
    """Translations two and two; their places are in `kept`, int64 positions."""
    return tuple(
        DuplicateGroup(
            str(corpus.ids[kept[one]]),
            (DuplicateMember(str(corpus.ids[kept[other]]), min(float(score), 1.0), False),),
            translation=True,
        )
        for (one, other), score in zip(found.pairs, found.scores, strict=True)
    )
