"""Vectors saved by gensim (`.kv`, `.model`), read without running what is in them.

gensim pickles its objects, and a pickle may name any function to be called. Here the pickle is
read by an unpickler that knows a short list of names: those of gensim's own classes become inert
records, those of numpy's arrays are rebuilt by code of this file. Any other name is refused
before anything is called. Large arrays lie beside the file as `.npy` and are read as such, with
pickle forbidden.
"""

from __future__ import annotations

import codecs
import pickle
import pickletools
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
from embeddings.words.subwords import Subwords
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from embeddings.types import Vectors

_INERT = frozenset(
    {
        ("gensim.models.keyedvectors", "KeyedVectors"),
        ("gensim.models.keyedvectors", "EuclideanKeyedVectors"),
        ("gensim.models.keyedvectors", "Word2VecKeyedVectors"),
        ("gensim.models.keyedvectors", "FastTextKeyedVectors"),
        ("gensim.models.keyedvectors", "Vocab"),
        ("gensim.models.keyedvectors", "CompatVocab"),
        ("gensim.models.fasttext", "FastText"),
        ("gensim.models.fasttext", "FastTextKeyedVectors"),
        ("gensim.models.fasttext", "FastTextTrainables"),
        ("gensim.models.fasttext", "FastTextVocab"),
        ("gensim.models.word2vec", "Word2Vec"),
        ("gensim.models.word2vec", "Word2VecTrainables"),
        ("gensim.models.word2vec", "Word2VecVocab"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._mt19937", "MT19937"),
        ("gensim.utils", "call_on_class_only"),
        *((module, name) for module in ("builtins", "__builtin__") for name in ("hash",)),
    }
)
"""What becomes a record that does nothing: gensim's classes and what its models hold."""


_NUMBERING = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
"""Instructions of a pickle that give an object a number."""


class _Record:
    """Stands in for an object of a class that is not loaded; keeps its attributes."""

    def __init__(self, *_: Any) -> None:  # noqa: ANN401 - whatever the pickle says
        self.__dict__: dict[str, Any]

    def __call__(self, *_: Any) -> _Record:  # noqa: ANN401 - likewise
        return _Record()

    def __setstate__(self, state: Any) -> None:  # noqa: ANN401 - likewise
        if isinstance(state, dict):
            self.__dict__.update({str(key): value for key, value in state.items()})


class _Unpickler(pickle.Unpickler):
    """Knows the names in `_INERT` and `_ALLOWED`; nothing else is looked up."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401
        if (module_name, global_name) in _INERT:
            return _Record
        if (module_name, global_name) in _ALLOWED:
            return _ALLOWED[module_name, global_name]
        message = (
            f"it names {module_name}.{global_name}, which is no part of word vectors: a pickle "
            "can run any code. Load it where you trust it and save it there as word2vec text "
            "(`model.wv.save_word2vec_format(...)`), which is read here"
        )
        raise EncoderRefusedError(message)

    def persistent_load(self, pid: Any) -> Any:  # noqa: ANN401
        message = f"it refers to an object outside itself ({pid!r})"
        raise EncoderRefusedError(message)


def _check_memo(path: Path) -> None:
    """Refuse a pickle that numbers objects beyond its own bytes: a table of them would be made.

    Raises:
        EncoderRefusedError: it does; four bytes would take 34 GB.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for opcode, number, _ in pickletools.genops(file):
            if opcode.name in _NUMBERING and number is not None and number > size:
                message = f"it numbers an object {number:,}, and has {size:,} bytes"
                raise EncoderRefusedError(message)


def read_gensim(path: Path) -> tuple[Vocabulary, Vectors, Subwords | None, Vectors | None]:
    """Vocabulary, float32 (n, dim), and of fastText the n-grams and their float32 (buckets, dim).

    Args:
        path: what `KeyedVectors.save` or `Word2Vec.save` of gensim 3.8 to 4 wrote, with the
            `.npy` files beside it.

    Raises:
        EncoderNotFoundError: the file or one of its `.npy` files is missing.
        EncoderRefusedError: it names anything but word vectors, or is damaged.
    """
    try:
        _check_memo(path)
        with path.open("rb") as file:
            loaded = _Unpickler(file).load()
    except FileNotFoundError as error:
        message = f"{path} is not there"
        raise EncoderNotFoundError(message) from error
    except EncoderRefusedError as error:
        message = f"{path} is refused: {error}"
        raise EncoderRefusedError(message) from None
    except Exception as error:  # a damaged pickle fails in any way
        message = f"{path} is no pickle of gensim, or damaged: {type(error).__name__}: {error}"
        raise EncoderRefusedError(message) from error
    record, base = _keyed_vectors(path, loaded)
    words, counts = _words(path, record)
    ngrams = _array(path, base, record, "vectors_ngrams")
    subwords = _subwords(record, ngrams)
    vectors = _array(path, base, record, "vectors", "syn0")
    if vectors is None and subwords is not None and ngrams is not None:
        vectors = _composed(words, _array(path, base, record, "vectors_vocab"), ngrams, subwords)
    if vectors is None or vectors.ndim != 2 or len(vectors) != len(words):
        told = "no vectors" if vectors is None else f"vectors of shape {vectors.shape}"
        message = f"{path} has {told} for {len(words):,} words"
        raise EncoderRefusedError(message)
    if not np.isfinite(vectors).all():
        message = f"{path} holds NaN or infinity among its vectors"
        raise EncoderRefusedError(message)
    return Vocabulary(words, counts), vectors, subwords, ngrams if subwords else None


def _keyed_vectors(path: Path, loaded: object) -> tuple[dict[str, Any], str]:
    """The attributes of the vectors, and what their `.npy` files begin with."""
    attributes = getattr(loaded, "__dict__", {}) if isinstance(loaded, _Record) else {}
    wv = attributes.get("wv")
    if isinstance(wv, _Record):
        return wv.__dict__, f"{path.name}.wv"
    if not {"index_to_key", "index2word", "index2entity"} & set(attributes):
        message = f"{path} holds no word vectors: no list of words is in it"
        raise EncoderRefusedError(message)
    return attributes, path.name


def _words(path: Path, record: dict[str, Any]) -> tuple[list[str], npt.NDArray[np.int64] | None]:
    names = ("index_to_key", "index2word", "index2entity")
    words = next((record[name] for name in names if name in record), None)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        message = f"{path}: its words are no list of texts"
        raise EncoderRefusedError(message)
    if len(set(words)) != len(words) or any("\n" in word or not word for word in words):
        message = f"{path}: a word stands twice, is empty, or holds a line feed"
        raise EncoderRefusedError(message)
    expandos = record.get("expandos")
    counts = expandos.get("count") if isinstance(expandos, dict) else None
    if isinstance(counts, np.ndarray) and counts.shape == (len(words),):
        return words, counts.astype(np.int64)
    vocab = record.get("vocab")  # gensim 3
    if isinstance(vocab, dict) and all(isinstance(vocab.get(word), _Record) for word in words):
        told = [vocab[word].__dict__.get("count", 0) for word in words]
        if all(isinstance(count, int) for count in told):
            return words, np.array(told, dtype=np.int64)
    return words, None


def _array(path: Path, base: str, record: dict[str, Any], *names: str) -> Vectors | None:
    """float32: the first array of these names, from the pickle or from the file beside it."""
    for name in names:
        found = record.get(name)
        beside = path.with_name(f"{base}.{name}.npy")
        if not isinstance(found, np.ndarray) and beside.is_file():
            try:
                found = np.load(beside, mmap_mode="r", allow_pickle=False)
            except (ValueError, OSError, EOFError) as error:
                message = f"{beside} is damaged, or holds a pickle: {error}"
                raise EncoderRefusedError(message) from error
        if isinstance(found, np.ndarray) and found.dtype.kind == "f":
            return np.ascontiguousarray(found, dtype=np.float32)
        if name in (record.get("__numpys") or ()):
            message = f"{beside} is missing; it belongs to {path.name}"
            raise EncoderNotFoundError(message)
    return None


def _subwords(record: dict[str, Any], ngrams: Vectors | None) -> Subwords | None:
    numbers = [record.get(name) for name in ("min_n", "max_n", "bucket")]
    if ngrams is None or ngrams.ndim != 2 or not all(isinstance(each, int) for each in numbers):
        return None
    shortest, longest, buckets = (int(each or 0) for each in numbers)
    if not 1 <= shortest <= longest or buckets != len(ngrams):
        return None
    return Subwords(shortest, longest, buckets)


def _composed(
    words: list[str], own: Vectors | None, ngrams: Vectors, subwords: Subwords
) -> Vectors | None:
    """The vectors of words, which gensim makes anew of their own and their n-grams' on loading."""
    if own is None or own.ndim != 2 or len(own) != len(words) or own.shape[1] != ngrams.shape[1]:
        return None
    made = own.copy()
    for row, word in enumerate(words):
        places = subwords.buckets_of(word)
        made[row] += ngrams[places].sum(axis=0)
        made[row] /= len(places) + 1
    return made


def _reconstruct(kind: object, shape: object, code: object) -> npt.NDArray[Any]:
    """An empty array for its state to fill, as numpy's function of that name makes it."""
    if kind is not np.ndarray or shape != (0,):
        message = f"an array is begun as {kind!r} of shape {shape!r}"
        raise EncoderRefusedError(message)
    del code
    return np.ndarray((0,), dtype=np.int8)


def _scalar(kind: np.dtype[Any], content: bytes) -> Any:  # noqa: ANN401 - any number
    if not isinstance(kind, np.dtype) or kind.hasobject or not isinstance(content, bytes):
        message = "a number is stored as an object"
        raise EncoderRefusedError(message)
    return np.frombuffer(content, dtype=kind)[0]


def _frombuffer(buffer: Any, kind: Any, shape: Any, order: Any) -> npt.NDArray[Any]:  # noqa: ANN401
    """The array of numpy's `_frombuffer`, which protocol 5 uses."""
    if not isinstance(kind, np.dtype) or kind.hasobject or order not in {"C", "F"}:
        message = "an array is stored as objects"
        raise EncoderRefusedError(message)
    return np.frombuffer(buffer, dtype=kind).reshape(shape, order=order)


def _encoded(text: object, encoding: object = "latin1") -> bytes:
    """`_codecs.encode`, by which bytes are stored in old protocols."""
    if not isinstance(text, str) or encoding not in {"latin1", "latin-1"}:
        message = f"bytes are stored as {type(text).__name__} in {encoding!r}"
        raise EncoderRefusedError(message)
    return codecs.encode(text, "latin-1")


_CORES = ("numpy.core", "numpy._core")
_ALLOWED: dict[tuple[str, str], Callable[..., Any] | type] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encoded,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (int, set, frozenset)
    },
    **{(f"{core}.multiarray", "_reconstruct"): _reconstruct for core in _CORES},
    **{(f"{core}.multiarray", "scalar"): _scalar for core in _CORES},
    **{(f"{core}.numeric", "_frombuffer"): _frombuffer for core in _CORES},
    **{("numpy", name): getattr(np, name) for name in ("float32", "float64", "int64", "uint32")},
}
