"""word2vec's files, against gensim's reading and writing of them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zstandard

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.load import load_encoder
from embeddings.words.folder import WordTable
from embeddings.words.importing import import_words
from embeddings.words.model import Words
from embeddings.words.vocabulary import Vocabulary
from embeddings.words.word2vec_files import read_word2vec, write_word2vec
from tests.embeddings.words.conftest import VECTORS, facts, table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["text", "binary"])
def test_gensim_reads_what_is_written(tmp_path: Path, form: str) -> None:
    keyed = pytest.importorskip("gensim.models.keyedvectors")
    write_word2vec(table(), tmp_path / "vectors", form)
    found = keyed.KeyedVectors.load_word2vec_format(
        str(tmp_path / "vectors"), binary=form == "binary"
    )
    assert found.index_to_key == list(VECTORS)
    plain = table()
    np.testing.assert_array_equal(found.vectors, plain.unit * plain.norms[:, None])


@pytest.mark.parametrize("binary", [False, True])
def test_what_gensim_writes_is_read(tmp_path: Path, binary: bool) -> None:
    keyed = pytest.importorskip("gensim.models.keyedvectors")
    theirs = keyed.KeyedVectors(3)
    vectors = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    theirs.add_vectors(["나무", "a", "b-c", "1", "\u00e9"], vectors)
    theirs.save_word2vec_format(str(tmp_path / "vectors"), binary=binary)
    vocabulary, found = read_word2vec(tmp_path / "vectors")
    assert vocabulary.words == ["나무", "a", "b-c", "1", "\u00e9"]
    np.testing.assert_allclose(found, vectors, rtol=1e-6)
    assert not vocabulary.is_counted


@pytest.mark.parametrize("form", ["text", "binary"])
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_every_bit_comes_back(tmp_path: Path, form: str, ending: str) -> None:
    vectors = np.random.default_rng(1).standard_normal((6000, 5)).astype(np.float32)
    vectors *= np.float32(10) ** np.arange(-2, 3, dtype=np.float32)
    words = [f"w{n}" for n in range(6000)]
    made = WordTable.of(facts(dim=5), Vocabulary(words), vectors)
    write_word2vec(made, tmp_path / "plain", form)
    path = tmp_path / f"vectors{ending}"
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[ending]
    path.write_bytes(pack((tmp_path / "plain").read_bytes()))
    vocabulary, found = read_word2vec(path)
    assert vocabulary.words == words
    np.testing.assert_array_equal(found, made.unit * made.norms[:, None])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "its first line is b''"),
        (b"not a header\n", "not `words dim`"),
        (b"0 5\n", "tells of 0 words"),
        (b"2 99999999\n", "tells of 2 words of 99,999,999"),
        (b"999999999999 300\na 1\n", "tells of 999,999,999,999 words of 300 numbers in 21 bytes"),
        (b"2 2\na 1 2\n", "ends after 1 of 2 words"),
        (b"2 2\na 1 2\nb 1\n", "line 3 has 1 numbers; 2 are needed"),
        (b"1 2\na 1 nan\n", "NaN or infinity"),
        (b"2 2\na 1 2\nb 1 x\n", "lines 2 to 3"),
        (b"2 2\na \x00\x00\x80\x3f\x00\x00", "ends after 0 of 2 words"),
        (b"1 2\n" + b"\xff" * 9000, "does not end"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "vectors").write_bytes(content)
    with pytest.raises(EncoderRefusedError, match=message):
        read_word2vec(tmp_path / "vectors")


def test_a_cut_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "vectors.gz"
    path.write_bytes(gzip.compress(b"2 2\na 1 2\nb 3 4\n", mtime=0)[:-12])
    with pytest.raises(EncoderRefusedError, match="cannot be read"):
        read_word2vec(path)
    with pytest.raises(EncoderNotFoundError, match="is not there"):
        read_word2vec(tmp_path / "nothing")


def test_of_a_word_that_stands_twice_the_first_is_kept(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(b"3 1\na 1\nb 2\na 3\n")
    vocabulary, found = read_word2vec(tmp_path / "vectors")
    assert (vocabulary.words, found.tolist()) == (["a", "b"], [[1], [2]])


def test_words_with_blanks_are_not_written(tmp_path: Path) -> None:
    made = WordTable.of(facts(dim=1), Vocabulary(["new york"]), np.ones((1, 1), np.float32))
    with pytest.raises(EncoderRefusedError, match="'new york' holds white space"):
        write_word2vec(made, tmp_path / "vectors")
    assert list(tmp_path.iterdir()) == []


def test_imported_vectors_answer_and_encode(tmp_path: Path) -> None:
    (tmp_path / "vectors.vec").write_text("3 2\ncat 1 0\ndog 1 1\n나무 0 1\n", encoding="utf-8")
    import_words(tmp_path / "vectors.vec", tmp_path / "words", languages=("en", "ko"))
    found = Words.open(tmp_path / "words").neighbours("Cat").neighbours
    assert [each.word for each in found] == ["dog", "나무"]
    encoder = load_encoder(tmp_path / "words")
    assert (encoder.card.pooling, encoder.card.languages) == ("mean", ("en", "ko"))
    encoding = encoder.encode(["The cat, the dog; 나무가"], role="query")
    np.testing.assert_allclose(encoding.vectors[0], [2 / 3, 2 / 3], rtol=1e-6)
    assert encoding.unknown.tolist() == [2]
