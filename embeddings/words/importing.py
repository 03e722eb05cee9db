"""Word vectors of other tools, made a folder of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embeddings.words.folder import Pooling, WordFacts, WordTable, write_table
from embeddings.words.gensim_files import read_gensim
from embeddings.words.word2vec_files import read_word2vec

if TYPE_CHECKING:
    from pathlib import Path

_PICKLES = {".kv", ".model", ".wordvectors", ".keyedvectors", ".pkl", ".pickle"}


def import_words(source: Path, folder: Path, *, languages: tuple[str, ...] = ()) -> WordTable:
    """Make a folder of word vectors from a file of word2vec or gensim; no pickle is run.

    Texts are pooled by SIF's weights where the file tells how often words were seen (gensim's
    do, word2vec's do not), without common directions, and by the plain mean elsewhere.

    Args:
        source: word2vec text or binary (also `.gz`, `.zst`), or gensim's `.kv` or `.model`.
        folder: to write.
        languages: ISO 639-1 codes of the words; empty if nobody knows.

    Raises:
        EncoderNotFoundError: the file, or one that belongs to it, is missing.
        EncoderRefusedError: it is damaged, or a pickle that names anything but word vectors.
    """
    subwords = buckets = None
    if source.suffix in _PICKLES or _begins_as_pickle(source):
        vocabulary, vectors, subwords, buckets = read_gensim(source)
    else:
        vocabulary, vectors = read_word2vec(source)
    pooling: Pooling = "sif" if vocabulary.is_counted else "mean"
    facts = WordFacts(
        method="imported",
        dim=vectors.shape[1],
        tokens=int(vocabulary.counts.sum()),
        subwords=subwords,
        pooling=pooling,
        languages=languages,
    )
    table = WordTable.of(facts, vocabulary, vectors, buckets=buckets)
    write_table(table, folder)
    return table


def _begins_as_pickle(path: Path) -> bool:
    """True if the file begins like a pickle of protocol 2 or later."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= 5
