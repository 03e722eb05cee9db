"""Pickles of gensim are read without being run."""

from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.load import load_encoder
from embeddings.words.gensim_files import read_gensim
from embeddings.words.importing import import_words
from embeddings.words.model import Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = [["cat", "dog", "나무", "sun"] * 3, ["moon", "sun", "dog"] * 5] * 10


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    gensim = pytest.importorskip("gensim.models")
    shared = {"vector_size": 6, "min_count": 1, "workers": 1, "epochs": 1}
    return {
        "word2vec": gensim.Word2Vec(LINES, **shared),
        "fasttext": gensim.FastText(LINES, bucket=100, **shared),
    }


@pytest.mark.parametrize("kind", ["word2vec", "fasttext"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_what_gensim_saves_is_read(
    models: dict[str, Any], tmp_path: Path, kind: str, whole: bool, apart: bool
) -> None:
    model = models[kind]
    saved = model if whole else model.wv
    path = tmp_path / "saved.model"
    saved.save(str(path), sep_limit=1 if apart and not whole else 10**9)
    vocabulary, vectors, subwords, ngrams = read_gensim(path)
    assert vocabulary.words == model.wv.index_to_key
    counts = [model.wv.get_vecattr(word, "count") for word in vocabulary.words]
    assert vocabulary.counts.tolist() == counts
    np.testing.assert_allclose(vectors, model.wv.vectors, rtol=1e-5, atol=1e-7)
    if kind == "word2vec":
        assert subwords is ngrams is None
    else:
        np.testing.assert_array_equal(ngrams, model.wv.vectors_ngrams)
        assert (subwords.shortest, subwords.longest, subwords.buckets) == (3, 6, 100)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_every_protocol_is_read(models: dict[str, Any], tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "saved.kv"
    models["word2vec"].wv.save(str(path), pickle_protocol=protocol)
    np.testing.assert_array_equal(read_gensim(path)[1], models["word2vec"].wv.vectors)


def test_a_large_model_lies_in_several_files(models: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "saved.model"
    model = models["word2vec"]
    model.wv.save(str(path), sep_limit=1)
    assert (tmp_path / "saved.model.vectors.npy").is_file()
    np.testing.assert_array_equal(read_gensim(path)[1], model.wv.vectors)
    (tmp_path / "saved.model.vectors.npy").unlink()
    with pytest.raises(EncoderNotFoundError, match=r"saved\.model\.vectors\.npy is missing"):
        read_gensim(path)
    np.save(tmp_path / "saved.model.vectors.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(EncoderRefusedError, match="holds a pickle"):
        read_gensim(path)


def test_imported_it_answers_as_gensim_does(models: dict[str, Any], tmp_path: Path) -> None:
    model = models["fasttext"]
    model.wv.save(str(tmp_path / "saved.kv"))
    import_words(tmp_path / "saved.kv", tmp_path / "words")
    words = Words.open(tmp_path / "words")
    theirs = model.wv.most_similar("cat", topn=3)
    ours = [(each.word, each.score) for each in words.neighbours("cat", 3).neighbours]
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], atol=1e-5)
    unseen = model.wv.get_vector("kitten", norm=True)
    np.testing.assert_allclose(words.read("kitten").vector, unseen, atol=1e-5)
    assert load_encoder(tmp_path / "words").card.pooling == "sif"


class Calls:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self._call


def attacks(touched: str) -> dict[str, bytes]:
    return {
        "system": pickle.dumps(Calls(os.system, f"touch {touched}")),
        "eval": pickle.dumps(Calls(eval, f"open({touched!r}, 'w')")),
        "inside": pickle.dumps({"index_to_key": Calls(os.mkdir, touched)}),
        "protocol 0": pickle.dumps(Calls(os.mkdir, touched), protocol=0),
        "getattr": pickle.dumps(Calls(getattr, OrderedDict, "fromkeys")),
        "numpy.load": pickle.dumps(Calls(np.load, touched)),
        "io": pickle.dumps(Calls(io.open_code, touched)),
        # a name with dots reaches what lies inside a module that is allowed
        "dotted": b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.",
        "gensim": b"\x80\x04\x8c\x0cgensim.utils\x8c\x08unpickle\x93.",
    }


@pytest.mark.parametrize("name", list(attacks("")))
def test_a_pickle_that_names_anything_else_is_refused_and_not_run(
    tmp_path: Path, name: str
) -> None:
    touched = tmp_path / "touched"
    path = tmp_path / "evil.kv"
    path.write_bytes(attacks(str(touched))[name])
    with pytest.raises(EncoderRefusedError, match=r"evil\.kv is refused: it names .*can run any"):
        read_gensim(path)
    assert not touched.exists()
    with pytest.raises(EncoderRefusedError):
        import_words(path.rename(tmp_path / "evil.txt"), tmp_path / "words")
    assert not touched.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no pickle of gensim, or damaged"),
        (b"\x80\x04junk", "no pickle of gensim, or damaged"),
        (pickle.dumps({"a": 1}), "holds no word vectors"),
        (pickle.dumps([]), "holds no word vectors"),
        (b"\x80\x04\x8c\x01x\x8c\x01y\x86Q.", "refers to an object outside itself"),
        (b"\x80\x02]r\xff\xff\xff\xff.", "numbers an object 4,294,967,295, and has 9 bytes"),
    ],
)
def test_what_is_no_model_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.kv").write_bytes(content)
    with pytest.raises(EncoderRefusedError, match=message):
        read_gensim(tmp_path / "a.kv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"index_to_key": ["a", "a"]}, "stands twice"),
        ({"index_to_key": ["a", 1]}, "no list of texts"),
        ({"index_to_key": ["a"]}, r"vectors of shape \(5, 6\) for 1 words"),
        ({"vectors": np.full((5, 6), np.nan, np.float32)}, "NaN or infinity"),
        ({"vectors": None}, "no vectors"),
    ],
)
def test_contradictions_are_told(
    models: dict[str, Any], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    kind = type(models["word2vec"].wv)
    keyed = kind.__new__(kind)
    keyed.__dict__.update({**models["word2vec"].wv.__dict__, **change, "__numpys": []})
    (tmp_path / "a.kv").write_bytes(pickle.dumps(keyed))
    with pytest.raises(EncoderRefusedError, match=message):
        read_gensim(tmp_path / "a.kv")
