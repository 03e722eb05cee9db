"""Files of strangers: documents, pictures, vectors, model folders."""

from __future__ import annotations

import gzip
import io
import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.reliability.fuzzing.targets import One

RECORDS = {
    ".jsonl": b'{"id": "a", "text": "first", "n": 1}\n'
    b'{"_id": 2, "title": "t", "text": "\xed\x95\x9c"}\n',
    ".csv": b'id,text,n\n1,"a ""b""\nc",2\n2,d,\n',
    ".tsv": b"id\ttitle\ttext\n1\tt\tx y\n",
    ".txt": "제목\n\n본문 text\r\n".encode(),
    ".md": b"---\ntitle: t\ntags: [a, b]\nn: 1\n---\n# h\n\n* a **b**\n\n"
    b"| x | y |\n|---|---|\n| 1 | 2 |\n",
    ".html": b"<html><head><title>t</title><meta charset=utf-8></head><body><main><h1>h</h1>"
    b"<p>a <b>b</b></p><table><tr><td>1</td></tr></table><script>x</script></main></body></html>",
}
"""A file of each format that is text."""


def reading(suffix: str) -> Callable[[Path], One]:
    """A source of that suffix, read to its end; every record is a document or told as refused."""

    def make(folder: Path) -> One:
        from indexing.errors import SourceError
        from indexing.readers.records import Record, Reject
        from indexing.readers.sources import SourceReader

        path = folder / f"source{suffix}"

        def one(data: bytes) -> None:
            path.write_bytes(data)
            try:
                for item in SourceReader([str(path)]).read():
                    text = item.document.text if isinstance(item, Record) else item.reason
                    if not isinstance(item, Record | Reject) or not isinstance(text, str):
                        raise AssertionError(item)
            except SourceError as error:
                str(error).encode()

        return one

    return make


def records(suffix: str) -> Callable[[Path], list[bytes]]:
    """Files of that suffix, packed if it says so."""

    def seeds(_: Path) -> list[bytes]:
        plain = b"".join(RECORDS[".jsonl"] for _ in range(2))
        if suffix.endswith(".gz"):
            return [gzip.compress(plain, mtime=0), gzip.compress(b"") + gzip.compress(plain)]
        if suffix.endswith(".zst"):
            import zstandard

            made = zstandard.ZstdCompressor().compress(plain)
            return [made, made + made]
        if suffix == ".parquet":
            return _tables()
        return [RECORDS[suffix], b"\xef\xbb\xbf" + RECORDS[suffix]]

    return seeds


def _tables() -> list[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = []
    for columns in (
        {"id": ["a", "b"], "text": ["x", None]},
        {"text": ["x"], "m": [{"k": [1, 2]}], "t": pa.array([1], pa.timestamp("us", "UTC"))},
    ):
        file = io.BytesIO()
        pq.write_table(pa.table(columns), file, compression="none")
        made.append(file.getvalue())
    return made


def word2vec(folder: Path) -> One:
    """Word vectors as text and as binary."""
    from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
    from embeddings.words.word2vec_files import read_word2vec

    path = folder / "vectors.txt"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        try:
            vocabulary, vectors = read_word2vec(path)
        except (EncoderNotFoundError, EncoderRefusedError):
            return
        if len(vocabulary) != len(vectors):
            message = f"{len(vocabulary)} words, {len(vectors)} vectors"
            raise AssertionError(message)

    return one


def word2vec_seeds(_: Path) -> list[bytes]:
    """Two words of three numbers, in both forms."""
    numbers = struct.pack("<3f", 1, -2, 0.5)
    return [
        b"2 3\na 1 -2 0.5\nb 1e-3 0 nan\n",
        "2 3\n가 1 2 3\n나 4 5 6\n".encode(),
        b"2 3\na " + numbers + b"\nb " + numbers + b"\n",
    ]


def gensim(folder: Path) -> One:
    """Pickles of gensim; none of what they name is called."""
    from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
    from embeddings.words.gensim_files import read_gensim

    path = folder / "vectors.kv"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        try:
            read_gensim(path)
        except (EncoderNotFoundError, EncoderRefusedError):
            return

    return one


def gensim_seeds(_: Path) -> list[bytes]:
    """Pickles of the library's own, and of what is none."""
    import pickle

    import numpy as np
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(2)
    keyed.add_vectors(["a", "b"], np.eye(2, dtype=np.float32))
    old = pickle.dumps(keyed, protocol=2)
    return [pickle.dumps(keyed), old, pickle.dumps({"vectors": [1.0]}), b"cos\nsystem\n."]


def pictures(_: Path) -> One:
    """Pictures, decoded and made small."""
    from embeddings.errors import InvalidImageError
    from embeddings.images.decoding import decode, make_thumbnail

    def one(data: bytes) -> None:
        try:
            image = decode(data, least_side=32)
        except InvalidImageError:
            return
        if image.mode != "RGB" or not make_thumbnail(image, 16):
            message = f"a picture in {image.mode}"
            raise AssertionError(message)

    return one


def picture_seeds(_: Path) -> list[bytes]:
    """Eight by six pixels of each format and mode."""
    from PIL import Image

    made = []
    for mode, kind in (
        *(("RGB", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("I;16", "PNG"), ("1", "PNG")),
        *(("RGB", "JPEG"), ("L", "JPEG"), ("CMYK", "JPEG")),
        *(("RGB", "WEBP"), ("P", "GIF")),
    ):
        file = io.BytesIO()
        Image.new(mode, (8, 6)).save(file, kind)
        made.append(file.getvalue())
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (8, 6)).save(file, "JPEG", exif=exif)
    return [*made, file.getvalue()]


def tensors(folder: Path) -> One:
    """Safetensors files, mapped: what is mapped lies inside the file."""
    from embeddings.errors import EncoderRefusedError
    from embeddings.words.tensors import map_tensors

    path = folder / "vectors.safetensors"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        try:
            found = map_tensors(path)
        except EncoderRefusedError:
            return
        if sum(each.nbytes for each in found.values()) > len(data) * max(len(found), 1):
            message = f"{ {name: each.shape for name, each in found.items()} }"
            raise AssertionError(message)
        for each in found.values():
            each.sum()

    return one


def _safetensors(**shapes: list[int]) -> bytes:
    header, data = {}, b""
    for name, shape in shapes.items():
        count = 4
        for each in shape:
            count *= each
        header[name] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [len(data), len(data) + count],
        }
        data += b"\0" * count
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor_seeds(_: Path) -> list[bytes]:
    """Files of one and of two tensors."""
    return [_safetensors(unit=[2, 3]), _safetensors(unit=[1, 4], norms=[1], empty=[0, 4])]


_FILES: dict[str, bytes] = {
    "modules.json": json.dumps(
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {
                "idx": 1,
                "name": "1",
                "path": "1_Pooling",
                "type": "sentence_transformers.models.Pooling",
            },
        ]
    ).encode(),
    "config.json": b'{"model_type": "bert", "hidden_size": 16, "vocab_size": 30}',
    "tokenizer_config.json": b'{"tokenizer_class": "BertTokenizer", "auto_map": {}}',
    "tokenizer.json": b'{"model": {"type": "WordPiece", "vocab": {"a": 0, "b": 1}}, '
    b'"added_tokens": [{"id": 0}]}',
    "preprocessor_config.json": b'{"image_processor_type": "x", "size": {"height": 3}}',
    "model.safetensors": _safetensors(x=[2, 2]),
    "model.safetensors.index.json": b'{"weight_map": {"x": "model-1.safetensors"}}',
    "1_Pooling/config.json": b'{"pooling_mode": "mean", "word_embedding_dimension": 16}',
}
_NAMES = tuple(_FILES)


def model_folders(folder: Path) -> One:
    """A model folder in which one file is the input; the first byte says which."""
    from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
    from embeddings.folder import check_folder
    from embeddings.images.folder import reads_pictures

    place = folder / "model"
    (place / "1_Pooling").mkdir(parents=True, exist_ok=True)
    for name, content in _FILES.items():
        (place / name).write_bytes(content)

    def one(data: bytes) -> None:
        name = _NAMES[data[0] % len(_NAMES)] if data else _NAMES[0]
        (place / name).write_bytes(data[1:])
        try:
            check_folder(place)
            reads_pictures(place)
        except (EncoderNotFoundError, EncoderRefusedError):
            pass
        finally:
            (place / name).write_bytes(_FILES[name])

    return one


def model_seeds(_: Path) -> list[bytes]:
    """Each file as it should be."""
    return [bytes([place]) + content for place, content in enumerate(_FILES.values())]


def word_folders(folder: Path) -> One:
    """The facts of a folder of word vectors."""
    from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
    from embeddings.words.folder import read_table

    place = _write_words(folder)

    def one(data: bytes) -> None:
        (place / "words.json").write_bytes(data)
        try:
            read_table(place)
        except (EncoderNotFoundError, EncoderRefusedError):
            return

    return one


def _write_words(folder: Path) -> Path:
    import numpy as np

    from embeddings.words.folder import WordFacts, WordTable, write_table
    from embeddings.words.vocabulary import Vocabulary

    facts = WordFacts(method="cbow", dim=4, analyzer="kiwi")
    vectors = np.eye(4, dtype=np.float32)
    write_table(WordTable.of(facts, Vocabulary(["a", "b", "c", "d"]), vectors), folder / "words")
    return folder / "words"


def word_folder_seeds(folder: Path) -> list[bytes]:
    """The facts as they should be, and with n-grams."""
    facts: dict[str, Any] = json.loads((_write_words(folder) / "words.json").read_bytes())
    grams = {"shortest": 3, "longest": 6, "buckets": 4}
    return [json.dumps(each).encode() for each in (facts, facts | {"subwords": grams})]


def classifiers(folder: Path) -> One:
    """The facts of a classifier."""
    from embeddings.classifier_folder import read_classifier
    from embeddings.errors import EncoderNotFoundError, EncoderRefusedError
    from embeddings.load import load_encoder

    place = _write_classifier(folder)
    known = load_encoder("hash:8")

    def one(data: bytes) -> None:
        (place / "classifier.json").write_bytes(data)
        try:
            read_classifier(place, name="c", load=lambda _: known)
        except (EncoderNotFoundError, EncoderRefusedError):
            return

    return one


def _write_classifier(folder: Path) -> Path:
    import numpy as np

    from embeddings.classifier import Head, Layer, Rule
    from embeddings.classifier_folder import write_classifier
    from embeddings.load import load_encoder

    place = folder / "classifier"
    place.mkdir(exist_ok=True)
    layer = Layer(np.ones((2, 8), np.float32), np.zeros(2, np.float32))
    write_classifier(
        place,
        labels=("a", "b"),
        rule=Rule("multi", thresholds=(0.5, 0.5)),
        role="query",
        head=Head((layer,)),
        encoder=load_encoder("hash:8").card,
    )
    return place


def classifier_seeds(folder: Path) -> list[bytes]:
    """The facts as they should be."""
    return [(_write_classifier(folder) / "classifier.json").read_bytes()]
